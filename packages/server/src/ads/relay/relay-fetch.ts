/**
 * How the relay reaches the world: by the guarded client, and without the network where an address is this server's own (its campaign
 * file), which the guard would refuse on a private address. Redirects are not followed here: each may set cookies.
 */
import { AdError } from "@interlude/core";
import type { GuardedFetch } from "../../guarded-fetch.ts";
import { inTime } from "../../in-time.ts";
import { type OwnFetch, OWN_TAG } from "../../own-address.ts";
import type { OwnExchange } from "../../own-exchange.ts";

export interface RelayFetchOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Told of the bytes of each piece as it comes, decoded; what it throws ends the exchange. */
  readonly spend?: ((bytes: number) => void) | undefined;
  /** For which request, where the address is one of this server. */
  readonly exchange?: OwnExchange | undefined;
  /** The tag is a path: ads where the client came in are this server's, whatever name he used. */
  readonly isPathTag?: boolean;
}

/** Any status is a value, a redirect too. */
export interface RelayResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Decoded of content codings. */
  readonly bytes: Uint8Array;
}

/** @throws AdError `upstream-timeout`, `upstream-unreachable`, `response-too-large`, `address-refused` */
export type RelayFetch = (url: URL, options: RelayFetchOptions) => Promise<RelayResponse>;

export interface RelayFetchDeps {
  readonly fetch: GuardedFetch;
  /** Answers a GET of this very server; of more than `maxBytes` some are left out. */
  readonly own: OwnFetch;
  /** Never true for a name that a stranger could make up. */
  readonly isOwn: (url: URL) => boolean;
}

export function createRelayFetch({ fetch, own, isOwn }: RelayFetchDeps): RelayFetch {
  return async (url, options) => {
    const { headers, timeoutMs, maxBytes, spend, exchange, isPathTag } = options;
    const isHere = isPathTag === true && url.origin === exchange?.baseUrl.origin;
    // A third party's answer can name any address: it gets at nothing but ads.
    if (OWN_TAG.test(url.pathname) && (isHere || isOwn(url))) {
      const answer = await inTime(own(url, headers, maxBytes, exchange), `${url.origin}${url.pathname}`, timeoutMs);
      spend?.(answer.bytes.length);
      if (answer.bytes.length <= maxBytes) return answer;
      throw new AdError(
        "response-too-large",
        `${url.origin}${url.pathname}: expected at most ${maxBytes} bytes, got more`,
      );
    }
    const response = await fetch(url, { headers, timeoutMs, maxBytes, maxRedirects: 0 });
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body) {
      spend?.(chunk.length);
      chunks.push(chunk);
    }
    return { status: response.status, headers: response.headers, bytes: Buffer.concat(chunks) };
  };
}

/** By the charset of the Content-Type, else a byte order mark, else the XML declaration; UTF-8 where none says, or it is unknown. */
export function decodeXml(bytes: Uint8Array, contentType: string | null): string {
  const told = /charset\s*=\s*"?([\w-]+)/i.exec(contentType ?? "")?.[1];
  const head = Buffer.from(bytes.subarray(0, 200)).toString("latin1");
  const declared = /^\s*<\?xml[^>]*\sencoding\s*=\s*["']([\w-]+)["']/.exec(head)?.[1];
  return decoderFor(told ?? markOf(head) ?? declared ?? "utf-8").decode(bytes);
}

function markOf(head: string): string | undefined {
  if (head.startsWith("\u00ff\u00fe")) return "utf-16le";
  if (head.startsWith("\u00fe\u00ff")) return "utf-16be";
  return head.startsWith("\u00ef\u00bb\u00bf") ? "utf-8" : undefined;
}

function decoderFor(charset: string): { decode(bytes: Uint8Array): string } {
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}
