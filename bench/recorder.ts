/**
 * Records what is on screen in a page of bench/player.ts, whichever of its elements shows it, for e2e/frames.ts to read.
 */
import type { Page } from "playwright";
import { STRIP_BLOCKS, STRIP_SHARE } from "../demo/strip.ts";

/**
 * From now on; what was recorded is dropped. A frame of an element that is not visible is none. An element that becomes visible shows
 * the frame that it has, from the next refresh of the screen on.
 */
export async function recordScreen(page: Page): Promise<void> {
  const strip = { blocks: STRIP_BLOCKS, share: STRIP_SHARE };
  await page.evaluate(({ blocks, share }) => {
    const canvas = document.createElement("canvas");
    canvas.width = blocks * 10;
    canvas.height = 1;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("expected a 2D canvas");
    const frames: NonNullable<Window["interludeFrames"]> = [];
    window.interludeFrames = frames;

    const readSamples = (video: HTMLVideoElement): readonly number[] => {
      const row = Math.floor(video.videoHeight * (1 - share / 2));
      context.drawImage(video, 0, row, video.videoWidth, 1, 0, 0, canvas.width, 1);
      const pixels = context.getImageData(0, 0, canvas.width, 1).data;
      return Array.from({ length: blocks }, (_, block) => pixels[(block * 10 + 5) * 4 + 1] ?? 0);
    };
    const follow = (video: HTMLVideoElement): void => {
      let last: VideoFrameCallbackMetadata | undefined;
      const add = ({ mediaTime, presentedFrames }: VideoFrameCallbackMetadata, displayTime: number): void => {
        frames.push({ samples: readSamples(video), mediaTime, displayTime, presentedFrames });
      };
      const onFrame: VideoFrameRequestCallback = (_now, metadata) => {
        if (window.interludeFrames !== frames) return;
        if (video.style.visibility === "hidden") last = metadata;
        else add(metadata, metadata.expectedDisplayTime);
        video.requestVideoFrameCallback(onFrame);
      };
      video.requestVideoFrameCallback(onFrame);
      new MutationObserver(() => {
        const hidden = last;
        last = undefined;
        // what is drawn in a callback is on screen one refresh later
        if (hidden && video.style.visibility !== "hidden") requestAnimationFrame((now) => add(hidden, now + 1000 / 60));
      }).observe(video, { attributeFilter: ["style"] });
    };
    for (const video of document.querySelectorAll("video")) follow(video);
  }, strip);
}
