/**
 * What must hold over all refreshes of a stitched playlist that a client could have made: a pure function over what was recorded.
 *
 * @see RFC 8216 §4.3.3.1-3, §6.2.1, §6.2.2, §6.2.4; DESIGN §6
 */
import { type ReadPlaylist, readPlaylist, type ReadSegment } from "./playlist-reader.ts";

/** What a segment's address says of it. */
export interface SegmentName {
  /** `content`, or the id of an ad. */
  readonly id: string;
  /** Place in the content or in the ad, from 0. */
  readonly index: number;
}

/** One answer to a request for a rendition's playlist. */
export interface Refresh {
  readonly text: string;
  /** Media sequence numbers behind the last segment of the content, some time before and right after the request. */
  readonly contentEdge?: readonly [before: number, after: number];
}

export interface RecordedRendition {
  readonly name: string;
  /** In the order of the requests. */
  readonly refreshes: readonly Refresh[];
}

/** Everything that was recorded of one session. */
export interface RecordedRun {
  readonly renditions: readonly RecordedRendition[];
  readonly nameSegment: (uri: string) => SegmentName;
  /** Seconds of each segment of the content. */
  readonly segmentDuration: number;
}

/** A segment of a rendition, by the media sequence number that it had. */
export interface ShownSegment extends ReadSegment, SegmentName {
  readonly mediaSequence: number;
}

export interface CheckedRun {
  /** Sentences; empty: all that must hold holds. */
  readonly faults: readonly string[];
  /** By rendition: every segment that was ever listed, once, by media sequence number. */
  readonly shown: ReadonlyMap<string, readonly ShownSegment[]>;
}

/** Seconds: durations are written in microseconds, and add up. */
const ROUNDING = 0.002;
/** Seconds: dates are written in milliseconds, and encoders count them by wall clock. */
const DATE_ROUNDING = 0.02;

/** Reads and checks a run. */
export function checkRun(run: RecordedRun): CheckedRun {
  const faults: string[] = [];
  const shown = new Map<string, readonly ShownSegment[]>();
  for (const rendition of run.renditions) {
    const tell = (fault: string): void => void faults.push(`${rendition.name}: ${fault}`);
    const all = rendition.refreshes.map((refresh, at) => ({ ...readPlaylist(refresh.text), ...refresh, at }));
    for (const { at, faults } of all) for (const fault of faults) tell(`refresh ${at}: ${fault}`);
    const playlists = all.filter(({ segments }) => segments.length > 0);
    const segments = collectSegments(playlists, run.nameSegment, tell);
    shown.set(rendition.name, segments);
    checkWindows(playlists, tell);
    checkOrder(segments, tell);
    checkDates(segments, tell);
    checkPlaces(segments, run.segmentDuration, tell);
    checkEdge(segments, playlists, run.segmentDuration, tell);
  }
  return { faults: [...faults, ...compareRenditions(shown)], shown };
}

type Tell = (fault: string) => void;

/** `at`: the place of the refresh in its rendition's list. */
type NumberedPlaylist = ReadPlaylist & Refresh & { readonly at: number };

/** A number, once given, stays with its segment, and the segment with its number: address, length, discontinuity, date. */
function collectSegments(
  playlists: readonly NumberedPlaylist[],
  nameSegment: RecordedRun["nameSegment"],
  tell: Tell,
): readonly ShownSegment[] {
  const known = new Map<number, ShownSegment>();
  const numbers = new Map<string, number>();
  for (const { at, mediaSequence, segments } of playlists) {
    for (const [index, segment] of segments.entries()) {
      const number = mediaSequence + index;
      const entry = { ...segment, ...nameSegment(segment.uri), mediaSequence: number };
      const before = known.get(number) ?? entry;
      // A date may be written only where the window begins.
      const date = before.date ?? entry.date;
      if (JSON.stringify({ ...before, date }) !== JSON.stringify({ ...entry, date: entry.date ?? date }))
        tell(`refresh ${at}: segment ${number} was ${describe(before)}, is ${describe(entry)}`);
      known.set(number, { ...before, date });
      // The segments of an ad come again in each break.
      const other = entry.id === "content" ? (numbers.get(segment.uri) ?? number) : number;
      if (other !== number) tell(`refresh ${at}: ${segment.uri} was segment ${other}, is ${number}`);
      numbers.set(segment.uri, number);
    }
  }
  const sorted = [...known.values()].sort((a, b) => a.mediaSequence - b.mediaSequence);
  for (const [at, { mediaSequence }] of sorted.entries()) {
    const last = sorted[at - 1]?.mediaSequence ?? mediaSequence - 1;
    if (mediaSequence !== last + 1) tell(`segments ${last + 1} to ${mediaSequence - 1} were never listed`);
  }
  return sorted;
}

function describe({ id, index, duration, discontinuitySequence, date, uri }: ShownSegment): string {
  return `${id} ${index} (${uri}, ${duration} s, discontinuity ${discontinuitySequence}, ${date ?? "no date"})`;
}

/** What the tags of each playlist say, and how a window moves: forward, at its start and at its end. */
function checkWindows(playlists: readonly NumberedPlaylist[], tell: Tell): void {
  const [first] = playlists;
  let [start, end] = [0, 0];
  for (const { at, targetDuration, mediaSequence, segments, hasEndList } of playlists) {
    if (targetDuration !== first?.targetDuration)
      tell(`refresh ${at}: EXT-X-TARGETDURATION was ${first?.targetDuration}, is ${targetDuration}`);
    const next = mediaSequence + segments.length;
    if (mediaSequence < start) tell(`refresh ${at}: EXT-X-MEDIA-SEQUENCE was ${start}, is ${mediaSequence}`);
    if (next < end) tell(`refresh ${at}: the segments from ${next} to ${end - 1} are gone from the end`);
    const length = segments.reduce((sum, { duration }) => sum + duration, 0);
    if (!hasEndList && length < 3 * targetDuration - ROUNDING)
      tell(`refresh ${at}: ${length} s are listed, expected three target durations`);
    [start, end] = [Math.max(start, mediaSequence), Math.max(end, next)];
  }
}

/** EXT-X-DISCONTINUITY at both edges of every ad and nowhere else; ads from their first segment on, in order. */
function checkOrder(segments: readonly ShownSegment[], tell: Tell): void {
  for (const [at, segment] of segments.entries()) {
    const before = segments[at - 1];
    if (!before) continue;
    const changes = segment.discontinuitySequence - before.discontinuitySequence;
    const goesOn = before.id === segment.id && segment.index === before.index + 1;
    const place = `between ${before.id} ${before.index} and ${segment.id} ${segment.index} (segment ${segment.mediaSequence})`;
    if (goesOn ? changes !== 0 : changes !== 1) tell(`${changes} discontinuities ${place}`);
    if (!goesOn && segment.id !== "content" && segment.index !== 0) tell(`the ad does not begin at its start ${place}`);
    if (!goesOn && segment.id === "content" && before.id === "content") tell(`content jumps ${place}`);
  }
}

/**
 * EXT-X-PROGRAM-DATE-TIME is the date before it plus the durations between. Shaka Player places live segments by their dates: at a hole it
 * stands still for as long, and where dates overlap it shows content twice.
 */
function checkDates(segments: readonly ShownSegment[], tell: Tell): void {
  let expected: number | undefined;
  for (const { date, duration, id, index, mediaSequence } of segments) {
    const off = date === undefined || expected === undefined ? 0 : (date - expected) / 1000;
    if (Math.abs(off) > DATE_ROUNDING)
      tell(
        `segment ${mediaSequence} (${id} ${index}): its date is ${Math.abs(off).toFixed(3)} s too ${off < 0 ? "early" : "late"}`,
      );
    const start: number | undefined = date ?? expected;
    expected = start === undefined ? undefined : start + duration * 1000;
  }
}

/** Content stands where it would without ads, by the sum of all durations before it, and at most one segment beside it. */
function checkPlaces(segments: readonly ShownSegment[], segmentDuration: number, tell: Tell): void {
  const anchor = segments.find(({ id }) => id === "content");
  let time = 0;
  for (const segment of segments) {
    if (anchor && segment.id === "content" && segment.mediaSequence >= anchor.mediaSequence) {
      const shift = time - (segment.index - anchor.index) * segmentDuration;
      if (Math.abs(shift) > segmentDuration + ROUNDING)
        tell(`content ${segment.index} (segment ${segment.mediaSequence}) is ${shift.toFixed(3)} s beside its place`);
    }
    if (anchor && segment.mediaSequence >= anchor.mediaSequence) time += segment.duration;
  }
}

/** The end of each window is at most one segment from the end of the content at that time. */
function checkEdge(
  segments: readonly ShownSegment[],
  playlists: readonly NumberedPlaylist[],
  segmentDuration: number,
  tell: Tell,
): void {
  const anchor = segments.find(({ id }) => id === "content");
  if (!anchor) return;
  const ends = new Map<number, number>();
  let time = anchor.index * segmentDuration;
  for (const { mediaSequence, duration } of segments) {
    if (mediaSequence >= anchor.mediaSequence) time += duration;
    ends.set(mediaSequence + 1, time);
  }
  for (const { at, mediaSequence, segments: listed, hasEndList, contentEdge } of playlists) {
    const end = ends.get(mediaSequence + listed.length);
    if (!contentEdge || end === undefined || hasEndList) continue;
    const [before, after] = contentEdge.map((edge) => edge * segmentDuration - end);
    const limit = segmentDuration + ROUNDING;
    if ((before ?? 0) > limit || (after ?? 0) < -limit)
      tell(
        `refresh ${at}: its end is ${after?.toFixed(3)} s behind the content's, expected ${segmentDuration} at most`,
      );
  }
}

/** Under one number all renditions have the same part of the same film, of the same length, after as many discontinuities. */
function compareRenditions(shown: CheckedRun["shown"]): readonly string[] {
  const [first, ...others] = [...shown];
  if (!first) return [];
  const [name, segments] = first;
  const own = new Map(segments.map((segment) => [segment.mediaSequence, segment]));
  return others.flatMap(([other, theirs]) =>
    theirs.flatMap((segment) => {
      const twin = own.get(segment.mediaSequence);
      if (!twin) return [];
      const isSame =
        twin.id === segment.id &&
        twin.index === segment.index &&
        twin.discontinuitySequence === segment.discontinuitySequence &&
        Math.abs(twin.duration - segment.duration) < ROUNDING;
      return isSame
        ? []
        : [`segment ${segment.mediaSequence}: ${name} has ${describe(twin)}, ${other} ${describe(segment)}`];
    }),
  );
}
