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
/** The table goes no lower than this while two rungs are there already. */
const LOWEST_USEFUL = 360;

/** Peak rate of 1080p at up to 30 frames per second. */
const REFERENCE = { pixels: 1920 * 1080, kbps: 6000 };

/**
 * The ladder of a picture, best first.
 *
 * @param table short sides, pixels
 */
export function planLadder(picture: Picture, table: readonly number[]): readonly Rung[] {
  const short = Math.min(picture.width, picture.height);
  const below = table.filter((side) => side < short * 0.95).toSorted((a, b) => b - a);
  const useful = below.filter((side) => side >= LOWEST_USEFUL);
  const chosen = useful.length >= MIN_BELOW ? useful : below.slice(0, MIN_BELOW);
  const sides = [short, ...chosen, ...fillBelow([short, ...chosen].at(-1) ?? short, MIN_BELOW - chosen.length)];
  const sizes = sides.map((side) => scaleTo(picture, side));
  return sizes.map(({ width, height }) => ({
    name: `${Math.min(width, height)}p`,
    width,
    height,
    maxKbps: peakKbps(width * height, picture.frameRate),
  }));
}

/** Where the table ends too early: three quarters of the rung above, as often as needed. */
function fillBelow(side: number, count: number): readonly number[] {
  return Array.from({ length: Math.max(0, count) }, (_, index) => side * 0.75 ** (index + 1));
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
