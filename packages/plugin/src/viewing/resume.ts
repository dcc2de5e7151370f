/**
 * Where playback begins. The playlist itself tells the player, so that no frame of another place is shown or loaded; players that do
 * not read EXT-X-START are taken there with the first frame, as is hls.js where the master playlist has one, which goes before all else.
 *
 *   a pre-roll that plays     → the pre-roll; behind it, the resume position, else where the content's own EXT-X-START wants to begin
 *   a pre-roll that does not  → the resume position, the content's own EXT-X-START, or the first frame behind the pre-roll
 *
 * @see RFC 8216 §4.3.5.2 (EXT-X-START); primetime.md §4.6 (positions are saved and restored in local time)
 */
import type { Stitched } from "@interlude/core";
import { readStartOffset } from "../content/start-offset.ts";
import { toContentTime, toStreamTime } from "./content-time.ts";
import { EDGE, EDGE_OUT, passBreaks, type Spot } from "./seeking.ts";
import { describeSpans, describeSpots, LISTED, type SpotFacts } from "./spots.ts";
import type { StartGoal } from "./turns.ts";

export interface StartFacts {
  /** In order of their start. */
  readonly spots: readonly Spot[];
  /** Seconds of content. */
  readonly startContentTime: number;
  readonly contentDuration: number | undefined;
  readonly canPlay: (spot: Spot) => boolean;
  readonly toStreamTime: (contentTime: number) => number;
  /** Whether the playlist has an EXT-X-START of its own. */
  readonly hasOwn: boolean;
}

/** Seconds: whoever has seen the content to here begins anew. */
const AT_END = 1;

/** Where the player is to begin, seconds of stream time; undefined: where it begins of itself. */
export function selectStart(facts: StartFacts): number | undefined {
  const { target, admitted } = passBreaks(0, facts.spots, facts.canPlay);
  if (admitted !== undefined) return target <= EDGE ? 0 : target;
  const contentTime = selectResume(facts);
  if (contentTime === undefined) return target > 0 && !facts.hasOwn ? target : undefined;
  const time = facts.toStreamTime(contentTime);
  return facts.spots.some(({ end }) => Math.abs(end - time) < EDGE) ? time + EDGE_OUT : time;
}

/** The content time at which a viewer goes on; undefined: from the start. */
export function selectResume({
  startContentTime,
  contentDuration,
}: Pick<StartFacts, "startContentTime" | "contentDuration">): number | undefined {
  const isOver = contentDuration !== undefined && startContentTime > contentDuration - AT_END;
  return isOver || startContentTime === 0 ? undefined : startContentTime;
}

const START = /^#EXT-X-START:.*(?:\r?\n|$)/gm;

/** A playlist that begins at a time, whatever it said before. */
export function writeStart(text: string, time: number): string {
  const bare = text.replace(START, "");
  if (time <= 0) return bare;
  return bare.replace(
    /^(\uFEFF?#EXTM3U[^\r\n]*)(\r?\n)/,
    `$1$2#EXT-X-START:TIME-OFFSET=${time.toFixed(3)},PRECISE=YES$2`,
  );
}

export interface PlaybackStartDeps extends SpotFacts {
  readonly settings: { readonly startContentTime: number };
  readonly contentDuration: () => number | undefined;
  readonly canPlay: (spot: Spot) => boolean;
}

export interface PlaybackStart {
  readonly readMaster: (text: string) => void;
  /** Of the master playlist: seconds from its begin, for a playlist of a duration; undefined where it says nothing. */
  readonly masterStart: (duration: number | undefined) => number | undefined;
  /**
   * The playlist with the place where playback begins; the identical text where that is its own, and in live content, whose pre-roll
   * stands where playback begins.
   */
  readonly write: (stitched: Stitched, isMain: boolean) => string;
  /** Undefined: nothing is to be done at the first frame. */
  readonly goal: () => StartGoal | undefined;
}

/** Where one content begins. */
export function createPlaybackStart(deps: PlaybackStartDeps): PlaybackStart {
  const { settings, contentDuration, canPlay, isLive } = deps;
  let master: number | undefined;
  /** Content time at which the content itself wants to begin, and stream time at which the player then does. */
  let own: number | undefined;
  let begun: number | undefined;
  const fromBegin = (offset: number | undefined, duration: number | undefined): number | undefined =>
    offset !== undefined && offset < 0 ? duration && Math.max(0, duration + offset) : offset;
  const masterStart = (duration: number | undefined): number | undefined => fromBegin(master, duration);
  return {
    readMaster: (text) => {
      master = readStartOffset(text);
    },
    masterStart,
    goal: () => {
      if (isLive()) return undefined;
      const wanted = selectResume({ ...settings, contentDuration: contentDuration() });
      const contentTime = wanted ?? own;
      return contentTime ? { contentTime, isOwn: wanted === undefined, begun } : undefined;
    },
    write: ({ text, breaks }, isMain) => {
      if (isLive()) return text;
      const spans = describeSpans(breaks, LISTED);
      const duration = contentDuration();
      const listed = duration && toStreamTime(duration, spans);
      const offset = readStartOffset(text);
      if (isMain) {
        const marked = fromBegin(offset, listed);
        begun = masterStart(listed);
        own = masterStart(duration) ?? (marked && toContentTime(marked, spans));
      }
      const start = selectStart({
        ...settings,
        contentDuration: duration,
        spots: describeSpots(breaks, LISTED, deps),
        canPlay,
        toStreamTime: (time) => toStreamTime(time, spans),
        hasOwn: (offset ?? master) !== undefined,
      });
      return start === undefined || (start > 0 && !isMain) ? text : writeStart(text, start);
    },
  };
}
