/** Exact frame rates: 24000/1001 stays 24000/1001. */

export interface FrameRate {
  readonly numerator: number;
  readonly denominator: number;
}

/** The rates that broadcast and cinema use; a file whose time base cannot tell one exactly means that one. */
const STANDARD: readonly FrameRate[] = [
  [24_000, 1001],
  [24, 1],
  [25, 1],
  [30_000, 1001],
  [30, 1],
  [50, 1],
  [60_000, 1001],
  [60, 1],
].map(([numerator = 0, denominator = 1]) => ({ numerator, denominator }));

/** 23.976 for 23.976023976 is the same rate; 24 for 23.976 is another. */
const SAME_RATE = 2e-4;
/** Above it, a file's declared rate is a time base, not a rate. */
const VARIABLE = 5e-3;
/** Rates outside are multiplied or divided by whole numbers: below, segments could not be cut evenly; above, nobody sees more. */
const LOWEST = 10;
const HIGHEST = 60;

/** Frames per second. */
export function framesPerSecond(rate: FrameRate): number {
  return rate.numerator / rate.denominator;
}

/** `24000/1001`, as ffprobe writes it; undefined for `0/0` and the like. */
export function parseFrameRate(text: string | undefined): FrameRate | undefined {
  const [numerator = Number.NaN, denominator = 1] = (text ?? "").split("/").map(Number);
  const isRate = Number.isFinite(numerator / denominator) && numerator > 0 && denominator > 0;
  return isRate ? { numerator, denominator } : undefined;
}

/** As ffmpeg reads it. */
export function formatFrameRate(rate: FrameRate): string {
  return `${rate.numerator}/${rate.denominator}`;
}

/**
 * The constant rate of the ladder: the source's own, exactly; for a variable one the standard rate that its average fits under.
 *
 * @param declared ffprobe's `r_frame_rate`
 * @param average ffprobe's `avg_frame_rate`
 */
export function selectFrameRate(declared: FrameRate, average: FrameRate): FrameRate {
  const isConstant = isWithin(declared, average, VARIABLE);
  const rate = isConstant
    ? (STANDARD.find((one) => isWithin(one, declared, SAME_RATE)) ?? declared)
    : fitAbove(average);
  const fps = framesPerSecond(rate);
  if (fps > HIGHEST) return { ...rate, denominator: rate.denominator * Math.ceil(fps / HIGHEST) };
  return fps < LOWEST ? { ...rate, numerator: rate.numerator * Math.ceil(LOWEST / fps) } : rate;
}

function isWithin(a: FrameRate, b: FrameRate, tolerance: number): boolean {
  return Math.abs(framesPerSecond(a) / framesPerSecond(b) - 1) < tolerance;
}

function fitAbove(average: FrameRate): FrameRate {
  const wanted = framesPerSecond(average) * 0.99;
  return STANDARD.find((one) => framesPerSecond(one) >= wanted) ?? { numerator: HIGHEST, denominator: 1 };
}
