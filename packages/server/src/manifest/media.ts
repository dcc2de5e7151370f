/**
 * One media playlist for one viewer: the content's, with the session's ads in it.
 *
 *   content playlist     → parsed once per refresh, for all viewers
 *   its breaks           → decided once per session, written down before they are shown
 *   the decided ads      → their renditions' playlists, from a cache
 *   stitched             → sent, with tracking as the session asked for it
 *   anything fails there → the content as it is: no ad failure ever costs content
 *
 * @see Overview of Manifest Server interactions, steps 6-8; primetime.md §1.1
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
import { nameAvails } from "./breaks/avail-names.ts";
import type { BreakContext } from "./breaks/break-decision.ts";
import { entityTag } from "./conditional.ts";
import type { Content, ContentLoader, ContentRequest } from "./content/content.ts";
import type { BreakDecision, BreakRow, DecidedAd, SkippedAd } from "./breaks/decision.ts";
import { type DecideLive, holdAvail, type LiveBreaks, toAvailDecision } from "./breaks/live-breaks.ts";
import type { ManifestLog } from "./manifest-fetch.ts";
import type { ReadMasterFacts } from "./content/master-facts.ts";
import type { PodNeeds } from "./ads/pod-resolver.ts";
import type { MediaAnswer, MediaRequest } from "./routes.ts";
import type { SessionStore } from "./session/session.ts";
import type { RequestTrace } from "./trace.ts";
import { describePlace, nameTrack, refuseSidecar, selectTimeline } from "./track.ts";
import { type DecideVod, selectReference } from "./breaks/vod-breaks.ts";
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

/** What the flow does with the world. */
export interface MediaDeps {
  readonly store: Pick<SessionStore, "saveTrack" | "noteResumption">;
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
  readonly answerSidecar: (request: MediaRequest, stitched: StitchedMedia) => MediaAnswer;
  readonly onStitched: (request: MediaRequest, stitched: StitchedMedia) => void;
  readonly log: ManifestLog;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";

/**
 * The answer to one request for a media playlist, or for its sidecar.
 *
 * @throws HttpError, AdError where the content itself cannot be had; nothing else is an exception
 */
export function createMediaFlow(deps: MediaDeps): (request: MediaRequest) => Promise<MediaAnswer> {
  return async (request) => {
    const { state, trace } = request;
    const track = nameTrack(request);
    if (request.wantsSidecar) {
      const refused = refuseSidecar(state.tracks, track);
      if (refused !== undefined) return refused;
    }
    const content = await deps.content.loadMedia(contentOf(request), trace);
    const stitched = await stitchOrPass(request, content, track, deps);
    if (request.wantsSidecar) return deps.answerSidecar(request, stitched);
    await rememberTrack(request, stitched, track, deps);
    return answerPlaylist(request, stitched);
  };
}

/** Written before the playlist is sent; a database that is away costs no content. */
async function rememberTrack(
  { state }: MediaRequest,
  { timeline, outcome }: StitchedMedia,
  track: string,
  { store, log }: MediaDeps,
): Promise<void> {
  if (outcome === "passed-through") return;
  try {
    await store.saveTrack(state.session.id, track, timeline);
  } catch (error) {
    log.warn({ err: error, session: state.session.id, track }, "what a playlist has shown could not be kept");
  }
}

async function stitchOrPass(
  request: MediaRequest,
  content: Content,
  track: string,
  deps: MediaDeps,
): Promise<StitchedMedia> {
  const { trace, zone } = request;
  const untouched = {
    content,
    text: content.playlist.text,
    breaks: [],
    refused: [],
    rows: [],
    timeline: undefined,
    avails: undefined,
    outcome: "content",
  } as const;
  if (zone.manifest === undefined) return untouched;
  if (request.isDetached) return { ...untouched, outcome: "passed-through" };
  try {
    const context = { request, content, track, settings: zone.manifest };
    const stitched = await (request.kind === "live"
      ? stitchLiveContent(context, deps)
      : stitchVodContent(context, deps));
    countBreaks(stitched, trace);
    deps.onStitched(request, stitched);
    return stitched;
  } catch (error) {
    deps.log.warn({ err: error, session: request.state.session.id, track }, "passed through without ads");
    return { ...untouched, outcome: "passed-through" };
  }
}

interface StitchContext {
  readonly request: MediaRequest;
  readonly content: Content;
  readonly track: string;
  readonly settings: ZoneManifest;
}

async function stitchLiveContent(context: StitchContext, deps: MediaDeps): Promise<StitchedMedia> {
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
async function decideOrKeep(context: StitchContext, deps: MediaDeps): Promise<LiveBreaks> {
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

async function stitchVodContent(context: StitchContext, deps: MediaDeps): Promise<StitchedMedia> {
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

function countBreaks({ breaks, rows }: StitchedMedia, trace: RequestTrace): void {
  trace.breaks = breaks.length;
  for (const { breakId, duration, ads } of breaks) {
    const position = rows.find((row) => row.breakId === breakId)?.decision?.position;
    trace.breakSeconds += duration;
    trace.insertedAds += ads.length;
    trace.isActivePreRoll ||= position === "pre";
    trace.isActiveMidRoll ||= position === "mid";
  }
}

function nameOutcome({ breaks }: Stitched): StitchedMedia["outcome"] {
  return breaks.length > 0 ? "stitched" : "content";
}

async function placePod(row: BreakRow, request: MediaRequest, deps: MediaDeps): Promise<readonly TimedPod[]> {
  const { decision } = row;
  if (decision?.place.kind !== "vod") return [];
  const { time, replaces } = decision.place;
  const isRemoval = replaces > 0 && decision.isRemoval === true;
  if (decision.ads.length === 0 && !isRemoval) return [];
  return [{ ...(await loadPod(decision, request, deps)), time, replaces }];
}

/** An ad whose playlists cannot be had keeps its place in the pod: trackers find theirs by it. */
async function loadPod({ breakId, ads }: BreakDecision, request: MediaRequest, deps: MediaDeps): Promise<Pod> {
  const loaded = await Promise.all(
    ads.map(async (ad) => {
      const pod = await deps.loadAd(ad, request);
      return "renditions" in pod ? pod : { adId: ad.adId, renditions: [] };
    }),
  );
  return { breakId, ads: loaded };
}

async function describeBreaks({ request, content, settings }: StitchContext, deps: MediaDeps): Promise<BreakContext> {
  const { state, options, zone, baseUrl, trace, kind } = request;
  const { hasMap, targetDuration } = content.playlist;
  const rewrite = deps.rewriteFor(request);
  const needs: PodNeeds = {
    zone,
    cdn: options.cdn,
    splice: { packaging: hasMap ? "cmaf" : "hls", targetDuration, isLive: kind === "live" },
    id3: options.isIosMobileWeb,
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
  deps: MediaDeps,
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
async function loadPictures(request: MediaRequest, { content, readMasterFacts, log }: MediaDeps) {
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

function contentOf({ state, options, contentUrl }: MediaRequest, url: URL = contentUrl): ContentRequest {
  return { url, session: state.session, cookies: state.cookies, options };
}

function answerPlaylist({ options, kind }: MediaRequest, { text, content, outcome }: StitchedMedia): MediaAnswer {
  const body = options.hasDiscontinuitySequence ? withDiscontinuitySequence(text) : text;
  const isFinal = kind === "vod" && !content.isLive;
  const headers: Record<string, string> = { "cache-control": isFinal ? "private, no-cache" : "no-store" };
  if (isFinal) headers["etag"] = entityTag(body);
  return { status: 200, headers, contentType: PLAYLIST_TYPE, body, outcome };
}

/** `pttagds`: the tag stands before the content of every playlist. */
function withDiscontinuitySequence(text: string): string {
  if (text.includes("#EXT-X-DISCONTINUITY-SEQUENCE:")) return text;
  return text.replace(/^(#EXTM3U[^\n]*\n)/, "$1#EXT-X-DISCONTINUITY-SEQUENCE:0\n");
}
