/**
 * How the ads of each line item fare that answers named. Not all will be shown: those that are on their way count by the share that was
 * shown lately, so that requests that nobody watches cannot hold a line item back for long.
 */

export interface OfferCourses {
  /** An answer named one. */
  begin(lineItem: string): void;
  /** @param outcome undefined: nobody knows */
  end(lineItem: string, outcome: "shown" | "notShown" | undefined): void;
  /** How many of those that began and did not end are going to be shown, as it is to be expected. */
  expectedOf(lineItem: string): number;
}

/** Before anything is known of a line item, all its ads are expected to be shown; so many that are not halve that. */
const PRIOR = 20;
/** Outcomes by which the share is judged; older ones fade. */
const MAX_OUTCOMES = 2_000;

interface Course {
  readonly underWay: number;
  readonly shown: number;
  readonly notShown: number;
}

const NO_COURSE: Course = { underWay: 0, shown: 0, notShown: 0 };

export function createOfferCourses(): OfferCourses {
  const courses = new Map<string, Course>();
  const courseOf = (lineItem: string): Course => courses.get(lineItem) ?? NO_COURSE;
  return {
    begin: (lineItem) => {
      const course = courseOf(lineItem);
      courses.set(lineItem, { ...course, underWay: course.underWay + 1 });
    },
    end: (lineItem, outcome) => {
      const course = courseOf(lineItem);
      const ended = { ...course, underWay: course.underWay - 1 };
      courses.set(lineItem, outcome === undefined ? ended : fade({ ...ended, [outcome]: course[outcome] + 1 }));
    },
    expectedOf: (lineItem) => {
      const { underWay, shown, notShown } = courseOf(lineItem);
      return (underWay * (shown + PRIOR)) / (shown + notShown + PRIOR);
    },
  };
}

function fade(course: Course): Course {
  const { shown, notShown } = course;
  return shown + notShown <= MAX_OUTCOMES ? course : { ...course, shown: shown / 2, notShown: notShown / 2 };
}
