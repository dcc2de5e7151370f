/**
 * The operators' page: `/console/`. Its files are public, as they are in the repository; what they show comes from the API and needs
 * its token.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyPluginAsync } from "fastify";
import { HttpError } from "./http-error.ts";

export interface ConsoleRoutesOptions {
  /** Where it was built; undefined: it is not installed. */
  readonly directory: string | undefined;
}

/** The page loads nothing but itself, and plays creatives from whatever CDN has them. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob: http: https:",
  "connect-src 'self' http: https:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** `/console` goes to `/console/`, because the page finds its files and the API by relative addresses. */
export const consoleRoutes: FastifyPluginAsync<ConsoleRoutesOptions> = async (app, { directory }) => {
  app.get("/console", { schema: { hide: true } }, (_request, reply) => reply.redirect("console/", 308));
  if (directory === undefined || !existsSync(join(directory, "index.html"))) {
    app.get("/console/*", { schema: { hide: true } }, () => {
      throw new HttpError("not-found", "console: expected its build, got none; npm run build makes it");
    });
    return;
  }
  await app.register(fastifyStatic, {
    root: directory,
    prefix: "/console/",
    decorateReply: false,
    schemaHide: true,
    setHeaders: (reply, path) => {
      reply.header("content-security-policy", CONTENT_SECURITY_POLICY);
      reply.header("referrer-policy", "no-referrer");
      const isHashed = path.includes("/assets/");
      reply.header("cache-control", isHashed ? "public, max-age=31536000, immutable" : "no-cache");
    },
  });
};
