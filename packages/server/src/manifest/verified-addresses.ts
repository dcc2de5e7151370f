/**
 * The addresses that players ask for again and again, verified once: a signature costs more than all else that is read of an address.
 */
import { decodeContentUrl, type ManifestUrls, readParameter, type SessionAddress } from "./urls.ts";

/** What an address that this server signed asks for. */
export interface VerifiedAddress extends SessionAddress {
  /** {@link SessionAddress.contentUrl}, parsed; not to be changed. */
  readonly url: URL;
  /** `pttrackingposition` is there. */
  readonly wantsSidecar: boolean;
}

/** The parts of an address's path, decoded. */
export interface AddressParts {
  readonly kind: SessionAddress["kind"];
  readonly assetId: string;
  /** Empty for a master. */
  readonly slot: string;
  readonly sessionId: string;
  /** base64url of the content's address. */
  readonly content: string;
}

/**
 * @param requestUrl path and query as they came, of which `parts` and `query` are what they say
 * @throws HttpError `content-url-invalid`, `signature-invalid`
 */
export type VerifyAddress = (requestUrl: string, parts: AddressParts, query: string) => VerifiedAddress;

/** @param size addresses that are remembered, about 2 kB each */
export function createAddressVerifier(urls: Pick<ManifestUrls, "verify">, size = 10_000): VerifyAddress {
  const known = new Map<string, VerifiedAddress>();
  return (requestUrl, { content, ...parts }, query) => {
    const before = known.get(requestUrl);
    if (before !== undefined) return before;
    const url = decodeContentUrl(content);
    const address = urls.verify({ ...parts, contentUrl: url.href }, query);
    const verified = { ...address, url, wantsSidecar: readParameter(query, "pttrackingposition") !== "" };
    const [oldest] = known.size >= size ? known.keys() : [];
    if (oldest !== undefined) known.delete(oldest);
    known.set(requestUrl, verified);
    return verified;
  };
}
