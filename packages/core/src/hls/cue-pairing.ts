/**
 * Avails out of cues: what starts one, what only repeats or refines it, and what ends it.
 *
 * The first return after a start counts, one without a start or of another event is ignored. What starts inside an avail is part of it,
 * if it is of another kind (the ads of a break); an avail of the same kind with another id ends the one before it.
 *
 * @see primetime.md §1.8
 */
import type { CueFamily } from "./cue-section.ts";
import type { Cue } from "./cue-signal.ts";

/** A cue with the segment that it stands before. */
export interface PlacedCue {
  readonly cue: Cue;
  readonly segmentIndex: number;
}

/** An avail as its cues tell it. Times are seconds from the first segment of the playlist. */
export interface FoundAvail {
  /** The name first, then what else its cues may call it; empty where they have no ids. */
  readonly ids: readonly string[];
  readonly segmentIndex: number;
  readonly startTime: number;
  readonly isPartial: boolean;
  /** 0: not known. */
  readonly duration: number;
  readonly returnIndex: number | undefined;
  readonly reach: Cue["reach"];
  readonly needsReturn: boolean;
  readonly tag: Cue["tag"];
}

interface OpenAvail extends Mutable<FoundAvail> {
  /** What ends it; `text` where no SCTE-35 says. */
  family: CueFamily;
  /** Whether a tag has said it in words. */
  isText: boolean;
  /** Of the cue that repeated it last. */
  lastIndex: number;
}

type Mutable<Shape> = { -readonly [Key in keyof Shape]: Shape[Key] };

/** Which of several signals at one place is the avail: the one that holds the others. */
const RANK: Readonly<Record<CueFamily, number>> = {
  splice: 0,
  break: 1,
  opportunity: 2,
  "local-opportunity": 2,
  ad: 3,
  "local-ad": 3,
  text: 4,
};
const MAX_IDS = 8;
/** Avails end at segment boundaries, which are rarely where they were planned to end. Seconds. */
const TOLERANCE = 0.5;

/**
 * The avails of cues that are in the order of their places; of very many the last.
 *
 * @param boundaries of the segments, see `segmentBoundaries`
 * @param limit how many are enough
 */
export function pairCues(
  cues: Iterable<PlacedCue>,
  boundaries: readonly number[],
  limit: number,
): readonly FoundAvail[] {
  const found: OpenAvail[] = [];
  let open: OpenAvail | undefined;
  let closed: OpenAvail | undefined;
  for (const { cue, segmentIndex } of cues) {
    const time = boundaries[segmentIndex] ?? 0;
    if (cue.kind === "in") {
      if (!open || !isReturn(cue, open) || isRepeated(cue, open, closed, segmentIndex)) continue;
      open.returnIndex = segmentIndex;
      open.duration ||= time - open.startTime;
      [open, closed] = [undefined, open];
    } else if (open && isPart(cue, open, segmentIndex, time)) {
      refine(open, cue, segmentIndex, time);
    } else if (!closed || !isLate(cue, closed, segmentIndex)) {
      const isListed: boolean = segmentIndex < boundaries.length - 1;
      open = isListed ? startAvail(cue, segmentIndex, time) : undefined;
      if (open && isAt(found.at(-1), open)) found.pop();
      if (open) found.push(open);
      if (found.length > 2 * limit) found.splice(0, limit);
    }
  }
  return found;
}

function startAvail(cue: Cue, segmentIndex: number, time: number): OpenAvail {
  const { ids, family, reach, needsReturn, tag } = cue;
  return {
    ids,
    segmentIndex,
    startTime: time - (cue.elapsed ?? 0),
    isPartial: isContinuation(cue),
    duration: cue.duration ?? 0,
    returnIndex: undefined,
    reach,
    needsReturn,
    tag,
    family,
    isText: family === "text",
    lastIndex: segmentIndex,
  };
}

function isContinuation({ kind, elapsed }: Cue): boolean {
  return kind === "continue" ? elapsed !== 0 : (elapsed ?? 0) > 0;
}

function sharesId(cue: Cue, avail: FoundAvail): boolean {
  return cue.ids.some((id) => avail.ids.includes(id));
}

function isOther(cue: Cue, avail: FoundAvail): boolean {
  return cue.ids.length > 0 && avail.ids.length > 0 && !sharesId(cue, avail);
}

function isReturn(cue: Cue, open: OpenAvail): boolean {
  if (isOther(cue, open)) return false;
  if (cue.family === "text" || cue.family === open.family) return true;
  return open.family === "text" && (cue.family === "splice" || sharesId(cue, open));
}

/** Whether a cue continues what has ended already. */
function isLate(cue: Cue, closed: OpenAvail, segmentIndex: number): boolean {
  const isAtReturn = cue.ids.length === 0 && closed.returnIndex === segmentIndex;
  return isContinuation(cue) && (isAtReturn || sharesId(cue, closed));
}

/** Beside the section that ends one avail and starts the next, a return without an id means the former. */
function isRepeated(cue: Cue, open: OpenAvail, closed: OpenAvail | undefined, segmentIndex: number): boolean {
  return cue.ids.length === 0 && closed?.returnIndex === segmentIndex && open.segmentIndex === segmentIndex;
}

/** Whether an avail has ended where it began, and another one begins there. */
function isAt(ended: OpenAvail | undefined, open: OpenAvail): boolean {
  return ended?.segmentIndex === open.segmentIndex && ended.isPartial === open.isPartial;
}

/** Whether a start or continuation belongs to the avail that is open. */
function isPart(cue: Cue, open: OpenAvail, segmentIndex: number, time: number): boolean {
  const isHere = segmentIndex === open.segmentIndex;
  if (isHere && (!open.isPartial || isContinuation(cue))) return true;
  const isOver = open.duration > 0 && time >= open.startTime + open.duration - TOLERANCE;
  // An id that is used again: what repeats an avail stands on each of its segments, or tells how much of it is over.
  if (sharesId(cue, open)) return !isOver || isContinuation(cue) || segmentIndex <= open.lastIndex + 1;
  if (isOther(cue, open)) return !isOver && !isSameKind(cue, open);
  return cue.kind === "continue" || !isOver;
}

function isSameKind({ family }: Cue, open: OpenAvail): boolean {
  return family === "text" ? open.isText : family === open.family;
}

/** Adds what a further cue of the avail says. */
function refine(open: OpenAvail, cue: Cue, segmentIndex: number, time: number): void {
  open.lastIndex = segmentIndex;
  if (segmentIndex !== open.segmentIndex) {
    if (sharesId(cue, open) || isSameKind(cue, open)) open.duration ||= cue.duration ?? 0;
    return;
  }
  if (!open.isText && isContinuation(cue)) {
    open.isPartial = true;
    open.startTime = time - (cue.elapsed ?? 0);
  }
  const isText = cue.family === "text";
  const isFirst = isText ? !open.isText : !open.isText && RANK[cue.family] < RANK[open.family];
  const ids = isFirst ? [...cue.ids, ...open.ids] : [...open.ids, ...cue.ids];
  open.ids = [...new Set(ids)].slice(0, MAX_IDS);
  open.duration = (isFirst && cue.duration) || open.duration || (cue.duration ?? 0);
  if (RANK[cue.family] < RANK[open.family]) open.family = cue.family;
  open.isText ||= isText;
  open.reach = joinReach(open.reach, cue.reach);
  open.needsReturn &&= cue.needsReturn;
  if (!hasSection(open) && hasSection(cue)) open.tag = cue.tag;
}

/** What is local in any part is the distributor's to sell. */
export function joinReach(one: Cue["reach"], other: Cue["reach"]): Cue["reach"] {
  return one === "local" || other === "local" ? "local" : (one ?? other);
}

function hasSection({ tag }: Pick<FoundAvail, "tag">): boolean {
  return tag.attributes.has("CUE") || tag.attributes.has("SCTE35");
}
