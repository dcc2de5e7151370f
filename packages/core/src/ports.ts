/**
 * What core asks of the platform that it runs on. The plugin gives browser ports, the server Node ports.
 */

/** A text fetched from outside; any HTTP status is a value, only transport failures throw. */
export interface TextResponse {
  readonly status: number;
  readonly text: string;
  /** The address after redirects: the base of relative references in the text. */
  readonly url: URL;
}

/** Bounds of one exchange. */
export interface FetchTextOptions {
  /** Whole exchange, body included. */
  readonly timeoutMs: number;
  /** Decoded size; a longer body is refused. */
  readonly maxBytes: number;
}

/**
 * @throws AdError `upstream-timeout`, `upstream-unreachable`, `response-too-large`, `address-refused`
 */
export type FetchText = (url: URL, options: FetchTextOptions) => Promise<TextResponse>;
