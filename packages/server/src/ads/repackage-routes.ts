/**
 * What a page may ask about repackaging: to have a creative of ours made, and how far it is.
 *
 * @see Primetime JIT workflow initiated by the client, step 4 (primetime.md §3.3)
 */
import { type FastifyPluginAsyncTypebox, type Static, Type } from "@fastify/type-provider-typebox";
import { codeOf } from "../http-error.ts";
import { ErrorBody, plainText, ZoneName } from "../schema.ts";
import { requireZone, type ZoneConfig } from "../zones.ts";
import {
  type AdmissionPorts,
  admitRepackage,
  type CreativeProgress,
  type RepackageLimits,
  type RepackageOrder,
  repackagingIsOff,
} from "./admission.ts";
import { nameClient } from "./client-name.ts";
import { locateCopy } from "./locate-copy.ts";
import { createProgressWatch } from "./progress-watch.ts";
import { createQuota, ticketlessShare } from "./quota.ts";
import { readRepackageTicket } from "./repackage-ticket.ts";
import { readTicket, signTicket, type TicketSubject } from "./ticket.ts";

/** What the routes need; limits are counted per instance. */
export interface RepackageRoutesOptions extends Pick<AdmissionPorts, "crs" | "sightings" | "zoneQuota"> {
  readonly zones: readonly ZoneConfig[];
  readonly ticketSecret: string;
  readonly limits: RepackageLimits;
  /** ms since the epoch */
  readonly now: () => number;
  /** Told the outcome of each request: `accepted`, or the code of the error. */
  readonly onOutcome: (outcome: string) => void;
}

const TICKET_LIFE_MS = 3_600_000;
/** Creatives that nobody vouches for, of one client. */
const SIGHTINGS_PER_HOUR = 60;

const OrderBody = Type.Object({
  zone: ZoneName,
  creativeUrl: plainText(8192, "the original URL of the media file, as VAST gave it"),
  packaging: Type.Union([Type.Literal("hls"), Type.Literal("cmaf")]),
  targetDuration: Type.Union([Type.Literal(6), Type.Literal(4), Type.Literal(2)], { description: "s" }),
  adSystem: Type.Optional(plainText(200)),
  adId: Type.Optional(plainText(200)),
  creativeId: Type.Optional(plainText(200)),
  ticket: Type.Optional(
    plainText(4096, "of this media file, as the ad server's answer gave it; without one, less is granted"),
  ),
});

const AcceptedBody = Type.Object({
  key: Type.String({ description: "h1 of the creative's address" }),
  state: Type.String({ description: "before this request; absent: this one started the work" }),
  statusUrl: Type.String({ description: "relative to this server" }),
});

const ProgressBody = Type.Object({
  state: Type.String(),
  progress: Type.Number({ description: "0 to 1" }),
  key: Type.String(),
  url: Type.Optional(
    Type.String({ description: "of the master playlist, as soon as it plays; it may get better later" }),
  ),
  remuxUrl: Type.Optional(
    Type.String({
      description: "plays meanwhile where TARGETDURATION may be raised: a remux with the source's own GOPs",
    }),
  ),
  reason: Type.Optional(Type.String({ description: "why it failed or is blocked" })),
});

const ORDER_SCHEMA = {
  summary:
    "Have a creative repackaged that this ad server named, that comes from a listed host, or that several clients see",
  tags: ["ads"],
  body: OrderBody,
  response: { 202: AcceptedBody, "4xx": ErrorBody, "5xx": ErrorBody },
};

/** `POST /ads/repackage`, `GET /ads/repackage/{ticket}`. */
export const repackageRoutes: FastifyPluginAsyncTypebox<RepackageRoutesOptions> = async (app, options) => {
  const { crs, zones, ticketSecret, now } = options;
  const ports = openAdmission(options);

  app.post("/ads/repackage", { schema: ORDER_SCHEMA, bodyLimit: 32_768 }, async (request, reply) => {
    const { zone: name, packaging, targetDuration, ticket: given } = request.body;
    const zone = requireZone(zones, name);
    const admitted = await admitRepackage(readOrder(request.body), given, zone, nameClient(request.ip), ports);
    const isBlocked = admitted.before === "blocked";
    const subject = { zone: name, key: admitted.key, packaging, targetDuration, isBlocked };
    const ticket = signTicket(subject, new Date(now() + TICKET_LIFE_MS), ticketSecret);
    reply.code(202).header("cache-control", "no-store");
    return { key: admitted.key, state: admitted.before, statusUrl: `/ads/repackage/${ticket}` };
  });

  app.addHook("onError", async (request, _reply, error) => {
    if (request.method === "POST") options.onOutcome(codeOf(error));
  });
  app.addHook("onResponse", async (request, reply) => {
    if (request.method === "POST" && reply.statusCode === 202) options.onOutcome("accepted");
  });

  const watch = crs && createProgressWatch(crs);
  app.addHook("preClose", async () => watch?.release());
  const progressSchema = {
    summary: "How far a repackage is; with wait, answered when something changes",
    tags: ["ads"],
    params: Type.Object({ ticket: Type.String() }),
    querystring: Type.Object({
      wait: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000, description: "ms" })),
    }),
    response: { 200: ProgressBody, "4xx": ErrorBody, "5xx": ErrorBody },
  };
  app.get("/ads/repackage/:ticket", { schema: progressSchema }, async (request, reply) => {
    if (!watch) throw repackagingIsOff();
    const subject = readTicket(request.params.ticket, ticketSecret, new Date(now()));
    const aborted = new AbortController();
    reply.raw.once("close", () => aborted.abort());
    const progress = await watch.wait(subject, request.query.wait ?? 0, aborted.signal);
    reply.header("cache-control", "no-store");
    const zone = zones.find((candidate) => candidate.zone === subject.zone);
    return formatProgress(subject, progress, zone);
  });
};

function openAdmission(options: RepackageRoutesOptions): AdmissionPorts {
  const { crs, sightings, zoneQuota, ticketSecret, limits, now } = options;
  return {
    crs,
    sightings,
    zoneQuota,
    readTicket: (ticket, file) => readRepackageTicket(ticket, file, ticketSecret, new Date(now())),
    ticketlessQuota: createQuota(ticketlessShare(limits.perZonePerHour), now),
    clientQuota: createQuota(limits.perClientPerHour, now),
    sightingQuota: createQuota(SIGHTINGS_PER_HOUR, now),
  };
}

/** What the schema knows and nothing else: members beyond it are let through, and CRS has options that are not for pages. */
function readOrder(body: Static<typeof OrderBody>): RepackageOrder {
  const { zone, creativeUrl, packaging, targetDuration, adSystem, adId, creativeId } = body;
  return {
    zone,
    creativeUrl,
    packaging,
    targetDuration,
    isFromPage: true,
    ...(adSystem !== undefined && { adSystem }),
    ...(adId !== undefined && { adId }),
    ...(creativeId !== undefined && { creativeId }),
  };
}

interface ProgressAnswer {
  readonly state: string;
  readonly progress: number;
  readonly key: string;
  readonly url?: string;
  readonly remuxUrl?: string;
  readonly reason?: string;
}

function formatProgress(
  subject: TicketSubject,
  progress: CreativeProgress | undefined,
  zone: ZoneConfig | undefined,
): ProgressAnswer {
  if (!progress) {
    const { key, isBlocked } = subject;
    return isBlocked
      ? { state: "blocked", progress: 0, key, reason: "block-listed" }
      : { state: "absent", progress: 0, key };
  }
  const url = zone && locateCopy(subject, progress, zone);
  const remuxUrl = zone && locateCopy({ ...subject, targetDuration: 0 }, progress, zone);
  return {
    state: progress.state,
    progress: progress.progress,
    key: subject.key,
    ...(url === undefined ? {} : { url }),
    ...(remuxUrl === undefined ? {} : { remuxUrl }),
    ...(progress.reason === undefined ? {} : { reason: progress.reason }),
  };
}
