/**
 * Repackaging in the page: a creative that has no HLS version yet, as HLS. Nothing of it is loaded before such a creative turns up.
 */
export { createMaker } from "./remux/maker.ts";
export { openRemux } from "./remux/remuxed-creative.ts";
export type { FetchRange, FirstRange, RangeAnswer } from "./remux/fetch-range.ts";
export type { MakerStats, SegmentMaker } from "./remux/maker.ts";
export type { RemuxDeps, RemuxedCreative, RemuxLimits, RemuxSource, RemuxStats } from "./remux/remuxed-creative.ts";
