/** What the plugin's specs play: names, numbers and tones of the film and the ads that e2e/plugin/media.ts makes. */

export const FRAME_RATE = 25;
/** Seconds. */
export const SEGMENT = 2;
/** Of one segment, in low latency. */
export const PARTS = 4;
/** Seconds: VOD shows the first of them, a channel goes on. */
export const FILM_DURATION = 24;
export const CHANNEL_DURATION = 80;
/** Rows of the renditions, which names their playlists. */
export const RUNGS = ["180", "360"] as const;
/** The number in the strip of the film. */
export const CONTENT_SOURCE = 1;

/** Hz: what is heard says what plays. */
export const TONE = { film: 400, french: 2000, ad: 900 } as const;

/** The ads: the number in their strips, and their seconds. */
export const ADS = {
  a: { source: 2, duration: 4 },
  b: { source: 3, duration: 6 },
  c: { source: 4, duration: 4 },
  d: { source: 5, duration: 6 },
} as const;
export type AdName = keyof typeof ADS;
export const AD_NAMES: readonly AdName[] = ["a", "b", "c", "d"];

export const CONTENT_KINDS = [
  "ts",
  "ts-alt-audio",
  "cmaf",
  "fmp4-muxed",
  "audio-only",
  "ts-and-audio-only",
  "aes",
  "subtitles",
  "event",
  "live",
  "low-latency",
] as const;
export type ContentKind = (typeof CONTENT_KINDS)[number];
