/** `GET /v1/events`: what happens to creatives, as it happens. */
import { Readable } from "node:stream";
import { type FastifyPluginAsyncTypebox, Type } from "@fastify/type-provider-typebox";
import { HttpError } from "../http-error.ts";
import { ErrorBody } from "../schema.ts";
import { COMMON } from "./api-schema.ts";
import type { Crs } from "./crs.ts";

const MAX_WATCHERS = 100;
/** Keeps proxies from closing a stream on which nothing happens. */
const KEEPALIVE_MS = 15_000;
/** A watcher that reads no faster than this falls behind is let go; it may come back. Bytes. */
const MAX_BACKLOG = 1_000_000;

/** Server-sent events: `event: creative`, the data a creative's status. Read them with fetch: EventSource sends no token. */
export const eventRoutes: FastifyPluginAsyncTypebox<{ readonly crs: Pick<Crs, "subscribe"> }> = async (
  app,
  { crs },
) => {
  const watchers = new Set<Readable>();
  app.addHook("preClose", async () => {
    for (const watcher of watchers) watcher.push(null);
  });
  const schema = {
    ...COMMON,
    summary: "Every change of every creative as it happens (server-sent events)",
    produces: ["text/event-stream"],
    response: { 200: Type.Unsafe<Readable>({ type: "string" }), 401: ErrorBody, 503: ErrorBody },
  };
  app.get("/v1/events", { schema }, async (request, reply) => {
    if (watchers.size >= MAX_WATCHERS) {
      const message = `events: expected at most ${MAX_WATCHERS} watchers, got one more`;
      throw new HttpError("overload", message, { retryAfterSeconds: 30 });
    }
    const stream = new Readable({ read: () => undefined });
    const send = (text: string): void => {
      if (stream.readableLength > MAX_BACKLOG) stream.destroy();
      else stream.push(text);
    };
    const unsubscribe = crs.subscribe((status) => send(`event: creative\ndata: ${JSON.stringify(status)}\n\n`));
    const keepAlive = setInterval(() => send(":\n\n"), KEEPALIVE_MS);
    watchers.add(stream);
    stream.once("close", () => {
      unsubscribe();
      clearInterval(keepAlive);
      watchers.delete(stream);
    });
    request.raw.once("close", () => stream.destroy());
    send(":\n\n");
    return reply.headers({ "content-type": "text/event-stream", "cache-control": "no-store" }).send(stream);
  });
};
