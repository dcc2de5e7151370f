/** The ad server's tags: VAST of a line item, VMAP of a schedule. */
import { randomUUID } from "node:crypto";
import { type FastifyPluginAsyncTypebox, type Static, Type } from "@fastify/type-provider-typebox";
import type { FastifyReply, FastifyRequest } from "fastify";
import { readBaseUrl } from "../base-url.ts";
import { HttpError } from "../http-error.ts";
import { ErrorBody, plainText, ZoneName } from "../schema.ts";
import { requireZone, type ZoneConfig } from "../zones.ts";
import { type AdRequest, listCreativeUrls } from "./ad-request.ts";
import type { Campaigns, LineItem } from "./campaign/campaign-file.ts";
import type { ServedCreatives } from "./served-creatives.ts";
import { buildVast } from "./vast-writer.ts";
import { buildVmap } from "./vmap-writer.ts";
import { document, type Markup } from "./xml-writer.ts";

/** What is served, to whom it is noted down, under which names of this server. */
export interface TagRoutesOptions {
  readonly campaigns: Campaigns;
  readonly zones: readonly ZoneConfig[];
  readonly publicHosts: readonly string[];
  readonly served: Pick<ServedCreatives, "record">;
}

const Viewer = {
  zone: ZoneName,
  session: Type.Optional(plainText(200, "the viewer's session, passed on to tracking")),
  break: Type.Optional(plainText(200, "id of the ad break")),
  position: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: "of the first ad in its pod" })),
};

const VastQuery = Type.Object({ ...Viewer, li: plainText(64, "line item") });
const VmapQuery = Type.Object({
  ...Viewer,
  schedule: plainText(64),
  li: Type.Optional(plainText(64, "line item that every break gets instead of its own")),
  source: Type.Optional(
    Type.Union([Type.Literal("inline"), Type.Literal("tag")], { description: "VAST inside, or its tag" }),
  ),
});

const response = { 200: { content: { "application/xml": { schema: Type.String() } } }, "4xx": ErrorBody };

/** `GET /ads/vast`, `GET /ads/vmap`. */
export const tagRoutes: FastifyPluginAsyncTypebox<TagRoutesOptions> = async (app, options) => {
  const { campaigns, served } = options;

  const readRequest = (
    request: FastifyRequest,
    query: Static<typeof VastQuery> | Static<typeof VmapQuery>,
  ): AdRequest => ({
    base: readBaseUrl(request, options.publicHosts),
    zone: requireZone(options.zones, query.zone).zone,
    session: query.session ?? "",
    breakId: query.break ?? "",
    position: query.position ?? 1,
  });

  /** An answer whose creatives cannot be noted down is still an answer: what is repackaged already plays. */
  const answer = async (
    root: Markup,
    items: readonly LineItem[],
    adRequest: AdRequest,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<string> => {
    try {
      await served.record(
        adRequest.zone,
        items.flatMap((item) => listCreativeUrls(item, adRequest)),
      );
    } catch (error) {
      request.log.error({ err: error }, "served creatives were not recorded");
    }
    reply.header("cache-control", "no-store").type("application/xml; charset=utf-8");
    return document(root);
  };

  const vastSchema = { summary: "VAST 4.2 of a line item", tags: ["ads"], querystring: VastQuery, response };
  app.get("/ads/vast", { schema: vastSchema }, async (request, reply) => {
    const adRequest = readRequest(request, request.query);
    const item = requireLineItem(campaigns, request.query.li);
    return answer(buildVast(item, adRequest, randomUUID), [item], adRequest, request, reply);
  });

  const vmapSchema = { summary: "VMAP 1.0 of a schedule", tags: ["ads"], querystring: VmapQuery, response };
  app.get("/ads/vmap", { schema: vmapSchema }, async (request, reply) => {
    const adRequest = readRequest(request, request.query);
    const { schedule, li, source = "inline" } = request.query;
    const scheduled = campaigns.schedules.get(schedule);
    if (!scheduled) throw unknown("schedule-unknown", "schedule", schedule);
    const breaks = scheduled.map((entry) => ({ ...entry, lineItem: requireLineItem(campaigns, li ?? entry.lineItem) }));
    const items = source === "inline" ? breaks.map((entry) => entry.lineItem) : [];
    return answer(buildVmap(breaks, source, adRequest, randomUUID), items, adRequest, request, reply);
  });
};

function requireLineItem(campaigns: Campaigns, id: string): LineItem {
  const item = campaigns.lineItems.get(id);
  if (!item) throw unknown("line-item-unknown", "li", id);
  return item;
}

function unknown(code: "line-item-unknown" | "schedule-unknown", name: string, got: string): HttpError {
  return new HttpError(code, `${name}: expected one of the campaign file, got ${JSON.stringify(got)}`);
}
