/**
 * The ad server's tags: VAST of a break, VMAP of a schedule.
 *
 *   a line item or a schedule is named   → from the campaign file
 *   the zone has a relay                 → from its ad servers
 *   neither                              → picked from the campaign file
 */
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { type FastifyPluginAsyncTypebox, type Static, Type } from "@fastify/type-provider-typebox";
import type { FastifyReply, FastifyRequest } from "fastify";
import { readBaseUrl } from "../base-url.ts";
import { HttpError } from "../http-error.ts";
import { ErrorBody, plainText, ZoneName } from "../schema.ts";
import { isMadeUp } from "../own-address.ts";
import { readOwnExchange } from "../own-exchange.ts";
import { requireZone, type ZoneConfig } from "../zones.ts";
import { prefersJson } from "./accept.ts";
import type { AdRequest } from "./ad-request.ts";
import { type BreakCall, readBreakCall } from "./break-call.ts";
import type { CampaignServer } from "./campaign/campaign-server.ts";
import type { ListCampaignAssets } from "./campaign-assets.ts";
import { filledIn } from "./filled-in.ts";
import { readPrimaryId } from "./relay/relay-call.ts";
import { isRelayed, type RelayTags } from "./relay/relay-tags.ts";
import type { GiveTicket } from "./repackage-ticket.ts";
import { buildVast } from "./vast-writer.ts";
import { buildVmap } from "./vmap-writer.ts";
import { document, type Markup } from "./xml-writer.ts";

/** What is served, under which names of this server. */
export interface TagRoutesOptions {
  readonly campaigns: CampaignServer;
  readonly zones: readonly ZoneConfig[];
  readonly publicHosts: readonly string[];
  /** The `sig` of a tracking URL. */
  readonly sign: NonNullable<AdRequest["sign"]>;
  /** undefined: repackaging is off. */
  readonly giveTicket: GiveTicket | undefined;
  /** Whether nobody watches, by a request's headers. */
  readonly isRobot: (headers: IncomingHttpHeaders) => boolean;
  readonly relay: RelayTags;
  readonly listAssets: ListCampaignAssets;
}

const Viewer = {
  zone: ZoneName,
  session: Type.Optional(plainText(200, "the viewer's session, passed on to tracking")),
  break: Type.Optional(plainText(200, "id of the ad break")),
  position: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: "of the first ad in its pod" })),
  // Not validated: a macro that nobody filled in must not cost the ad
  ...Object.fromEntries(
    Object.entries({
      duration: "s of the break",
      maxads: "ads that it may have",
      tl: "both of these: l,duration,maxads",
      viewer: "id by which impressions are capped; the session where it is left out",
      device: "tv, tablet, phone, desktop or other, instead of what the User-Agent says",
      k: "key1=value1;key2=value2, for targeting, as every parameter with another name",
      prefetch: "of a relay: the break that is asked for next, or its parameters, URL-encoded",
    }).map(([name, description]) => [name, Type.Optional(Type.Unknown({ description }))]),
  ),
};

const VastQuery = Type.Object({
  ...Viewer,
  li: Type.Optional(plainText(64, "line item; without it the ads are picked, or are those of the zone's ad servers")),
  source: Type.Optional(Type.Literal("assets", { description: "an asset list, as with Accept: application/json" })),
});
const VmapQuery = Type.Object({
  ...Viewer,
  schedule: Type.Optional(plainText(64, "of the campaign file; without it, the map of the zone's ad servers")),
  li: Type.Optional(plainText(64, "line item that every break gets instead of its own")),
  source: Type.Optional(
    Type.Union([Type.Literal("inline"), Type.Literal("tag")], { description: "VAST inside, or its tag" }),
  ),
});

const xml = { "application/xml": { schema: Type.String() } };
const assets = { "application/json": { schema: Type.Object({ ASSETS: Type.Array(Type.Unknown()) }) } };
const response = { 200: { content: xml }, "4xx": ErrorBody };
const vastResponse = { 200: { content: { ...xml, ...assets } }, "4xx": ErrorBody };
const tags = ["ads"];
const VAST_SCHEMA = {
  summary: "VAST 4.2 of a break, or the interstitial's asset list of its ads",
  tags,
  querystring: VastQuery,
  response: vastResponse,
};
const VMAP_SCHEMA = {
  summary: "VMAP 1.0 of a schedule, or of the zone's ad servers",
  tags,
  querystring: VmapQuery,
  response,
};

/** `GET /ads/vast`, `GET /ads/vmap`. */
export const tagRoutes: FastifyPluginAsyncTypebox<TagRoutesOptions> = async (app, options) => {
  const { campaigns, relay } = options;

  // To HEAD ad servers would be asked, ads counted as offered, and nothing shown.
  const exposeHeadRoute = false;

  app.get("/ads/vast", { schema: VAST_SCHEMA, exposeHeadRoute }, async (request, reply) => {
    const { zone: name, li, source } = request.query;
    const zone = requireZone(options.zones, name);
    const isList = source === "assets" || prefersJson(request.headers.accept);
    if (!li && isRelayed(zone)) {
      return relay.answer(zone, isList ? "asset-list" : "vast", request, reply);
    }
    const call = readCall(request, request.query, options);
    const pod = await campaigns.serveBreak(call);
    const vast = buildVast(pod, call.request, randomUUID);
    reply.header("vary", "Origin, Accept");
    if (!isList) return answer(vast, reply);
    reply.header("cache-control", "no-store").type("application/json; charset=utf-8");
    const { list, left } = await options.listAssets(document(vast), zone, call.request.base);
    campaigns.takeBack(left);
    return JSON.stringify(list);
  });

  app.get("/ads/vmap", { schema: VMAP_SCHEMA, exposeHeadRoute }, async (request, reply) => {
    const { zone: name, schedule, li, source = "inline" } = request.query;
    const zone = requireZone(options.zones, name);
    if (!schedule) {
      if (!li && isRelayed(zone)) return relay.answer(zone, "vmap", request, reply);
      throw new HttpError("invalid-request", "querystring.schedule: expected a value, got nothing");
    }
    const call = readCall(request, request.query, options);
    const breaks = await campaigns.serveSchedule(schedule, call, source);
    return answer(buildVmap(breaks, source, call.request, call.viewer.parameters, randomUUID), reply);
  });
};

/** As the relay calls the break where it asked for a map and gets the ads of one. */
const ONLY_BREAK = "preroll";

function readCall(
  request: FastifyRequest,
  query: Static<typeof VastQuery> | Static<typeof VmapQuery>,
  { publicHosts, sign, giveTicket, isRobot }: TagRoutesOptions,
): BreakCall {
  const { relayed } = readOwnExchange(request.headers) ?? {};
  // For the relay: tracked as what it was asked, and it gives tickets itself.
  const { zone, session = "" } = relayed ?? query;
  const breakId = filledIn(query.break ?? "");
  const base = readBaseUrl(request, publicHosts);
  const ticketFor: AdRequest["repackageTicket"] = (creativeUrl, names) =>
    isMadeUp(creativeUrl, base, publicHosts) ? undefined : giveTicket?.({ zone, creativeUrl }, names);
  const adRequest: AdRequest = {
    base,
    zone,
    servedZone: query.zone,
    session: filledIn(session) || readPrimaryId(new URL(request.url, "http://any").searchParams),
    serving: relayed?.serving ?? `~${randomUUID()}`,
    breakId: relayed ? (relayed.breakId ?? (breakId || ONLY_BREAK)) : breakId,
    position: query.position ?? relayed?.position ?? 1,
    sign,
    ...(relayed && { upstream: relayed.upstream }),
    ...(!relayed && { repackageTicket: ticketFor }),
  };
  return { ...readBreakCall(adRequest, query, request.headers), isRobot: isRobot(request.headers) };
}

function answer(root: Markup, reply: FastifyReply): string {
  reply.header("cache-control", "no-store").type("application/xml; charset=utf-8");
  return document(root);
}
