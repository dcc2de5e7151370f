/**
 * The best fill of a break: of ads in order of preference, those that leave the least of its time empty; among fills that are
 * equal to half a second, the one that has the preferred ads. Exact as long as the search stays within its bound.
 */

/** Something that is put into a break whole: an ad, or ads that belong together. */
export interface FillOption {
  /** Seconds. */
  readonly duration: number;
  /** How many ads it is. */
  readonly count: number;
  /** Of one line item there are at most `groupLimit` ads. */
  readonly group: string;
  readonly groupLimit: number;
  /** Options of other groups that share a label are kept apart. */
  readonly labels: readonly string[];
  /** Never twice in one break. */
  readonly creatives: readonly string[];
}

/** What a break has room for. Infinite seconds: the preferred ones, however long. */
export interface Room {
  readonly seconds: number;
  readonly ads: number;
}

/** Fills that differ by less than this, in seconds, are equal; a fill may be longer than the room by as much. */
export const FILL_TOLERANCE = 0.5;

/** Looked at, in order of preference; a break of that many different ads is none. */
const MAX_OPTIONS = 200;
/** A step is a fraction of a microsecond up to a few: the bound is some ten milliseconds, met by contrived lists only. */
const MAX_STEPS = 20_000;

/**
 * @param options best first
 * @param taken what is in the break already: it takes no more room, but keeps others away
 * @returns in the order of `options`; empty where nothing fits
 */
export function fillBreak<T extends FillOption>(
  options: readonly T[],
  room: Room,
  taken: readonly FillOption[] = [],
): readonly T[] {
  const list = options.slice(0, MAX_OPTIONS);
  const search: Search<T> = {
    list,
    twins: listTwins(list),
    rest: sumFromEnd(list),
    room,
    taken,
    chosen: [],
    leftOut: new Set(),
    best: [],
    filled: 0,
    steps: 0,
    isOver: false,
  };
  visit(search, 0, 0);
  return search.best;
}

interface Search<T> {
  readonly list: readonly T[];
  /** Options of the same name can stand for one another. */
  readonly twins: readonly string[];
  /** Seconds of each option and all behind it. */
  readonly rest: readonly number[];
  readonly room: Room;
  readonly taken: readonly FillOption[];
  /** The fill in the making. */
  readonly chosen: T[];
  /** Names of twins that were decided against. */
  readonly leftOut: Set<string>;
  best: readonly T[];
  /** Seconds that `best` fills. */
  filled: number;
  steps: number;
  isOver: boolean;
}

/** @param seconds of what is chosen so far */
function visit<T extends FillOption>(search: Search<T>, index: number, seconds: number): void {
  const { list, room, twins, chosen, leftOut } = search;
  if (search.best.length === 0 ? chosen.length > 0 : seconds >= search.filled + FILL_TOLERANCE) {
    search.best = [...chosen];
    search.filled = seconds;
  }
  const option = list[index];
  const twin = twins[index];
  const isFull = room.seconds !== Infinity && search.filled > room.seconds - FILL_TOLERANCE;
  if (isFull || ++search.steps > MAX_STEPS || (option === undefined && room.seconds === Infinity)) search.isOver = true;
  if (search.isOver || option === undefined || twin === undefined || isHopeless(search, index, seconds)) return;
  const isLeftOut = leftOut.has(twin);
  if (!isLeftOut && fits(option, search, seconds)) {
    chosen.push(option);
    visit(search, index + 1, seconds + option.duration);
    chosen.pop();
  }
  if (search.isOver) return;
  // Where one is left out, its twins are too: they would make the same fill, and each is less preferred.
  leftOut.add(twin);
  visit(search, index + 1, seconds);
  if (!isLeftOut) leftOut.delete(twin);
}

function isHopeless({ best, filled, rest, room }: Search<FillOption>, index: number, seconds: number): boolean {
  const most = Math.min(room.seconds + FILL_TOLERANCE, seconds + (rest[index] ?? 0));
  return best.length > 0 && most < filled + FILL_TOLERANCE;
}

function fits(option: FillOption, { chosen, taken, room }: Search<FillOption>, seconds: number): boolean {
  if (seconds + option.duration > room.seconds + FILL_TOLERANCE) return false;
  let count = option.count;
  let ofGroup = option.count;
  for (const one of chosen) {
    count += one.count;
    if (one.group === option.group) ofGroup += one.count;
    if (areApart(one, option)) return false;
  }
  return count <= room.ads && ofGroup <= option.groupLimit && !taken.some((one) => areApart(one, option));
}

/** Whether two may not be in one break. */
function areApart(one: FillOption, other: FillOption): boolean {
  if (one.creatives.some((creative) => other.creatives.includes(creative))) return true;
  return one.group !== other.group && one.labels.some((label) => other.labels.includes(label));
}

function sumFromEnd(list: readonly FillOption[]): readonly number[] {
  let sum = 0;
  return list.map((_, index) => (sum += list[list.length - 1 - index]?.duration ?? 0)).toReversed();
}

/** Only an option that is alone in its group, with creatives of its own, can be stood for by another. */
function listTwins(list: readonly FillOption[]): readonly string[] {
  const count = (names: readonly string[]): ReadonlyMap<string, number> => {
    const counts = new Map<string, number>();
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    return counts;
  };
  const groups = count(list.map(({ group }) => group));
  const creatives = count(list.flatMap((option) => [...new Set(option.creatives)]));
  return list.map((option, index) => {
    const isAlone =
      groups.get(option.group) === 1 && option.creatives.every((creative) => creatives.get(creative) === 1);
    const labels = option.labels.toSorted().join("\n");
    return isAlone ? `${option.duration} ${option.count} ${labels}` : `#${index}`;
  });
}
