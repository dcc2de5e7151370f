/**
 * Which VOD breaks are resolved now, and which may wait until the viewer comes near.
 *
 * @see primetime.md §4.8
 */

/** A break that nobody has asked ads for yet. */
export interface WaitingBreak {
  /** Seconds of content; undefined until the content is known. */
  readonly time: number | undefined;
}

/** Seconds: a viewer who has just come meets these breaks before anything else can be done. */
export const START_WINDOW = 10;
/** Seconds within which two breaks are at one place. */
const SAME_TIME = 0.5;

/**
 * Those up to `ahead` seconds before the viewer, the nearest one that a seek has gone over, and all that stand where one of these does.
 *
 * @param from where the viewer was before; undefined: he has just come
 */
export function selectDue<Waiting extends WaitingBreak>(
  waiting: readonly Waiting[],
  from: number | undefined,
  to: number,
  ahead: number,
): readonly Waiting[] {
  const passed = waiting.flatMap(({ time = Infinity }) => (time < to && time >= (from ?? to) ? [time] : []));
  const nearest = Math.max(...passed);
  const times = waiting.flatMap(({ time }) =>
    time !== undefined && (time === nearest || (time >= to && time <= to + ahead)) ? [time] : [],
  );
  return waiting.filter(({ time }) => times.some((due) => Math.abs(due - (time ?? Infinity)) < SAME_TIME));
}
