/** `/v1/blocklist`: what is not to be repackaged. */
import { type FastifyPluginAsyncTypebox, Type } from "@fastify/type-provider-typebox";
import { HttpError } from "../http-error.ts";
import { ErrorBody, plainText, ZoneName } from "../schema.ts";
import { COMMON, ERRORS } from "./api-schema.ts";
import { BLOCK_KINDS, type BlockKind } from "./block-list.ts";
import type { BlockEntry, Crs } from "./crs.ts";

export interface BlockListRoutesOptions {
  readonly crs: Pick<Crs, "blocks">;
  /** Whether the server knows a zone. */
  readonly isZone: (zone: string) => boolean;
}

const Kind = Type.Unsafe<BlockKind>(
  Type.Union(
    BLOCK_KINDS.map((kind) => Type.Literal(kind)),
    { description: "what `value` is; creative: a key, with its zone" },
  ),
);

const Order = {
  zone: Type.Optional(ZoneName),
  kind: Kind,
  value: plainText(8192, "of a host: itself (ads.example), or with everything below it (.ads.example)"),
  reason: plainText(1000, "for people"),
};

const Entry = Type.Object({
  ...Order,
  id: Type.String(),
  isAutomatic: Type.Boolean({ description: "made by the service, of a creative that failed too often" }),
  createdAt: Type.String({ description: "ISO 8601" }),
});

/** `GET`, `POST /v1/blocklist`, `DELETE /v1/blocklist/{id}`. */
export const blockListRoutes: FastifyPluginAsyncTypebox<BlockListRoutesOptions> = async (app, { crs, isZone }) => {
  const list = {
    ...COMMON,
    summary: "The block list, newest first, at most 1,000; those for all zones are in every zone's",
    querystring: Type.Object({ zone: Type.Optional(ZoneName), kind: Type.Optional(Kind) }),
    response: { 200: Type.Object({ entries: Type.Array(Entry), total: Type.Integer() }), ...ERRORS },
  };
  app.get("/v1/blocklist", { schema: list }, async (request, reply) => {
    const { entries, total } = await crs.blocks.list(request.query);
    return reply.send({ entries: entries.map(formatEntry), total });
  });

  const add = {
    ...COMMON,
    summary: "Block what is not to be repackaged, in one zone or in all",
    description: "It holds for new work. What is on a CDN stays there until its creative is deleted.",
    body: Type.Object({ ...Order, reason: Type.Optional(Order.reason) }),
    response: { 200: Entry, 201: Entry, 404: ErrorBody, ...ERRORS },
  };
  app.post("/v1/blocklist", { schema: add }, async (request, reply) => {
    const { zone, reason = "blocked by an operator" } = request.body;
    if (zone !== undefined && !isZone(zone)) {
      throw new HttpError("zone-unknown", `zone: expected one that this server knows, got ${JSON.stringify(zone)}`);
    }
    const { entry, isNew } = await crs.blocks.add({ ...request.body, reason });
    return reply.code(isNew ? 201 : 200).send(formatEntry(entry));
  });

  const remove = {
    ...COMMON,
    summary: "Take an entry off the list. The creative of an automatic one is made again at once",
    params: Type.Object({ id: Type.String({ pattern: "^\\d{1,18}$" }) }),
    response: { 204: Type.Null(), 404: ErrorBody, ...ERRORS },
  };
  app.delete("/v1/blocklist/:id", { schema: remove }, async (request, reply) => {
    const { id } = request.params;
    if (await crs.blocks.remove(id)) return reply.code(204).send(null);
    throw new HttpError("not-found", `block list: expected an entry ${id}, got none`);
  });
};

function formatEntry({ createdAt, ...entry }: BlockEntry) {
  return { ...entry, createdAt: createdAt.toISOString() };
}
