/** What the server wrote: the lines of a stitched media playlist around its breaks. Pure. */
import { formatAddress } from "../format.ts";

export interface PlaylistLine {
  /** `head`: of the whole playlist; `gap`: so many segments are left out. */
  readonly kind: "ad" | "content" | "head" | "gap";
  readonly text: string;
  /** Of ad lines. */
  readonly breakId: string | undefined;
}

/** Seconds of the playlist that are ads. */
export interface AdRange {
  readonly breakId: string;
  readonly startTime: number;
  readonly duration: number;
}

/** A segment with the tags before it. */
interface Entry {
  readonly lines: readonly string[];
  readonly breakId: string | undefined;
}

/** Segments of content that are shown before and after each break. */
const CONTEXT = 1;
const HEAD =
  /^#(?:EXTM3U|EXT-X-(?:VERSION|TARGETDURATION|MEDIA-SEQUENCE|DISCONTINUITY-SEQUENCE|PLAYLIST-TYPE|START)\b)/;

/**
 * @param start seconds of the first segment, on the timeline of the ranges
 * @param origin of the page, which is left out of addresses
 */
export function describePlaylist(
  text: string,
  ranges: readonly AdRange[],
  start: number,
  origin: string,
): readonly PlaylistLine[] {
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  const head = lines.filter((line) => HEAD.test(line));
  const rest = lines.filter((line) => !HEAD.test(line));
  const end = rest.findLastIndex((line) => !line.startsWith("#")) + 1;
  const entries = groupSegments(rest.slice(0, end), ranges, start);
  const shown = entries.map((_, index) =>
    entries.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some((near) => near.breakId !== undefined),
  );
  if (!shown.includes(true)) shown.fill(true, 0, 2);
  const body = entries.flatMap((entry, index): readonly PlaylistLine[] => {
    if (shown[index]) return formatEntry(entry, origin);
    if (index > 0 && !shown[index - 1]) return [];
    const next = shown.indexOf(true, index);
    const left = (next === -1 ? entries.length : next) - index;
    return [{ kind: "gap", text: `… ${left} segment${left === 1 ? "" : "s"} of content`, breakId: undefined }];
  });
  const format = (line: string): PlaylistLine => ({ kind: "head", text: line, breakId: undefined });
  return [...head.map(format), ...body, ...rest.slice(end).map(format)];
}

function groupSegments(lines: readonly string[], ranges: readonly AdRange[], start: number): readonly Entry[] {
  const entries: Entry[] = [];
  let pending: string[] = [];
  let time = start;
  let duration = 0;
  for (const line of lines) {
    pending.push(line);
    const found = /^#EXTINF:\s*([\d.]+)/.exec(line)?.[1];
    if (found !== undefined) duration = Number(found);
    if (line.startsWith("#")) continue;
    const middle = time + duration / 2;
    const range = ranges.find((one) => one.startTime <= middle && middle < one.startTime + one.duration);
    entries.push({ lines: pending, breakId: range?.breakId });
    time += duration;
    pending = [];
  }
  return entries;
}

function formatEntry({ lines, breakId }: Entry, origin: string): readonly PlaylistLine[] {
  const kind = breakId === undefined ? "content" : "ad";
  return lines.map((line) => ({ kind, text: line.startsWith("#") ? line : formatAddress(line, origin), breakId }));
}
