/**
 * How the ads of each line item fare that answers named. Not all will be shown, and some only after hours, where a whole film's breaks
 * are asked for at its start: those that are on their way, and those that are overdue, each count by the share that came lately. So
 * requests that nobody watches cannot hold a line item back for long, and none is over-delivered because its breaks are late ones.
 */

export interface OfferCourses {
  /** An answer named one. */
  begin(lineItem: string): void;
  /** One that began was not shown so far. */
  delay(lineItem: string): void;
  /** @param outcome undefined: nobody knows */
  end(lineItem: string, course: "onTime" | "overdue", outcome: "shown" | "lost" | undefined): void;
  /** How many of those that began and did not end are going to be shown, as it is to be expected. */
  expectedOf(lineItem: string): number;
}

/** Before anything is known of a line item, all its ads are expected to be shown; so many that are not halve that. */
const PRIOR = 20;
/** Of those that are overdue a quarter is expected at first: asked for early or by nobody who watches, both look alike. */
const PRIOR_CAME = 5;
const PRIOR_OVERDUE = 20;
/** Outcomes by which a share is judged; older ones fade. */
const MAX_OUTCOMES = 2_000;

interface Course {
  /** Under way. */
  readonly onTime: number;
  readonly overdue: number;
  /** Ended. */
  readonly shown: number;
  readonly lost: number;
  /** Of these, the ones that were overdue. */
  readonly cameLate: number;
  readonly neverCame: number;
}

const NO_COURSE: Course = { onTime: 0, overdue: 0, shown: 0, lost: 0, cameLate: 0, neverCame: 0 };

export function createOfferCourses(): OfferCourses {
  const courses = new Map<string, Course>();
  const change = (lineItem: string, make: (course: Course) => Partial<Course>): void => {
    const course = courses.get(lineItem) ?? NO_COURSE;
    courses.set(lineItem, fade({ ...course, ...make(course) }));
  };
  return {
    begin: (lineItem) => change(lineItem, ({ onTime }) => ({ onTime: onTime + 1 })),
    delay: (lineItem) => change(lineItem, ({ onTime, overdue }) => ({ onTime: onTime - 1, overdue: overdue + 1 })),
    end: (lineItem, from, outcome) =>
      change(lineItem, (course) => ({
        [from]: course[from] - 1,
        ...(outcome && { [outcome]: course[outcome] + 1 }),
        ...(outcome && from === "overdue" && countLate(course, outcome)),
      })),
    expectedOf: (lineItem) => {
      const { onTime, overdue, shown, lost, cameLate, neverCame } = courses.get(lineItem) ?? NO_COURSE;
      const expectedLate = (overdue * (cameLate + PRIOR_CAME)) / (cameLate + neverCame + PRIOR_OVERDUE);
      const share = (shown + expectedLate + PRIOR) / (shown + overdue + lost + PRIOR);
      return onTime * share + expectedLate;
    },
  };
}

function countLate({ cameLate, neverCame }: Course, outcome: "shown" | "lost"): Partial<Course> {
  return outcome === "shown" ? { cameLate: cameLate + 1 } : { neverCame: neverCame + 1 };
}

function fade(course: Course): Course {
  const { shown, lost, cameLate, neverCame } = course;
  return {
    ...course,
    ...(shown + lost > MAX_OUTCOMES && { shown: shown / 2, lost: lost / 2 }),
    ...(cameLate + neverCame > MAX_OUTCOMES && { cameLate: cameLate / 2, neverCame: neverCame / 2 }),
  };
}
