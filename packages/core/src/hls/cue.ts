/**
 * Avails: the breaks that a playlist signals by cues.
 *
 * `EXT-X-CUE-OUT` with `-CONT` and `EXT-X-CUE-IN` in their usual spellings, `EXT-X-CUE` and `EXT-X-SCTE35` of both DPI modes, bare
 * SCTE-35 sections, and `EXT-X-DATERANGE` with SCTE-35; two tags that mean the same break are one avail.
 *
 * @see primetime.md §1.8; RFC 8216 §4.3.2.7, §4.3.2.7.1
 */
import { segmentBoundaries } from "./align.ts";
import { parseAttributeList } from "./attribute-list.ts";
import { readDateRanges } from "./cue-daterange.ts";
import { type CueStyles, selectStyles } from "./cue-dialect.ts";
import { type FoundAvail, joinReach, pairCues, type PlacedCue } from "./cue-pairing.ts";
import { createSectionReader, type ReadSection } from "./cue-section.ts";
import { readCueTag } from "./cue-signal.ts";
import { type MediaPlaylist, parseMediaPlaylist } from "./media-playlist.ts";
import { formatProgramDateTime } from "./program-date-time.ts";
import { dateSegment } from "./splice.ts";

/** A break that the content offers. */
export interface Avail {
  /**
   * As signalled, by the tag itself before a SCTE-35 event id, at most 200 characters; `cue-<media sequence>` where the cue has none,
   * of an avail that began before the list reckoned from what has elapsed. One that the playlist has used before gets `-<media sequence>`
   * added.
   */
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

/** A cue tag as it stood in the content. A value that is no attribute list is given as CUE (a section), DURATION or ELAPSED. */
export interface AvailSignal {
  /** Without `#`. */
  readonly tagName: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const MAX_AVAILS = 1000;
const MAX_ID = 200;
const MAX_ATTRIBUTES = 64;
const NONE: readonly Avail[] = [];
const TOLERANCE = 0.5;

const known = new WeakMap<MediaPlaylist, Map<CueStyles, readonly Avail[]>>();

/**
 * The avails of a playlist in order of their start, of more than 1,000 the last; empty where it signals none. The first return after
 * a cue counts, a return without its cue is ignored; a cue that cannot be read is no cue. An EXT-X-CUE of DURATION 0 whose SpliceIn has
 * not come when the playlist ends is no avail. The result is kept with the playlist.
 *
 * @param dialect `ptcueformat`, any case; `undefined` and unknown names: every tag that is known counts
 */
export function parseCues(playlist: MediaPlaylist, dialect?: string): readonly Avail[] {
  if (playlist.cues.length === 0) return NONE;
  const styles = selectStyles(dialect);
  const results = known.get(playlist) ?? new Map<CueStyles, readonly Avail[]>();
  known.set(playlist, results);
  const avails = results.get(styles) ?? findAvails(playlist, styles);
  results.set(styles, avails);
  return avails;
}

/**
 * The avails that a playlist signals, partial ones included.
 *
 * @throws AdError `playlist-malformed`
 */
export function listAvails(text: string): readonly Avail[] {
  return parseCues(parseMediaPlaylist(text));
}

function findAvails(playlist: MediaPlaylist, styles: CueStyles): readonly Avail[] {
  const boundaries = segmentBoundaries(playlist.segments);
  const readSection = createSectionReader();
  const tagged = pairCues(readTags(playlist, styles, readSection), boundaries, MAX_AVAILS);
  const ranges = styles.has("daterange") ? readDateRanges(playlist, boundaries, readSection, MAX_AVAILS) : [];
  const dated = pairCues(ranges, boundaries, MAX_AVAILS);
  const found = joinSources(tagged, dated, boundaries).filter((avail) => !isUnended(avail, playlist));
  return finishAvails(found.slice(-MAX_AVAILS), playlist, boundaries);
}

function* readTags(playlist: MediaPlaylist, styles: CueStyles, readSection: ReadSection): Generator<PlacedCue> {
  for (const tag of playlist.cues) {
    for (const cue of readCueTag(tag, styles, readSection)) yield { cue, segmentIndex: tag.segmentIndex };
  }
}

/** One list in the order of places. What a date range says of a break that a tag signals too is added to the tag's avail. */
function joinSources(
  tagged: readonly FoundAvail[],
  dated: readonly FoundAvail[],
  boundaries: readonly number[],
): readonly FoundAvail[] {
  if (dated.length === 0) return tagged;
  const joined: FoundAvail[] = [];
  const isTagged = new Set(tagged);
  for (const avail of [...tagged, ...dated].toSorted((a, b) => a.segmentIndex - b.segmentIndex)) {
    const last = joined.at(-1);
    const isOtherSource = last && isTagged.has(last) !== isTagged.has(avail);
    if (!last || !isOtherSource || avail.startTime >= endOf(last, boundaries) - TOLERANCE) joined.push(avail);
    else if (avail.segmentIndex === last.segmentIndex) {
      const merged = { ...joinTwo(last, avail) };
      if (isTagged.has(last)) isTagged.add(merged);
      joined[joined.length - 1] = merged;
    }
  }
  return joined;
}

function joinTwo(one: FoundAvail, other: FoundAvail): FoundAvail {
  const isReturned = one.returnIndex !== undefined;
  return {
    ...one,
    ids: one.ids.length > 0 ? one.ids : other.ids,
    duration: one.duration || other.duration,
    returnIndex: isReturned ? one.returnIndex : other.returnIndex,
    reach: joinReach(one.reach, other.reach),
  };
}

function endOf({ returnIndex, startTime, duration }: FoundAvail, boundaries: readonly number[]): number {
  if (returnIndex !== undefined) return boundaries[returnIndex] ?? startTime;
  return duration > 0 ? startTime + duration : Number.POSITIVE_INFINITY;
}

function isUnended({ needsReturn, returnIndex }: FoundAvail, playlist: MediaPlaylist): boolean {
  return needsReturn && returnIndex === undefined && playlist.hasEndList;
}

function finishAvails(
  found: readonly FoundAvail[],
  playlist: MediaPlaylist,
  boundaries: readonly number[],
): readonly Avail[] {
  const meanDuration = (boundaries.at(-1) ?? 0) / Math.max(1, boundaries.length - 1);
  const ids = new Set<string>();
  let dated = dateSegment(playlist, 0);
  let cueIndex = 0;
  return found.map((avail) => {
    const { segmentIndex, startTime, isPartial, duration, returnIndex, reach, tag } = avail;
    dated = dateSegment(playlist, segmentIndex, dated);
    while ((playlist.cues[cueIndex]?.segmentIndex ?? segmentIndex) < segmentIndex) cueIndex++;
    const before = (boundaries[segmentIndex] ?? 0) - startTime;
    const mediaSequence = playlist.mediaSequence + segmentIndex;
    const signalled = avail.ids[0]?.slice(0, MAX_ID) ?? `cue-${mediaSequence - Math.round(before / meanDuration || 0)}`;
    const id = ids.has(signalled) ? `${signalled}-${mediaSequence}` : signalled;
    ids.add(id);
    const programDateTime = formatProgramDateTime(dated.date === undefined ? undefined : dated.date - before * 1000);
    const returnTime = returnIndex === undefined ? undefined : boundaries[returnIndex];
    const returnMediaSequence = returnIndex === undefined ? undefined : playlist.mediaSequence + returnIndex;
    const attributes = readAssets(playlist, cueIndex, segmentIndex, tag.attributes.get("CAID"));
    const signal = { tagName: tag.name, attributes: Object.fromEntries(tag.attributes) };
    const place = { startTime, programDateTime, duration, mediaSequence, isPartial, returnTime, returnMediaSequence };
    return { id, ...place, attributes, signal, reach };
  });
}

/**
 * What the EXT-X-ASSET tags before one segment say, and the cue's own CAID.
 *
 * @param from the first cue tag before that segment
 * @see primetime.md §1.8 (19.7.1: CAID is hexadecimal, and is sent as a decimal number)
 */
function readAssets(
  { cues }: MediaPlaylist,
  from: number,
  segmentIndex: number,
  ownCaid: string | undefined,
): Readonly<Record<string, string>> {
  const attributes = new Map<string, string>();
  for (let index = from; cues[index]?.segmentIndex === segmentIndex && attributes.size < MAX_ATTRIBUTES; index++) {
    const { name = "", value = "" } = cues[index] ?? {};
    if (name !== "EXT-X-ASSET") continue;
    for (const [key, text] of parseAttributeList(value)) {
      if (attributes.size < MAX_ATTRIBUTES && !attributes.has(key)) attributes.set(key, text);
    }
  }
  const caid = attributes.get("CAID") ?? ownCaid;
  if (caid !== undefined) attributes.set("CAID", formatCaid(caid));
  return Object.fromEntries(attributes);
}

/** As it is where it is no number of 64 bits. */
function formatCaid(hex: string): string {
  const [, digits] = /^(?:0x)?0*([\da-f]{1,16})$/i.exec(hex.trim()) ?? [];
  return digits === undefined ? hex : BigInt(`0x${digits}`).toString();
}
