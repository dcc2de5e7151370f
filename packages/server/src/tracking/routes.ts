/** The receiver of tracking requests. */
import { type FastifyPluginAsyncTypebox, Type } from "@fastify/type-provider-typebox";
import { judgeBeacon } from "../beacon-signature.ts";
import { HttpError } from "../http-error.ts";
import { ErrorBody } from "../schema.ts";
import { createSeal } from "../seal.ts";
import { type Beacon, type BeaconQuery, readBeacon } from "./beacon.ts";
import { createMarker } from "./marks.ts";
import type { Tracking } from "./tracking.ts";
import type { ZoneTracking } from "./zone-tracking.ts";

/** What the receiver needs. */
export interface TrackingRoutesOptions {
  readonly tracking: Pick<Tracking, "append">;
  /** Of beacon URLs. */
  readonly secret: string;
  readonly zones: readonly { readonly zone: string; readonly tracking?: ZoneTracking | undefined }[];
  /** ms since the epoch */
  readonly now: () => number;
  /** Told of each beacon that is kept, duplicates included. */
  readonly onBeacon: (beacon: Beacon) => void;
}

/** 1×1, transparent. */
const GIF = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64");

/** What sendBeacon may carry; nothing in it is used. */
const MAX_BODY = 65_536;

/** For the reader: nothing is validated here, since a player's bad value must not cost the beacon. */
const TrackingQuery = Type.Object(
  Object.fromEntries(
    Object.entries({
      zone: "zone",
      session: "the viewer's session",
      break: "id of the ad break",
      position: "of the ad in its pod, from 1",
      ad: "id of the ad",
      creative: "id of the creative",
      li: "line item",
      up: "upstream of the relay",
      n: "which time it is that this happens here, from 1",
      t: "[TIMESTAMP]",
      playhead: "[ADPLAYHEAD]",
      content: "[CONTENTPLAYHEAD]",
      error: "[ERRORCODE]",
      reason: "[INTERLUDE_REASON]; of an impression [INTERLUDE_ENCOUNTER]: remux, wait or empty",
      sig: "seal over what the server put into the URL",
      cb: "[CACHEBUSTING]",
    }).map(([name, description]) => [name, Type.Optional(Type.Unknown({ description }))]),
  ),
);

/** `GET|POST /track/{event}`. */
export const trackingRoutes: FastifyPluginAsyncTypebox<TrackingRoutesOptions> = async (app, options) => {
  const { tracking, zones, now, onBeacon } = options;
  const seal = createSeal(options.secret);
  const signedOf = new Map(zones.map(({ zone, tracking: set }) => [zone, set?.signed ?? "marked"]));
  const readMark = createMarker();
  // Here, and nowhere else, any content type is taken and thrown away.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: MAX_BODY }, async () => undefined);
  app.route<{ Params: { event: string }; Querystring: BeaconQuery }>({
    method: ["GET", "POST"],
    url: "/track/:event",
    // A HEAD says that somebody looks whether there is something, not that something happened.
    exposeHeadRoute: false,
    schema: {
      summary: "Takes one tracking request; answered when it is kept for good",
      tags: ["tracking"],
      params: Type.Object({ event: Type.String({ description: "as VAST and VMAP spell it" }) }),
      querystring: TrackingQuery,
      response: { 204: Type.Null(), "4xx": ErrorBody },
    },
    handler: async (request, reply) => {
      const { params, query, headers } = request;
      const { signature, isViewerSealed } = judgeBeacon(params.event, query, seal);
      const reception = { receivedAt: new Date(now()), signature, mark: readMark(headers, signature) };
      const isAnybodysViewer = signature === "signed" && !isViewerSealed;
      const told = readBeacon(params.event, isAnybodysViewer ? omitViewer(query) : query, reception);
      const signed = signedOf.get(told.zone);
      if (signature !== "signed" && signed === "required") throw refuseUnsigned(told.zone);
      const mark = signed === "optional" && told.mark === "unsigned" ? "" : told.mark;
      const beacon: Beacon = { ...told, mark, isZoneKnown: signed !== undefined };
      await tracking.append(beacon);
      onBeacon(beacon);
      reply.header("cache-control", "no-store");
      const isImage = request.headers.accept?.includes("image/") ?? false;
      return isImage ? reply.type("image/gif").send(GIF) : reply.code(204).send();
    },
  });
};

/** One that was put into a sealed URL later is not told with its seal. */
function omitViewer({ v: _unsealed, ...rest }: BeaconQuery): BeaconQuery {
  return rest;
}

function refuseUnsigned(zone: string): HttpError {
  const message = `sig: expected a seal of this server, which zone ${JSON.stringify(zone)} requires, got none or another`;
  return new HttpError("signature-invalid", message);
}
