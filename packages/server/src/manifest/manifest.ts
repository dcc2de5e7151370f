/**
 * The manifest server, wired: sessions, content, the ad server's answers, the CDN's copies and the stitch behind `/auditude`.
 *
 * @see Overview of Manifest Server interactions; DESIGN §1, §8
 */
import { parseCues } from "@interlude/core";
import type { FastifyInstance } from "fastify";
import { parseXml } from "../xml.ts";
import type { ZoneConfig } from "../zones.ts";
import { type AdAnswer, type AdCalls, createAdCalls } from "./ads/ad-call.ts";
import { type CopyEvents, createCopyWatch } from "./ads/copy-watch.ts";
import { createDecorator } from "./tracking/ad-decorator.ts";
import { type AdPlaylists, createAdPlaylists, type Rewrite } from "./ads/ad-playlists.ts";
import { limitXml } from "./ads/ad-xml.ts";
import { createBreakDecider } from "./breaks/break-decision.ts";
import type { ContentLoader } from "./content/content.ts";
import { createContentLoader } from "./content/content-loader.ts";
import { readCookieHeader } from "./content/cookie-jar.ts";
import type { BreakDecision, BreakRow } from "./breaks/decision.ts";
import { createLiveBreaks } from "./breaks/live-breaks.ts";
import type { ManifestFetch, ManifestLog } from "./manifest-fetch.ts";
import type { AdServerOutcome, ManifestMetrics } from "./operations/manifest-metrics.ts";
import { createMarkerTags } from "./tracking/marker-tags.ts";
import { createMasterFacts } from "./content/master-facts.ts";
import { createMediaFlow, type MediaDeps } from "./media.ts";
import { createPodResolver, type PodResolver } from "./ads/pod-resolver.ts";
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
import type { StitchedMedia } from "./stitch-content.ts";
import { createStitchWatch, logSkipped } from "./stitch-watch.ts";
import { createAdWriter } from "./ads/written-ads.ts";
import type { ZoneManifest } from "./zone-manifest.ts";

/** What the manifest server is built on. */
export interface ManifestDeps {
  readonly store: SessionStore;
  readonly fetch: ManifestFetch;
  /** Ad tags, and where wrappers lead; {@link fetch} where it is not given. */
  readonly fetchAds?: ManifestFetch;
  readonly fetchBytes: FetchBytes;
  /** undefined: repackaging is off. */
  readonly repackage: Repackage | undefined;
  /** How far copies are; undefined: nobody waits for one. */
  readonly copies?: CopyEvents | undefined;
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
  const { store, log, now } = deps;
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
  const playlists = createAdPlaylists({ fetch: deps.fetch, now: deps.clock });
  const adCalls = createCountedAdCalls(deps);
  const decider = createBreakDecider({
    store,
    adCalls,
    resolvePod: createCountedPodResolver(deps, playlists),
    onDecided: (decision, sessionId) => {
      deps.metrics.countDecision(decision);
      logSkipped(log, sessionId, decision);
      beacons.reportSkipped(sessionId, decision, "decided");
    },
    onLate: (late, sessionId) => {
      for (const skipped of late.skipped) deps.metrics.countSkipped(skipped);
      logSkipped(log, sessionId, late);
      beacons.reportSkipped(sessionId, late, "late");
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
    decorate: ({ options: { tracking: mode }, state }, rows) =>
      createDecorator({ mode, sessionId: state.session.id, decisions: mapDecisions(rows), links, markers }),
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

function createCountedAdCalls({ fetch, fetchAds = fetch, zones, metrics, report, log, now }: ManifestDeps): AdCalls {
  return createAdCalls({
    fetch: fetchAds,
    now,
    readXml: limitXml(parseXml),
    zoneManifest: (name) => zones.find(({ zone }) => zone === name)?.manifest,
    log,
    report,
    onAnswered: (answers, ms) => {
      const isTimedOut = answers.some((answer) => answer.isTimedOut);
      metrics.countAdCall(selectAdOutcome(answers, isTimedOut), ms, isTimedOut);
    },
  });
}

function createCountedPodResolver(
  { fetch, repackage, copies, metrics, log, clock }: ManifestDeps,
  playlists: AdPlaylists,
): PodResolver["resolvePod"] {
  const probes = createProbeCache({
    fetch,
    now: clock,
    onProbe: (result) => metrics.countProbe(result, false),
    onReuse: (result) => metrics.countProbe(result, true),
  });
  const askForRepackage = createRepackageAsker({ repackage, now: clock, log });
  const watch = copies && createCopyWatch(copies);
  return createPodResolver({ probes, playlists, askForRepackage, copies: watch, onWaited: metrics.countWait })
    .resolvePod;
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
