/** The JSON API of the Creative Repackaging Service: ask, look, forget, watch. For holders of the API token, never for pages. */
import { type FastifyPluginAsyncTypebox, Type } from "@fastify/type-provider-typebox";
import type { onRequestHookHandler } from "fastify";
import { codeOf, HttpError } from "../http-error.ts";
import { ErrorBody, plainText, ZoneName } from "../schema.ts";
import { COMMON, Creative, ERRORS, State } from "./api-schema.ts";
import { blockListRoutes } from "./block-list-routes.ts";
import { creativeRoutes } from "./creative-routes.ts";
import type { Crs, Submission } from "./crs.ts";
import { eventRoutes } from "./event-routes.ts";
import { previewRoutes } from "./preview-routes.ts";

export interface CrsRoutesOptions {
  readonly crs: Pick<
    Crs,
    "submit" | "status" | "list" | "forget" | "retry" | "purge" | "blocks" | "subscribe" | "preview"
  >;
  /** Guards every route. */
  readonly authorise: onRequestHookHandler;
  /** Whether the server knows a zone. */
  readonly isZone: (zone: string) => boolean;
}

const MAX_ITEMS = 300;
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

/** `POST /v1/repackage`, and below it `/v1/creatives`, `/v1/blocklist` and `/v1/events`. */
export const crsRoutes: FastifyPluginAsyncTypebox<CrsRoutesOptions> = async (app, { crs, authorise, isZone }) => {
  app.addHook("onRequest", authorise);
  app.addHook("onRequest", async (_request, reply) => void reply.header("cache-control", "no-store"));

  const repackage = {
    ...COMMON,
    summary: "Ask for creatives to be repackaged",
    description:
      "Answers at once, item by item and in their order; an item that was refused has `error`, or is the whole answer where it " +
      "is alone. Asking again is free.",
    body: Type.Object({ items: Type.Array(Item, { minItems: 1, maxItems: MAX_ITEMS }) }),
    response: { 202: Type.Object({ items: Type.Array(ItemResult) }), ...ERRORS, 403: ErrorBody, 429: ErrorBody },
  };
  app.post("/v1/repackage", { schema: repackage }, async (request, reply) => {
    const results: SubmitResult[] = [];
    for (const { packaging = "hls", targetDuration = 6, ...item } of request.body.items) {
      results.push(await submitItem(() => crs.submit({ ...item, packaging, targetDuration }), item.zone, isZone));
    }
    const [first] = results;
    if (first && "thrown" in first && results.length === 1) throw first.thrown;
    return reply.code(202).send({ items: results.map(describeResult) });
  });

  await app.register(creativeRoutes, { crs });
  await app.register(previewRoutes, { crs });
  await app.register(blockListRoutes, { crs, isZone });
  await app.register(eventRoutes, { crs });
};

type SubmitResult = Submission | { readonly thrown: Error };

async function submitItem(
  submit: () => Promise<Submission>,
  zone: string,
  isZone: (zone: string) => boolean,
): Promise<SubmitResult> {
  if (!isZone(zone)) {
    const message = `zone: expected one that this server knows, got ${JSON.stringify(zone)}`;
    return { thrown: new HttpError("zone-unknown", message) };
  }
  try {
    return await submit();
  } catch (error) {
    // What has a code of ours is the request's fault or the queue's; anything else is a fault of ours and ends the request.
    if (error instanceof Error && codeOf(error) !== "internal") return { thrown: error };
    throw error;
  }
}

function describeResult(result: SubmitResult) {
  if ("thrown" in result) return { error: { code: codeOf(result.thrown), message: result.thrown.message } };
  return { key: result.key, before: result.before, status: result.status };
}
