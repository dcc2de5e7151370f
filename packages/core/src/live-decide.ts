/**
 * What becomes of the avails of a live playlist, in order: content, a pod in their place, or for now nothing from there on.
 */
import type { Avail } from "./hls/cue.ts";
import type { MediaPlaylist } from "./hls/media-playlist.ts";
import { type ContentPlace, locateSegment } from "./hls/playlist-clock.ts";
import { dateSegment } from "./hls/splice.ts";
import { type BreakEnd, closeLast, type SharedResumption } from "./live-resume.ts";
import { findSegment, type LiveBreak, type LiveTimeline, type LiveWindow } from "./live-timeline.ts";
import { choosePod, type PodTarget } from "./stitch-pod.ts";
import type { Pod } from "./stitched.ts";

/**
 * What is to become of an avail. Give every rendition the same decision, and keep it: `hold` may turn into `content` or `pod`, a
 * pod may get its early return and its resumption, nothing else changes.
 *
 * `mediaSequence` and `programDateTime` of the first segment carry a decision to renditions without the cue, or that name the avail
 * differently, and place a break that no cue signals: by date where decision and playlist have one, else by number. Of two
 * decisions for one place the first in the map holds.
 */
export type AvailDecision = Partial<ContentPlace> &
  ({ readonly kind: "hold" } | { readonly kind: "content" } | PodDecision);

/** A pod in place of the content. */
export interface PodDecision {
  readonly kind: "pod";
  readonly pod: Pod;
  /** Seconds; 0 (unknown) takes a pod of any length. */
  readonly availDuration: number;
  /** Where the content signalled its return, before the pod's end: ad segments whose middle lies after it are dropped. */
  readonly earlyReturn?: ContentPlace | undefined;
  /** Where the first rendition that found it resumed: it then holds for all, but where this one is more than a segment away from it. */
  readonly resumption?: SharedResumption | undefined;
}

/** An avail that may be decided: where it starts in this rendition. */
export type Opening = Pick<Avail, "id" | "mediaSequence">;

/** A window in which avails are decided. */
export interface DecidedWindow {
  readonly timeline: LiveTimeline;
  readonly window: LiveWindow;
  readonly decisions: ReadonlyMap<string, AvailDecision>;
  readonly target: PodTarget;
  readonly isMarked: boolean;
}

/** Decides the openings that are listed; `held` is the one before which the playlist ends. */
export function decideAvails(
  decided: DecidedWindow,
  openings: readonly Opening[],
): { readonly decided: LiveTimeline; readonly held: Opening | undefined } {
  const { window, decisions } = decided;
  let { timeline } = decided;
  if (openings.length === 0 || decisions.size === 0) return { decided: timeline, held: undefined };
  const rank = new Map([...decisions.keys()].map((id, index) => [id, index]));
  const rankOf = ({ id }: Opening): number => rank.get(id) ?? decisions.size;
  for (const opening of openings.toSorted((a, b) => a.mediaSequence - b.mediaSequence || rankOf(a) - rankOf(b))) {
    const decision = decisions.get(opening.id);
    const last = timeline.breaks.at(-1);
    // What comes after an unfinished pod is not listed yet, so it is decided later.
    if (last && !last.resumption) break;
    if (!decision || timeline.settled.some((entry) => isSame(entry, opening))) continue;
    const mediaSequence = Math.max(opening.mediaSequence, last?.resumption?.mediaSequence ?? 0);
    if (decision.kind !== "hold") {
      timeline = settleAvail({ ...decided, timeline }, opening, mediaSequence, decision);
    } else if (mediaSequence > Math.max(timeline.listedThrough, window.mediaSequence)) {
      return { decided: timeline, held: { id: opening.id, mediaSequence } };
    }
  }
  return { decided: timeline, held: undefined };
}

/** One avail may have two ids: renditions number their segments, and so their cues without an id, each in its own way. */
function isSame(one: Opening, other: Opening): boolean {
  return one.id === other.id || one.mediaSequence === other.mediaSequence;
}

function settleAvail(
  { timeline, window, target, isMarked }: DecidedWindow,
  opening: Opening,
  mediaSequence: number,
  decision: Exclude<AvailDecision, { readonly kind: "hold" }>,
): LiveTimeline {
  const entry = { id: opening.id, mediaSequence: opening.mediaSequence };
  const isListed = findSegment(window, mediaSequence) !== undefined;
  if (decision.kind === "content" || !isListed) {
    return { ...timeline, settled: [...timeline.settled, { ...entry, refused: [] }] };
  }
  const { pod, availDuration } = decision;
  const { breakId } = pod;
  const reason = selectLateReason(timeline, opening, mediaSequence);
  const maxDuration = availDuration > 0 ? availDuration + target.playlist.targetDuration / 2 : Number.POSITIVE_INFINITY;
  const { ads, refused } = reason
    ? { ads: [], refused: pod.ads.map(({ adId }, index) => ({ breakId, adId, index, reason })) }
    : choosePod(pod, { ...target, maxDuration });
  const settled = [...timeline.settled, { ...entry, refused }];
  if (ads.length === 0) return { ...timeline, settled };

  const placed = openBreak(timeline, window, { availId: opening.id, breakId, mediaSequence, ads });
  const opened = { ...timeline, settled, breaks: [...timeline.breaks, placed] };
  return closeLast(opened, window, endOf(decision), isMarked);
}

function openBreak(
  timeline: LiveTimeline,
  window: LiveWindow,
  entry: Pick<LiveBreak, "availId" | "breakId" | "mediaSequence" | "ads">,
): LiveBreak {
  const { mediaSequence, ads } = entry;
  const segment = findSegment(window, mediaSequence);
  return {
    ...entry,
    start: segment?.start ?? 0,
    date: dateSegment(window.playlist, mediaSequence - window.mediaSequence).date,
    discontinuity: segment?.discontinuity ?? 0,
    discontinuities: segment?.discontinuities ?? 0,
    follows: timeline.breaks.at(-1)?.resumption?.mediaSequence === mediaSequence,
    clips: mediaSequence - 1 > timeline.listedThrough,
    kept: undefined,
    listed: 0,
    duration: ads.reduce((total, ad) => total + ad.duration, 0),
    resumption: undefined,
  };
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

/** Decided avails that this rendition does not signal itself, found by their date or number. */
export function findPlaced(
  playlist: MediaPlaylist,
  avails: readonly Avail[],
  decisions: ReadonlyMap<string, AvailDecision>,
): readonly Opening[] {
  const found: Opening[] = [];
  for (const [id, decision] of decisions) {
    if (avails.some((avail) => avail.id === id)) continue;
    const mediaSequence = locateSegment(playlist, decision) ?? -1;
    const index = mediaSequence - playlist.mediaSequence;
    if (index >= 0 && index < playlist.segments.length) found.push({ id, mediaSequence });
  }
  return found;
}

/** What a decision says of the end of its break. */
export function endOf(decision: AvailDecision | undefined): BreakEnd | undefined {
  return decision?.kind === "pod" ? decision : undefined;
}
