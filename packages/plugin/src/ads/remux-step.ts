/**
 * Creatives that the page repackages itself: the code for it is loaded with the first one, and each is opened once, however many breaks
 * show it.
 */
import type { MediaFile, SkipReason, SpliceNeeds, StepOutcome } from "@interlude/core";
import type { RemuxModule } from "../load-remux.ts";
import { fetchRange, type FirstRange, selectFirstRange } from "../remux/fetch-range.ts";
import type { SegmentMaker } from "../remux/maker.ts";
import { isMediaRefusal } from "../remux/movie.ts";
import type { RemuxedCreative } from "../remux/remuxed-creative.ts";
import { readBitrate } from "./media-choice.ts";
import type { OpenedRemux } from "./first-encounter.ts";
import type { FoundMedia } from "./hls-copy.ts";
import type { VirtualMediaShelf } from "./virtual-media.ts";

export interface RemuxStepDeps {
  /** @throws whatever `import()` throws */
  readonly load: () => Promise<RemuxModule>;
  readonly shelf: VirtualMediaShelf;
  /** Of the largest file. */
  readonly maxBytes: number;
  readonly now: () => number;
  readonly createId: () => string;
  /** Aborted when the insertion is destroyed. */
  readonly ended: AbortSignal;
}

/** What of a file is wanted. */
export interface WantedRemux {
  readonly file: MediaFile;
  /** Seconds, as VAST declares it. */
  readonly duration: number;
  readonly needs: SpliceNeeds;
  /** Has the player get what is on the shelf; @throws where it will not. */
  readonly serve: (shelf: VirtualMediaShelf) => Promise<void>;
}

/** Of a file that can only be read whole. */
const MAX_WHOLE_BYTES = 12_000_000;
const TIMEOUT_MS = 4000;

export function createRemuxStep(deps: RemuxStepDeps): (wanted: WantedRemux) => OpenedRemux {
  const opened = new Map<string, Opening>();
  let loading: Promise<LoadedRemux> | undefined;
  const load = async (): Promise<LoadedRemux> => {
    const remux = await deps.load();
    const maker = remux.createMaker(deps.ended);
    maker.warmUp();
    return { ...remux, maker };
  };
  const loadOnce = (): Promise<LoadedRemux> =>
    (loading ??= load().catch((cause: unknown) => {
      loading = undefined;
      throw cause;
    }));
  deps.ended.addEventListener("abort", deps.shelf.release);
  return (wanted) => {
    const { href } = new URL(wanted.file.url.trim());
    const opening = opened.get(href) ?? open(wanted, new URL(href), loadOnce, deps);
    opened.set(href, opening);
    opening.users += 1;
    return {
      outcome: opening.outcome,
      leave: () => {
        opening.users -= 1;
        if (opening.users > 0) return;
        opened.delete(href);
        opening.abort();
      },
    };
  };
}

type LoadedRemux = RemuxModule & { readonly maker: SegmentMaker };

interface Opening {
  readonly outcome: Promise<StepOutcome<FoundMedia>>;
  /** Ends its requests, and lets go what was made. */
  readonly abort: () => void;
  /** Ads that are played from it, or may be. */
  users: number;
}

function open(wanted: WantedRemux, url: URL, load: () => Promise<LoadedRemux>, deps: RemuxStepDeps): Opening {
  const left = new AbortController();
  const signal = AbortSignal.any([left.signal, deps.ended]);
  const { file, duration } = wanted;
  const bitrateKbps = readBitrate(file, duration);
  const range = selectFirstRange(bitrateKbps);
  const first: FirstRange = { range, answer: fetchRange(url, range, signal) };
  // whoever reads it is told
  first.answer.catch(() => undefined);
  const make = async (): Promise<RemuxedCreative> => {
    const [{ openRemux, maker }] = await Promise.all([load(), wanted.serve(deps.shelf)]);
    const limits = { maxBytes: deps.maxBytes, maxWholeBytes: MAX_WHOLE_BYTES, timeoutMs: TIMEOUT_MS };
    const { packaging, targetDuration, isLive } = wanted.needs;
    const needs = { packaging, targetDuration: isLive ? targetDuration : undefined };
    return openRemux({ url, first, bitrateKbps }, needs, limits, { ...deps, fetchRange, signal, maker });
  };
  const made = make();
  const shelve = async (): Promise<StepOutcome<FoundMedia>> => {
    try {
      const { id, media, renditions, duration: seconds } = await made;
      deps.shelf.add(id, media);
      return { media: { renditions, duration: seconds, misfit: undefined, mediaUrl: url.href } };
    } catch (cause) {
      left.abort();
      return { skipped: readReason(cause), message: cause instanceof Error ? cause.message : String(cause) };
    }
  };
  const abort = (): void => {
    left.abort();
    made.then(({ media }) => media.release()).catch(() => undefined);
  };
  return { outcome: shelve(), abort, users: 0 };
}

/** A chunk or a player's part that cannot be loaded is no fault of the creative's. */
function readReason(cause: unknown): SkipReason {
  return isMediaRefusal(cause) ? cause.reason : "media-unavailable";
}
