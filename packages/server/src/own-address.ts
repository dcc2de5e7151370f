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
  readonly own: (url: URL, headers: Readonly<Record<string, string>>) => Promise<OwnAnswer>;
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
    own: async (url, headers) => {
      const response = await app.inject({
        method: "GET",
        url: `${url.pathname}${url.search}`,
        // What is told to visitors of this machine alone is not told through us.
        headers: { ...headers, host: url.host, via: "1.1 interlude" },
      });
      const answered = new Headers();
      for (const [name, value] of Object.entries(response.headers)) {
        for (const one of Array.isArray(value) ? value : [value])
          if (one !== undefined) answered.append(name, String(one));
      }
      return { status: response.statusCode, headers: answered, bytes: response.rawPayload, url };
    },
  };
}

function isReachedBy(address: string, hostname: string): boolean {
  const name = hostname.replace(/^\[(.*)\]$/, "$1");
  return name === address || isLoopbackName(name);
}
