/// <reference types="@fastify/swagger" />
/**
 * What the demo adds to the server: its media, its live channel, its page, and what only a page on this machine may know.
 */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { registerColdAds } from "./cold-ads.ts";
import { DEFAULT_LIVE, registerLive } from "./live.ts";

export interface DemoRoutes {
  readonly mediaDirectory: string;
  readonly pageDirectory: string;
  /** Given to pages on this machine alone; undefined: to none. */
  readonly apiToken: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The page loads nothing but itself and the media and ads that its options name. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "connect-src 'self' http: https:",
  "media-src 'self' blob:",
  "worker-src 'self' blob:",
  "img-src 'self' data: http: https:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Adds `/media/`, `/live/`, `/demo/session`, `/demo/vmap` and the page at `/`. */
export async function registerDemo(app: FastifyInstance, routes: DemoRoutes): Promise<void> {
  await app.register(fastifyStatic, {
    root: routes.mediaDirectory,
    prefix: "/media/",
    dotfiles: "ignore",
    index: false,
    decorateReply: false,
    schemaHide: true,
    setHeaders: (reply) => {
      reply.header("access-control-allow-origin", "*");
      reply.header("access-control-expose-headers", "content-length, content-range");
      reply.header("cache-control", "public, max-age=60");
    },
  });
  registerLive(app, {
    filmMaster: () => readFile(join(routes.mediaDirectory, "content/master.m3u8"), "utf8"),
    filmMedia: (rung) => readFile(join(routes.mediaDirectory, "content", rung, "media.m3u8"), "utf8"),
    filmBase: "../media/content/",
    now: routes.now,
  });
  registerColdAds(app);
  app.get("/demo/session", { schema: { hide: true } }, async (request, reply) => {
    const token = routes.apiToken !== undefined && isFromThisMachine(request) ? { token: routes.apiToken } : {};
    return reply.header("cache-control", "no-store").send({ ...token, live: DEFAULT_LIVE });
  });
  await app.register(fastifyStatic, {
    root: routes.pageDirectory,
    prefix: "/",
    decorateReply: false,
    schemaHide: true,
    setHeaders: (reply, path) => {
      reply.header("content-security-policy", CONTENT_SECURITY_POLICY);
      reply.header("referrer-policy", "same-origin");
      const isHashed = path.includes("/assets/");
      reply.header("cache-control", isHashed ? "public, max-age=31536000, immutable" : "no-cache");
    },
  });
}

/** Names of this machine that no other machine can take. */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  if (isIP(bare) === 4) return bare.startsWith("127.");
  return bare === "localhost" || bare.endsWith(".localhost") || bare === "::1";
}

/**
 * A browser on this machine that asked by a loopback name. A page elsewhere that points its own name at 127.0.0.1, and a proxy in
 * front of us, both tell on themselves.
 */
function isFromThisMachine(request: FastifyRequest): boolean {
  const { headers, socket } = request;
  const isForwarded = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"].some(
    (name) => name in headers,
  );
  const name = URL.canParse(`http://${headers.host}`) ? new URL(`http://${headers.host}`).hostname : "";
  const peer = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  const site = headers["sec-fetch-site"] ?? "same-origin";
  return !isForwarded && isLoopback(name) && isLoopback(peer) && site === "same-origin";
}
