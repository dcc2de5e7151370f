/**
 * The ads of one pod, and what stands in for those that cannot be played.
 *
 *   an ad cannot be played   → the next stand-in takes its place; each stands in once
 *   an ad is waited for      → a stand-in is made ready beside it, as far as that costs nothing but a look at the CDN
 *   the break is closed      → it is decided with the ads that are ready, where there is one; the others come too late
 *
 * @see primetime.md §4.5 (stand-ins); DESIGN §4 step 5
 */
import type { Ad } from "@interlude/core";
import { createDeferred } from "../deferred.ts";
import type { BreakTerms } from "./wait-deadline.ts";

/** What an ad of a pod is granted. */
export interface PlaceTerms {
  readonly terms: BreakTerms;
  /** The ad cannot come any more. */
  readonly onLost: () => void;
  /** Asked before anything is tried for an ad that has no copy; settles when its turn has come, which may be never. */
  readonly whenNeeded: () => Promise<void>;
}

export interface PodDeps<Outcome> {
  readonly terms: BreakTerms;
  /** Must not reject. */
  readonly resolve: (ad: Ad, place: PlaceTerms) => Promise<Outcome>;
  readonly isReady: (outcome: Outcome) => boolean;
  /** What is told of an ad that is not there when its break is closed. */
  readonly describeLate: (ad: Ad) => Outcome;
}

/**
 * @param onHopeless called once as soon as no ad can come any more, before the ad server has taken its requests
 * @returns of each place, in order, what was tried for it
 */
export function fillPod<Outcome>(
  pod: readonly Ad[],
  standIns: readonly Ad[],
  onHopeless: () => void,
  deps: PodDeps<Outcome>,
): Promise<readonly Outcome[]> {
  const queue = createStandIns(standIns, deps);
  const lost = new Set<Ad>();
  const onLost = (ad: Ad): void => {
    lost.add(ad);
    if (lost.size === pod.length && standIns.length === 0) onHopeless();
  };
  const places = pod.map((ad) => openPlace(ad, () => onLost(ad), queue, deps));
  const closed = createDeferred<readonly Outcome[]>();
  deps.terms.onClosable(() => {
    const outcomes = places.flatMap((place) => closePlace(place, queue, deps));
    if (!outcomes.some(deps.isReady)) return false;
    queue.close();
    closed.resolve(outcomes);
    return true;
  });
  const all = Promise.all(places.map(({ filled }) => filled));
  return Promise.race([all.then(() => places.flatMap(({ tried }) => tried)), closed.promise]);
}

interface Place<Outcome> {
  /** What is tried for it, or was last: the ad itself, or what stands in for it. */
  readonly current: () => Tried;
  /** In order; the last may be ready, the others are not. */
  readonly tried: Outcome[];
  readonly filled: Promise<void>;
}

interface Tried {
  readonly ad: Ad;
  isOver: boolean;
}

function openPlace<Outcome>(
  ad: Ad,
  onLost: () => void,
  queue: StandIns<Outcome>,
  { terms, resolve, isReady }: PodDeps<Outcome>,
): Place<Outcome> {
  const tried: Outcome[] = [];
  const filled = createDeferred<void>();
  let current: Tried = { ad, isOver: false };
  const grant = (): BreakTerms => {
    let isPrepared = false;
    const onWait = (until: Promise<unknown>): void => {
      // what takes its place has the same time
      terms.onWait(until.then(() => (queue.isEmpty() ? undefined : filled.promise)));
      if (!isPrepared) queue.prepare();
      isPrepared = true;
    };
    return { ...terms, onWait };
  };
  const fill = async (): Promise<void> => {
    let next: Promise<Outcome> | undefined = resolve(ad, {
      terms: grant(),
      onLost,
      whenNeeded: () => Promise.resolve(),
    });
    while (next) {
      const outcome: Outcome = await next;
      tried.push(outcome);
      current.isOver = true;
      const standIn = isReady(outcome) ? undefined : queue.take(grant());
      if (standIn) current = { ad: standIn.ad, isOver: false };
      next = standIn?.outcome;
    }
    filled.resolve();
  };
  void fill();
  return { current: () => current, tried, filled: filled.promise };
}

/** What there is of a place by now, with a stand-in where one is ready. */
function closePlace<Outcome>(
  { current, tried }: Place<Outcome>,
  queue: StandIns<Outcome>,
  { isReady, describeLate }: PodDeps<Outcome>,
): readonly Outcome[] {
  if (tried.some(isReady)) return tried;
  const { ad, isOver } = current();
  return [...tried, ...(isOver ? [] : [describeLate(ad)]), ...queue.takeReady()];
}

interface StandIns<Outcome> {
  /** One more is made ready beside an ad that is waited for. */
  readonly prepare: () => void;
  /** Undefined: there is none left. */
  readonly take: (terms: BreakTerms) => { readonly ad: Ad; readonly outcome: Promise<Outcome> } | undefined;
  /** One or none. */
  readonly takeReady: () => readonly Outcome[];
  readonly isEmpty: () => boolean;
  readonly close: () => void;
}

interface StandIn<Outcome> {
  readonly ad: Ad;
  begun: Promise<Outcome> | undefined;
  ready: readonly Outcome[];
  /** Its own where it was begun beside another ad. */
  terms: BreakTerms;
  readonly needed: ReturnType<typeof createDeferred<void>>;
}

function createStandIns<Outcome>(ads: readonly Ad[], { terms, resolve, isReady }: PodDeps<Outcome>): StandIns<Outcome> {
  const waiting: StandIn<Outcome>[] = ads.map((ad) => ({
    ad,
    begun: undefined,
    ready: [],
    terms,
    needed: createDeferred<void>(),
  }));
  const begin = (standIn: StandIn<Outcome>, whenNeeded: () => Promise<void>): Promise<Outcome> => {
    // what it is granted is known when it takes a place
    const own: BreakTerms = { ...terms, onWait: (until) => standIn.terms.onWait(until) };
    return resolve(standIn.ad, { terms: own, onLost: () => undefined, whenNeeded });
  };
  const prepare = (): void => {
    const next = waiting.find(({ begun }) => !begun);
    if (!next) return;
    const whenNeeded = (): Promise<void> => {
      prepare();
      return next.needed.promise;
    };
    next.begun = begin(next, whenNeeded).then((outcome) => {
      if (isReady(outcome)) next.ready = [outcome];
      else prepare();
      return outcome;
    });
  };
  return {
    prepare,
    take: (granted) => {
      const next = waiting.shift();
      if (!next) return undefined;
      next.terms = granted;
      next.needed.resolve();
      return { ad: next.ad, outcome: next.begun ?? begin(next, () => next.needed.promise) };
    },
    takeReady: () => {
      const index = waiting.findIndex(({ ready }) => ready.length > 0);
      return index < 0 ? [] : waiting.splice(index, 1).flatMap(({ ready }) => ready);
    },
    isEmpty: () => waiting.length === 0,
    close: () => {
      waiting.length = 0;
    },
  };
}
