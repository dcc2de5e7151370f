/**
 * EXT-X-START: where players begin.
 *
 * @see RFC 8216 §4.3.5.2
 */
import { parseAttributeList, replaceAttribute } from "./attribute-list.ts";
import type { MediaPlaylist } from "./media-playlist.ts";

/** Its name. */
export const START_TAG = "EXT-X-START";

/** The tag as written: its attribute list, and TIME-OFFSET in seconds, negative from the end of the playlist. */
export interface StartTag {
  readonly attributes: string;
  readonly timeOffset: number;
}

/** `undefined` where the playlist has none that can be read. */
export function readStartTag({ text, tags }: MediaPlaylist): StartTag | undefined {
  const line = tags.get(START_TAG);
  if (!line) return undefined;
  const attributes = text.slice(line.start + START_TAG.length + 2, line.end).trim();
  const timeOffset = Number.parseFloat(parseAttributeList(attributes).get("TIME-OFFSET") ?? "");
  return Number.isFinite(timeOffset) ? { attributes, timeOffset } : undefined;
}

/** The attribute list with another offset. */
export function moveStartTag({ attributes }: StartTag, timeOffset: number): string {
  return replaceAttribute(attributes, "TIME-OFFSET", String(Number(timeOffset.toFixed(3))));
}

/**
 * The attribute list that starts players at `time` (seconds, 0 or more, from the first segment). Counted from the beginning, because
 * live players read a negative offset each in its own way: hls.js 1.7 counts the sliding of the window twice, Shaka Player 5.2 starts
 * at the oldest segment, and VHS takes its live delay into account only in recent versions.
 */
export function formatStartTag(time: number): string {
  return `TIME-OFFSET=${Number(Math.max(0, time).toFixed(3))},PRECISE=YES`;
}
