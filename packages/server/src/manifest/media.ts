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
import { entityTag } from "./conditional.ts";
import type { Content } from "./content/content.ts";
import type { MediaAnswer, MediaRequest } from "./routes.ts";
import type { SessionStore } from "./session/session.ts";
import {
  contentOf,
  type StitchDeps,
  type StitchedMedia,
  stitchLiveContent,
  stitchVodContent,
} from "./stitch-content.ts";
import type { RequestTrace } from "./trace.ts";
import { nameTrack, refuseSidecar } from "./track.ts";

/** What the flow does with the world. */
export interface MediaDeps extends StitchDeps {
  readonly store: Pick<SessionStore, "saveTrack" | "noteResumption">;
  readonly answerSidecar: (request: MediaRequest, stitched: StitchedMedia) => MediaAnswer;
  readonly onStitched: (request: MediaRequest, stitched: StitchedMedia) => void;
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
