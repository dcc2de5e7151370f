/**
 * Ads that an answer named and whose impression is not in the database yet. Not all will be shown: a line item's count by the share of
 * its offers that was shown lately, so that requests that nobody watches cannot hold it back for long.
 */

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
  /** Happenings, oldest first, as many as can be asked for at once. */
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
const MAX_LISTED = 20_000;

/** Before anything is known of a line item, all its ads are expected to be shown; so many that are not halve that. */
const PRIOR = 20;
/** Outcomes by which the share is judged; older ones fade. */
const MAX_OUTCOMES = 2_000;

interface OfferedAd extends Offer {
  readonly viewer: string;
  readonly offeredAtMs: number;
}

/** Of a line item. */
interface Course {
  offered: number;
  shown: number;
  notShown: number;
}

/** @param now ms since the epoch */
export function createUnderWay(now: () => number): UnderWay {
  /** By happening, oldest first. */
  const offers = new Map<string, OfferedAd>();
  const courses = new Map<string, Course>();
  const byViewer = new Map<string, Set<string>>();

  const courseOf = (lineItem: string): Course => {
    const course = courses.get(lineItem) ?? { offered: 0, shown: 0, notShown: 0 };
    courses.set(lineItem, course);
    return course;
  };

  const remove = (happening: string, outcome?: "shown" | "notShown"): void => {
    const offer = offers.get(happening);
    if (!offer) return;
    offers.delete(happening);
    if (!offer.isForRobot) leave(courseOf(offer.lineItem), outcome);
    const own = byViewer.get(offer.viewer);
    own?.delete(happening);
    if (own?.size === 0) byViewer.delete(offer.viewer);
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
      const { lineItem, happening, isForRobot } = offer;
      // Asked again for the same place, the same ad is the same impression, later
      remove(happening);
      offers.set(happening, { ...offer, viewer, offeredAtMs: now() });
      if (!isForRobot) courseOf(lineItem).offered++;
      const own = byViewer.get(viewer) ?? new Set();
      byViewer.set(viewer, own.add(happening));
      expire();
    },
    settle: (happenings) => {
      for (const happening of happenings) remove(happening, "shown");
    },
    list: () => [...offers.keys()].slice(0, MAX_LISTED),
    expectedOf: (lineItem) => {
      expire();
      const { offered, shown, notShown } = courses.get(lineItem) ?? NO_COURSE;
      return (offered * (shown + PRIOR)) / (shown + notShown + PRIOR);
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

const NO_COURSE: Readonly<Course> = { offered: 0, shown: 0, notShown: 0 };

/** @param outcome undefined: nobody knows */
function leave(course: Course, outcome: "shown" | "notShown" | undefined): void {
  course.offered--;
  if (outcome === undefined) return;
  course[outcome]++;
  if (course.shown + course.notShown <= MAX_OUTCOMES) return;
  course.shown /= 2;
  course.notShown /= 2;
}
