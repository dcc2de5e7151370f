/**
 * Stitching live playlists: each refresh of one rendition, step by step, its memory handed in and out.
 *
 * A pod takes the place of the content from the avail's first segment on. Its segments are listed in step with the content's own
 * edge: each as soon as the content lists half of the time that it stands for. Content resumes at the boundary nearest to the pod's
 * end; what is left over, at most half a segment either way, goes on to the next break. So the stitched edge is never more than
 * half a segment before or behind the content's, and moves by at most one segment over any number of breaks. Where the
 * content returns early the pod ends with the ad segment that is half over by then.
 *
 * @see DESIGN §6; RFC 8216 §6.2.1, §6.2.2
 */
import { AdError } from "./error.ts";
import { type Avail, parseCues } from "./hls/cue.ts";
import { type MediaPlaylist, parseMediaPlaylist } from "./hls/media-playlist.ts";
import { formatDateOf } from "./hls/playlist-clock.ts";
import { type AvailDecision, decideAvails, endOf, findPlaced } from "./live-decide.ts";
import { adoptTimeline } from "./live-fork.ts";
import { closeLast, type SharedResumption } from "./live-resume.ts";
import { enterWindow, leaveWindow, type LiveTimeline, type LiveWindow } from "./live-timeline.ts";
import { formatLive } from "./live-window.ts";
import type { ContentPlaylist, StitchOptions, Stitched } from "./stitched.ts";

/** Where content came back after a break: give it to the other renditions as the decision's `resumption`. */
export interface ResumedBreak extends SharedResumption {
  readonly availId: string;
  readonly breakId: string;
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

const wholeAvails = new WeakMap<readonly Avail[], readonly Avail[]>();

/**
 * Stitches one refresh of a live playlist, EVENT playlists and the last refresh with its EXT-X-ENDLIST included.
 *
 * An avail without a decision is content, and stays content once its first segment has been listed: a pod that comes later is
 * refused with `ads-timeout`. `hold` ends the playlist before the avail, except where nothing would be left of it. Ads that do
 * not fit the avail by more than half a target duration are refused with `break-duration-exceeded`, ads whose segments are longer
 * than the target duration with `target-duration-exceeded`, ads that an early return leaves nothing of with `early-return`.
 * Low-latency tags are taken out where the playlist is changed. Without breaks and holds the text comes back as it is.
 *
 * @param content a text, or a playlist that is parsed already: it is never changed, and what depends on it alone is remembered
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
  const { text, targetDuration, segments } = playlist;
  if (playlist.isDelta)
    throw new AdError("playlist-malformed", "media playlist: expected a whole window, got EXT-X-SKIP");
  const avails = selectWhole(options.avails ?? parseCues(playlist));
  if (segments.length === 0) return { text, timeline, avails, breaks: [], refused: [], held: [], resumed: [] };

  const { blankSubtitleUri } = options;
  const isMarked = place.kind !== "subtitles" || options.hasSubtitleDiscontinuities !== false;
  const limits = { maxTargetDuration: targetDuration, maxDuration: Infinity };
  const target = { content: place, playlist, blankSubtitleUri, ...limits };
  const adopted = timeline.isForked ? adoptTimeline(timeline, target, (id) => endOf(decisions.get(id))?.pod) : timeline;
  const { timeline: known, window } = enterWindow(adopted, playlist);
  const open = known.breaks.at(-1)?.availId ?? "";
  const closed = closeLast(known, window, endOf(decisions.get(open)), isMarked);
  const openings = [...avails, ...findPlaced(playlist, avails, decisions)];
  const { decided, held } = decideAvails({ timeline: closed, window, decisions, target, isMarked }, openings);

  const edge = held?.mediaSequence ?? playlist.mediaSequence + segments.length;
  const formatted = formatLive({ window, timeline: decided, end: edge, content: place, isMarked, options });
  return {
    text: formatted.text,
    breaks: formatted.breaks,
    refused: decided.settled.flatMap((entry) => entry.refused),
    avails,
    held: held ? [held.id] : [],
    resumed: listResumed(decided, known, window),
    timeline: leaveWindow(rememberListed(decided, edge, formatted.listed), window, isMarked),
  };
}

/** The avails that are listed from their first segment on: as many viewers as see a playlist share one list of them. */
function selectWhole(avails: readonly Avail[]): readonly Avail[] {
  if (!avails.some(({ isPartial }) => isPartial)) return avails;
  const known = wholeAvails.get(avails);
  if (known) return known;
  const whole = avails.filter((avail) => !avail.isPartial);
  wholeAvails.set(avails, whole);
  return whole;
}

/** What is shown can no longer change: content up to the edge or up to an open break, and the open break's ads. */
function rememberListed(timeline: LiveTimeline, edge: number, listed: number): LiveTimeline {
  const { breaks, listedThrough } = timeline;
  const last = breaks.at(-1);
  const isOpen = last !== undefined && !last.resumption;
  const shownThrough = Math.max(listedThrough, (isOpen ? last.mediaSequence : edge) - 1);
  if (!isOpen) return { ...timeline, listedThrough: shownThrough };
  const open = { ...last, listed: Math.max(last.listed, listed) };
  return { ...timeline, listedThrough: shownThrough, breaks: [...breaks.slice(0, -1), open] };
}

function listResumed(
  { breaks }: LiveTimeline,
  { breaks: before }: LiveTimeline,
  { playlist }: LiveWindow,
): readonly ResumedBreak[] {
  return breaks.flatMap(({ availId, breakId, resumption }) => {
    const wasResumed = before.some((entry) => entry.availId === availId && entry.resumption);
    if (!resumption || wasResumed) return [];
    const { mediaSequence, carry } = resumption;
    return [{ availId, breakId, mediaSequence, programDateTime: formatDateOf(playlist, mediaSequence), carry }];
  });
}
