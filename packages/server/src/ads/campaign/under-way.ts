/**
 * Ads that an answer named and whose impression is not in the database yet.
 *
 *   soon    → about to be shown; after five minutes
 *   overdue → it may come yet, where the break was asked for at the start of the film; after four hours it will not
 *   early   → of a map, asked for at the start of the film for certain: about to be shown for as long
 */
import { createOfferCourses, type OfferCourses } from "./offer-course.ts";
import { createOfferQueue, type OfferedAd, type OfferQueue } from "./offer-queue.ts";

/** An ad on its way to a viewer. */
export interface Offer {
  readonly lineItem: string;
  readonly happening: string;
  /** Nobody watches: it is nothing that a goal waits for. */
  readonly isForRobot: boolean;
  /** Its break comes when the film has played for a while. */
  readonly isEarly: boolean;
}

export interface UnderWay {
  add(viewer: string, offer: Offer): void;
  /** Their impressions are counted elsewhere from now on. */
  settle(happenings: readonly string[]): void;
  /** They are not on their way after all. */
  takeBack(happenings: readonly string[]): void;
  /** Happenings, as many as can be asked for at once; by and by all of them. */
  list(): readonly string[];
  /** How many of a line item's are going to be shown, as it is to be expected. */
  expectedOf(lineItem: string): number;
  /** When this viewer got those that are about to be shown. @param known happenings that are counted elsewhere already */
  timesOf(lineItem: string, viewer: string, known: ReadonlySet<string>): readonly Date[];
}

const SOON_MS = 300_000;
/** As long as a long film with its pauses. */
const PATIENCE_MS = 4 * 3_600_000;

/** Those that are overdue make room first, the oldest: what is forgotten here can be over-delivered by one. */
const MAX_OFFERS = 200_000;

/** @param now ms since the epoch */
export function createUnderWay(now: () => number): UnderWay {
  const state = createState();
  const { soon, early, queues, courses, byViewer } = state;
  return {
    add: (viewer, offer) => {
      // Asked again for the same place, the same ad is the same impression, later
      endAll([offer.happening], undefined, state);
      (offer.isEarly ? early : soon).add({ ...offer, viewer, offeredAtMs: now() });
      if (!offer.isForRobot) courses.begin(offer.lineItem);
      byViewer.set(viewer, (byViewer.get(viewer) ?? new Set()).add(offer.happening));
      expire(now(), state);
    },
    settle: (happenings) => endAll(happenings, "shown", state),
    takeBack: (happenings) => endAll(happenings, undefined, state),
    list: () => queues.flatMap(({ takeTurn }) => takeTurn()),
    expectedOf: (lineItem) => {
      expire(now(), state);
      return courses.expectedOf(lineItem);
    },
    timesOf: (lineItem, viewer, known) => {
      expire(now(), state);
      return [...(byViewer.get(viewer) ?? [])].flatMap((happening) => {
        const offer = soon.find(happening) ?? early.find(happening);
        return offer?.lineItem === lineItem && !known.has(happening) ? [new Date(offer.offeredAtMs)] : [];
      });
    },
  };
}

interface State {
  readonly soon: OfferQueue;
  readonly early: OfferQueue;
  readonly overdue: OfferQueue;
  /** All of them, in the order in which they make room. */
  readonly queues: readonly OfferQueue[];
  readonly courses: OfferCourses;
  /** Happenings that are about to come. */
  readonly byViewer: Map<string, Set<string>>;
}

function createState(): State {
  // The embedded database looks up 5,000 within some 60 ms, in which it answers nobody.
  const soon = createOfferQueue(3_000);
  const early = createOfferQueue(1_000);
  const overdue = createOfferQueue(1_000);
  return { soon, early, overdue, queues: [overdue, soon, early], courses: createOfferCourses(), byViewer: new Map() };
}

type Outcome = "shown" | "lost" | undefined;

function end(offer: OfferedAd, queue: OfferQueue, outcome: Outcome, { overdue, courses, byViewer }: State): void {
  queue.remove(offer.happening);
  if (!offer.isForRobot) courses.end(offer.lineItem, queue === overdue ? "overdue" : "onTime", outcome);
  removeFrom(byViewer, offer.viewer, offer.happening);
}

function endAll(happenings: readonly string[], outcome: Outcome, state: State): void {
  for (const happening of happenings) {
    for (const queue of state.queues) {
      const offer = queue.find(happening);
      if (offer) end(offer, queue, outcome, state);
    }
  }
}

function delay(offer: OfferedAd, { soon, overdue, courses, byViewer }: State): void {
  soon.remove(offer.happening);
  overdue.add(offer);
  if (!offer.isForRobot) courses.delay(offer.lineItem);
  removeFrom(byViewer, offer.viewer, offer.happening);
}

function expire(nowMs: number, state: State): void {
  const { soon, early, overdue, queues } = state;
  for (const offer of soon.listUntil(nowMs - SOON_MS)) delay(offer, state);
  for (const queue of [overdue, early])
    for (const offer of queue.listUntil(nowMs - PATIENCE_MS)) end(offer, queue, "lost", state);
  while (soon.size() + early.size() + overdue.size() > MAX_OFFERS) {
    const queue = queues.find(({ size }) => size() > 0);
    const oldest = queue?.oldest();
    if (!queue || !oldest) return;
    end(oldest, queue, undefined, state);
  }
}

function removeFrom(sets: Map<string, Set<string>>, name: string, value: string): void {
  const set = sets.get(name);
  set?.delete(value);
  if (set?.size === 0) sets.delete(name);
}
