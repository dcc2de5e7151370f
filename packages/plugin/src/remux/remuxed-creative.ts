/**
 * A creative that the page repackages itself.
 */
import type { AdRendition } from "@interlude/core";
import type { VirtualMedia } from "../ads/virtual-media.ts";
import type { FetchRange, FirstRange } from "./fetch-range.ts";
import type { SegmentMaker } from "./maker.ts";
import { MediaRefusal } from "./movie.ts";
import type { RemuxNeeds } from "./segment-job.ts";

/** A progressive media file of a creative. */
export interface RemuxSource {
  readonly url: URL;
  /** Absent: nothing was asked for yet. */
  readonly first?: FirstRange | undefined;
  /** As VAST has it. */
  readonly bitrateKbps?: number | undefined;
}

/** What a creative may cost. */
export interface RemuxLimits {
  /** Of the whole file. */
  readonly maxBytes: number;
  /** Of a file that can only be read from its start to its end, and is held then. */
  readonly maxWholeBytes: number;
  /** Until its playlist is known. */
  readonly timeoutMs: number;
}

export interface RemuxDeps {
  readonly fetchRange: FetchRange;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** Ends everything that is under way. */
  readonly signal: AbortSignal;
  /** A new random id. */
  readonly createId: () => string;
  /** Shared by the creatives of an insertion; released by whoever made it. */
  readonly maker: SegmentMaker;
}

/** What a creative has cost so far. */
export interface RemuxStats {
  /** Of the file, over the network. */
  readonly bytesRead: number;
  readonly requests: number;
  /** Milliseconds until its playlist was known. */
  readonly openMs: number;
  /** Milliseconds that a thread was busy with each segment, as they were made. */
  readonly busyMs: readonly number[];
}

/** At `VIRTUAL_ORIGIN/{id}/`, once `media` is on the shelf. */
export interface RemuxedCreative {
  readonly id: string;
  /** As {@link AdRendition}s that were loaded. */
  readonly renditions: readonly AdRendition[];
  /** Seconds. */
  readonly duration: number;
  /** Segment 0 is under way already. Release it where the creative is not used, else by the shelf. */
  readonly media: VirtualMedia;
  readonly stats: () => RemuxStats;
}

/** @throws MediaRefusal, and nothing else */
export function openRemux(
  source: RemuxSource,
  _needs: RemuxNeeds,
  _limits: RemuxLimits,
  _deps: RemuxDeps,
): Promise<RemuxedCreative> {
  return Promise.reject(new MediaRefusal("unsupported-media-file", `${source.url.href}: cannot be read yet`));
}
