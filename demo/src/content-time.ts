/** Seconds of the film for seconds of the stream that has ads in it, and back. Pure. */
import type { BreakSnapshot } from "@interlude/plugin/hls";

type Placed = Pick<BreakSnapshot, "state" | "contentTime" | "startTime" | "duration">;

/** During an ad: where the film goes on after it. */
export function toContentTime(streamTime: number, breaks: readonly Placed[]): number {
  let ads = 0;
  for (const { state, contentTime, startTime, duration } of breaks) {
    if (state !== "placed" || streamTime < startTime) continue;
    if (streamTime < startTime + duration) return contentTime;
    ads += duration;
  }
  return streamTime - ads;
}

/** Behind the ads that come at that second. */
export function toStreamTime(contentTime: number, breaks: readonly Placed[]): number {
  return breaks
    .filter((one) => one.state === "placed" && one.contentTime <= contentTime)
    .reduce((time, { duration }) => time + duration, contentTime);
}
