/**
 * A content playlist with the session's ads in it. Live: as far as its breaks are decided, a track's numbers going on from what it has
 * shown. VOD: with each of its pods at its place.
 *
 * @see Overview of Manifest Server interactions, steps 6-8
 */
import {
  type AdDecorator,
  type Avail,
  type AvailDecision,
  type LiveTimeline,
  parseCues,
  type MediaPlaylist,
  type Pod,
  type PodAd,
  type Stitched,
  stitchLive,
  type StitchOptions,
  stitchVod,
  type SubtitleClipper,
  type TimedPod,
} from "@interlude/core";
import type { Rewrite } from "./ads/ad-playlists.ts";
import type { PodNeeds } from "./ads/pod-resolver.ts";
import { nameAvails } from "./breaks/avail-names.ts";
import type { BreakContext } from "./breaks/break-decision.ts";
import type { BreakDecision, BreakRow, DecidedAd, SkippedAd } from "./breaks/decision.ts";
import { type DecideLive, holdAvail, type LiveBreaks, toAvailDecision } from "./breaks/live-breaks.ts";
import { type DecideVod, selectReference } from "./breaks/vod-breaks.ts";
import type { Content, ContentLoader, ContentRequest } from "./content/content.ts";
import type { ReadMasterFacts } from "./content/master-facts.ts";
import type { ManifestLog } from "./manifest-fetch.ts";
import type { MediaRequest } from "./routes.ts";
import type { SessionStore } from "./session/session.ts";
import { describePlace, selectTimeline } from "./track.ts";
import type { ZoneManifest } from "./zone-manifest.ts";

/** A playlist as it goes to the viewer, with what it shows of the session's breaks. */
export interface StitchedMedia extends Stitched {
  readonly content: Content;
  readonly rows: readonly BreakRow[];
  /** undefined: VOD, or unstitched. */
  readonly timeline: LiveTimeline | undefined;
  /** Of the window, by the ids of their breaks; undefined where `timeline` is. */
  readonly avails: readonly Avail[] | undefined;
  readonly outcome: "stitched" | "content" | "passed-through";
}

/** What stitching does with the world. */
export interface StitchDeps {
  readonly store: Pick<SessionStore, "noteResumption">;
  readonly content: Pick<ContentLoader, "loadMedia">;
  readonly readMasterFacts: ReadMasterFacts;
  readonly decideLive: DecideLive;
  readonly decideVod: DecideVod;
  /** An ad with those of its renditions that can be loaded. */
  readonly loadAd: (ad: DecidedAd, request: MediaRequest) => Promise<PodAd | SkippedAd>;
  /** Where ads are fetched instead; undefined: nowhere else. */
  readonly rewriteFor: (request: MediaRequest) => Rewrite | undefined;
  /** undefined: the segments keep their addresses and get no tags. */
  readonly decorate: (request: MediaRequest, rows: readonly BreakRow[]) => AdDecorator | undefined;
  readonly clipSubtitles: (request: MediaRequest, subtitles: Content, media: Content | undefined) => SubtitleClipper;
  readonly blankSubtitleUri: (baseUrl: URL) => string;
  readonly log: ManifestLog;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface StitchContext {
  readonly request: MediaRequest;
  readonly content: Content;
  readonly track: string;
  readonly settings: ZoneManifest;
}

export async function stitchLiveContent(context: StitchContext, deps: StitchDeps): Promise<StitchedMedia> {
  const { request, content, track } = context;
  const { state, options } = request;
  const { playlist } = content;
  const breaks = await decideOrKeep(context, deps);
  const timeline = selectTimeline(state.timelines, track, playlist);
  const own = timeline.isForked ? undefined : timeline;
  const decisions = new Map<string, AvailDecision>(breaks.held.map((order) => [order.breakId, holdAvail(order)]));
  await Promise.all(
    breaks.rows.map(async (row) => {
      if (!row.decision || !concernsWindow(row, own, playlist, deps.now())) return;
      decisions.set(row.breakId, toAvailDecision(row, await loadPod(row.decision, request, deps)));
    }),
  );
  const stitched = stitchLive(playlist, describePlace(request, content), timeline, decisions, {
    ...(await selectStitchOptions(context, breaks.rows, deps)),
    avails: breaks.avails,
    startAtBreak: breaks.startAtBreak,
    hasSubtitleDiscontinuities: options.hasSubtitleDiscontinuities,
  });
  // Boundaries of other renditions may be milliseconds off: the first one that lists content again says where all do.
  for (const { breakId, mediaSequence, programDateTime, carry } of stitched.resumed) {
    if (breaks.rows.some((row) => row.breakId === breakId && row.resumption)) continue;
    const noted = deps.store.noteResumption(state.session.id, breakId, { mediaSequence, programDateTime, carry });
    // This rendition goes by its own memory: what it has listed already must not change.
    await noted.catch((err: unknown) => deps.log.warn({ err, track }, "where content resumed could not be kept"));
  }
  return { ...stitched, content, avails: breaks.avails, rows: breaks.rows, outcome: nameOutcome(stitched) };
}

/** Where no decision can be had, breaks that were shown go on, for a playlist's numbers never go back; new ones are content. */
async function decideOrKeep(context: StitchContext, deps: StitchDeps): Promise<LiveBreaks> {
  const { request, content, settings, track } = context;
  const { state, options, isShed } = request;
  const { playlist } = content;
  try {
    const described = await describeBreaks(context, deps);
    return await deps.decideLive({ playlist, options, zone: settings, context: described, isShed });
  } catch (error) {
    deps.log.warn({ err: error, session: state.session.id, track }, "no new break was decided");
    const rows = state.breaks;
    const avails = nameAvails(parseCues(playlist, options.cueFormat ?? settings.cueFormat), indexRows(rows), playlist);
    return { avails, rows, held: [], startAtBreak: undefined };
  }
}

function indexRows(rows: readonly BreakRow[]): ReadonlyMap<string, BreakRow> {
  return new Map(rows.map((row) => [row.breakId, row]));
}

/** Seconds for which a break may matter beyond its window: to a rendition that is asked for late, or an origin that lags. */
const SLACK_SECONDS = 60;

/** What a track has settled already it remembers itself: only how the break ends may still come. What is long past is over. */
function concernsWindow(
  { breakId, decision, firstListedAt, earlyReturn, resumption }: BreakRow,
  own: LiveTimeline | undefined,
  { segments, targetDuration }: MediaPlaylist,
  now: number,
): boolean {
  const placed = own?.breaks.find((entry) => entry.breakId === breakId);
  if (placed) return placed.resumption === undefined && (earlyReturn ?? resumption) !== undefined;
  if (own?.settled.some(({ id }) => id === breakId)) return false;
  const seconds = 2 * segments.length * targetDuration + (decision?.availDuration ?? 0) + SLACK_SECONDS;
  return now - firstListedAt < seconds * 1000;
}

export async function stitchVodContent(context: StitchContext, deps: StitchDeps): Promise<StitchedMedia> {
  const { request, content, settings } = context;
  const { options, isShed, trace } = request;
  const rows = await deps.decideVod({
    playlist: content.playlist,
    contentUrl: request.contentUrl.href,
    options,
    zone: settings,
    context: await describeBreaks(context, deps),
    isShed,
  });
  const pods = await Promise.all(rows.map((row) => placePod(row, request, deps)));
  const referenceUrl = selectReference(rows) ?? request.contentUrl.href;
  const reference =
    referenceUrl === request.contentUrl.href
      ? content
      : await deps.content.loadMedia(contentOf(request, new URL(referenceUrl)), trace);
  const stitched = stitchVod(content.playlist, describePlace(request, content), pods.flat(), {
    ...(await selectStitchOptions(context, rows, deps, reference)),
    reference: reference.playlist,
  });
  return { ...stitched, content, rows, timeline: undefined, avails: undefined, outcome: nameOutcome(stitched) };
}

function nameOutcome({ breaks }: Stitched): StitchedMedia["outcome"] {
  return breaks.length > 0 ? "stitched" : "content";
}

async function placePod(row: BreakRow, request: MediaRequest, deps: StitchDeps): Promise<readonly TimedPod[]> {
  const { decision } = row;
  if (decision?.place.kind !== "vod") return [];
  const { time, replaces } = decision.place;
  const isRemoval = replaces > 0 && decision.isRemoval === true;
  if (decision.ads.length === 0 && !isRemoval) return [];
  return [{ ...(await loadPod(decision, request, deps)), time, replaces }];
}

/** An ad whose playlists cannot be had keeps its place in the pod: trackers find theirs by it. */
async function loadPod({ breakId, ads }: BreakDecision, request: MediaRequest, deps: StitchDeps): Promise<Pod> {
  const loaded = await Promise.all(
    ads.map(async (ad) => {
      const pod = await deps.loadAd(ad, request);
      return "renditions" in pod ? pod : { adId: ad.adId, renditions: [] };
    }),
  );
  return { breakId, ads: loaded };
}

async function describeBreaks({ request, content, settings }: StitchContext, deps: StitchDeps): Promise<BreakContext> {
  const { state, options, zone, baseUrl, trace, kind } = request;
  const { hasMap, targetDuration } = content.playlist;
  const rewrite = deps.rewriteFor(request);
  const needs: PodNeeds = {
    zone,
    cdn: options.cdn,
    splice: { packaging: hasMap ? "cmaf" : "hls", targetDuration, isLive: kind === "live" },
    id3: options.isIosMobileWeb,
    firstEncounter: options.firstEncounter ?? settings.firstEncounter,
    baseUrl,
    ...(rewrite && { rewrite }),
  };
  const isMuxedFragments = hasMap && !(await deps.readMasterFacts(masterOf(request), trace))?.hasSoundApart;
  return {
    state,
    baseUrl,
    needs: isMuxedFragments ? undefined : needs,
    adTimeoutMs: Math.min(settings.adTimeoutMs, options.adTimeoutMs ?? settings.adTimeoutMs),
    trace,
  };
}

async function selectStitchOptions(
  { request, content }: StitchContext,
  rows: readonly BreakRow[],
  deps: StitchDeps,
  reference?: Content,
): Promise<StitchOptions> {
  if (request.slot !== "webvtt") return { decorate: deps.decorate(request, rows) };
  const media = reference && reference !== content ? reference : await loadPictures(request, deps);
  return {
    clipSubtitle: deps.clipSubtitles(request, content, media),
    blankSubtitleUri: deps.blankSubtitleUri(request.baseUrl),
  };
}

/** The first variant's playlist; undefined where it cannot be had. */
async function loadPictures(request: MediaRequest, { content, readMasterFacts, log }: StitchDeps) {
  const { trace } = request;
  const url = (await readMasterFacts(masterOf(request), trace))?.picturesUrl;
  if (url === undefined) return undefined;
  return content.loadMedia(contentOf(request, url), trace).catch((err: unknown) => {
    log.warn({ err, session: request.state.session.id }, "subtitles: the pictures' playlist could not be had");
    return undefined;
  });
}

function masterOf(request: MediaRequest): ContentRequest {
  return contentOf(request, new URL(request.state.session.contentUrl));
}

/** @param url the asked playlist's where it is left out */
export function contentOf({ state, options, contentUrl }: MediaRequest, url: URL = contentUrl): ContentRequest {
  return { url, session: state.session, cookies: state.cookies, options };
}
