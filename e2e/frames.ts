/**
 * Reads the picture on screen, frame by frame, from the strip that every film of the demo carries (demo/strip.ts).
 */
import type { Page } from "@playwright/test";
import { readStrip, STRIP_BLOCKS, STRIP_SHARE } from "../demo/strip.ts";

/** One frame as it was presented. */
export interface ShownFrame {
  /** Which film; undefined where the strip could not be read. */
  readonly source: number | undefined;
  /** The number burnt into the frame; -1 where the strip could not be read. */
  readonly frame: number;
  /** Media time of the frame, seconds. */
  readonly mediaTime: number;
  /** When it was due on screen, milliseconds of the page's clock. */
  readonly displayTime: number;
  /** The same moment as Unix time, milliseconds. */
  readonly shownAt: number;
  /** Frames submitted for composition so far: a jump of two with one callback is a missed callback, not a missed frame. */
  readonly presentedFrames: number;
}

/** What the page keeps of a frame: the luma (green) of each block of the strip. */
interface RawFrame extends Omit<ShownFrame, "source" | "frame" | "shownAt"> {
  readonly samples: readonly number[];
}

declare global {
  interface Window {
    interludeFrames?: RawFrame[];
  }
}

/** Starts to record every presented frame of the page's only video; earlier records are dropped. */
export async function recordFrames(page: Page): Promise<void> {
  const strip = { blocks: STRIP_BLOCKS, share: STRIP_SHARE };
  await page.evaluate(({ blocks, share }) => {
    const video = document.querySelector("video");
    const canvas = document.createElement("canvas");
    canvas.width = blocks * 10;
    canvas.height = 1;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!video || !context) throw new Error("expected a page with a video and a 2D canvas");
    const isRunning = window.interludeFrames !== undefined;
    window.interludeFrames = [];
    if (isRunning) return;

    const readSamples = (): readonly number[] => {
      const row = Math.floor(video.videoHeight * (1 - share / 2));
      context.drawImage(video, 0, row, video.videoWidth, 1, 0, 0, canvas.width, 1);
      const pixels = context.getImageData(0, 0, canvas.width, 1).data;
      return Array.from({ length: blocks }, (_, block) => pixels[(block * 10 + 5) * 4 + 1] ?? 0);
    };
    const onFrame: VideoFrameRequestCallback = (_now, metadata) => {
      window.interludeFrames?.push({
        samples: readSamples(),
        mediaTime: metadata.mediaTime,
        displayTime: metadata.expectedDisplayTime,
        presentedFrames: metadata.presentedFrames,
      });
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
  }, strip);
}

/** Everything presented since {@link recordFrames}. */
export async function shownFrames(page: Page): Promise<readonly ShownFrame[]> {
  const { raw, timeOrigin } = await page.evaluate(() => ({
    raw: window.interludeFrames ?? [],
    timeOrigin: performance.timeOrigin,
  }));
  return raw.map(({ samples, ...timing }) => {
    const reading = readStrip(samples);
    const shownAt = timeOrigin + timing.displayTime;
    return { ...timing, shownAt, source: reading?.source, frame: reading?.frame ?? -1 };
  });
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
