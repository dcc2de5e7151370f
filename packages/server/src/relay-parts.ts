/** The relay, wired to the parts of this server. */
import type { FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import type { AdRequest } from "./ads/ad-request.ts";
import type { RepackagePort } from "./ads/admission.ts";
import { createCampaignAssets, type ListCampaignAssets } from "./ads/campaign-assets.ts";
import type { Quota } from "./ads/quota.ts";
import type { HeldAnswer } from "./ads/relay/ahead-answer.ts";
import { ASKED_AHEAD_BOUNDS, createAskedAhead } from "./ads/relay/asked-ahead.ts";
import { createFailureLog } from "./ads/relay/failure-log.ts";
import { createReadyCopies, type ReadyCopies } from "./ads/relay/ready-copies.ts";
import type { RelayViewer } from "./ads/relay/relay-answer.ts";
import type { RelayFetch } from "./ads/relay/relay-fetch.ts";
import { createRelayMetrics } from "./ads/relay/relay-metrics.ts";
import { createRelayTags, type RelayTags } from "./ads/relay/relay-tags.ts";
import { readRelayedTracking, relayTrackingUrls } from "./ads/relay/relay-tracking.ts";
import { createRelay, type Relay } from "./ads/relay/relay.ts";
import type { GiveTicket } from "./ads/repackage-ticket.ts";
import type { ServerConfig } from "./config.ts";
import { mergeCookies, parseSetCookie, readCookieHeader } from "./manifest/content/cookie-jar.ts";
import type { NoteEvent } from "./noted-event.ts";
import { isMadeUp } from "./own-address.ts";

/** How the relay reaches the world. */
export interface RelayWorld {
  readonly fetch: RelayFetch;
  /** Fire and forget. */
  readonly sendBeacon: (url: string, viewer: RelayViewer) => void;
}

export interface RelayPartsDeps {
  readonly config: Pick<ServerConfig, "publicHosts">;
  readonly world: RelayWorld;
  /** Both undefined: repackaging is off. */
  readonly crs: RepackagePort | undefined;
  readonly giveTicket: GiveTicket | undefined;
  /** The same as that of pages. */
  readonly zoneQuota: Quota;
  readonly note: NoteEvent;
  /** The `sig` of a tracking URL. */
  readonly sign: NonNullable<AdRequest["sign"]>;
  readonly registry: Registry;
  /** ms since the epoch */
  readonly now: () => number;
}

export interface RelayParts {
  readonly tags: RelayTags;
  /** The ad servers that were asked so far. */
  readonly upstreams: Relay["upstreams"];
  /** Of the campaign file's breaks. */
  readonly listAssets: ListCampaignAssets;
}

/** Ends with the app. */
export function openRelay(app: FastifyInstance, deps: RelayPartsDeps): RelayParts {
  const { world, giveTicket, note, sign, now } = deps;
  const clock = (): number => performance.now();
  const copies = openCopies(app, deps, clock);
  const relay = createRelay({
    fetch: world.fetch,
    cookies: { parse: parseSetCookie, merge: mergeCookies, header: readCookieHeader },
    trackingUrls: (request, thing) => relayTrackingUrls(request, thing, sign),
    readOwnTracking: (url, request, upstream) => readRelayedTracking(url, request, upstream, sign),
    sendBeacon: world.sendBeacon,
    onAttempt: (zone, attempt) => metrics.countAttempt(zone, attempt),
    onFailure: createFailureLog({
      now: clock,
      warn: (failure) => app.log.warn(failure, "relay: an ad server gave no answer that can be used"),
    }),
    now,
    clock,
  });
  const metrics = createRelayMetrics(deps.registry, relay.upstreams);
  const tags = createRelayTags({
    relay,
    ahead: createAskedAhead<HeldAnswer>(ASKED_AHEAD_BOUNDS, {
      now: clock,
      weigh: ({ text }) => text.length,
      onError: (error) => app.log.warn({ err: error }, "relay: a break that was asked for ahead"),
      after: (ms, run) => setTimeout(run, ms).unref(),
    }),
    publicHosts: deps.config.publicHosts,
    giveTicket,
    copies,
    note,
    clock,
  });
  return { tags, upstreams: relay.upstreams, listAssets: createCampaignAssets({ copies, note }) };
}

function openCopies(app: FastifyInstance, deps: RelayPartsDeps, clock: () => number): ReadyCopies | undefined {
  const { crs, zoneQuota, config } = deps;
  if (!crs) return undefined;
  const copies = createReadyCopies({
    crs,
    zoneQuota,
    isMadeUp: (creativeUrl, base) => isMadeUp(creativeUrl, base, config.publicHosts),
    now: clock,
    onError: (error, message) => app.log.warn({ err: error }, message),
  });
  app.addHook("onClose", async () => copies.end());
  return copies;
}
