/**
 * Where a seek ends: facts in, target out.
 *
 *   forward over breaks                → the last of them first, unless it is watched; then the target
 *   backward over breaks               → the target
 *   into a break, either way           → the start of the ad hit
 *   into a watched break               → its end
 *   within the ad on screen            → the target, unless the viewer is to be kept in it
 *   in trick play                      → the target, or the end of the break there
 *
 * The last break sought over decides: with that one watched, nothing of those before it is played.
 *
 * @see primetime.md §4.6
 */
import type { SeekReason } from "../events.ts";
import type { PolicyBreak, SeekIntoAdPolicy } from "./policy.ts";

/** Breaks that play one after the other, and where the viewer goes on behind them. */
export interface Plan {
  readonly queue: readonly string[];
  /** Content time, in live content stream time: breaks may come and go meanwhile. */
  readonly goal: number;
  /** Of the seek to the goal. */
  readonly reason: "return" | "resume";
}

export interface Span {
  readonly start: number;
  readonly end: number;
  /** Seconds of content that gave way to it; absent: none. */
  readonly replaced?: number | undefined;
}

/** A break where the player has it, seconds of stream time. */
export interface Spot extends PolicyBreak, Span {
  readonly ads: readonly Span[];
}

export interface SeekFacts {
  readonly from: number;
  readonly to: number;
  /** In order of their start. */
  readonly spots: readonly Spot[];
  /** The break on screen when the viewer sought. */
  readonly playing: string | undefined;
  readonly isTrickPlay: boolean;
}

export interface SeekRules {
  readonly keepInAds: boolean;
  readonly canPlay: (spot: Spot) => boolean;
  readonly selectToPlay: (from: number, to: number, skipped: readonly Spot[]) => readonly Spot[];
  readonly selectInto: (from: number, to: number, spot: Spot, adIndex: number) => SeekIntoAdPolicy;
}

export interface SeekDecision {
  readonly target: number;
  /** Undefined: the target is what the viewer asked for. */
  readonly reason: SeekReason | undefined;
  /** The break at the target, which may play. */
  readonly admitted: string | undefined;
  /** Breaks that play before playback goes on where the viewer wanted; the first begins at the target. */
  readonly queue: readonly string[];
  /** Breaks that trick play has left out. */
  readonly leftOut: readonly string[];
}

/** Seconds past an edge, so that the frame shown is the one behind it. */
export const EDGE = 0.01;
/**
 * Seconds past the end of a break: in content with B-frames the first picture comes so much later than the sound, and until then the
 * last one of the ad would stand.
 */
export const EDGE_OUT = 0.1;
/** Seconds within which two places are one. */
export const NEAR = 0.05;
/** Seconds forward: players jump over holes in the media. */
const PLAYER_STEP = 1;
/** Seconds backward: a frame, or the imprecision of what was on screen. */
const FRAME_BACK = 0.1;

/** Whether a seek is the player's own, over a hole or to get unstuck, or a viewer's step by a frame: too small to count. */
export function isPlayerStep(from: number, to: number): boolean {
  return to - from <= PLAYER_STEP && to - from >= -FRAME_BACK;
}

export function findSpot(spots: readonly Spot[], time: number): Spot | undefined {
  return spots.find(({ start, end }) => start <= time && time < end);
}

/** Leaves breaks that do not play by their end, one after the other; stops at the start of the first that does. */
export function passBreaks(
  time: number,
  spots: readonly Spot[],
  canPlay: (spot: Spot) => boolean,
): Pick<SeekDecision, "target" | "admitted"> {
  let target = time;
  for (let spot = findSpot(spots, target); spot; spot = findSpot(spots, target)) {
    if (canPlay(spot)) return { target: spot.start + EDGE, admitted: spot.breakId };
    target = spot.end + EDGE_OUT;
  }
  return { target, admitted: undefined };
}

export function decideSeek(facts: SeekFacts, rules: SeekRules): SeekDecision {
  const { from, to, spots } = facts;
  const playing = spots.find((spot) => spot.breakId === facts.playing && spot.start <= from && from < spot.end);
  const into = findSpot(spots, to);
  if (playing && rules.keepInAds && !isAdEnd(playing, to))
    return { ...REACHED, target: from, reason: "kept-in-ad", admitted: playing.breakId };
  const passed = spots.filter((spot) => spot !== playing && spot.start >= from - NEAR && spot.end <= to + NEAR);
  if (facts.isTrickPlay) return leaveOut(facts, into && into !== playing ? [...passed, into] : passed);
  if (into) return decideInto(facts, rules, into, into === playing);
  const [first, ...more] = to > from ? rules.selectToPlay(from, to, passed) : [];
  if (!first) return { ...REACHED, target: to };
  const queue = [first, ...more].map(({ breakId }) => breakId);
  return { ...REACHED, target: first.start + EDGE, reason: "snap-back", admitted: first.breakId, queue };
}

const REACHED: Omit<SeekDecision, "target"> = { reason: undefined, admitted: undefined, queue: [], leftOut: [] };

function decideInto({ from, to, spots }: SeekFacts, rules: SeekRules, into: Spot, isPlaying: boolean): SeekDecision {
  const adIndex = findAd(into, to);
  if (isPlaying && findAd(into, from) === adIndex) return { ...REACHED, target: to, admitted: into.breakId };
  // the break on screen may count as watched already; what is left of it does not
  const spot = isPlaying ? { ...into, watched: false } : into;
  const canPlay = isPlaying || rules.canPlay(spot);
  const place = canPlay ? placeInto(rules.selectInto(from, to, spot, adIndex), spot, adIndex, to) : into.end;
  if (place < into.end) {
    const isThere = Math.abs(place - to) < NEAR;
    const target = isThere ? to : place;
    return { ...REACHED, target, reason: isThere ? undefined : "ad-start", admitted: into.breakId };
  }
  const others = spots.filter(({ breakId }) => breakId !== into.breakId);
  const past = passBreaks(into.end + EDGE_OUT, others, rules.canPlay);
  return { ...REACHED, ...past, reason: spot.watched ? "watched" : "skipped" };
}

function placeInto(policy: SeekIntoAdPolicy, { start, end, ads }: Spot, adIndex: number, to: number): number {
  if (policy === "play") return to;
  if (policy === "play-from-ad-break-begin") return start + EDGE;
  if (policy === "skip-ad-break") return end;
  const next = policy === "play-from-ad-begin" ? ads[adIndex] : ads[adIndex + 1];
  return next ? next.start + EDGE : end;
}

function leaveOut({ to, spots }: SeekFacts, leftOut: readonly Spot[]): SeekDecision {
  const { target } = passBreaks(to, spots, () => false);
  const reason = target === to ? undefined : "trick-play";
  return { ...REACHED, target, reason, leftOut: leftOut.map(({ breakId }) => breakId) };
}

function findAd({ ads }: Spot, time: number): number {
  return Math.max(
    0,
    ads.findLastIndex(({ start }) => start <= time),
  );
}

/** A player that cannot play an ad jumps to its very end. */
function isAdEnd({ ads }: Spot, to: number): boolean {
  return ads.some(({ end }) => to >= end && to <= end + NEAR);
}
