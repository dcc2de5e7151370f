/**
 * The manifest server, wired: sessions, content, the ad server's answers, the CDN's copies and the stitch behind `/auditude`.
 *
 * @see Overview of Manifest Server interactions; DESIGN §1, §8
 */
import type { VastResult } from "@interlude/core";
import type { FastifyInstance } from "fastify";
import { parseXml } from "../xml.ts";
import type { ZoneConfig } from "../zones.ts";
import { createAdCalls } from "./ad-call.ts";
import { createDecorator } from "./ad-decorator.ts";
import { createAdPlaylists } from "./ad-playlists.ts";
import { createBreakDecider } from "./break-decision.ts";
import type { ContentLoader } from "./content.ts";
import { createContentLoader } from "./content-loader.ts";
import { readCookieHeader } from "./cookie-jar.ts";
import type { BreakDecision, BreakRow } from "./decision.ts";
import { createLiveBreaks } from "./live-breaks.ts";
import type { ManifestFetch, ManifestLog } from "./manifest-fetch.ts";
import type { AdServerOutcome, ManifestMetrics } from "./manifest-metrics.ts";
import { createMarkerTags } from "./marker-tags.ts";
import { createMediaFlow, type MediaDeps, type StitchedMedia } from "./media.ts";
import { createPodResolver } from "./pod-resolver.ts";
import type { Overload } from "./overload.ts";
import { createProbeCache } from "./probe-cache.ts";
import type { RateLimit } from "./rate-limit.ts";
import { createRepackageAsker, type Repackage } from "./repackage-asker.ts";
import { type MediaAnswer, type MediaRequest, manifestRoutes } from "./routes.ts";
import { createSegmentLinks, type SegmentLinks } from "./segment-links.ts";
import { segmentRoutes } from "./segment-routes.ts";
import { createServerBeacons } from "./server-beacons.ts";
import type { SessionStore } from "./session.ts";
import { answerSidecar } from "./sidecar.ts";
import { createSigner, type Signer } from "./signature.ts";
import { manifestUrls } from "./urls.ts";
import { createVodBreaks } from "./vod-breaks.ts";
import { BLANK_WEBVTT_PATH, createSubtitleClipper, WEBVTT_PURPOSE } from "./webvtt.ts";
import { webVttRoutes } from "./webvtt-routes.ts";
import { createWebVttSource, type FetchBytes } from "./webvtt-source.ts";
import { createWeightedLru } from "./weighted-lru.ts";

/** What the manifest server is built on. */
export interface ManifestDeps {
  readonly store: SessionStore;
  readonly fetch: ManifestFetch;
  readonly fetchBytes: FetchBytes;
  /** undefined: repackaging is off. */
  readonly repackage: Repackage | undefined;
  readonly zones: readonly ZoneConfig[];
  readonly publicHosts: readonly string[];
  /** Signs the addresses that are handed out; the same for all instances behind one load balancer. */
  readonly secret: string;
  readonly metrics: ManifestMetrics;
  readonly overload: Overload;
  readonly limit: RateLimit;
  readonly log: ManifestLog;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly clock: () => number;
}

/** Adds `/auditude/…`; what it holds is let go when the server closes. */
export async function registerManifest(app: FastifyInstance, deps: ManifestDeps): Promise<void> {
  const { store, fetch, secret, metrics, log, now } = deps;
  const links = createSegmentLinks(createSigner(secret, "ad segment"));
  const beacons = createServerBeacons({
    fetch,
    store,
    count: (_event, outcome) => metrics.countServerBeacon(OUTCOME_OF_BEACON[outcome]),
    trace: ({ type, fields }, sessionId) => log.info({ session: sessionId, fields }, type),
    now,
  });
  const content = createContentLoader({ fetch, store, zones: deps.zones, now, log });
  const signer = createSigner(secret, WEBVTT_PURPOSE);
  const media = createMediaFlow(createMediaDeps(deps, content, links, signer));
  app.addHook("onClose", async () => {
    await beacons.close();
    await store.close();
    deps.overload.close();
    deps.limit.close();
  });
  await app.register(manifestRoutes, { ...deps, urls: manifestUrls(secret), content, answerMedia: media });
  await app.register(segmentRoutes, { links, beacons });
  await app.register(webVttRoutes, {
    ...createWebVttSource({
      fetchBytes: deps.fetchBytes,
      now,
      onFailure: (url, err) => log.warn({ err, url: url.origin + url.pathname }, "subtitles could not be read"),
    }),
    signer,
    readCookie: async (sessionId, url) => {
      const state = await store.load(sessionId);
      return state && readCookieHeader(state.cookies, url, now());
    },
    count: (outcome) => metrics.countRequest("webvtt", outcome === "clipped" ? "stitched" : "passed-through", 0),
  });
}

const OUTCOME_OF_BEACON = {
  sent: "sent",
  refused: "failed",
  failed: "failed",
  dropped: "dropped",
  lost: "dropped",
} as const;

function createMediaDeps(deps: ManifestDeps, content: ContentLoader, links: SegmentLinks, signer: Signer): MediaDeps {
  const { store, fetch, zones, metrics, log, now, clock } = deps;
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
  const playlists = createAdPlaylists({ fetch, now: clock });
  const probes = createProbeCache({ fetch, now: clock, onProbe: (result) => metrics.countProbe(result, false) });
  const askForRepackage = createRepackageAsker({ repackage: deps.repackage, now: clock, log });
  const { resolvePod } = createPodResolver({ probes, playlists, askForRepackage });
  const adCalls = createAdCalls({
    fetch,
    now,
    readXml: parseXml,
    zoneManifest: (name) => zones.find(({ zone }) => zone === name)?.manifest,
    log,
    onAnswer: ({ result, isTimedOut }, ms) => metrics.countAdCall(selectAdOutcome(result, isTimedOut), ms),
  });
  const decider = createBreakDecider({
    store,
    adCalls,
    resolvePod,
    onDecided: (decision) => metrics.countDecision(decision),
  });
  const markers = createMarkerTags();
  return {
    store,
    content,
    decideLive: createLiveBreaks({ store, decider, now, sleep }),
    decideVod: createVodBreaks({ store, decider, adCalls, sleep }),
    loadAd: (ad, trace) => playlists.load(ad, trace),
    decorate: ({ options, state }, rows) =>
      createDecorator({
        mode: options.tracking,
        sessionId: state.session.id,
        decisions: mapDecisions(rows),
        links,
        markers,
      }),
    clipSubtitles: ({ state, baseUrl }, subtitles, media) =>
      createSubtitleClipper({
        sessionId: state.session.id,
        signer,
        baseUrl,
        subtitles: subtitles.playlist,
        media: media?.playlist,
      }),
    blankSubtitleUri: (baseUrl) => new URL(BLANK_WEBVTT_PATH, baseUrl).href,
    answerSidecar: describeTracking,
    onStitched: createStitchWatch(metrics),
    log,
  };
}

function selectAdOutcome({ ads, failures }: VastResult, isTimedOut: boolean): AdServerOutcome {
  if (ads.length > 0) return "filled";
  if (isTimedOut) return "timeout";
  return failures.every(({ reason }) => reason === "no-ads") ? "empty" : "error";
}

function mapDecisions(rows: readonly BreakRow[]): ReadonlyMap<string, BreakDecision> {
  return new Map(rows.flatMap(({ breakId, decision }) => (decision ? [[breakId, decision]] : [])));
}

function describeTracking({ options, trace }: MediaRequest, stitched: StitchedMedia): MediaAnswer {
  const { text, breaks, refused, rows } = stitched;
  const answer = answerSidecar({
    version: options.trackingVersion,
    mode: options.tracking,
    text,
    placed: breaks,
    refused,
    decisions: mapDecisions(rows),
    isScteTracked: options.isScteTracked,
    trace,
  });
  return { ...answer, headers: { "cache-control": "no-store" } };
}

const MAX_WATCHED = 50_000;

/** Tells the metrics of each break of each session once, however often it is listed. */
function createStitchWatch(metrics: ManifestMetrics): MediaDeps["onStitched"] {
  const seen = createWeightedLru<true>(MAX_WATCHED);
  return ({ state, kind }, { breaks, refused, rows }) => {
    for (const { breakId, ads } of breaks) {
      const key = `${state.session.id} ${breakId}`;
      if (seen.get(key)) continue;
      seen.set(key, true, 1);
      const decision = rows.find((row) => row.breakId === breakId)?.decision;
      const filledDuration = ads.reduce((total, { duration }) => total + duration, 0);
      metrics.countListed({ kind, availDuration: decision?.availDuration ?? 0, filledDuration });
    }
    for (const { breakId, adId, reason } of refused) {
      const key = `${state.session.id} ${breakId} ${adId} ${reason}`;
      if (seen.get(key)) continue;
      seen.set(key, true, 1);
      metrics.countSkipped(reason);
    }
  };
}
