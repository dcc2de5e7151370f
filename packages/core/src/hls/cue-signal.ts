/**
 * Cue tags in their many spellings, each read into what it says.
 *
 * @see primetime.md §1.8; SCTE 35 2023r1 §12.2 (EXT-X-SCTE35)
 */
import { parseAttributeList } from "./attribute-list.ts";
import type { CueStyle, CueStyles } from "./cue-dialect.ts";
import type { CueFamily, Reach, ReadSection, SectionCue } from "./cue-section.ts";
import type { CueTag } from "./media-playlist.ts";

/** What one cue says; times in seconds. */
export interface Cue {
  readonly kind: "out" | "continue" | "in";
  /** Names of the event, the tag's own before a SCTE-35 event id; empty where it has none. */
  readonly ids: readonly string[];
  readonly family: CueFamily;
  /** 0 and `undefined`: not known. */
  readonly duration: number | undefined;
  /** Since the avail began. */
  readonly elapsed: number | undefined;
  readonly reach: Reach;
  /** A splice that nothing but its return ends: EXT-X-CUE with DURATION 0. */
  readonly needsReturn: boolean;
  readonly tag: CueText;
}

/** A tag with its attributes, names in upper case. */
export interface CueText {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
}

type ReadCues = (text: CueText, readSection: ReadSection) => readonly Cue[];

/** Three sections of 4,096 bytes in hexadecimal are shorter. */
const MAX_VALUE = 32_000;
const MAX_SECONDS = 1e7;

const READER: Readonly<Record<string, { readonly style: CueStyle; readonly read: ReadCues }>> = {
  "EXT-X-CUE-OUT": { style: "cue-out", read: (text, readSection) => readText("out", text, readSection) },
  "EXT-X-CUE-OUT-CONT": { style: "cue-out", read: (text, readSection) => readText("continue", text, readSection) },
  "EXT-X-CUE-SPAN": { style: "cue-out", read: (text, readSection) => readText("continue", text, readSection) },
  "EXT-X-CUE-IN": { style: "cue-out", read: (text, readSection) => readText("in", text, readSection) },
  "EXT-X-SCTE35": { style: "scte35", read: readScte35Tag },
  "EXT-OATCLS-SCTE35": { style: "section", read: readScte35Tag },
  "EXT-X-SPLICEPOINT-SCTE35": { style: "section", read: readScte35Tag },
  "EXT-X-AD": { style: "point", read: (text, readSection) => readText("out", text, readSection) },
  "EXT-X-CUEPOINT": { style: "point", read: (text, readSection) => readText("out", text, readSection) },
};

/**
 * The cues of a tag in the order in which they count, ends first; empty for a tag that is no cue, is of another dialect, or has a
 * DURATION or TIME that is no number. Date ranges are not read here.
 */
export function readCueTag(tag: CueTag, styles: CueStyles, readSection: ReadSection): readonly Cue[] {
  const isSimple = tag.name === "EXT-X-CUE";
  const reader = READER[tag.name];
  if (tag.value.length > MAX_VALUE || !(isSimple || (reader && styles.has(reader.style)))) return [];
  const text = { name: tag.name, attributes: readAttributes(tag) };
  if (isInvalid(text.attributes.get("TIME")) || isInvalid(text.attributes.get("DURATION"))) return [];
  return isSimple ? readSimple(text, styles, readSection) : (reader?.read(text, readSection) ?? []);
}

/** Reads `30`, `5/30`, a bare section, or an attribute list, which may follow a number. */
function readAttributes({ name, value }: CueTag): ReadonlyMap<string, string> {
  if (READER[name]?.style === "section") return new Map([["CUE", value.trim()]]);
  const [all = "", first = "", second] = /^\s*([\d.]+)(?:\/([\d.]+))?\s*/.exec(value) ?? [];
  if (first === "") return parseAttributeList(value);
  const rest = parseAttributeList(value.slice(all.length).replace(/^,/, ""));
  const isElapsed = name === "EXT-X-CUE-OUT-CONT" || name === "EXT-X-CUE-SPAN";
  if (!isElapsed) return new Map([...rest, ["DURATION", first]]);
  return new Map([...rest, ["ELAPSED", first], ...(second === undefined ? [] : [["DURATION", second] as const])]);
}

/** EXT-X-CUE: its TYPE says what it is; one without is a splice-out of clients that know no other. */
function readSimple(text: CueText, styles: CueStyles, readSection: ReadSection): readonly Cue[] {
  const { attributes } = text;
  const type = attributes.get("TYPE")?.toLowerCase() ?? (attributes.has("DURATION") ? "spliceout" : "");
  if (type === "scte35") return styles.has("scte35") ? readScte35Tag(text, readSection) : [];
  if (!styles.has("simple")) return [];
  if (type === "splicein") return readText("in", text, readSection);
  if (type !== "spliceout") return [];
  const needsReturn = readSeconds(attributes.get("DURATION")) === 0;
  return readText("out", text, readSection).map((cue) => ({ ...cue, needsReturn }));
}

/** What the tag says by itself; a section in it gives the event id and the reach. */
function readText(kind: Cue["kind"], text: CueText, readSection: ReadSection): readonly Cue[] {
  const { attributes } = text;
  const section = attributes.get("SCTE35") ?? attributes.get("CUE");
  const events = section === undefined ? [] : (readSection(section) ?? []);
  const event = events.find((each) => (each.kind === "in") === (kind === "in"));
  const ids = [...ownIds(attributes), ...(event ? [event.eventId] : [])];
  const duration = readSeconds(attributes.get("DURATION")) || event?.duration;
  const reach = event?.reach;
  return [
    { kind, ids, family: "text", duration, elapsed: readElapsed(attributes), reach, needsReturn: false, tag: text },
  ];
}

/** CUE-OUT and CUE-IN, where they stand there, go before what the section says. */
function readScte35Tag(text: CueText, readSection: ReadSection): readonly Cue[] {
  const { attributes } = text;
  const [out, back] = [attributes.get("CUE-OUT")?.toUpperCase(), attributes.get("CUE-IN")?.toUpperCase()];
  if (out === "YES") return readText("out", text, readSection);
  if (out === "CONT") return readText("continue", text, readSection);
  if (back === "YES") return readText("in", text, readSection);
  const events = readSection(attributes.get("CUE") ?? "") ?? [];
  const wanted = out === "NO" ? events.filter(({ kind }) => kind === "in") : events;
  return wanted.map((event) => readEvent(event, text));
}

/** A start or end that a section signals, with what its tag adds. */
export function readEvent(event: SectionCue, text: CueText): Cue {
  const { kind, family, reach } = event;
  const { attributes } = text;
  return {
    kind,
    ids: [...ownIds(attributes), event.eventId],
    family,
    duration: event.duration || readSeconds(attributes.get("DURATION")),
    elapsed: readElapsed(attributes),
    reach,
    needsReturn: false,
    tag: text,
  };
}

/** The name that the tag itself gives its event; empty where it gives none. */
export function ownIds(attributes: ReadonlyMap<string, string>): readonly string[] {
  const id = attributes.get("ID") || attributes.get("EVENTID");
  return id ? [id] : [];
}

function readElapsed(attributes: ReadonlyMap<string, string>): number | undefined {
  const elapsed = attributes.get("ELAPSEDTIME") ?? attributes.get("ELAPSED") ?? attributes.get("TIMEFROMSIGNAL");
  return readSeconds(elapsed);
}

function isInvalid(value: string | undefined): boolean {
  return value !== undefined && value !== "" && readSeconds(value) === undefined;
}

/** Reads `30`, `30.0`, `PT1M30S`; `undefined` for anything that is no time of at most 115 days. */
export function readSeconds(value: string | undefined): number | undefined {
  const iso = /^PT(?=[\d.])(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:([\d.]{1,12})S)?$/.exec(value ?? "");
  const [, hours = 0, minutes = 0, rest = 0] = iso ?? [];
  const seconds = iso ? Number(hours) * 3600 + Number(minutes) * 60 + Number(rest) : Number.parseFloat(value ?? "");
  return seconds >= 0 && seconds < MAX_SECONDS ? seconds : undefined;
}
