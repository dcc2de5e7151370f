/**
 * Which VOD breaks are resolved now, and which may wait until the viewer comes near.
 *
 * @see primetime.md §4.8
 */

/** A break that nobody has asked ads for yet. */
export interface WaitingBreak {
  /** Seconds of content; undefined until the content is known. */
  readonly time: number | undefined;
  /** Seconds that its ads may fill; absent: any. */
  readonly maxDuration?: number | undefined;
}

/** Seconds: a viewer who has just come meets these breaks before anything else can be done. */
export const START_WINDOW = 10;
/** Seconds within which two breaks are at one place. */
const SAME_TIME = 0.5;
/** Seconds for which a relay keeps what it asked for ahead, less some by which a player may be late. */
const KEPT = 50;
/** Seconds of a break that says nothing of its length. */
const USUAL_BREAK = 30;

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

/**
 * The last of those that are asked for now, and the one that is asked for after it: soon enough that a relay still has what it
 * asks for now. undefined: there is none so soon.
 *
 * @param at where the viewer is: what he has gone over does not come up
 */
export function selectNext<Waiting extends WaitingBreak>(
  waiting: readonly Waiting[],
  due: readonly Waiting[],
  at: number,
): { readonly last: Waiting; readonly next: Waiting } | undefined {
  const timeOf = ({ time = Infinity }: WaitingBreak): number => time;
  const last = due.toSorted((one, other) => timeOf(one) - timeOf(other)).at(-1);
  if (!last) return undefined;
  // A pre-roll is shown where the viewer begins.
  const from = Math.max(timeOf(last), at);
  const left = waiting.filter((item) => !due.includes(item) && timeOf(item) > from);
  const [next] = left.toSorted((one, other) => timeOf(one) - timeOf(other));
  const isSoon = next && timeOf(next) - from + (last.maxDuration ?? USUAL_BREAK) <= KEPT;
  return isSoon ? { last, next } : undefined;
}
