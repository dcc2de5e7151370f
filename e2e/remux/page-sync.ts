/**
 * When a creative's field is seen to flash and its sound is heard to beep in a page, by the media's own clock: what
 * e2e/remux/flash-and-beeps.ts reads of files. A loaded machine may not compose the one picture that is white: the numbers of those that it
 * composes say where that one belongs.
 */
import type { Page } from "@playwright/test";
import { shownFrames } from "../frames.ts";
import { type ColdCreative, CREATIVE_SOURCE, FLASHES } from "./creatives.ts";
import type { FlashAndBeeps } from "./flash-and-beeps.ts";

interface Heard {
  /** Of the audio clock, seconds: each millisecond that is loud. */
  readonly loud: number[];
  /** What the media's clock is ahead of the audio clock, at moments of the latter. */
  readonly clock: { readonly time: number; readonly ahead: number }[];
}

declare global {
  interface Window {
    interludeHeard?: Heard;
  }
}

/** Root mean square of a millisecond, which is one wave of the beep: as e2e/remux/flash-and-beeps.ts has it in dB. */
const LOUD = 10 ** (-15 / 20);

/** Runs where a page's sound is made. */
const PROCESSOR = `registerProcessor("loud", class extends AudioWorkletProcessor {
  sum = 0;
  count = 0;
  process([[samples = []]]) {
    for (const [index, sample] of samples.entries()) {
      this.sum += sample * sample;
      if (++this.count < sampleRate / 1000) continue;
      if (Math.sqrt(this.sum / this.count) >= ${LOUD}) this.port.postMessage(currentTime + index / sampleRate);
      this.sum = this.count = 0;
    }
    return true;
  }
})`;

/** Listens from now on to the page's only video, which must not be muted; `recordFrames` of e2e/frames.ts looks at it. */
export async function recordBeeps(page: Page): Promise<void> {
  await page.evaluate(async (processor) => {
    const video = document.querySelector("video");
    if (!video) throw new Error("expected a page with a video");
    const heard: Heard = { loud: [], clock: [] };
    window.interludeHeard = heard;
    const context = new AudioContext({ sampleRate: 48_000 });
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([processor], { type: "text/javascript" })));
    const node = new AudioWorkletNode(context, "loud");
    node.port.addEventListener("message", ({ data }: MessageEvent<number>) => heard.loud.push(data));
    node.port.start();
    context.createMediaElementSource(video).connect(node).connect(context.destination);
    await context.resume();
    setInterval(() => {
      const time = context.currentTime;
      if (!video.paused) heard.clock.push({ time, ahead: video.currentTime - time });
    }, 20);
  }, PROCESSOR);
}

/** What was seen and heard so far. */
export async function readPageSync(page: Page, { frameRate }: ColdCreative): Promise<FlashAndBeeps> {
  const { loud, clock } = (await page.evaluate(() => window.interludeHeard)) ?? { loud: [], clock: [] };
  const shown = (await shownFrames(page)).filter(({ source }) => source === CREATIVE_SOURCE);
  const begin = findMedian(shown.map(({ mediaTime, frame }) => mediaTime - frame / frameRate));
  const last = Math.max(...shown.map(({ frame }) => frame));
  const flashes = FLASHES.map((at) => Math.ceil(at * frameRate)).filter((frame) => frame <= last);
  const beeps = loud.filter((time, index) => time - (loud[index - 1] ?? -Infinity) > APART);
  const near = (at: number): readonly number[] =>
    clock.flatMap(({ time, ahead }) => (Math.abs(time - at) < APART ? [ahead] : []));
  return {
    flashes: flashes.map((frame) => begin + frame / frameRate),
    // both clocks go on in steps
    beeps: beeps.map((beep) => beep + findMedian(near(beep))),
  };
}

/** Seconds: what is loud sooner is the same beep. */
const APART = 0.5;

function findMedian(values: readonly number[]): number {
  const median = values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
  if (median === undefined) throw new Error("expected something to have been seen and heard, got nothing");
  return median;
}
