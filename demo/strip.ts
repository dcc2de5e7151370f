/**
 * The machine-readable strip at the bottom of every picture that the demo makes: which source, which frame.
 * Tests read it from a canvas, so "the ad's frames are on screen" is a fact about pixels and not about events.
 *
 *   24 blocks across the whole width, in the bottom 16 of 360 rows:
 *   0 white · 1 black · 2-5 source · 6-21 frame number · 22 even parity of 2-21 · 23 white
 */
export const STRIP_BLOCKS = 24;

/** The share of the picture's height that the strip takes. */
export const STRIP_SHARE: number = 16 / 360;

const SOURCE_BITS = 4;
const FRAME_BITS = 16;

/** What a strip says. `frame` counts from 0 and wraps at 65,536. */
export interface StripReading {
  readonly source: number;
  readonly frame: number;
}

/**
 * The luma of one block as an expression of ffmpeg's `geq` (X = block, N = frame), for a source that is one pixel per block.
 *
 * @param source 0 to 15
 */
export function formatStripLuma(source: number): string {
  const bits = Array.from({ length: FRAME_BITS }, (_, bit) => `mod(floor(N/${2 ** bit}),2)`);
  const ones = source.toString(2).replaceAll("0", "").length;
  const parity = `mod(${ones}+${bits.join("+")},2)`;
  const sourceBit = `mod(floor(${source}/pow(2,${1 + SOURCE_BITS}-X)),2)`;
  const frameBit = `mod(floor(N/pow(2,${1 + SOURCE_BITS + FRAME_BITS}-X)),2)`;
  const data = `if(lt(X,${2 + SOURCE_BITS}),${sourceBit},if(lt(X,22),${frameBit},if(lt(X,23),${parity},1)))`;
  return `16+219*if(eq(X,0),1,if(eq(X,1),0,${data}))`;
}

/**
 * Reads 24 block samples of luma, any scale: the two calibration blocks give the threshold.
 *
 * @returns undefined when it is no strip: too little contrast, a wrong end block, or a wrong parity
 */
export function readStrip(samples: readonly number[]): StripReading | undefined {
  const [white = 0, black = 0] = samples;
  if (samples.length !== STRIP_BLOCKS || white - black < 40) return undefined;
  const bits: readonly number[] = samples.map((sample) => (sample > (white + black) / 2 ? 1 : 0));
  const data = bits.slice(2, 2 + SOURCE_BITS + FRAME_BITS);
  const parity = data.reduce((sum, bit) => sum ^ bit, 0);
  if (bits[22] !== parity || bits[23] !== 1) return undefined;
  const toNumber = (part: readonly number[]): number => part.reduce((value, bit) => value * 2 + bit, 0);
  return { source: toNumber(data.slice(0, SOURCE_BITS)), frame: toNumber(data.slice(SOURCE_BITS)) };
}
