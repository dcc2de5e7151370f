/**
 * Reads the picture on screen, frame by frame. Every film of the demo carries a strip of 24 blocks at its bottom edge: white,
 * black, four bits of source id, sixteen bits of frame number, parity, white (demo/media.ts draws it).
 */
import type { Page } from "@playwright/test";

/** One frame as it was presented. */
export interface ShownFrame {
  /** Which film; undefined where the strip could not be read. */
  readonly source: number | undefined;
  /** The number burnt into the frame. */
  readonly frame: number;
  /** Media time of the frame, seconds. */
  readonly mediaTime: number;
  /** When it was due on screen, milliseconds of the page's clock. */
  readonly displayTime: number;
  /** Count of frames submitted for composition so far: a jump of two with one callback is a missed callback, not a missed frame. */
  readonly presentedFrames: number;
}

declare global {
  interface Window {
    interludeFrames?: ShownFrame[];
  }
}

/** Starts to record every presented frame of the page's only video; earlier records are dropped. */
export async function recordFrames(page: Page): Promise<void> {
  await page.evaluate(() => {
    const video = document.querySelector("video");
    const canvas = document.createElement("canvas");
    canvas.width = 240;
    canvas.height = 1;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!video || !context) throw new Error("expected a page with a video and a 2D canvas");
    const frames: ShownFrame[] = [];
    const isRunning = window.interludeFrames !== undefined;
    window.interludeFrames = frames;
    if (isRunning) return;

    const readStrip = (): Pick<ShownFrame, "source" | "frame"> => {
      const top = video.videoHeight * (1 - 8 / 360);
      context.drawImage(video, 0, top, video.videoWidth, 1, 0, 0, canvas.width, 1);
      const pixels = context.getImageData(0, 0, canvas.width, 1).data;
      const bits = Array.from({ length: 24 }, (_, block) => ((pixels[(block * 10 + 5) * 4 + 1] ?? 0) > 127 ? 1 : 0));
      const number = (from: number, to: number): number =>
        bits.slice(from, to).reduce<number>((sum, bit) => sum * 2 + bit, 0);
      const parity = bits.slice(2, 22).reduce<number>((sum, bit) => sum ^ bit, 0);
      const isStrip = bits[0] === 1 && bits[1] === 0 && bits[23] === 1 && bits[22] === parity;
      return { source: isStrip ? number(2, 6) : undefined, frame: number(6, 22) };
    };
    const onFrame: VideoFrameRequestCallback = (_now, metadata) => {
      window.interludeFrames?.push({
        ...readStrip(),
        mediaTime: metadata.mediaTime,
        displayTime: metadata.expectedDisplayTime,
        presentedFrames: metadata.presentedFrames,
      });
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
  });
}

/** Everything presented since {@link recordFrames}. */
export async function shownFrames(page: Page): Promise<readonly ShownFrame[]> {
  return page.evaluate(() => window.interludeFrames ?? []);
}

/** A run of frames from one film, in order of presentation. */
export interface Run {
  readonly source: number;
  readonly frames: readonly ShownFrame[];
}

/** Frames grouped by film; frames whose strip could not be read are left out. */
export function groupRuns(frames: readonly ShownFrame[]): readonly Run[] {
  const runs: { source: number; frames: ShownFrame[] }[] = [];
  for (const frame of frames) {
    if (frame.source === undefined) continue;
    const last = runs.at(-1);
    if (last?.source === frame.source) last.frames.push(frame);
    else runs.push({ source: frame.source, frames: [frame] });
  }
  return runs;
}

/** What one cut between two runs cost the viewer. */
export interface Cut {
  /** Display time beyond the nominal frame times, from `before` frames before the cut to `after` frames behind it, ms. */
  readonly excessFreezeMs: number;
  /** Frames that were due around the cut and never presented; a missed callback does not count. */
  readonly skippedFrames: number;
  /** From the last frame of the old film to the first of the new one, ms. */
  readonly switchMs: number;
}

/**
 * Measures the cut between two neighbouring runs by the definition of the budgets: 3 frames before, 10 behind.
 *
 * @param frameMs nominal time of one frame, ms
 * @throws Error when a run is shorter than its share
 */
export function measureCut(from: Run, to: Run, frameMs: number): Cut {
  const last = from.frames.at(-1);
  const first = to.frames[0];
  const start = last && from.frames.find((frame) => frame.frame >= last.frame - 2);
  const end = first && to.frames.find((frame) => frame.frame >= first.frame + 9);
  if (!last || !first || !start || !end)
    throw new Error(`cut ${from.source} -> ${to.source}: expected 3 + 10 frames, got fewer`);
  const intervals = last.frame - start.frame + 1 + (end.frame - first.frame);
  const presented = end.presentedFrames - start.presentedFrames;
  return {
    excessFreezeMs: end.displayTime - start.displayTime - intervals * frameMs,
    skippedFrames: Math.max(0, intervals - presented),
    switchMs: first.displayTime - last.displayTime,
  };
}
