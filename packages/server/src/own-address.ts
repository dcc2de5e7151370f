/** This server as its own client: addresses that lead back to it are answered without the network. */
import type { FastifyInstance } from "fastify";
import { isLoopbackName } from "./base-url.ts";

/** An answer to a GET; any status is a value. */
export interface OwnAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  readonly url: URL;
}

/** `isOwn` is true for loopback and the address that the server listens on, at its port, and for `publicHosts` that are names. */
export function createOwnFetch(
  app: FastifyInstance,
  publicHosts: readonly string[],
): {
  /** No more than `maxBytes` of the answer, and what came with the last of them, are read. */
  readonly own: (url: URL, headers: Readonly<Record<string, string>>, maxBytes?: number) => Promise<OwnAnswer>;
  readonly isOwn: (url: URL) => boolean;
} {
  return {
    isOwn: (url) => {
      // `*` is no name: whoever sends a Host header could make any origin this server's.
      if (publicHosts.some((host) => host === url.host || host === url.hostname)) return true;
      const port = Number(url.port || 80);
      const own = app.server.address();
      if (own === null || typeof own === "string") return false;
      return own.port === port && isReachedBy(own.address, url.hostname);
    },
    own: async (url, headers, maxBytes = Number.POSITIVE_INFINITY) => {
      const response = await app.inject({
        method: "GET",
        url: `${url.pathname}${url.search}`,
        // What is told to visitors of this machine alone is not told through us.
        headers: { ...headers, host: url.host, via: "1.1 interlude" },
        payloadAsStream: true,
      });
      const answered = new Headers();
      for (const [name, value] of Object.entries(response.headers)) {
        for (const one of Array.isArray(value) ? value : [value])
          if (one !== undefined) answered.append(name, String(one));
      }
      return {
        status: response.statusCode,
        headers: answered,
        bytes: await readBytes(response.stream(), maxBytes),
        url,
      };
    },
  };
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
