/**
 * The embedded CDN: `GET /cdn/{name}/…` serves one folder per CDN, as an origin behind a real CDN would.
 *
 * @see DESIGN §5: a master may be replaced, all else is immutable, a miss is never cached
 */
import { mkdir } from "node:fs/promises";
import fastifyStatic from "@fastify/static";
import type { FastifyPluginAsync, FastifyReply } from "fastify";

export interface OriginOptions {
  /** Folders by CDN name; absolute; made where missing. */
  readonly cdns: Readonly<Record<string, string>>;
}

/** Below `{zone}/{3}/{3}/`: `{h1}_{h2}.m3u8`. */
const MASTER = /\/[0-9a-f]{32}_[0-9a-f]{32}\.m3u8$/;

const CONTENT_TYPES: readonly (readonly [string, string])[] = [
  [".m3u8", "application/vnd.apple.mpegurl"],
  [".ts", "video/mp2t"],
  [".m4s", "video/iso.segment"],
  [".mp4", "video/mp4"],
];

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "Content-Length, Content-Range",
  "cross-origin-resource-policy": "cross-origin",
} as const;

/** Serves GET and HEAD with ranges; register it with the prefix `/cdn`. */
export const originRoutes: FastifyPluginAsync<OriginOptions> = async (app, { cdns }) => {
  const answerMissing = (reply: FastifyReply): FastifyReply =>
    reply
      .code(404)
      .headers({ ...CORS, "cache-control": "no-store" })
      .send({ error: { code: "not-found", message: "no such object on this CDN" } });
  app.setNotFoundHandler((_request, reply) => answerMissing(reply));
  // What may not be read (a folder, a path out of it) is as good as not there.
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof Error && "statusCode" in error && error.statusCode === 403) return answerMissing(reply);
    throw error;
  });
  for (const [name, root] of Object.entries(cdns)) {
    await mkdir(root, { recursive: true });
    await app.register(fastifyStatic, {
      root,
      prefix: `/${name}/`,
      decorateReply: false,
      schemaHide: true,
      index: false,
      dotfiles: "ignore",
      cacheControl: false,
      setHeaders: (reply, path) => {
        const cacheControl = MASTER.test(path) ? "public, max-age=5" : "public, max-age=31536000, immutable";
        reply.headers({ ...CORS, "cache-control": cacheControl });
        const type = CONTENT_TYPES.find(([extension]) => path.endsWith(extension))?.[1];
        if (type !== undefined) reply.header("content-type", type);
      },
    });
  }
};
