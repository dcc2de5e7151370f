/**
 * `pttimeline`: the breaks of a VOD asset as the bootstrap gives them, and where in the content each of them goes.
 *
 * @see primetime.md §1.6
 */
import { AdError } from "./error.ts";
import type { Avail } from "./hls/cue.ts";

/** One pod of a timeline, in seconds: a break of at most `maxAds` ads, or a chapter of content. */
export type TimelinePod =
  | {
      readonly kind: "break";
      readonly duration: number;
      readonly maxAds: number;
      readonly position: "none" | "pre" | "mid" | "post";
    }
  | { readonly kind: "chapter"; readonly duration: number; readonly lots: number };

/** A break with its place. */
export interface TimelineBreak {
  /** `timeline-1`, `timeline-2`, …: the place among the breaks of the timeline, left out ones counted. */
  readonly breakId: string;
  readonly position: "pre" | "mid" | "post";
  /** Seconds of the content. */
  readonly time: number | "end";
  /** Seconds; 0: no limit is known. */
  readonly maxDuration: number;
  /** 0: what the break replaces is taken out, and nothing comes in its place. */
  readonly maxAds: number;
  /** Seconds of the content that give way from `time` on. */
  readonly replaces: number;
}

/** The breaks that the source has already. */
export interface ReplacedAvails {
  /** In order; partial ones are passed over. */
  readonly avails: readonly Pick<Avail, "startTime" | "duration" | "returnTime" | "reach" | "isPartial">[];
  /** `enableC3`. True: avails known to be national stay as they are; false: all are replaced. */
  readonly localOnly: boolean;
}

const POSITIONS = { n: "none", p: "pre", m: "mid", t: "post" } as const;
const BREAK = /^B,(\d{1,6}(?:\.\d{1,3})?),(\d{1,4}),([npmt])$/i;
const CHAPTER = /^C,(\d{1,6}(?:\.\d{1,3})?),(\d{1,4})$/i;
const MAX_PODS = 1000;
/** Pieces of content are at least that long, seconds. */
const MIN_PIECE = 2;

/**
 * Reads `B,60,2,p;C,300,1;…`; one `;` may stand at the end. Empty text has no pods.
 *
 * @throws AdError `option-invalid` naming the pod that is wrong
 */
export function parseTimeline(text: string): readonly TimelinePod[] {
  const pods = text.trim().replace(/;$/, "");
  if (pods === "") return [];
  const parts = pods.split(";", MAX_PODS + 1);
  if (parts.length > MAX_PODS)
    throw new AdError("option-invalid", `pttimeline: expected at most ${MAX_PODS} pods, got more`);
  return parts.map((pod, index) => parsePod(pod.trim(), index));
}

function parsePod(pod: string, index: number): TimelinePod {
  const [, breakDuration, maxAds, letter] = BREAK.exec(pod) ?? [];
  const position = Object.entries(POSITIONS).find(([key]) => key === letter?.toLowerCase())?.[1];
  if (position) return { kind: "break", duration: Number(breakDuration), maxAds: Number(maxAds), position };
  const [, duration, lots] = CHAPTER.exec(pod) ?? [];
  if (duration !== undefined) return { kind: "chapter", duration: Number(duration), lots: Number(lots) };
  const expected = "B,<seconds>,<ads>,<n|p|m|t> or C,<seconds>,<lots>";
  const shown = JSON.stringify(pod.slice(0, 80));
  throw new AdError("option-invalid", `pttimeline, pod ${index + 1}: expected ${expected}, got ${shown}`);
}

/**
 * The breaks of a timeline: pre-rolls, mid-rolls in the order of their times, post-rolls. Breaks that come to nothing are left out.
 *
 * Chapters say where breaks are inserted: a mid-roll comes after the chapters before it. Pieces of content are at least 2 s long:
 * a mid-roll less than 2 s after the start of the content, or after the mid-roll before it, moves there; one less than 2 s before
 * or after the end of the content moves to the end; one that is further behind the end is left out, as is one without ads, or
 * behind a chapter of 0 s, of which nobody knows where it ends. A break without a position (`n`) is what its place makes it.
 *
 * With `replaced`, where no chapter has a duration (`C,0,1`), the mid-rolls stand for the source's avails instead, one for one
 * in order, national ones included. Avails that are left over stay, mid-rolls that are left over are left out. A duration of 0 is the
 * avail's own; with 0 ads the avail is taken out.
 *
 * @param contentDuration seconds
 */
export function placeTimeline(
  pods: readonly TimelinePod[],
  contentDuration: number,
  replaced?: ReplacedAvails,
): readonly TimelineBreak[] {
  const isTimed = pods.some((pod) => pod.kind === "chapter" && pod.duration > 0);
  const breaks = replaced && !isTimed ? replaceAvails(pods, replaced) : insertBreaks(pods, contentDuration);
  const rank = { pre: 0, mid: 1, post: 2 };
  return breaks.toSorted((a, b) => rank[a.position] - rank[b.position]);
}

function insertBreaks(pods: readonly TimelinePod[], contentDuration: number): readonly TimelineBreak[] {
  const breaks: TimelineBreak[] = [];
  let [number, time, edge] = [0, 0, 0];
  for (const pod of pods) {
    if (pod.kind === "chapter") {
      time += pod.duration || Number.POSITIVE_INFINITY;
      continue;
    }
    const breakId = `timeline-${++number}`;
    const position = pod.position === "none" ? positionAt(time, contentDuration) : pod.position;
    const isBehind = position === "mid" && time >= contentDuration + MIN_PIECE;
    if (isBehind || pod.maxAds === 0) continue;
    if (position === "mid" && time - edge >= MIN_PIECE) edge = time;
    const isAtEnd = position === "post" || (position === "mid" && edge > contentDuration - MIN_PIECE);
    const placed = isAtEnd ? "end" : position === "pre" ? 0 : edge;
    breaks.push({ breakId, position, time: placed, maxDuration: pod.duration, maxAds: pod.maxAds, replaces: 0 });
  }
  return breaks;
}

function positionAt(time: number, contentDuration: number): TimelineBreak["position"] {
  if (time < MIN_PIECE) return "pre";
  return time > contentDuration - MIN_PIECE && time < contentDuration + MIN_PIECE ? "post" : "mid";
}

function replaceAvails(pods: readonly TimelinePod[], { avails, localOnly }: ReplacedAvails): readonly TimelineBreak[] {
  const left = avails.filter(({ isPartial }) => !isPartial).values();
  return pods
    .filter((pod) => pod.kind === "break")
    .flatMap((pod, index): readonly TimelineBreak[] => {
      const breakId = `timeline-${index + 1}`;
      const { maxAds, duration, position } = pod;
      if (position === "pre" || position === "post") {
        const time = position === "pre" ? 0 : "end";
        return maxAds === 0 ? [] : [{ breakId, position, time, maxDuration: duration, maxAds, replaces: 0 }];
      }
      const avail = left.next().value;
      if (!avail || (localOnly && avail.reach === "national")) return [];
      const { startTime: time, returnTime } = avail;
      const replaces = returnTime === undefined ? avail.duration : returnTime - time;
      if (maxAds === 0 && replaces === 0) return [];
      return [{ breakId, position: "mid", time, maxDuration: duration || replaces, maxAds, replaces }];
    });
}
