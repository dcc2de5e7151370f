/**
 * Which pages may read what, for every answer, errors and unknown addresses included.
 *
 *   /cdn, zone documents → any page, never with credentials
 *   /ads, /track         → any page; its origin is named, because VAST players ask with credentials
 *   /v1, /report         → the origins that the operator listed
 *
 * @see DESIGN §7; VAST 4.2 §1.6 (CORS)
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

type Sharing = "public" | "named" | "listed";

/** The first prefix that fits. */
const SHARING_OF_PREFIX: readonly (readonly [string, Sharing])[] = [
  ["/cdn/", "public"],
  ["/v1/zones/", "public"],
  ["/ads/", "named"],
  ["/track/", "named"],
  ["/v1/", "listed"],
  ["/report", "listed"],
];

const METHODS: Readonly<Record<Sharing, string>> = {
  public: "GET, HEAD, OPTIONS",
  named: "GET, HEAD, POST, OPTIONS",
  listed: "GET, HEAD, POST, DELETE, OPTIONS",
};

const HEADERS: Readonly<Record<Sharing, string>> = {
  public: "range, content-type",
  named: "content-type",
  listed: "authorization, content-type",
};

/** An origin as RFC 6454 §6.2 prints it; `null` is what sandboxed pages send. */
const ORIGIN = /^(?:null|[a-z][a-z0-9+.-]*:\/\/[^\s/?#,;]{1,255})$/i;

/** `apiOrigins`: the origins that may use the API from a page, as browsers spell them; empty: the server's own only. */
export function registerCors(app: FastifyInstance, options: { readonly apiOrigins: readonly string[] }): void {
  app.addHook("onRequest", async (request, reply) => {
    const path = request.url.split("?")[0] ?? "";
    const sharing = SHARING_OF_PREFIX.find(([prefix]) => path.startsWith(prefix))?.[1];
    if (sharing === undefined) return undefined;
    const isShared = share(request, reply, sharing, options.apiOrigins);
    if (request.method !== "OPTIONS") return undefined;
    if (isShared) {
      reply.header("access-control-allow-methods", METHODS[sharing]);
      reply.header("access-control-allow-headers", HEADERS[sharing]);
      reply.header("access-control-max-age", "86400");
    }
    return reply.header("allow", METHODS[sharing]).code(204).send();
  });
}

function share(request: FastifyRequest, reply: FastifyReply, sharing: Sharing, apiOrigins: readonly string[]): boolean {
  const sent = request.headers.origin;
  const origin = sent !== undefined && ORIGIN.test(sent) ? sent : undefined;
  if (sharing !== "public") reply.header("vary", "Origin");
  if (sharing === "listed") {
    if (origin === undefined || !apiOrigins.includes(origin)) return false;
    reply.header("access-control-allow-origin", origin);
    return true;
  }
  if (sharing === "named" && origin !== undefined) {
    reply.header("access-control-allow-origin", origin);
    reply.header("access-control-allow-credentials", "true");
  } else {
    reply.header("access-control-allow-origin", "*");
  }
  reply.header("access-control-expose-headers", "content-length, content-range, date, etag, retry-after");
  return true;
}
