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
  /** `timeline-1`, `timeline-2`, …: the place among the breaks of the timeline, removed ones counted. */
  readonly breakId: string;
  readonly position: "pre" | "mid" | "post";
  /** Seconds of the content. */
  readonly time: number | "end";
  /** Seconds; `undefined`: no limit is known. */
  readonly maxDuration: number | undefined;
  /** 0 where what the break replaces is only taken out. */
  readonly maxAds: number;
  /** Seconds of the content that give way from `time` on. */
  readonly replaces: number;
  /** The source's avail that the break stands for. */
  readonly availId: string | undefined;
}

/** What a timeline is placed on. */
export interface TimelineContent {
  /** Seconds. */
  readonly duration: number;
  /** The source's avails in order, for timelines whose chapters do not say how long they are; partial ones are left out. */
  readonly avails: readonly Pick<Avail, "id" | "startTime" | "duration" | "reach" | "isPartial">[];
  /** `true`: avails known to be national stay as they are; `false`: all are replaced; `undefined`: breaks are inserted at them. */
  readonly enableC3: boolean | undefined;
}

type TimelineBreakPod = Extract<TimelinePod, { readonly kind: "break" }>;

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
 * The breaks of a timeline in the order of their times, pre-rolls first and post-rolls last. Breaks that come to nothing are left out.
 *
 * Chapters with durations say where breaks are inserted: a mid-roll comes after the chapters before it. Pieces of content are at least
 * 2 s long: a break less than 2 s after the start of the content, or after the break before it, moves there; one less than 2 s before
 * or after the content's end moves to the end; one further behind the end is dropped, as is one without ads.
 *
 * Where all chapters are `C,0,n`, or `enableC3` is set and there are none, the mid-rolls stand for the source's avails, one for one in
 * order, national ones included; avails that are left over stay. A duration of 0 is the avail's own, and a break without ads takes the
 * avail out.
 */
export function placeTimeline(pods: readonly TimelinePod[], content: TimelineContent): readonly TimelineBreak[] {
  const chapters = pods.filter((pod) => pod.kind === "chapter");
  const isMapped =
    chapters.every(({ duration }) => duration === 0) && (chapters.length > 0 || content.enableC3 !== undefined);
  const breaks = isMapped ? mapBreaks(pods, content) : insertBreaks(pods, content.duration);
  const rank = { pre: 0, mid: 1, post: 2 };
  return breaks.toSorted((a, b) => rank[a.position] - rank[b.position]);
}

function insertBreaks(pods: readonly TimelinePod[], contentDuration: number): readonly TimelineBreak[] {
  const breaks: TimelineBreak[] = [];
  let [number, time, edge] = [0, 0, 0];
  for (const pod of pods) {
    if (pod.kind === "chapter") {
      time += pod.duration;
      continue;
    }
    const breakId = `timeline-${++number}`;
    const position = pod.position === "none" ? positionOf(time, contentDuration) : pod.position;
    if (pod.maxAds === 0 || (position === "mid" && time >= contentDuration + MIN_PIECE)) continue;
    const placed = { breakId, position, maxDuration: pod.duration || undefined, maxAds: pod.maxAds, replaces: 0 };
    if (position === "mid" && time - edge >= MIN_PIECE) edge = time;
    const isAtEnd = position === "post" || (position === "mid" && edge > contentDuration - MIN_PIECE);
    breaks.push({ ...placed, time: isAtEnd ? "end" : position === "pre" ? 0 : edge, availId: undefined });
  }
  return breaks;
}

function positionOf(time: number, contentDuration: number): TimelineBreak["position"] {
  if (time < MIN_PIECE) return "pre";
  return time > contentDuration - MIN_PIECE ? "post" : "mid";
}

function mapBreaks(pods: readonly TimelinePod[], content: TimelineContent): readonly TimelineBreak[] {
  const avails = content.avails.filter(({ isPartial }) => !isPartial).values();
  return pods
    .filter((pod) => pod.kind === "break")
    .flatMap((pod, index) => {
      const breakId = `timeline-${index + 1}`;
      if (pod.position === "pre" || pod.position === "post") return rollAtEdge(pod, pod.position, breakId);
      const avail = avails.next().value;
      const isKept = !avail || (content.enableC3 === true && avail.reach === "national");
      const replaces = content.enableC3 === undefined ? 0 : (avail?.duration ?? 0);
      if (isKept || (pod.maxAds === 0 && replaces === 0)) return [];
      const maxDuration = pod.duration || avail.duration || undefined;
      const { startTime: time, id: availId } = avail;
      return [{ breakId, position: "mid" as const, time, maxDuration, maxAds: pod.maxAds, replaces, availId }];
    });
}

function rollAtEdge(pod: TimelineBreakPod, position: "pre" | "post", breakId: string): readonly TimelineBreak[] {
  if (pod.maxAds === 0) return [];
  const time = position === "pre" ? 0 : "end";
  const maxDuration = pod.duration || undefined;
  return [{ breakId, position, time, maxDuration, maxAds: pod.maxAds, replaces: 0, availId: undefined }];
}
