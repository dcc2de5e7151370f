/**
 * Stitching live playlists: each refresh of one rendition, step by step, its memory handed in and out.
 *
 * A pod takes the place of the content from the avail's first segment on. Its segments are listed in step with the content's own
 * edge: each as soon as the content lists half of the time that it stands for. Content resumes at the boundary nearest to the pod's
 * end; what is left over, at most half a segment either way, goes on to the next break. So the stitched edge is never more than
 * half a segment before or behind the content's, and moves by at most one segment over any number of breaks. A pod is played to
 * its end, also where the content returns early.
 *
 * @see DESIGN §6; RFC 8216 §6.2.1, §6.2.2
 */
import { AdError } from "./error.ts";
import { segmentBoundaries, snapToBoundary } from "./hls/align.ts";
import { type Avail, dateBoundaries, parseCues } from "./hls/cue.ts";
import { type MediaPlaylist, parseMediaPlaylist } from "./hls/media-playlist.ts";
import { parseProgramDateTime } from "./hls/program-date-time.ts";
import { dateSegment } from "./hls/splice.ts";
import {
  adoptTimeline,
  extendTimeline,
  findSegment,
  type LiveBreak,
  type LiveTimeline,
  offsetsAfter,
  pruneTimeline,
  TIME_ROUNDING,
} from "./live-timeline.ts";
import { formatLive } from "./live-window.ts";
import { choosePod, type PodTarget } from "./stitch-pod.ts";
import type { ContentPlaylist, Pod, StitchOptions, Stitched } from "./stitched.ts";

/**
 * What is to become of an avail. Give every rendition the same decision, and keep it: `hold` may turn into `content` or `pod`,
 * nothing else changes. `availDuration` is seconds; 0 (unknown) takes a pod of any length. With `programDateTime` (from the
 * {@link Avail}) a decision also reaches renditions that carry dates but no cues, or name the avail differently: of two decisions
 * for one place the first in the map holds.
 */
export type AvailDecision = {
  readonly programDateTime?: string | undefined;
  readonly mediaSequence?: number | undefined;
} & (
  | { readonly kind: "hold" }
  | { readonly kind: "content" }
  | {
      readonly kind: "pod";
      readonly pod: Pod;
      readonly availDuration: number;
      readonly earlyReturn?: ContentPlace | undefined;
      readonly resumption?: ContentPlace | undefined;
    }
);

/** A content segment, for renditions that have dates and for those that only have numbers. */
export interface ContentPlace {
  readonly mediaSequence: number;
  readonly programDateTime?: string | undefined;
}

/** Where content came back after a break; give it to the other renditions as `resumption`. */
export interface ResumedBreak {
  readonly availId: string;
  readonly breakId: string;
  readonly mediaSequence: number;
  readonly programDateTime: string | undefined;
}

/** How a live playlist is stitched. */
export interface LiveOptions extends StitchOptions {
  /** The avails of the playlist, where the caller has read them, in a dialect say; by default those of all cues that are known. */
  readonly avails?: readonly Avail[] | undefined;
  /** A break: players are told to start at its first segment as long as that is listed (EXT-X-START). */
  readonly startAtBreak?: string | undefined;
  /** False: no EXT-X-DISCONTINUITY around the ads of a subtitle playlist (`vttdisc`, primetime.md §1.4). */
  readonly hasSubtitleDiscontinuities?: boolean | undefined;
}

/** A stitched live playlist, the memory for the next refresh, and the avails that the content lists from their first segment on. */
export interface LiveStitched extends Stitched {
  readonly timeline: LiveTimeline;
  readonly avails: readonly Avail[];
  /** Avails before which the playlist ends now. */
  readonly held: readonly string[];
  /** Breaks after which this refresh is the first to list content again. */
  readonly resumed: readonly ResumedBreak[];
}

/**
 * Stitches one refresh of a live playlist, EVENT playlists and the last refresh with its EXT-X-ENDLIST included.
 *
 * An avail without a decision is content, and stays content once its first segment has been listed: a pod that comes later is
 * refused with `ads-timeout`. `hold` ends the playlist before the avail, except where nothing would be left of it. Ads that do
 * not fit the avail by more than half a target duration are refused with `break-duration-exceeded`, ads whose segments are longer
 * than the target duration with `target-duration-exceeded`. Low-latency tags are taken out where the playlist is changed. Without
 * breaks and holds the text comes back as it is.
 *
 * @throws AdError `playlist-malformed`, also for a delta update (EXT-X-SKIP)
 */
export function stitchLive(
  content: string | MediaPlaylist,
  place: ContentPlaylist,
  timeline: LiveTimeline,
  decisions: ReadonlyMap<string, AvailDecision>,
  options: LiveOptions = {},
): LiveStitched {
  const playlist = typeof content === "string" ? parseMediaPlaylist(content) : content;
  const { text } = playlist;
  if (playlist.isDelta)
    throw new AdError("playlist-malformed", "media playlist: expected a whole window, got EXT-X-SKIP");
  const avails = (options.avails ?? parseCues(playlist)).filter((avail) => !avail.isPartial);
  if (playlist.segments.length === 0) return { text, timeline, avails, breaks: [], refused: [], held: [], resumed: [] };

  const target = { content: place, playlist, maxTargetDuration: playlist.targetDuration, maxDuration: Infinity };
  const adopted = timeline.isForked ? adoptTimeline(timeline, target, (id) => podOf(decisions.get(id))) : timeline;
  const extended = resolveLast(extendTimeline(adopted, playlist));
  const { decided, holdAt } = decideAvails(
    extended,
    [...avails, ...findDated(playlist, avails, decisions)],
    decisions,
    target,
  );

  const end = holdAt ?? playlist.mediaSequence + playlist.segments.length;
  const { text: stitched, breaks } = formatLive(text, playlist, decided, end);
  const pending = decided.breaks.find((entry) => !entry.resumption);
  const shownThrough = Math.max(decided.listedThrough, (pending?.mediaSequence ?? end) - 1);
  return {
    text: stitched,
    breaks,
    refused: decided.settled.flatMap((entry) => entry.refused),
    avails,
    held: [],
    resumed: [],
    timeline: pruneTimeline({ ...decided, listedThrough: shownThrough }, playlist),
  };
}

/** An avail that may be decided: where it starts in this rendition. */
type Opening = Pick<Avail, "id" | "mediaSequence">;

function decideAvails(
  timeline: LiveTimeline,
  openings: readonly Opening[],
  decisions: ReadonlyMap<string, AvailDecision>,
  target: PodTarget,
): { readonly decided: LiveTimeline; readonly holdAt: number | undefined } {
  let decided = timeline;
  const rank = new Map([...decisions.keys()].map((id, index) => [id, index]));
  const rankOf = ({ id }: Opening): number => rank.get(id) ?? decisions.size;
  for (const opening of openings.toSorted((a, b) => a.mediaSequence - b.mediaSequence || rankOf(a) - rankOf(b))) {
    const decision = decisions.get(opening.id);
    const last = decided.breaks.at(-1);
    // What comes after an unfinished pod is not listed yet, so it is decided later.
    if (last && !last.resumption) break;
    if (!decision || decided.settled.some((entry) => isSame(entry, opening))) continue;
    const mediaSequence = Math.max(opening.mediaSequence, last?.resumption?.mediaSequence ?? 0);
    if (decision.kind === "hold") {
      const canHold = mediaSequence > Math.max(decided.listedThrough, target.playlist.mediaSequence);
      if (canHold) return { decided, holdAt: mediaSequence };
    } else {
      decided = settleAvail(decided, opening, mediaSequence, decision, target);
    }
  }
  return { decided, holdAt: undefined };
}

/** One avail may have two ids: renditions number their segments, and so their cues without an id, each in its own way. */
function isSame(one: Opening, other: Opening): boolean {
  return one.id === other.id || one.mediaSequence === other.mediaSequence;
}

function settleAvail(
  timeline: LiveTimeline,
  opening: Opening,
  mediaSequence: number,
  decision: Exclude<AvailDecision, { readonly kind: "hold" }>,
  target: PodTarget,
): LiveTimeline {
  const entry = { id: opening.id, mediaSequence: opening.mediaSequence };
  const segment = findSegment(timeline, mediaSequence);
  if (decision.kind === "content" || !segment) {
    return { ...timeline, settled: [...timeline.settled, { ...entry, refused: [] }] };
  }
  const { pod, availDuration } = decision;
  const { breakId } = pod;
  const reason = selectLateReason(timeline, opening, mediaSequence);
  const maxDuration = availDuration > 0 ? availDuration + target.playlist.targetDuration / 2 : Number.POSITIVE_INFINITY;
  const { ads, refused } = reason
    ? { ads: [], refused: pod.ads.map(({ adId }) => ({ breakId, adId, reason })) }
    : choosePod(pod, { ...target, maxDuration });
  const settled = [...timeline.settled, { ...entry, refused }];
  if (ads.length === 0) return { ...timeline, settled };

  const follows = timeline.breaks.at(-1)?.resumption?.mediaSequence === mediaSequence;
  const placed: LiveBreak = {
    availId: opening.id,
    breakId,
    mediaSequence,
    start: segment.start,
    date: dateSegment(target.playlist, mediaSequence - target.playlist.mediaSequence).date,
    precedingDiscontinuity: segment.discontinuity - Math.max(Number(follows), segment.discontinuities),
    ads,
    duration: ads.reduce((total, ad) => total + ad.duration, 0),
    resumption: undefined,
  };
  return resolveLast({ ...timeline, settled, breaks: [...timeline.breaks, placed] });
}

/** Why an avail can no longer take a pod: it was shown as content, or the pod before it runs more than a segment into it. */
function selectLateReason(
  timeline: LiveTimeline,
  opening: Opening,
  mediaSequence: number,
): "ads-timeout" | "break-duration-exceeded" | undefined {
  if (mediaSequence <= timeline.listedThrough) return "ads-timeout";
  return mediaSequence > opening.mediaSequence + 1 ? "break-duration-exceeded" : undefined;
}

/** Finds where content resumes after the last break: at the first segment whose middle is not before the pod's end. */
function resolveLast(timeline: LiveTimeline): LiveTimeline {
  const last = timeline.breaks.at(-1);
  if (!last || last.resumption) return timeline;
  const earlier = timeline.breaks.slice(0, -1);
  const { carry } = earlier.reduce((offsets, entry) => offsetsAfter(entry, offsets), timeline.base);
  const end = last.start + carry + last.duration;
  const from = Math.max(last.mediaSequence, timeline.firstMediaSequence);
  for (let mediaSequence = from; ; mediaSequence++) {
    const segment = findSegment(timeline, mediaSequence);
    if (!segment) return timeline;
    if (segment.start + segment.duration / 2 < end - TIME_ROUNDING) continue;
    // Only where the window has left the whole break behind unseen is more than half a segment over.
    const over = end - segment.start;
    const resumption = {
      mediaSequence,
      discontinuity: segment.discontinuity - Math.max(0, segment.discontinuities - 1),
      carry: mediaSequence === timeline.firstMediaSequence && over < -segment.duration / 2 ? 0 : over,
    };
    return { ...timeline, breaks: [...earlier, { ...last, resumption }] };
  }
}

/** Decided avails that this rendition does not signal itself, found by their date. */
function findDated(
  playlist: MediaPlaylist,
  avails: readonly Avail[],
  decisions: ReadonlyMap<string, AvailDecision>,
): readonly Opening[] {
  const dated = [...decisions].filter(
    ([id, { programDateTime }]) => programDateTime !== undefined && !avails.some((avail) => avail.id === id),
  );
  if (dated.length === 0) return [];
  const dates = dateBoundaries(playlist, segmentBoundaries(playlist.segments));
  const earliest = (dates[0] ?? 0) - (playlist.segments[0]?.duration ?? 0) / 2;
  return dated.flatMap(([id, { programDateTime }]) => {
    const date = (parseProgramDateTime(programDateTime ?? "") ?? 0) / 1000;
    const index = snapToBoundary(dates, date);
    const isListed = date >= earliest && index < playlist.segments.length && dates.length > 0;
    return isListed ? [{ id, mediaSequence: playlist.mediaSequence + index }] : [];
  });
}

function podOf(decision: AvailDecision | undefined): Pod | undefined {
  return decision?.kind === "pod" ? decision.pod : undefined;
}
