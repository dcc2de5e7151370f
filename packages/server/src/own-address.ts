/** This server as its own client: addresses that lead back to it are answered without the network. */
import type { FastifyInstance } from "fastify";
import { isLoopbackName } from "./base-url.ts";
import { asOwnExchange, type OwnExchange } from "./own-exchange.ts";

/** An answer to a GET; any status is a value. */
export interface OwnAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  readonly url: URL;
}

/** A GET of this very server. */
export type OwnFetch = (
  url: URL,
  headers: Readonly<Record<string, string>>,
  maxBytes?: number,
  exchange?: OwnExchange,
) => Promise<OwnAnswer>;

/** An ad tag of this server; another ad server may be at other paths of the same name. */
export const OWN_TAG: RegExp = /^\/ads\/(?:vast|vmap)$/;
/** The receiver of beacons. */
export const OWN_TRACKING: RegExp = /^\/track\//;

/** `*` is no name. */
function isListed(url: URL, publicHosts: readonly string[]): boolean {
  return publicHosts.some((host) => host === url.host || host === url.hostname);
}

/**
 * Whether an address is this server's by a name that nobody but the client gave it, where any is taken: each such name would be another
 * file to repackage.
 *
 * @param base where the client came in
 */
export function isMadeUp(text: string, base: URL, publicHosts: readonly string[]): boolean {
  if (!publicHosts.includes("*") || isListed(base, publicHosts)) return false;
  return URL.canParse(text) && new URL(text).origin === base.origin;
}

/**
 * `isOwn` is true for loopback and the address that the server listens on, at its port, and for `publicHosts` that are names. Over
 * https, which a proxy ends, those names are its own where its tags and tracking are.
 */
export function createOwnFetch(
  app: FastifyInstance,
  publicHosts: readonly string[],
): {
  /**
   * No more than `maxBytes` of the answer, and what came with the last of them, are read. Without an `exchange` addresses in it
   * start as `url` does.
   */
  readonly own: OwnFetch;
  readonly isOwn: (url: URL) => boolean;
} {
  return {
    isOwn: (url) => {
      // `*` is no name: whoever sends a Host header could make any origin this server's.
      const isNamed = isListed(url, publicHosts);
      if (url.protocol === "https:") return isNamed && [OWN_TAG, OWN_TRACKING].some((path) => path.test(url.pathname));
      if (url.protocol !== "http:") return false;
      if (isNamed) return true;
      const port = Number(url.port || 80);
      const own = app.server.address();
      if (own === null || typeof own === "string") return false;
      return own.port === port && isReachedBy(own.address, url.hostname);
    },
    own: async (url, headers, maxBytes = Number.POSITIVE_INFINITY, exchange = { baseUrl: new URL("/", url) }) =>
      asOwnExchange(exchange, async (marks) => {
        const response = await app.inject({
          method: "GET",
          url: `${url.pathname}${url.search}`,
          // What is told to visitors of this machine alone is not told through us.
          headers: { ...headers, ...marks, host: url.host, via: "1.1 interlude" },
          payloadAsStream: true,
        });
        const bytes = await readBytes(response.stream(), maxBytes);
        return { status: response.statusCode, headers: readHeaders(response.headers), bytes, url };
      }),
  };
}

function readHeaders(headers: Readonly<Record<string, unknown>>): Headers {
  const answered = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) answered.append(name, String(one));
  }
  return answered;
}

/** A film of this server must not come into memory as a whole because somebody took it for a playlist. */
async function readBytes(stream: AsyncIterable<unknown>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) continue;
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) break;
  }
  return Buffer.concat(chunks);
}

function isReachedBy(address: string, hostname: string): boolean {
  const name = hostname.replace(/^\[(.*)\]$/, "$1");
  return name === address || isLoopbackName(name);
}
