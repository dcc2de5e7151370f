/**
 * The thirty creatives of the first encounter: what differs between the MP4 files that ad servers name, no two alike in layout,
 * distance of key frames, profile and sound. e2e/remux/make-creatives.ts makes them, and a test reads each file's facts.
 *
 * Every one shows the same six seconds: the strip (demo/strip.ts), where picture n is the one that is due at n ÷ frame rate, and a
 * black field above that is white for one picture while the sound beeps.
 */
import type { SkipReason } from "@interlude/core";

/** Seconds of the pictures of each. */
export const CREATIVE_DURATION = 6;
/** The number in the strip of each. */
export const CREATIVE_SOURCE = 6;
/** Seconds from the first picture; where the frame rate has no picture at that time, the next one flashes. */
export const FLASHES = [1, 3, 5] as const;
/** At each flash. */
export const BEEP = { frequency: 1000, duration: 0.04 } as const;

/** How a file's boxes lie, as `readLayout` of e2e/remux/layout.ts says it. */
export type Layout =
  | "moov first"
  | "moov last"
  | "moov first, late picture"
  | "moov first, not interleaved"
  | "moov first, rotated"
  | "moov last, late sound"
  | "moov last, 64 bit"
  | "moov last, avc3"
  | "moov last, QuickTime sound"
  | "fragmented"
  | "fragmented, indexed"
  | "fragmented, one track each";

/** By ffprobe's names. */
export type Profile = "Constrained Baseline" | "Main" | "High";

export interface Sound {
  readonly codec: "LC" | "HE-AAC" | "MP3";
  /** Hz, as it is heard. */
  readonly sampleRate: number;
  readonly channels: 1 | 2 | 6;
}

export interface ColdCreative {
  /** Its file in the folder of `makeColdCreatives`. */
  readonly file: string;
  readonly muxer: "ffmpeg" | "GStreamer";
  readonly layout: Layout;
  /** Seconds from one key frame to the next; all of the creative where there is only one. */
  readonly gop: number;
  /** Key frames that earlier pictures in presentation follow. */
  readonly isOpenGop?: true;
  readonly profile: Profile;
  /** How many pictures decoding runs ahead: 0 without B-frames, 2 with a pyramid of them. */
  readonly reorder: 0 | 1 | 2;
  readonly width: number;
  readonly height: number;
  /** Of the strip's numbers. With `isVariable` some pictures are left out. */
  readonly frameRate: number;
  readonly isVariable?: true;
  readonly isInterlaced?: true;
  readonly audio: Sound | undefined;
  /** Seconds that the sound goes on behind the pictures. */
  readonly soundTail?: number;
  /** Named exceptions: why the page does not play it among segments of TS. */
  readonly refusal?: SkipReason;
  /** Two cores may not decode each of its pictures in time: whole is what shows its first and its last. */
  readonly isHeavy?: true;
}

const lc = (sampleRate: number, channels: Sound["channels"]): Sound => ({ codec: "LC", sampleRate, channels });
const HE_AAC: Sound = { codec: "HE-AAC", sampleRate: 48_000, channels: 2 };
const MP3: Sound = { codec: "MP3", sampleRate: 48_000, channels: 2 };

const STOCK = { muxer: "ffmpeg", width: 640, height: 360, frameRate: 25 } as const;
const GST = { muxer: "GStreamer" } as const;
const NTSC = 30_000 / 1001;

const row = (
  file: string,
  layout: Layout,
  gop: number,
  profile: Profile,
  reorder: ColdCreative["reorder"],
  audio: Sound | undefined,
  rest: Partial<ColdCreative> = {},
): ColdCreative => ({ ...STOCK, file, layout, gop, profile, reorder, audio, ...rest });

/** By name of the file. */
export const COLD_CREATIVES: readonly ColdCreative[] = [
  row("01-pyramid.mp4", "moov first", 2, "High", 2, lc(48_000, 2)),
  row("02-moov-last.mp4", "moov last", 2, "High", 1, lc(44_100, 2)),
  row("03-baseline.mp4", "moov first", 1, "Constrained Baseline", 0, lc(48_000, 1)),
  row("04-one-gop.mp4", "moov first", 6, "Main", 1, lc(48_000, 2)),
  row("05-open-gop.mp4", "moov last", 2, "High", 2, lc(44_100, 1), { isOpenGop: true }),
  row("06-variable-rate.mp4", "moov first", 2, "High", 0, lc(44_100, 2), { isVariable: true }),
  row("07-22-khz.mp4", "moov first", 2, "Main", 0, lc(22_050, 1)),
  row("08-he-aac.mp4", "moov first", 2, "High", 0, HE_AAC),
  row("09-no-sound.mp4", "moov first", 2, "High", 1, undefined),
  row("10-late-sound.mp4", "moov last, late sound", 2, "Main", 0, lc(48_000, 2)),
  row("11-late-picture.mp4", "moov first, late picture", 2, "High", 0, lc(32_000, 2)),
  row("12-fragmented.mp4", "fragmented", 2, "High", 0, lc(48_000, 2)),
  row("13-sidx.mp4", "fragmented, indexed", 1, "Main", 0, lc(44_100, 2)),
  row("14-64-bit.mp4", "moov last, 64 bit", 2, "High", 0, lc(48_000, 1)),
  row("15-rotated.mp4", "moov first, rotated", 3, "High", 0, lc(48_000, 2), { refusal: "unsupported-media-file" }),
  row("16-4k.mp4", "moov first", 2, "High", 0, lc(48_000, 1), { width: 3840, height: 2160, isHeavy: true }),
  row("17-intra-only.mp4", "moov last", 0.04, "High", 0, lc(32_000, 1)),
  row("18-interlaced.mp4", "moov first", 1, "High", 0, lc(48_000, 2), { isInterlaced: true, isHeavy: true }),
  row("19-ntsc.mp4", "moov first", 2.002, "High", 1, lc(44_100, 1), { frameRate: NTSC }),
  row("20-60-fps.mp4", "moov last", 0.5, "High", 2, lc(48_000, 2), { frameRate: 60 }),
  row("21-surround.mp4", "moov first", 3, "Main", 0, lc(48_000, 6)),
  row("22-own-moofs.mp4", "fragmented, one track each", 2, "Constrained Baseline", 0, lc(44_100, 1)),
  row("23-mp3.mp4", "moov first", 2, "Main", 0, MP3, { refusal: "unsupported-media-file" }),
  row("24-sound-behind.mp4", "moov first, not interleaved", 2, "High", 1, lc(22_050, 2), { soundTail: 0.5 }),
  row("25-gst.mp4", "moov first", 2, "High", 1, lc(44_100, 1), GST),
  row("26-gst-quicktime.mov", "moov last, QuickTime sound", 2, "Main", 1, lc(44_100, 2), GST),
  row("27-gst-fragmented.mp4", "fragmented, one track each", 2, "High", 0, lc(44_100, 2), GST),
  row("28-gst-openh264.mp4", "moov last", 1, "Constrained Baseline", 0, lc(48_000, 1), GST),
  row("29-gst-avc3.mp4", "moov last, avc3", 1, "High", 0, lc(44_100, 2), GST),
  row("30-gst-timescale-600.mp4", "moov last", 6, "High", 1, undefined, GST),
];

/** By its file. @throws Error where the table has none */
export function findCreative(file: string): ColdCreative {
  const found = COLD_CREATIVES.find((creative) => creative.file === file);
  if (!found) throw new Error(`${file}: expected a row of the table, got none`);
  return found;
}
