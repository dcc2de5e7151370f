/**
 * A creative that the page repackages itself: its playlists are known as soon as its tables are, its segments are made as they are asked
 * for.
 */
import { type AdRendition, parseMediaPlaylist } from "@interlude/core";
import { VIRTUAL_ORIGIN, type VirtualMedia } from "../ads/virtual-media.ts";
import { type ByteSource, createByteSource } from "./byte-source.ts";
import { checkPlan } from "./check-plan.ts";
import { type FetchRange, type FirstRange, selectFirstRange } from "./fetch-range.ts";
import type { SegmentMaker } from "./maker.ts";
import { isMediaRefusal, MediaRefusal, type Movie } from "./movie.ts";
import { openMovie } from "./open-movie.ts";
import { planRemux } from "./plan.ts";
import type { RemuxNeeds, RemuxPlan } from "./segment-job.ts";
import { serveVirtual, writePlaylists } from "./virtual-files.ts";

/** A progressive media file of a creative. */
export interface RemuxSource {
  readonly url: URL;
  /** Absent: nothing was asked for yet. */
  readonly first?: FirstRange | undefined;
  /** As VAST has it. */
  readonly bitrateKbps?: number | undefined;
  /** Of the viewer's connection, as the player has measured it by then; undefined: it has not, and the file may be of any bitrate. */
  readonly bandwidthBps?: (() => number | undefined) | undefined;
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

const MAX_PIXELS = 4096 * 2304;
/** How much of the bandwidth a file may take that is read while it plays. */
const MAX_SHARE = 0.9;

/** @throws MediaRefusal, and nothing else */
export async function openRemux(
  source: RemuxSource,
  needs: RemuxNeeds,
  limits: RemuxLimits,
  deps: RemuxDeps,
): Promise<RemuxedCreative> {
  const begunAt = deps.now();
  const bytes = createByteSource({ ...source, ...limits, ...deps, first: source.first ?? askFirst(source, deps) });
  const onAbort = (): void => bytes.end(new MediaRefusal("media-unavailable", "the insertion has ended"));
  const late = new MediaRefusal("media-timeout", `expected its tables within ${limits.timeoutMs} ms, got them not`);
  const timer = setTimeout(() => bytes.end(late), limits.timeoutMs);
  deps.signal.addEventListener("abort", onAbort);
  if (deps.signal.aborted) onAbort();
  try {
    deps.maker.warmUp();
    const movie = await openMovie(bytes);
    checkPictures(movie);
    const plan = planRemux(movie, needs);
    checkPlan(plan, limits.maxBytes, bytes.size());
    checkBitrate(plan, source.bandwidthBps?.());
    const creative = createCreative(plan, bytes, deps, deps.now() - begunAt);
    const release = (): void => {
      deps.signal.removeEventListener("abort", onAbort);
      creative.media.release();
    };
    return { ...creative, media: { ...creative.media, release } };
  } catch (cause) {
    bytes.end(cause);
    deps.signal.removeEventListener("abort", onAbort);
    throw describeRefusal(source, cause);
  } finally {
    clearTimeout(timer);
  }
}

function askFirst({ url, bitrateKbps }: RemuxSource, { fetchRange, signal }: RemuxDeps): FirstRange {
  const range = selectFirstRange(bitrateKbps);
  return { range, answer: fetchRange(url, range, signal) };
}

/** @throws MediaRefusal `unsupported-media-file` */
function checkPictures({ video }: Movie): void {
  const { width = 0, height = 0 } = video ?? {};
  if (width * height > MAX_PIXELS)
    throw new MediaRefusal(
      "unsupported-media-file",
      `pictures: expected at most ${MAX_PIXELS} pixels, got ${width}x${height}`,
    );
}

/** VAST may say nothing of it, or too little. @throws MediaRefusal `unsupported-media-file` */
function checkBitrate({ bandwidthBps }: RemuxPlan, measuredBps: number = Infinity): void {
  if (bandwidthBps <= MAX_SHARE * measuredBps) return;
  const most = `${MAX_SHARE} of the bandwidth of ${Math.round(measuredBps)} bit/s`;
  throw new MediaRefusal("unsupported-media-file", `movie: expected at most ${most}, got ${bandwidthBps} bit/s`);
}

function createCreative(plan: RemuxPlan, bytes: ByteSource, deps: RemuxDeps, openMs: number): RemuxedCreative {
  const id = deps.createId();
  const busyMs: number[] = [];
  const playlists = writePlaylists(plan);
  const media = serveVirtual(plan, playlists, bytes, async (job, taken) => {
    const made = await deps.maker.make(job, taken);
    busyMs.push(made.busyMs);
    return made;
  });
  return {
    id,
    renditions: playlists.map(({ kind, name, text }) => ({
      kind: kind === "audio" ? kind : "main",
      bandwidthBps: plan.bandwidthBps,
      url: new URL(`${VIRTUAL_ORIGIN}/${id}/${name}`),
      playlist: parseMediaPlaylist(text),
    })),
    duration: plan.duration,
    media,
    stats: () => ({ ...bytes.stats(), openMs, busyMs: [...busyMs] }),
  };
}

/** Whatever it was, in terms of the creative. */
function describeRefusal({ url }: RemuxSource, cause: unknown): MediaRefusal {
  const message = cause instanceof Error ? cause.message : String(cause);
  const reason = isMediaRefusal(cause) ? cause.reason : "source-unreadable";
  return new MediaRefusal(reason, message.startsWith(url.href) ? message : `${url.href}: ${message}`);
}
