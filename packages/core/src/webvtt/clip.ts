/**
 * Subtitles at a break: the part of a WebVTT segment that is shown on one side of it. A cue that spans the break is cut in two, so
 * that it is shown before and again after: a cue of 10 s that a break of 30 s cuts at 5 s is shown 5 s on each side.
 *
 * Cues stay on the media's clock. Players place them by the discontinuity that the segment is listed in, as they place the pictures:
 * the time of the ads is added by them.
 *
 * @see primetime.md §1.11; docs/decisions/0014-subtitles-at-a-break.md
 */
import { formatCueTime } from "./cue-time.ts";
import type { WebVtt, WebVttCue } from "./webvtt.ts";

/** Milliseconds on the clock of the cues, whole or not; `fromMs` belongs to it, `toMs` does not. */
export interface CueWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** PTS counts 33 bits of ticks of 90 kHz and begins again. */
const PTS_CYCLE_MS = 2 ** 33 / 90;

/**
 * The text with the cues of one window. All that is no cue stays, as do identifiers, settings and the order; cues inside the window
 * are not touched, and where all are inside the text is the same.
 */
export function clipWebVtt(vtt: WebVtt, window: CueWindow): string {
  const { text } = vtt;
  // Whole milliseconds: both sides of a cut then show the same one.
  const [fromMs, toMs] = [Math.round(window.fromMs), Math.round(window.toMs)];
  const out: string[] = [];
  let written = 0;
  for (const { start, end, timing } of vtt.cues) {
    if (timing === undefined || !isShown(timing.from.ms, timing.to.ms, fromMs, toMs)) {
      out.push(text.slice(written, start));
      written = end;
      continue;
    }
    if (timing.from.ms < fromMs) {
      out.push(text.slice(written, timing.from.start), formatCueTime(fromMs));
      written = timing.from.end;
    }
    if (timing.to.ms > toMs) {
      out.push(text.slice(written, timing.to.start), formatCueTime(toMs));
      written = timing.to.end;
    }
  }
  out.push(text.slice(written));
  return out.join("");
}

/** A cue that does not last has one moment, its start. */
function isShown(startMs: number, endMs: number, fromMs: number, toMs: number): boolean {
  return startMs < toMs && (endMs > startMs ? endMs > fromMs : startMs >= fromMs);
}

/**
 * Where on the clock of the cues the media's clock reads `pts` (seconds), in milliseconds. Of the many times that a clock of 33
 * bits reads the same, the one nearest to the first cue. undefined where X-TIMESTAMP-MAP cannot be read.
 */
export function cueTimeAtPts(vtt: WebVtt, pts: number): number | undefined {
  if (vtt.timestampMap === undefined) return undefined;
  const { mpegTs, localMs } = vtt.timestampMap;
  const time = localMs + pts * 1000 - mpegTs / 90;
  const near = firstTiming(vtt.cues)?.from.ms ?? time;
  return time + Math.round((near - time) / PTS_CYCLE_MS) * PTS_CYCLE_MS;
}

/**
 * Where on the clock of the cues the programme is at `time` (seconds from its start), if the clock of the cues shows the time of
 * the programme, as it does in nearly all VOD. undefined where it does not: some cue lies outside of the segment of `duration`
 * seconds that starts there.
 */
export function cueTimeAtProgramme(vtt: WebVtt, time: number, duration: number): number | undefined {
  if (vtt.timestampMap === undefined) return undefined;
  const startMs = vtt.timestampMap.localMs + time * 1000;
  const isInside = ({ timing }: WebVttCue): boolean =>
    timing === undefined ||
    isShown(timing.from.ms, timing.to.ms, startMs - TOLERANCE_MS, startMs + duration * 1000 + TOLERANCE_MS);
  return vtt.cues.every(isInside) ? startMs : undefined;
}

/** Content of TS often starts at a PTS of 1.4 s (ffmpeg) or 10 s (Apple), which no cue knows of. */
const TOLERANCE_MS = 11_000;

function firstTiming(cues: readonly WebVttCue[]): WebVttCue["timing"] {
  return cues.find(({ timing }) => timing !== undefined)?.timing;
}
