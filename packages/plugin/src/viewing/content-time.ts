/**
 * Content time and stream time: the same playhead without the inserted ads and with them.
 *
 * While an ad plays the content time stands still, at the place of its break; the stream time of that place is the first moment after
 * the ads. So a position saved in an ad goes on behind it, and a content time is given back as it came, at the edges too. Content that
 * gave way to a break counts at its end: no stream time has it.
 *
 * @see primetime.md §4.6 (local and virtual time: 1200 s with 300 s of ads are 900 s)
 */
import type { Span } from "./seeking.ts";

/** Seconds, for times that were added up. */
const ROUNDING = 0.001;

/** @param breaks in order of their start */
export function toContentTime(streamTime: number, breaks: readonly Span[]): number {
  let ads = 0;
  for (const { start, end, replaced = 0 } of breaks) {
    if (streamTime > start) ads += Math.min(streamTime, end) - start;
    if (streamTime >= end) ads -= replaced;
  }
  return streamTime - ads;
}

/** @param breaks in order of their start */
export function toStreamTime(contentTime: number, breaks: readonly Span[]): number {
  let time = contentTime;
  for (const { start, end, replaced = 0 } of breaks)
    if (time >= start - ROUNDING) time = Math.max(time + end - start - replaced, end);
  return time;
}
