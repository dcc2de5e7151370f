/**
 * Where playback begins. The playlist itself tells the player, so that no frame of another place is shown or loaded; players that do
 * not read EXT-X-START are taken there with the first frame.
 *
 *   a pre-roll that plays     → the pre-roll; behind it, the resume position
 *   a pre-roll that does not  → the resume position, or the first frame behind the pre-roll
 *
 * @see RFC 8216 §4.3.5.2 (EXT-X-START); primetime.md §4.6 (positions are saved and restored in local time)
 */
import { EDGE, EDGE_OUT, passBreaks, type Spot } from "./seeking.ts";

export interface StartFacts {
  /** In order of their start. */
  readonly spots: readonly Spot[];
  /** Seconds of content. */
  readonly startContentTime: number;
  readonly contentDuration: number | undefined;
  readonly canPlay: (spot: Spot) => boolean;
  readonly toStreamTime: (contentTime: number) => number;
}

/** Seconds: whoever has seen the content to here begins anew. */
const AT_END = 1;

/** Where the player is to begin, seconds of stream time. */
export function selectStart(facts: StartFacts): number {
  const { target, admitted } = passBreaks(0, facts.spots, facts.canPlay);
  const contentTime = selectResume(facts);
  if (admitted === undefined && contentTime !== undefined) {
    const time = facts.toStreamTime(contentTime);
    return facts.spots.some(({ end }) => Math.abs(end - time) < EDGE) ? time + EDGE_OUT : time;
  }
  return admitted !== undefined && target <= EDGE ? 0 : target;
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

/** A playlist that begins at a time, whatever it said before; 0 leaves it as it is. */
export function writeStart(text: string, time: number): string {
  if (time <= 0) return text;
  return text
    .replace(START, "")
    .replace(/^(\uFEFF?#EXTM3U[^\r\n]*)(\r?\n)/, `$1$2#EXT-X-START:TIME-OFFSET=${time.toFixed(3)},PRECISE=YES$2`);
}
