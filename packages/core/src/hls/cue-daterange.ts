/**
 * Cues in EXT-X-DATERANGE, placed by their dates.
 *
 * @see RFC 8216 §4.3.2.7, §4.3.2.7.1
 */
import { snapToBoundary } from "./align.ts";
import { parseAttributeList } from "./attribute-list.ts";
import type { PlacedCue } from "./cue-pairing.ts";
import type { ReadSection, SectionCue } from "./cue-section.ts";
import { type Cue, type CueText, ownIds, readEvent, readSeconds } from "./cue-signal.ts";
import type { CueTag, MediaPlaylist } from "./media-playlist.ts";
import { datesOf } from "./playlist-clock.ts";
import { parseProgramDateTime } from "./program-date-time.ts";

/** All tags of one id; `returnIndex`: of the tag that brought SCTE35-IN. */
interface DateRange {
  readonly attributes: Map<string, string>;
  readonly taggedIndex: number;
  returnIndex: number;
}

/** Where boundaries lie: seconds from the first segment, and milliseconds since 1970 (empty where the segments have no dates). */
interface Timeline {
  readonly boundaries: readonly number[];
  readonly dates: readonly number[];
}

interface Place {
  readonly index: number;
  /** Seconds after the boundary. */
  readonly offset: number;
}

const NAME = "EXT-X-DATERANGE";
const MAX_VALUE = 32_000;
const SECTIONS = ["SCTE35-OUT", "SCTE35-IN", "SCTE35-CMD"];

/** The cues of all date ranges in the order of their places; a range that lies wholly before or behind the list has none. */
export function readDateRanges(
  playlist: MediaPlaylist,
  boundaries: readonly number[],
  readSection: ReadSection,
  limit: number,
): readonly PlacedCue[] {
  const ranges = collectRanges(playlist.cues, limit);
  if (ranges.length === 0) return [];
  const timeline = { boundaries, dates: datesOf(playlist) };
  const cues = ranges.flatMap((range) => placeRange(range, timeline, readSection));
  // What ends at a boundary ends before the next one starts there.
  const order = (placed: PlacedCue): number => placed.segmentIndex * 2 + Number(placed.cue.kind !== "in");
  return cues.toSorted((a, b) => order(a) - order(b));
}

/** Ranges that carry SCTE-35, later tags with the same id adding to the first; of very many ids the last. */
function collectRanges(cues: readonly CueTag[], limit: number): readonly DateRange[] {
  const ranges = new Map<string, DateRange>();
  for (const { name, value, segmentIndex } of cues) {
    if (name !== NAME || value.length > MAX_VALUE) continue;
    const attributes = parseAttributeList(value);
    const id = attributes.get("ID");
    if (id === undefined || !(ranges.has(id) || SECTIONS.some((section) => attributes.has(section)))) continue;
    const range = ranges.get(id) ?? { attributes: new Map(), taggedIndex: segmentIndex, returnIndex: segmentIndex };
    if (attributes.has("SCTE35-IN")) range.returnIndex = segmentIndex;
    for (const [key, text] of attributes) if (!range.attributes.has(key)) range.attributes.set(key, text);
    ranges.set(id, range);
    const [oldest] = ranges.size > limit ? ranges.keys() : [];
    if (oldest !== undefined) ranges.delete(oldest);
  }
  return [...ranges.values()];
}

function placeRange(range: DateRange, timeline: Timeline, readSection: ReadSection): readonly PlacedCue[] {
  const { attributes } = range;
  const text = { name: NAME, attributes };
  const place = placeDate(attributes.get("START-DATE"), timeline) ?? { index: range.taggedIndex, offset: 0 };
  const end = placeEnd(range, timeline);
  const last = timeline.boundaries.length - 1;
  const start = readStart(text, readSection);
  if (!start) {
    const back = readReturn(text, readSection);
    return back && place.index <= last ? [{ cue: back, segmentIndex: place.index }] : [];
  }
  const planned = readSeconds(attributes.get("PLANNED-DURATION"));
  const actual = readActual(attributes);
  const hasReturned = attributes.has("SCTE35-IN");
  const duration = (hasReturned ? (planned ?? actual) : (actual ?? planned)) ?? start.duration ?? 0;
  const isBehind = place.index >= last;
  const isOver = place.index === 0 && place.offset + (actual ?? duration) <= 0 && place.offset < 0 && duration > 0;
  if (isBehind || isOver) return [];
  const isPartial = place.index === 0 && place.offset < -(timeline.boundaries[1] ?? 0) / 2;
  const elapsed = isPartial ? -place.offset : undefined;
  const cues: PlacedCue[] = [{ cue: { ...start, duration, elapsed }, segmentIndex: place.index }];
  if (hasReturned && end > place.index && end <= last) {
    cues.push({ cue: { ...start, kind: "in", family: "text" }, segmentIndex: end });
  }
  return cues;
}

/** `undefined` where the range starts no avail: its section says otherwise, or only SCTE35-CMD could tell and cannot be decoded. */
function readStart(text: CueText, readSection: ReadSection): Cue | undefined {
  const { attributes } = text;
  const out = attributes.get("SCTE35-OUT");
  const events = readSection(out ?? attributes.get("SCTE35-CMD") ?? "");
  const event = events?.find(({ kind }) => kind === "out");
  if (event) return readEvent(event, text);
  return out !== undefined && !events ? readPlain("out", text) : undefined;
}

function readReturn(text: CueText, readSection: ReadSection): Cue | undefined {
  const { attributes } = text;
  const back = attributes.get("SCTE35-IN");
  const isReturn = ({ kind }: SectionCue): boolean => kind === "in";
  const event = readSection(back ?? attributes.get("SCTE35-CMD") ?? "")?.find(isReturn);
  if (event) return readEvent(event, text);
  return back === undefined ? undefined : readPlain("in", text);
}

/** What the tag says where its section cannot be decoded. */
function readPlain(kind: "out" | "in", tag: CueText): Cue {
  const ids = ownIds(tag.attributes);
  const nothing = { duration: undefined, elapsed: undefined, reach: undefined, needsReturn: false };
  return { kind, ids, family: "text", ...nothing, tag };
}

/** Seconds that the range has lasted, where it says so. */
function readActual(attributes: ReadonlyMap<string, string>): number | undefined {
  const startDate = parseProgramDateTime(attributes.get("START-DATE") ?? "");
  const endDate = parseProgramDateTime(attributes.get("END-DATE") ?? "");
  const spans = startDate !== undefined && endDate !== undefined ? (endDate - startDate) / 1000 : undefined;
  return readSeconds(attributes.get("DURATION")) ?? readSeconds(spans?.toString());
}

/** The boundary where the range ends; behind the list where it ends later than that. */
function placeEnd({ attributes, returnIndex }: DateRange, timeline: Timeline): number {
  const start = parseProgramDateTime(attributes.get("START-DATE") ?? "");
  const actual = readActual(attributes);
  if (start === undefined || actual === undefined || timeline.dates.length === 0) return returnIndex;
  const place = placeDate(new Date(Math.min(start + actual * 1000, 8e15)).toISOString(), timeline);
  return place ? place.index : returnIndex;
}

/** `undefined` where there is no date, or the segments have none. A date behind the list has an index that is none. */
function placeDate(text: string | undefined, { dates, boundaries }: Timeline): Place | undefined {
  const date = parseProgramDateTime(text ?? "");
  if (date === undefined || dates.length === 0) return undefined;
  // Equally near means to the millisecond.
  const index = snapToBoundary(dates, date + 0.5);
  const offset = (date - (dates[index] ?? 0)) / 1000;
  const last = boundaries.length - 1;
  const isBehind = index === last && offset > ((boundaries[last] ?? 0) - (boundaries[last - 1] ?? 0)) / 2;
  return isBehind ? { index: boundaries.length, offset } : { index, offset };
}
