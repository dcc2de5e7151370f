/** Ads that an answer named and whose impression is not in the database yet. */
import { createOfferCourses } from "./offer-course.ts";

/** An ad on its way to a viewer. */
export interface Offer {
  readonly lineItem: string;
  readonly happening: string;
  /** Nobody watches: it is nothing that a goal waits for. */
  readonly isForRobot: boolean;
}

export interface UnderWay {
  add(viewer: string, offer: Offer): void;
  /** Their impressions are counted elsewhere from now on. */
  settle(happenings: readonly string[]): void;
  /** Happenings, as many as can be asked for at once; by and by all of them. */
  list(): readonly string[];
  /** How many of a line item's are going to be shown, as it is to be expected. */
  expectedOf(lineItem: string): number;
  /** @param known happenings that are counted elsewhere already */
  timesOf(lineItem: string, viewer: string, known: ReadonlySet<string>): readonly Date[];
}

/** After this, an ad that was not shown counts as one that will not be. */
const PATIENCE_MS = 300_000;

/** The oldest make room: what is forgotten here can be over-delivered by one. */
const MAX_OFFERS = 200_000;
/** The embedded database looks up so many within some 60 ms, in which it answers nobody. */
const MAX_LISTED = 5_000;

interface OfferedAd extends Offer {
  readonly viewer: string;
  readonly offeredAtMs: number;
}

/** @param now ms since the epoch */
export function createUnderWay(now: () => number): UnderWay {
  /** By happening, oldest first. */
  const offers = new Map<string, OfferedAd>();
  const courses = createOfferCourses();
  const byViewer = new Map<string, Set<string>>();
  const takeTurn = createTurns(MAX_LISTED);

  const remove = (happening: string, outcome?: "shown" | "notShown"): void => {
    const offer = offers.get(happening);
    if (!offer) return;
    offers.delete(happening);
    if (!offer.isForRobot) courses.end(offer.lineItem, outcome);
    removeFrom(byViewer, offer.viewer, happening);
  };

  const expire = (): void => {
    const sinceMs = now() - PATIENCE_MS;
    for (const [happening, { offeredAtMs }] of offers) {
      const isOver = offeredAtMs <= sinceMs;
      if (!isOver && offers.size <= MAX_OFFERS) return;
      remove(happening, isOver ? "notShown" : undefined);
    }
  };

  return {
    add: (viewer, offer) => {
      // Asked again for the same place, the same ad is the same impression, later
      remove(offer.happening);
      offers.set(offer.happening, { ...offer, viewer, offeredAtMs: now() });
      if (!offer.isForRobot) courses.begin(offer.lineItem);
      byViewer.set(viewer, (byViewer.get(viewer) ?? new Set()).add(offer.happening));
      expire();
    },
    settle: (happenings) => {
      for (const happening of happenings) remove(happening, "shown");
    },
    list: () => takeTurn([...offers.keys()]),
    expectedOf: (lineItem) => {
      expire();
      return courses.expectedOf(lineItem);
    },
    timesOf: (lineItem, viewer, known) => {
      expire();
      return [...(byViewer.get(viewer) ?? [])].flatMap((happening) => {
        const offer = offers.get(happening);
        return offer?.lineItem === lineItem && !known.has(happening) ? [new Date(offer.offeredAtMs)] : [];
      });
    },
  };
}

function removeFrom(sets: Map<string, Set<string>>, name: string, value: string): void {
  const set = sets.get(name);
  set?.delete(value);
  if (set?.size === 0) sets.delete(name);
}

/** Each time the part of a list that comes next, from the start again behind its end. */
function createTurns(max: number): (all: readonly string[]) => readonly string[] {
  let next = 0;
  return (all) => {
    const from = next < all.length ? next : 0;
    next = from + max;
    return all.slice(from, next);
  };
}
