/**
 * Which pages may read what, for every answer, errors and unknown addresses included.
 *
 *   /cdn, zone documents → any page, never with credentials
 *   /ads, /track         → any page; its origin is named, because VAST players ask with credentials
 *   /auditude            → any page, or those that the zone lists; as Primetime's manifest server, to the letter
 *   /v1, /report         → the origins that the operator listed
 *
 * @see DESIGN §7; VAST 4.2 §1.6 (CORS); Overview of Manifest Server interactions (CORS)
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

type Sharing = "public" | "named" | "manifest" | "listed";

/** The first prefix that fits. */
const SHARING_OF_PREFIX: readonly (readonly [string, Sharing])[] = [
  ["/cdn/", "public"],
  ["/v1/zones/", "public"],
  ["/ads/", "named"],
  ["/track/", "named"],
  ["/auditude/", "manifest"],
  ["/v1/", "listed"],
  ["/report", "listed"],
];

const METHODS: Readonly<Record<Sharing, string>> = {
  public: "GET, HEAD, OPTIONS",
  named: "GET, HEAD, POST, OPTIONS",
  manifest: "GET",
  listed: "GET, HEAD, POST, DELETE, OPTIONS",
};

const HEADERS: Readonly<Record<Sharing, string>> = {
  public: "range, content-type",
  named: "content-type",
  manifest: "range, content-type, if-none-match, if-modified-since",
  listed: "authorization, content-type",
};

/** An origin as RFC 6454 §6.2 prints it; `null` is what sandboxed pages send. */
const ORIGIN = /^(?:null|[a-z][a-z0-9+.-]*:\/\/[^\s/?#,;]{1,255})$/i;

/** What decides about sharing. */
export interface CorsOptions {
  /** The origins that may use the API from a page, as browsers spell them; empty: the server's own only. */
  readonly apiOrigins: readonly string[];
  readonly zones: readonly {
    readonly zone: string;
    readonly manifest?: { readonly corsOrigins: readonly string[] | undefined } | undefined;
  }[];
}

/** Also answers every preflight. */
export function registerCors(app: FastifyInstance, options: CorsOptions): void {
  // Without a promise: it runs for every request.
  app.addHook("onRequest", (request, reply, done) => {
    const shared = shareAnswer(request, reply, options);
    if (shared === undefined || request.method !== "OPTIONS") return done();
    const { sharing, isShared } = shared;
    if (isShared) {
      reply.header("access-control-allow-methods", METHODS[sharing]);
      reply.header("access-control-allow-headers", HEADERS[sharing]);
      reply.header("access-control-max-age", "86400");
    }
    reply.header("allow", METHODS[sharing]).code(204).send();
  });
}

/** Also for requests that no hook sees, because they are refused before they have a route; undefined: nothing is shared there. */
export function shareAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  options: CorsOptions,
): { readonly sharing: Sharing; readonly isShared: boolean } | undefined {
  const path = request.url.split("?")[0] ?? "";
  const sharing = SHARING_OF_PREFIX.find(([prefix]) => path.startsWith(prefix))?.[1];
  if (sharing === undefined) return undefined;
  const isShared =
    sharing === "manifest" ? shareManifest(request, reply, options) : share(request, reply, sharing, options);
  return { sharing, isShared };
}

function share(
  request: FastifyRequest,
  reply: FastifyReply,
  sharing: Exclude<Sharing, "manifest">,
  { apiOrigins }: CorsOptions,
): boolean {
  const origin = readOrigin(request);
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

const DEBUG_HEADERS = Array.from({ length: 41 }, (_, index) => `X-ADBE-AI-DBG-${index + 1}`).join(", ");
const MANIFEST_HEADERS = "X-ADBE-AI-X1, X-Object-Too-Old, Date, ETag, Last-Modified, Retry-After";

/** A page gets its own origin back, everybody else `*`; where the zone lists origins, others get nothing. */
function shareManifest(request: FastifyRequest, reply: FastifyReply, { zones }: CorsOptions): boolean {
  const origin = readOrigin(request);
  reply.header("vary", "Origin");
  const listed = zones.find(({ zone }) => zone === readZone(request.url))?.manifest?.corsOrigins;
  if (listed !== undefined && (origin === undefined || !listed.includes(origin))) return false;
  reply.header("access-control-allow-origin", origin ?? "*");
  if (origin !== undefined) {
    reply.header("access-control-allow-credentials", "true");
    const hasDebug = request.url.includes("ptdebug=");
    reply.header(
      "access-control-expose-headers",
      hasDebug ? `${MANIFEST_HEADERS}, ${DEBUG_HEADERS}` : MANIFEST_HEADERS,
    );
  }
  reply.header("access-control-allow-methods", METHODS.manifest);
  return true;
}

/** `z`: zones are named in characters that need no escape, but may have one. */
function readZone(url: string): string {
  // Not of the path, where a parameter may be written as well.
  const query = url.slice(url.indexOf("?") + 1 || url.length);
  const text = /(?:^|&)z=([^&]*)/.exec(query)?.[1] ?? "";
  return /[%+]/.test(text) || /(?:^|&)%7a=/i.test(query) ? (new URLSearchParams(query).get("z") ?? "") : text;
}

/** undefined: no page asks, or what was sent is no origin. */
function readOrigin({ headers: { origin } }: FastifyRequest): string | undefined {
  return origin !== undefined && ORIGIN.test(origin) ? origin : undefined;
}
