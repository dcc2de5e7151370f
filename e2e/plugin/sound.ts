/** Hears what plays: the loudest tone at every moment, which says whether it is the film, in which language, or an ad. */
import type { Page } from "@playwright/test";
import { TONE } from "./catalog.ts";

export type Tone = keyof typeof TONE;

interface RawSound {
  /** `currentTime`. */
  readonly time: number;
  /** Hz of the loudest tone; 0: silence. */
  readonly frequency: number;
}

/** One tone without another in between. */
export interface Heard {
  readonly tone: Tone;
  /** `currentTime` where it was heard first and last. */
  readonly from: number;
  readonly to: number;
}

declare global {
  interface Window {
    interludeSounds?: RawSound[];
  }
}

/** Firefox runs an `AudioContext` only where there is an audio device, which machines that run tests do not have. */
export function canHear(page: Page): boolean {
  return page.context().browser()?.browserType().name() !== "firefox";
}

/** Starts to listen, where one can, to the page's only video, which must not be muted; what was heard before is dropped. */
export async function recordSound(page: Page): Promise<void> {
  if (!canHear(page)) return;
  await page.evaluate(async () => {
    const video = document.querySelector("video");
    if (!video) throw new Error("expected a page with a video");
    const isListening = window.interludeSounds !== undefined;
    window.interludeSounds = [];
    if (isListening) return;

    const context = new AudioContext({ sampleRate: 48_000 });
    const analyser = new AnalyserNode(context, { fftSize: 2048, smoothingTimeConstant: 0 });
    context.createMediaElementSource(video).connect(analyser).connect(context.destination);
    await context.resume();
    const bins = new Uint8Array(analyser.frequencyBinCount);
    setInterval(() => {
      analyser.getByteFrequencyData(bins);
      const loudest = Math.max(...bins);
      const frequency = loudest < 100 ? 0 : (bins.indexOf(loudest) * context.sampleRate) / analyser.fftSize;
      window.interludeSounds?.push({ time: video.currentTime, frequency });
    }, 40);
  });
}

/** Hz: a tone lies between two bins of the analyser. */
const TOLERANCE = 50;

function nameTone(frequency: number): Tone | undefined {
  const tones: readonly Tone[] = ["film", "french", "ad"];
  return tones.find((tone) => Math.abs(TONE[tone] - frequency) < TOLERANCE);
}

/** Everything heard since {@link recordSound}, silence and what is no tone left out. */
export async function heardTones(page: Page): Promise<readonly Heard[]> {
  const sounds = await page.evaluate(() => window.interludeSounds ?? []);
  const heard: Heard[] = [];
  for (const { time, frequency } of sounds) {
    const tone = nameTone(frequency);
    if (tone === undefined) continue;
    const last = heard.at(-1);
    if (last?.tone === tone) heard[heard.length - 1] = { ...last, to: time };
    else heard.push({ tone, from: time, to: time });
  }
  return heard;
}
