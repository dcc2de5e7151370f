/**
 * Which renditions are made: the source's own resolution, never more, and the table's rungs below it, at least two.
 *
 * @see primetime.md §3.4: the top resolution is the highest available, several bit rates are produced
 */

/** One rendition to make. Square pixels, even sizes. */
export interface Rung {
  /** `720p`: its short side. */
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Peak video bit rate. */
  readonly maxKbps: number;
}

/** What is seen: after rotation, square pixels. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
}

/** Renditions below the source that there are in any case. */
const MIN_BELOW = 2;
/** Half as large or less: there is room for a rung between. */
const ROOM_BETWEEN = 0.6;

/** Peak rate of 1080p at up to 30 frames per second. */
const REFERENCE = { pixels: 1920 * 1080, kbps: 6000 };

/** The lowest rung, where it is this small, is for links that are just good enough for sound. Pixels of its short side. */
const AUDIO_SAFE_SIDE = 270;
/** Its peak: with 128 kbit/s of sound and the overhead of TS, a segment fits into 256 kbit/s. */
const AUDIO_SAFE_KBPS = 100;

/**
 * The ladder of a picture, best first.
 *
 * @param table short sides, pixels
 */
export function planLadder(picture: Picture, table: readonly number[]): readonly Rung[] {
  const short = Math.min(picture.width, picture.height);
  const below = table.filter((side) => side < short * 0.95).toSorted((a, b) => b - a);
  const sizes = fill([short, ...below]).map((side) => scaleTo(picture, side));
  return sizes.map(({ width, height }, index) => {
    const side = Math.min(width, height);
    const isAudioSafe = index === sizes.length - 1 && side < AUDIO_SAFE_SIDE;
    const maxKbps = isAudioSafe ? AUDIO_SAFE_KBPS : peakKbps(width * height, picture.frameRate);
    return { name: `${side}p`, width, height, maxKbps };
  });
}

/** The rungs that must be short sides of this many pixels or more to be looked at on a large screen. */
const USEFUL_SIDE = 360;

/**
 * The rendition that is made first where the source's pictures cannot be kept: the cheapest that one would want to see.
 *
 * @param ladder best first, not empty
 */
export function selectFirstRung(ladder: readonly Rung[]): Rung {
  const rung = ladder.findLast(({ width, height }) => Math.min(width, height) >= USEFUL_SIDE) ?? ladder[0];
  if (rung === undefined) throw new Error("ladder: expected a rung, got none");
  return rung;
}

/** Where the table has too few: one between the last two, or three quarters of the last, as often as needed. */
function fill(sides: readonly number[]): readonly number[] {
  if (sides.length > MIN_BELOW) return sides;
  const last = sides.at(-1) ?? 0;
  const above = sides.at(-2) ?? last;
  const hasRoom = last < above * ROOM_BETWEEN;
  return fill(hasRoom ? [...sides.slice(0, -1), Math.sqrt(above * last), last] : [...sides, last * 0.75]);
}

function scaleTo(picture: Picture, side: number): { readonly width: number; readonly height: number } {
  const short = Math.min(picture.width, picture.height);
  return { width: even((picture.width * side) / short), height: even((picture.height * side) / short) };
}

/** Down, so that nothing is ever scaled up; 4:2:0 needs even sizes. */
function even(size: number): number {
  return Math.max(2, 2 * Math.floor(size / 2 + 1e-6));
}

function peakKbps(pixels: number, frameRate: number): number {
  const kbps = REFERENCE.kbps * (pixels / REFERENCE.pixels) ** 0.75 * (frameRate > 31 ? 1.4 : 1);
  return Math.max(100, Math.round(kbps / 10) * 10);
}
