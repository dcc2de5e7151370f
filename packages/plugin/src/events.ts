/**
 * What the plugin tells its host, as typed events. Times are seconds; `streamTime` is the element's `currentTime`, `contentTime` leaves
 * the inserted ads out.
 *
 * @see primetime.md §4.10 for the order: break start, per ad start, progress, complete, then break complete
 */
import type { AdErrorCode, CreativeState, SkipReason } from "@interlude/core";
import { wrongOption } from "./wrong-option.ts";

export type BreakPosition = "pre" | "mid" | "post" | "live";

/** One ad of a pod as placed: `index` counts from 0 within its break. */
export interface AdSnapshot {
  readonly adId: string;
  readonly index: number;
  readonly title: string;
  readonly creativeId: string | undefined;
  readonly clickThrough: string | undefined;
  readonly startTime: number;
  readonly duration: number;
}

/**
 * One ad break, for drawing a timeline. `pending`: not decided yet; `placed`: in the playlists; `skipped`: content plays instead.
 * Pending and skipped breaks have duration 0 and no ads.
 */
export interface BreakSnapshot {
  readonly breakId: string;
  readonly position: BreakPosition;
  readonly state: "pending" | "placed" | "skipped";
  readonly reason: SkipReason | undefined;
  readonly contentTime: number;
  readonly startTime: number;
  readonly duration: number;
  readonly ads: readonly AdSnapshot[];
  /** As the policy counts it: by default from the first frame of its first ad on. */
  readonly watched: boolean;
}

export interface BreakEvent {
  readonly breakId: string;
  readonly position: BreakPosition;
  readonly startTime: number;
  readonly duration: number;
  readonly adCount: number;
}

export interface AdEvent {
  readonly breakId: string;
  readonly adId: string;
  readonly index: number;
  readonly adCount: number;
  readonly title: string;
  readonly creativeId: string | undefined;
  readonly clickThrough: string | undefined;
  readonly duration: number;
}

/** One ad that was not inserted, or (without `adId`) a break that brought no ad. */
export interface SkipEvent {
  readonly breakId: string;
  readonly adId: string | undefined;
  readonly creativeUrl: string | undefined;
  readonly reason: SkipReason;
  /** The number that the ad's error URLs were told; undefined where skipping is no error. */
  readonly vastError: number | undefined;
  readonly message: string;
}

/**
 * One step that was tried for an ad at its first encounter: its creative is not HLS and has no repackaged copy yet. `ready`: the ad is
 * played from what the step made; else why not, and the next step is tried. `ms`: how long it took.
 */
export interface EncounterEvent {
  readonly breakId: string;
  readonly adId: string | undefined;
  readonly creativeUrl: string;
  readonly step: "remux" | "wait";
  readonly outcome: SkipReason | "ready";
  readonly ms: number;
}

/**
 * Something went wrong; the content plays on. `fatal`: this session gets no ads at all (a wrong option, no zone document).
 * `internal` is an exception in the plugin itself, `resolver-failed` one in a resolver or a first-encounter policy of the page.
 */
export interface ErrorEvent {
  readonly fatal: boolean;
  readonly code: AdErrorCode | "internal" | "resolver-failed";
  readonly message: string;
  readonly cause: unknown;
}

/**
 * A step of JIT repackaging initiated by the client, as numbered there; 5 and 6 are done by ad server and CRS and are seen through
 * the answer to step 4b and its status URL. `part` is `a` or `b` where the list has two. `method`, `url`, `status` and `ms` are of the
 * real request, absent while it has not been answered (steps 1 and 6 are told when they begin).
 *
 * @see Detailed Workflows for JIT Repackaging, "initiated by the client"
 */
export interface WorkflowStepEvent {
  readonly step: 1 | 2 | 3 | 4 | 5 | 6;
  readonly part?: "a" | "b";
  readonly title: string;
  readonly breakId: string;
  readonly adId?: string;
  readonly creativeUrl?: string;
  readonly method?: "GET" | "POST";
  readonly url?: string;
  readonly status?: number;
  readonly ms?: number;
  /** Steps 4b to 6: what CRS says of the creative, and from 0 to 1 how far it is. */
  readonly state?: CreativeState;
  readonly progress?: number;
}

/**
 * One tracking request as sent: `time` seconds into the ad, macros expanded in `url`. Break and error beacons have no ad time; where the
 * place of a break is not known, its beacons have no `contentTime` either.
 */
export interface BeaconEvent {
  readonly event: string;
  readonly url: string;
  readonly breakId: string;
  readonly adId: string | undefined;
  readonly index: number | undefined;
  readonly time: number | undefined;
  readonly contentTime: number | undefined;
}

/**
 * Why the playhead is somewhere else than the viewer has put it, or than playing on would have brought it.
 *
 * `snap-back`: to a break that was sought over · `return`: from there to the viewer's target · `ad-start`: to the begin of an ad or
 * break, as the policy says · `watched`, `skipped`: past a break that is watched, or that the policy leaves out · `trick-play`: past a
 * break while the playbackRate is that of trick play · `kept-in-ad`: back to where the ad was · `resume`: to `startContentTime`, or
 * to where the content's own EXT-X-START wants to begin, behind a pre-roll
 */
export type SeekReason =
  "snap-back" | "return" | "ad-start" | "watched" | "skipped" | "trick-play" | "kept-in-ad" | "resume";

/** Seconds of the element's `currentTime`: `to` is what was asked for, `target` where it goes. */
export interface SeekAdjustedEvent {
  readonly from: number;
  readonly to: number;
  readonly target: number;
  readonly reason: SeekReason;
}

/** A marked range of the content, seconds of content; `index` counts from 0 in the order of their begin, overlapping ones merged. */
export interface RangeEvent {
  readonly index: number;
  readonly begin: number;
  readonly end: number;
}

export interface AdInsertionEvents {
  readonly adbreakstart: BreakEvent;
  readonly adstart: AdEvent;
  /** About four times a second while an ad plays; `time` counts from the start of the ad. */
  readonly adprogress: AdEvent & { readonly time: number };
  /** The viewer clicked on the ad, `time` seconds into it; `url`: where it leads, macros filled. Whoever hosts the player opens it. */
  readonly adclick: AdEvent & { readonly time: number; readonly url: string | undefined };
  /** The ad was watched to its end. An ad that the viewer left has no `adcomplete`, but its break always completes. */
  readonly adcomplete: AdEvent;
  readonly adbreakcomplete: BreakEvent & { readonly watched: boolean };
  readonly adskip: SkipEvent;
  readonly adencounter: EncounterEvent;
  readonly error: ErrorEvent;
  readonly workflowstep: WorkflowStepEvent;
  readonly beacon: BeaconEvent;
  readonly seekadjusted: SeekAdjustedEvent;
  /** The viewer is in a range that `timeRanges` marks. */
  readonly rangestart: RangeEvent;
  /** The viewer has left it, by playing on or by a seek. */
  readonly rangeend: RangeEvent;
  readonly timeline: { readonly breaks: readonly BreakSnapshot[] };
}

export type AdInsertionListener<K extends keyof AdInsertionEvents> = (event: AdInsertionEvents[K]) => void;

export type Emit = <K extends keyof AdInsertionEvents>(name: K, event: AdInsertionEvents[K]) => void;

export interface Emitter {
  readonly on: <K extends keyof AdInsertionEvents>(name: K, listener: AdInsertionListener<K>) => () => void;
  readonly emit: Emit;
  readonly clear: () => void;
}

/**
 * Events of the turn in which the emitter is made wait for its end, so that a host which listens at once misses none; a fatal
 * `error` that nobody has heard waits for the first who listens. A listener that throws stops neither the other listeners nor the ads: its
 * exception surfaces as an uncaught one.
 */
export function createEmitter(): Emitter {
  const listeners = createListeners();
  let early: (() => void)[] | undefined = [];
  queueMicrotask(() => {
    const waiting = early ?? [];
    early = undefined;
    for (const send of waiting) send();
  });
  let unheard: (() => void) | undefined;
  const emit: Emit = (name, event) => {
    if (early) {
      early.push(() => emit(name, event));
      return;
    }
    if ("fatal" in event && event.fatal && listeners.error.size === 0) unheard = () => emit(name, event);
    for (const listener of listeners[name]) {
      try {
        listener(event);
      } catch (cause) {
        queueMicrotask(() => {
          throw cause;
        });
      }
    }
  };
  return {
    on: (name, listener) => {
      if (!Object.hasOwn(listeners, name)) {
        throw wrongOption("on", Object.keys(listeners).join(", "), name);
      }
      listeners[name].add(listener);
      if (name === "error" && unheard && !early) {
        queueMicrotask(unheard);
        unheard = undefined;
      }
      return () => listeners[name].delete(listener);
    },
    emit,
    clear: () => {
      unheard = undefined;
      for (const set of Object.values(listeners)) set.clear();
    },
  };
}

type Listeners = { readonly [K in keyof AdInsertionEvents]: Set<AdInsertionListener<K>> };

/** None yet; an event that is not here is none. */
function createListeners(): Listeners {
  return {
    adbreakstart: new Set(),
    adstart: new Set(),
    adprogress: new Set(),
    adclick: new Set(),
    adcomplete: new Set(),
    adbreakcomplete: new Set(),
    adskip: new Set(),
    adencounter: new Set(),
    error: new Set(),
    workflowstep: new Set(),
    beacon: new Set(),
    seekadjusted: new Set(),
    rangestart: new Set(),
    rangeend: new Set(),
    timeline: new Set(),
  };
}
