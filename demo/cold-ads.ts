/**
 * The demo's ad server for first encounters: the campaign's own answer, in which each media file has an address that nobody has
 * asked for yet. The file behind it is the same: who serves media knows it by its path, a CDN and CRS by its whole address.
 */
import { get, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import type { FastifyInstance, FastifyRequest } from "fastify";

/** The end of a media file's address in VAST; a ticket for the address before names that one, so it stays as it is. */
const MEDIA_FILE = /(\/media\/creatives\/[\w-]+\.\w+)\]\]>/g;
const TIMEOUT_MS = 5000;

/** @param name letters, digits, `_` and `-` */
export function renameMediaFiles(vmap: string, name: string): string {
  return vmap.replaceAll(MEDIA_FILE, `$1?encounter=${name}]]>`);
}

/** Adds `/demo/vmap?name=…`: `/ads/vmap` with the other parameters, its media files renamed. */
export function registerColdAds(app: FastifyInstance): void {
  const querystring = {
    type: "object",
    required: ["name"],
    properties: { name: { type: "string", pattern: "^[\\w-]{1,64}$" } },
  };
  app.get<{ readonly Querystring: { readonly name: string } }>(
    "/demo/vmap",
    { schema: { hide: true, querystring }, exposeHeadRoute: false },
    async (request, reply) => {
      const query = new URL(request.url, "http://ads.invalid").searchParams;
      query.delete("name");
      const answer = await askOwn(request, `/ads/vmap?${query}`);
      reply.code(answer.statusCode ?? 500).header("cache-control", "no-store");
      reply.type(answer.headers["content-type"] ?? "application/xml; charset=utf-8");
      return renameMediaFiles(await text(answer), request.query.name);
    },
  );
}

/** Of this very server, where the client reached it and under the name that the client has for it: addresses in the answer begin with that. */
function askOwn({ socket, host }: FastifyRequest, path: string): Promise<IncomingMessage> {
  const { localAddress, localPort } = socket;
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    get({ host: localAddress, port: localPort, path, headers: { host }, agent: false, signal }, resolve).on(
      "error",
      reject,
    );
  });
}
