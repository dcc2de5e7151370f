/** How the manifest server reaches ad servers, CDNs and origins; the guarded client stands behind it. */

/** Bounds of one exchange: all of it, and of the decoded body. */
export interface ManifestFetchOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** 0 gives the redirect itself; addresses of this server are not followed in any case. */
  readonly maxRedirects?: number;
  /** Where the client came in: with it start addresses in an answer of this server; undefined: with the address that is asked. */
  readonly baseUrl?: URL;
}

/** Any status is a value. */
export interface ManifestResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The address after redirects. */
  readonly url: URL;
}

/**
 * GET. An address of this server is answered without the network.
 *
 * @throws AdError `upstream-timeout`, `upstream-unreachable`, `response-too-large`, `address-refused`
 */
export type ManifestFetch = (url: URL, options: ManifestFetchOptions) => Promise<ManifestResponse>;

/** Structured, as pino takes it. */
export interface ManifestLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}
