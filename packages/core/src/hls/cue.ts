/**
 * Avails: the breaks that a playlist signals by cues.
 *
 * `EXT-X-CUE-OUT` with `-CONT` and `EXT-X-CUE-IN` in their usual spellings, `EXT-X-CUE` with TYPE SpliceOut and SpliceIn, and
 * `EXT-X-DATERANGE` with SCTE35-OUT and SCTE35-IN. Binary SCTE-35 is not decoded.
 *
 * @see primetime.md §1.8; RFC 8216 §4.3.2.7, §4.3.2.7.1
 */
import { segmentBoundaries, snapToBoundary } from "./align.ts";
import { parseAttributeList } from "./attribute-list.ts";
import { type CueTag, type MediaPlaylist, parseMediaPlaylist } from "./media-playlist.ts";
import { formatProgramDateTime, parseProgramDateTime } from "./program-date-time.ts";
import { dateSegment } from "./splice.ts";

/** A break that the content offers. */
export interface Avail {
  /** The signalled id; `cue-<media sequence>` where the cue has none. */
  readonly id: string;
  /** Seconds from the first segment of the playlist; negative where the avail began before it. */
  readonly startTime: number;
  /** Of the avail's start, ISO 8601 in UTC; `undefined` where the playlist has no dates. */
  readonly programDateTime: string | undefined;
  /** Seconds, as signalled, else up to the signalled return; 0 where neither is known. */
  readonly duration: number;
  /** The content's media sequence number of the avail's first segment; of the first listed one where `isPartial`. */
  readonly mediaSequence: number;
  /** True where the avail began before the first segment that carries its cue: it can no longer be replaced as a whole. */
  readonly isPartial: boolean;
  /** Where the content signals its return, seconds from the first segment; `undefined` as long as it does not. */
  readonly returnTime: number | undefined;
  /** The content's media sequence number of the first segment after `returnTime`; `undefined` where that is. */
  readonly returnMediaSequence: number | undefined;
  /** Of the EXT-X-ASSET tags beside the cue, names in upper case, CAID as a decimal number; empty where there is none. */
  readonly attributes: Readonly<Record<string, string>>;
  /** The tag that signalled the avail, the one with a SCTE-35 section before others; attribute names in upper case. */
  readonly signal: AvailSignal;
  /** `national`: the provider's own; `local`: the distributor's; `undefined`: the signal does not say. */
  readonly reach: "national" | "local" | undefined;
}

/** A cue tag as it stood in the content. What is no attribute list is given as CUE (a SCTE-35 section) or DURATION. */
export interface AvailSignal {
  /** Without `#`. */
  readonly tagName: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What one cue says; times in seconds. */
interface Cue {
  readonly kind: "out" | "continue" | "in";
  readonly id: string | undefined;
  readonly duration: number | undefined;
  readonly elapsed: number | undefined;
}

interface OpenAvail {
  readonly cueId: string | undefined;
  readonly segmentIndex: number;
  readonly startTime: number;
  readonly isPartial: boolean;
  duration: number;
  returnTime: number | undefined;
}

const MAX_AVAILS = 1000;

const CUE_OF_TAG: Readonly<Record<string, (value: string) => Cue | undefined>> = {
  "EXT-X-CUE-OUT": (value) => readCue("out", value),
  "EXT-X-CUE-OUT-CONT": (value) => readCue("continue", value),
  "EXT-X-CUE-IN": (value) => readCue("in", value),
  "EXT-X-CUE": (value) => {
    const type = parseAttributeList(value).get("TYPE")?.toLowerCase();
    if (type === "spliceout") return readCue("out", value);
    return type === "splicein" ? readCue("in", value) : undefined;
  },
};

/**
 * The avails of a playlist in order of their start, of more than 1,000 the last; empty where it signals none. The first return after a cue counts, a return
 * without its cue is ignored, and of two cues on one segment the CUE family goes before the date range.
 */
export function parseCues(playlist: MediaPlaylist, _dialect?: string): readonly Avail[] {
  if (playlist.cues.length === 0) return [];
  const boundaries = segmentBoundaries(playlist.segments);
  const found = [...readCueTags(playlist.cues, boundaries), ...readDateRanges(playlist, boundaries)];
  const avails = new Map<string, Avail>();
  let dated = dateSegment(playlist, 0);
  for (const open of found.toSorted((a, b) => a.segmentIndex - b.segmentIndex)) {
    const place = `${open.segmentIndex} ${open.isPartial}`;
    dated = dateSegment(playlist, open.segmentIndex, dated);
    if (!avails.has(place)) avails.set(place, finishAvail(open, playlist, boundaries, dated.date));
  }
  return [...avails.values()].slice(-MAX_AVAILS);
}

/**
 * The avails that a playlist signals, partial ones included.
 *
 * @throws AdError `playlist-malformed`
 */
export function listAvails(text: string): readonly Avail[] {
  return parseCues(parseMediaPlaylist(text));
}

function readCueTags(cues: readonly CueTag[], boundaries: readonly number[]): readonly OpenAvail[] {
  const found: OpenAvail[] = [];
  let open: OpenAvail | undefined;
  for (const { name, value, segmentIndex } of cues) {
    const cue = CUE_OF_TAG[name]?.(value);
    const time = boundaries[segmentIndex] ?? 0;
    if (!cue) continue;
    if (cue.kind === "in") {
      if (!open || isOther(cue, open)) continue;
      open.returnTime = time;
      open.duration ||= time - open.startTime;
      open = undefined;
    } else if (!open || isNext(cue, open, time)) {
      const isListed: boolean = segmentIndex < boundaries.length - 1;
      open = isListed ? openAvail(cue, segmentIndex, time) : undefined;
      if (open) found.push(open);
    }
  }
  return found;
}

function isOther(cue: Cue, open: OpenAvail): boolean {
  return cue.id !== undefined && open.cueId !== undefined && cue.id !== open.cueId;
}

/**
 * Cues are repeated during an avail: one is new when it has another id, or comes without one after the avail's planned end. An
 * avail without a planned end lasts until its return.
 */
function isNext(cue: Cue, open: OpenAvail, time: number): boolean {
  if (cue.id !== undefined && open.cueId !== undefined) return cue.id !== open.cueId;
  return cue.kind === "out" && open.duration > 0 && time >= open.startTime + open.duration - 0.5;
}

function openAvail(cue: Cue, segmentIndex: number, time: number): OpenAvail {
  const isPartial = cue.kind === "continue" ? cue.elapsed !== 0 : (cue.elapsed ?? 0) > 0;
  const startTime = time - (cue.elapsed ?? 0);
  return { cueId: cue.id, segmentIndex, startTime, isPartial, duration: cue.duration ?? 0, returnTime: undefined };
}

/** Reads `30`, `5/30`, `DURATION=30`, `ID=1,DURATION=30.0,TIME=9`, `ElapsedTime=5,Duration=30`. */
function readCue(kind: Cue["kind"], value: string): Cue {
  const [, first, second] = /^\s*([\d.]+)(?:\/([\d.]+))?/.exec(value) ?? [];
  if (first !== undefined) {
    const isElapsed = kind === "continue";
    return {
      kind,
      id: undefined,
      duration: readSeconds(isElapsed ? second : first),
      elapsed: readSeconds(isElapsed ? first : undefined),
    };
  }
  const attributes = parseAttributeList(value);
  return {
    kind,
    id: attributes.get("ID") ?? attributes.get("EVENTID"),
    duration: readSeconds(attributes.get("DURATION")),
    elapsed: readSeconds(attributes.get("ELAPSEDTIME") ?? attributes.get("ELAPSED")),
  };
}

function readSeconds(value: string | undefined): number | undefined {
  const seconds = Number.parseFloat(value ?? "");
  return seconds >= 0 && seconds < 1e7 ? seconds : undefined;
}

/** Date ranges by id, later tags with the same id adding to the first (RFC 8216 §4.3.2.7). */
function readDateRanges(playlist: MediaPlaylist, boundaries: readonly number[]): readonly OpenAvail[] {
  const ranges = new Map<string, { readonly segmentIndex: number; readonly attributes: Map<string, string> }>();
  for (const { name, value, segmentIndex } of playlist.cues) {
    if (name !== "EXT-X-DATERANGE") continue;
    const attributes = parseAttributeList(value);
    const id = attributes.get("ID");
    if (id === undefined) continue;
    const range = ranges.get(id) ?? { segmentIndex, attributes: new Map<string, string>() };
    for (const [key, text] of attributes) if (!range.attributes.has(key)) range.attributes.set(key, text);
    ranges.set(id, range);
  }
  const isOut = [...ranges.values()].filter(({ attributes }) => attributes.has("SCTE35-OUT"));
  if (isOut.length === 0) return [];
  const dates = dateBoundaries(playlist, boundaries);
  return isOut.flatMap((range) => placeDateRange(range.attributes, range.segmentIndex, boundaries, dates) ?? []);
}

function placeDateRange(
  attributes: ReadonlyMap<string, string>,
  taggedIndex: number,
  boundaries: readonly number[],
  dates: readonly number[],
): OpenAvail | undefined {
  const startDate = parseProgramDateTime(attributes.get("START-DATE") ?? "");
  const endDate = parseProgramDateTime(attributes.get("END-DATE") ?? "");
  const spans = startDate !== undefined && endDate !== undefined ? (endDate - startDate) / 1000 : undefined;
  const actual = readSeconds(attributes.get("DURATION")) ?? spans;
  const duration = actual ?? readSeconds(attributes.get("PLANNED-DURATION")) ?? 0;
  const isDated = startDate !== undefined && dates.length > 0;
  const segmentIndex = isDated ? snapToBoundary(dates, startDate / 1000) : taggedIndex;
  if (segmentIndex >= boundaries.length - 1) return undefined;
  const snapped = boundaries[segmentIndex] ?? 0;
  const offset = isDated ? startDate / 1000 - (dates[segmentIndex] ?? 0) : 0;
  const firstHalf = (boundaries[1] ?? 0) / 2;
  const isPartial = segmentIndex === 0 && offset < -firstHalf;
  const startTime = isPartial ? snapped + offset : snapped;
  const hasReturned = attributes.has("SCTE35-IN") && actual !== undefined;
  const returnTime = hasReturned ? startTime + duration : undefined;
  return { cueId: attributes.get("ID"), segmentIndex, startTime, isPartial, duration, returnTime };
}

/** The date of each boundary in seconds since 1970; empty where the first segment has none. */
export function dateBoundaries(playlist: MediaPlaylist, boundaries: readonly number[]): readonly number[] {
  let dated = dateSegment(playlist, 0);
  const dates: number[] = [];
  for (const index of playlist.segments.keys()) {
    dated = dateSegment(playlist, index, dated);
    if (dated.date === undefined) return [];
    dates.push(dated.date / 1000);
  }
  const last = (boundaries.at(-1) ?? 0) - (boundaries.at(-2) ?? 0);
  return [...dates, (dates.at(-1) ?? 0) + last];
}

function finishAvail(
  open: OpenAvail,
  playlist: MediaPlaylist,
  boundaries: readonly number[],
  date: number | undefined,
): Avail {
  const { segmentIndex, startTime, isPartial, duration, returnTime } = open;
  const mediaSequence = playlist.mediaSequence + segmentIndex;
  const before = (boundaries[segmentIndex] ?? 0) - startTime;
  const programDateTime = formatProgramDateTime(date === undefined ? undefined : date - before * 1000);
  const id = open.cueId ?? `cue-${mediaSequence}`;
  const returnIndex = returnTime === undefined ? undefined : boundaries.indexOf(returnTime);
  const returnMediaSequence = returnIndex === undefined ? undefined : playlist.mediaSequence + returnIndex;
  const signal = { tagName: "EXT-X-CUE-OUT", attributes: {} };
  const rest = { returnMediaSequence, attributes: {}, signal, reach: undefined };
  return { id, startTime, programDateTime, duration, mediaSequence, isPartial, returnTime, ...rest };
}
