/**
 * The manifest server, wired: sessions, content, the ad server's answers, the CDN's copies and the stitch behind `/auditude`.
 *
 * @see Overview of Manifest Server interactions; DESIGN §1, §8
 */
import { parseCues, type RefusedAd } from "@interlude/core";
import type { FastifyInstance } from "fastify";
import { parseXml } from "../xml.ts";
import type { ZoneConfig } from "../zones.ts";
import { type AdAnswer, createAdCalls } from "./ads/ad-call.ts";
import { createDecorator } from "./tracking/ad-decorator.ts";
import { createAdPlaylists, type Rewrite } from "./ads/ad-playlists.ts";
import { limitXml } from "./ads/ad-xml.ts";
import { createBreakDecider } from "./breaks/break-decision.ts";
import type { ContentLoader } from "./content/content.ts";
import { createContentLoader } from "./content/content-loader.ts";
import { readCookieHeader } from "./content/cookie-jar.ts";
import type { BreakDecision, BreakRow, SkippedAd } from "./breaks/decision.ts";
import { createLiveBreaks } from "./breaks/live-breaks.ts";
import type { ManifestFetch, ManifestLog } from "./manifest-fetch.ts";
import type { AdServerOutcome, ManifestMetrics } from "./operations/manifest-metrics.ts";
import { createMarkerTags } from "./tracking/marker-tags.ts";
import { createMasterFacts } from "./content/master-facts.ts";
import { createMediaFlow, type MediaDeps, type StitchedMedia } from "./media.ts";
import { createPodResolver } from "./ads/pod-resolver.ts";
import type { Overload } from "./operations/overload.ts";
import { createProbeCache } from "./ads/probe-cache.ts";
import type { RateLimit } from "./operations/rate-limit.ts";
import { createRepackageAsker, type Repackage } from "./ads/repackage-asker.ts";
import type { SessionOptions } from "./options.ts";
import type { OwnReport } from "./ads/tell-answer.ts";
import { applyRules } from "./ads/rewrite-rules.ts";
import { type MediaAnswer, type MediaRequest, manifestRoutes } from "./routes.ts";
import { createSegmentLinks, type SegmentLinks } from "./tracking/segment-links.ts";
import { segmentRoutes } from "./tracking/segment-routes.ts";
import { createServerBeacons, type ServerBeacons, type ServerBeaconsDeps } from "./tracking/server-beacons.ts";
import type { SessionStore } from "./session/session.ts";
import { answerSidecar } from "./tracking/sidecar.ts";
import { createSigner, type Signer } from "./signature.ts";
import { manifestUrls } from "./urls.ts";
import { createVodBreaks } from "./breaks/vod-breaks.ts";
import { BLANK_WEBVTT_PATH, createSubtitleClipper, WEBVTT_PURPOSE } from "./subtitles/webvtt.ts";
import { webVttRoutes } from "./subtitles/webvtt-routes.ts";
import { createWebVttSource, type FetchBytes } from "./subtitles/webvtt-source.ts";
import { createWeightedLru } from "./weighted-lru.ts";
import { createAdWriter } from "./ads/written-ads.ts";
import type { ZoneManifest } from "./zone-manifest.ts";

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
  /** How server-side beacons are kept and sent; where it is not given, in memory and by {@link fetch}. */
  readonly beacons?: Pick<ServerBeaconsDeps, "fetch" | "rows" | "countRetry" | "note" | "readOwnError" | "onError">;
  /** How the report is told of ad servers that are asked without a relay; undefined: it is not. */
  readonly report?: OwnReport;
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
    ...deps.beacons,
  });
  const content = createContentLoader({ fetch, store, zones: deps.zones, now, log, countOrigin: metrics.countOrigin });
  const signer = createSigner(secret, WEBVTT_PURPOSE);
  const media = createMediaFlow(createMediaDeps(deps, { content, links, signer, beacons }));
  app.addHook("onClose", async () => {
    await beacons.close();
    await store.close();
    deps.overload.close();
    deps.limit.close();
  });
  await app.register(manifestRoutes, { ...deps, urls: manifestUrls(secret), content, answerMedia: media });
  await app.register(segmentRoutes, {
    links,
    beacons,
    count: (outcome, ms) => metrics.countRequest("segment", outcome, ms),
  });
  await app.register(webVttRoutes, {
    ...createWebVttSource({
      fetchBytes: deps.fetchBytes,
      now,
      onFailure: (url, err) => log.warn({ err, url: url.origin + url.pathname }, "subtitles could not be read"),
    }),
    signer,
    readCookie: async (sessionId, url) => {
      // Without its cookies the segment may still be had; without a database nothing would be.
      const state = await store.load(sessionId).catch(() => undefined);
      return state && readCookieHeader(state.cookies, url, now());
    },
    count: (outcome, ms) => metrics.countRequest("webvtt", outcome === "clipped" ? "stitched" : "passed-through", ms),
  });
}

const OUTCOME_OF_BEACON = {
  sent: "sent",
  refused: "failed",
  failed: "failed",
  dropped: "dropped",
  lost: "dropped",
} as const;

interface MediaParts {
  readonly content: ContentLoader;
  readonly links: SegmentLinks;
  readonly signer: Signer;
  readonly beacons: ServerBeacons;
}

function createMediaDeps(deps: ManifestDeps, { content, links, signer, beacons }: MediaParts): MediaDeps {
  const { store, fetch, zones, metrics, log, now, clock } = deps;
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
  const playlists = createAdPlaylists({ fetch, now: clock });
  const probes = createProbeCache({
    fetch,
    now: clock,
    onProbe: (result) => metrics.countProbe(result, false),
    onReuse: (result) => metrics.countProbe(result, true),
  });
  const askForRepackage = createRepackageAsker({ repackage: deps.repackage, now: clock, log });
  const { resolvePod } = createPodResolver({ probes, playlists, askForRepackage });
  const adCalls = createAdCalls({
    fetch,
    now,
    readXml: limitXml(parseXml),
    zoneManifest: (name) => zones.find(({ zone }) => zone === name)?.manifest,
    log,
    report: deps.report,
    onAnswered: (answers, ms) => {
      const isTimedOut = answers.some((answer) => answer.isTimedOut);
      metrics.countAdCall(selectAdOutcome(answers, isTimedOut), ms, isTimedOut);
    },
  });
  const decider = createBreakDecider({
    store,
    adCalls,
    resolvePod,
    onDecided: (decision, sessionId) => {
      metrics.countDecision(decision);
      logSkipped(log, sessionId, decision);
      beacons.reportSkipped(sessionId, decision);
    },
  });
  const markers = createMarkerTags();
  const writeAd = createAdWriter();
  return {
    store,
    content,
    readMasterFacts: createMasterFacts({ content, now, log }),
    decideLive: createLiveBreaks({ store, decider, now, sleep }),
    decideVod: createVodBreaks({ store, decider, adCalls, sleep }),
    loadAd: async (ad, { trace, zone, options }) => {
      const loaded = await playlists.load(ad, trace, rewriteFor(zone.manifest, options));
      return "renditions" in loaded ? writeAd(loaded, zone.manifest?.rewriteRules ?? [], options.rules) : loaded;
    },
    rewriteFor: ({ zone, options }) => rewriteFor(zone.manifest, options),
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
    onStitched: createStitchWatch(deps, beacons.reportSkipped),
    log,
    now,
  };
}

function selectAdOutcome(answers: readonly AdAnswer[], isTimedOut: boolean): AdServerOutcome {
  if (answers.some(({ result }) => result.ads.length > 0)) return "filled";
  if (isTimedOut) return "timeout";
  const failures = answers.flatMap(({ result }) => result.failures);
  return failures.every(({ reason }) => reason === "no-ads") ? "empty" : "error";
}

function mapDecisions(rows: readonly BreakRow[]): ReadonlyMap<string, BreakDecision> {
  return new Map(rows.flatMap(({ breakId, decision }) => (decision ? [[breakId, decision]] : [])));
}

function describeTracking(request: MediaRequest, stitched: StitchedMedia): MediaAnswer {
  const { options, trace, zone, kind } = request;
  const { text, breaks, refused, rows, content, avails } = stitched;
  const { playlist } = content;
  const answer = answerSidecar({
    version: options.trackingVersion,
    mode: options.tracking,
    text,
    placed: breaks,
    refused,
    decisions: mapDecisions(rows),
    isScteTracked: options.isScteTracked,
    trace,
    content: {
      isLive: kind === "live",
      playlist,
      avails: avails ?? parseCues(playlist, options.cueFormat ?? zone.manifest?.cueFormat),
    },
  });
  return { ...answer, headers: { "cache-control": "no-store" }, outcome: "sidecar" };
}

/** Where ads are fetched instead, by the rules that the client named; undefined: nowhere else. */
function rewriteFor(manifest: ZoneManifest | undefined, { rules }: SessionOptions): Rewrite | undefined {
  if (manifest === undefined || manifest.rewriteRules.length === 0 || rules.length === 0) return undefined;
  return (url) => applyRules(url, manifest.rewriteRules, rules, "adfetch");
}

const MAX_WATCHED = 50_000;

/** Tells the metrics of each break of each session once, however often it is listed, and by however many instances. */
function createStitchWatch(
  { store, metrics, log }: Pick<ManifestDeps, "store" | "metrics" | "log">,
  reportSkipped: ServerBeacons["reportSkipped"],
): MediaDeps["onStitched"] {
  const seen = createWeightedLru<true>(MAX_WATCHED);
  const countOnce = (sessionId: string, parts: readonly string[], count: () => void): void => {
    const claim = JSON.stringify(["counted", ...parts]);
    const key = `${sessionId} ${claim}`;
    if (seen.get(key)) return;
    seen.set(key, true, 1);
    // Without a database the number is one too low, and the playlist goes out all the same.
    store.claim(sessionId, claim).then(
      (isFirst) => isFirst && count(),
      () => undefined,
    );
  };
  return ({ state, kind }, { breaks, refused, rows }) => {
    const { id } = state.session;
    for (const { breakId, decision } of rows) {
      if (!decision || decision.planned) continue;
      const ads = breaks.find((placed) => placed.breakId === breakId)?.ads ?? [];
      // One with ads is counted when they are listed, one without when it was decided.
      if (decision.ads.length > 0 && ads.length === 0) continue;
      const filledDuration = ads.reduce((total, { duration }) => total + duration, 0);
      const { availDuration } = decision;
      countOnce(id, [breakId], () => metrics.countListed({ kind, availDuration, filledDuration }));
    }
    for (const entry of refused) {
      const { breakId, adId, reason } = entry;
      const decision = rows.find((row) => row.breakId === breakId)?.decision;
      countOnce(id, [breakId, adId, reason], () => {
        metrics.countSkipped(reason);
        if (!decision) return;
        const late = { ...decision, skipped: describeRefused(decision, entry) };
        logSkipped(log, id, late);
        reportSkipped(id, late);
      });
    }
  };
}

function logSkipped(log: ManifestLog, session: string, { breakId, skipped }: BreakDecision): void {
  for (const { adId, creativeId, reason, message } of skipped) {
    log.info({ session, break: breakId, adId, creativeId, reason }, `an ad was skipped: ${message}`);
  }
}

/** An ad that was decided, and that the playlist does not take after all: whoever asked to be told of errors is told. */
function describeRefused({ ads }: BreakDecision, { adId, reason }: RefusedAd): readonly SkippedAd[] {
  const message = "the playlist does not take it";
  return ads
    .filter((ad) => ad.adId === adId)
    .map(({ adSystem, creativeId, errors }) => ({ adId, adSystem, creativeId, reason, message, errors }));
}
