/** The JSON API of the Creative Repackaging Service: ask, look, forget, watch. For holders of the API token, never for pages. */
import { Readable } from "node:stream";
import { type FastifyPluginAsyncTypebox, Type } from "@fastify/type-provider-typebox";
import type { onRequestHookHandler } from "fastify";
import { HttpError } from "../http-error.ts";
import { ErrorBody, plainText, ZoneName } from "../schema.ts";
import type { CreativeStatus, Crs, Submission } from "./crs.ts";

export interface CrsRoutesOptions {
  readonly crs: Pick<Crs, "submit" | "status" | "list" | "forget" | "subscribe">;
  /** Guards every route. */
  readonly authorise: onRequestHookHandler;
  /** Whether the server knows a zone. */
  readonly isZone: (zone: string) => boolean;
}

const MAX_ITEMS = 300;
const MAX_WATCHERS = 100;
/** Keeps proxies from closing a stream on which nothing happens. */
const KEEPALIVE_MS = 15_000;
/** A watcher that reads no faster than this falls behind is let go; it may come back. Bytes. */
const MAX_BACKLOG = 1_000_000;

const State = Type.Union([
  Type.Literal("absent"),
  Type.Literal("queued"),
  Type.Literal("fetching"),
  Type.Literal("transcoding"),
  Type.Literal("publishing"),
  Type.Literal("ready"),
  Type.Literal("failed"),
  Type.Literal("blocked"),
]);

const Key = Type.String({ pattern: "^[0-9a-f]{32}$", description: "h1: 32 hex digits" });

const Creative = Type.Object({
  zone: Type.String(),
  key: Type.String(),
  creativeUrl: Type.String(),
  state: State,
  progress: Type.Number({ description: "0 to 1" }),
  attempts: Type.Integer(),
  reason: Type.Optional(Type.String({ description: "why it failed: one of a closed list" })),
  message: Type.Optional(Type.String({ description: "why it failed, for people" })),
  retryAt: Type.Optional(Type.String({ description: "ISO 8601; not tried before" })),
  packages: Type.Array(
    Type.Object({
      packaging: Type.String(),
      targetDuration: Type.Integer({ description: "s" }),
      path: Type.String({ description: "of the master playlist, below a CDN base" }),
      cdns: Type.Array(Type.String(), { description: "the CDNs that have something of it that plays" }),
      isWhole: Type.Boolean({ description: "whether all of these have the whole ladder of the present source" }),
    }),
  ),
  refused: Type.Array(
    Type.Object({ packaging: Type.String(), targetDuration: Type.Integer(), reason: Type.String() }),
    { description: "what was asked for and is not made here" },
  ),
  renditions: Type.Array(
    Type.Object({
      width: Type.Integer(),
      height: Type.Integer(),
      bandwidthBps: Type.Integer(),
      frameRate: Type.Number(),
    }),
  ),
  createdAt: Type.String({ description: "ISO 8601" }),
  updatedAt: Type.String({ description: "ISO 8601" }),
});

const Item = Type.Object({
  zone: ZoneName,
  creativeUrl: plainText(8192, "the original URL of the media file"),
  packaging: Type.Optional(Type.Union([Type.Literal("hls"), Type.Literal("cmaf")])),
  targetDuration: Type.Optional(Type.Integer({ description: "6, 4 or 2 s; 6 where it is left out" })),
  id3: Type.Optional(Type.Boolean({ description: "whether its packages carry timed metadata, from now on" })),
  adSystem: Type.Optional(plainText(1000, "as VAST names it, like the two below: never part of the key")),
  adId: Type.Optional(plainText(1000)),
  creativeId: Type.Optional(plainText(1000)),
});

const ItemResult = Type.Object({
  key: Type.Optional(Type.String()),
  before: Type.Optional(State),
  status: Type.Optional(Creative),
  error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
});

const Subject = Type.Object({ zone: ZoneName, key: Key });

const COMMON = { tags: ["repackaging"], security: [{ bearer: [] }] };
const ERRORS = { 400: ErrorBody, 401: ErrorBody };

/** `POST /v1/repackage`, `GET /v1/creatives`, `GET|DELETE /v1/creatives/{zone}/{key}`, `GET /v1/events`. */
export const crsRoutes: FastifyPluginAsyncTypebox<CrsRoutesOptions> = async (app, { crs, authorise, isZone }) => {
  app.addHook("onRequest", authorise);
  app.addHook("onRequest", async (_request, reply) => void reply.header("cache-control", "no-store"));

  const repackage = {
    ...COMMON,
    summary: "Ask for creatives to be repackaged",
    description:
      "Answers at once, item by item and in their order; an item that was refused has `error`. Asking again is free.",
    body: Type.Object({ items: Type.Array(Item, { minItems: 1, maxItems: MAX_ITEMS }) }),
    response: { 202: Type.Object({ items: Type.Array(ItemResult) }), ...ERRORS, 429: ErrorBody },
  };
  app.post("/v1/repackage", { schema: repackage }, async (request, reply) => {
    const results: SubmitResult[] = [];
    for (const { packaging = "hls", targetDuration = 6, ...item } of request.body.items) {
      results.push(await submitItem(() => crs.submit({ ...item, packaging, targetDuration }), item.zone, isZone));
    }
    const [first] = results;
    if (first && "thrown" in first && results.every((result) => "thrown" in result)) throw first.thrown;
    return reply.code(202).send({ items: results.map(describeResult) });
  });

  await app.register(lookupRoutes, { crs });
  await app.register(eventRoutes, { crs });
};

/** What is known of creatives, and its forgetting. */
const lookupRoutes: FastifyPluginAsyncTypebox<Pick<CrsRoutesOptions, "crs">> = async (app, { crs }) => {
  const list = {
    ...COMMON,
    summary: "The creatives that changed last, newest first, at most 1,000",
    querystring: Type.Object({ zone: Type.Optional(ZoneName), state: Type.Optional(State) }),
    response: { 200: Type.Object({ creatives: Type.Array(Creative) }), ...ERRORS },
  };
  app.get("/v1/creatives", { schema: list }, async (request, reply) =>
    reply.send({ creatives: (await crs.list(request.query)).map(copyStatus) }),
  );

  const one = {
    ...COMMON,
    summary: "One creative: its state, progress, renditions and packages",
    params: Subject,
    response: { 200: Creative, 404: ErrorBody, ...ERRORS },
  };
  app.get("/v1/creatives/:zone/:key", { schema: one }, async (request, reply) => {
    const status = await crs.status(request.params.zone, request.params.key);
    if (status === undefined) throw unknownCreative(request.params);
    return reply.send(copyStatus(status));
  });

  const forget = {
    ...COMMON,
    summary: "Forget a creative: its job, its row and its objects on every CDN. It is cold again afterwards",
    params: Subject,
    response: { 204: Type.Null(), 404: ErrorBody, ...ERRORS },
  };
  app.delete("/v1/creatives/:zone/:key", { schema: forget }, async (request, reply) => {
    const isForgotten = await crs.forget(request.params.zone, request.params.key);
    if (!isForgotten) throw unknownCreative(request.params);
    return reply.code(204).send(null);
  });
};

type SubmitResult = Submission | { readonly thrown: Error & { readonly code: string } };

async function submitItem(
  submit: () => Promise<Submission>,
  zone: string,
  isZone: (zone: string) => boolean,
): Promise<SubmitResult> {
  if (!isZone(zone)) {
    const message = `zone: expected one that this server knows, got ${JSON.stringify(zone)}`;
    return { thrown: Object.assign(new Error(message), { code: "zone-unknown" }) };
  }
  try {
    return await submit();
  } catch (error) {
    // What has a code is the request's fault or the queue's; anything else is a fault of ours and ends the request.
    if (error instanceof Error && "code" in error && typeof error.code === "string" && !("severity" in error)) {
      return { thrown: Object.assign(error, { code: error.code }) };
    }
    throw error;
  }
}

function describeResult(result: SubmitResult) {
  if ("thrown" in result) return { error: { code: result.thrown.code, message: result.thrown.message } };
  return { key: result.key, before: result.before, status: copyStatus(result.status) };
}

/** The serialiser's types want arrays that may be written to. */
function copyStatus(status: CreativeStatus) {
  return {
    ...status,
    packages: status.packages.map((one) => ({ ...one, cdns: [...one.cdns] })),
    refused: [...status.refused],
    renditions: [...status.renditions],
  };
}

function unknownCreative({ zone, key }: { readonly zone: string; readonly key: string }): HttpError {
  const message = `creative ${zone}/${key}: expected one that was asked for, got one that never was, or was forgotten`;
  return new HttpError("not-found", message);
}

/** Server-sent events: `event: creative`, the data a creative's status. Read them with fetch: EventSource sends no token. */
const eventRoutes: FastifyPluginAsyncTypebox<Pick<CrsRoutesOptions, "crs">> = async (app, { crs }) => {
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
