/**
 * The campaign file, version 1: what the ad server serves when there is no ad server behind it. Line items are what an ad tag
 * asks for by `li`; schedules are VMAP: which line item plays in which break.
 */
import {
  type JsonField,
  readJsonFile,
  readList,
  readMembers,
  readNumber,
  readOptional,
  readString,
  wrongField,
} from "../../json-field.ts";

/** URLs may be relative to the server's own base. */
export interface CampaignMediaFile {
  readonly url: string;
  readonly type: string;
  readonly width: number;
  readonly height: number;
  readonly bitrateKbps: number | undefined;
  readonly codec: string | undefined;
}

/** One ad with one linear creative; at least one media file. */
export interface CampaignAd {
  readonly id: string;
  readonly title: string;
  /** Of the creative; the ad's id where the file names none. */
  readonly creativeId: string;
  /** Seconds, above 0. */
  readonly duration: number;
  /** Seconds after which the viewer may skip. */
  readonly skipOffset: number | undefined;
  readonly clickThrough: string | undefined;
  readonly mediaFiles: readonly CampaignMediaFile[];
}

/** A pod of ads (none: no fill), or a wrapper around another ad tag. */
export type LineItem =
  | { readonly kind: "pod"; readonly id: string; readonly ads: readonly CampaignAd[] }
  | { readonly kind: "wrapper"; readonly id: string; readonly tagUrl: string };

/** One ad break of a schedule. */
export interface ScheduledBreak {
  readonly id: string;
  /** As VMAP spells it: `start`, `end`, `hh:mm:ss.mmm`, `n%`, `#n`. */
  readonly timeOffset: string;
  /** A key of {@link Campaigns.lineItems}. */
  readonly lineItem: string;
}

/** All line items and schedules by id, in the order of the file. */
export interface Campaigns {
  readonly lineItems: ReadonlyMap<string, LineItem>;
  readonly schedules: ReadonlyMap<string, readonly ScheduledBreak[]>;
}

/** An ad server without campaigns: every tag is unknown. */
export const NO_CAMPAIGNS: Campaigns = { lineItems: new Map(), schedules: new Map() };

/**
 * @param file the name that complaints use
 * @throws AdError `option-invalid` naming file, line and field, what was expected and what came
 */
export function parseCampaigns(text: string, file: string): Campaigns {
  const root = readMembers(readJsonFile(text, file), ["version", "lineItems", "schedules"]);
  readNumber(root.version, "1", (version) => version === 1);
  const lineItems = byId(root.lineItems, readLineItem);
  const readSchedule = (field: JsonField): Identified<readonly ScheduledBreak[]> => {
    const members = readMembers(field, ["id", "breaks"]);
    const breaks = byId(members.breaks, (item) => readBreak(item, lineItems));
    return { id: members.id, value: [...breaks.values()] };
  };
  return { lineItems, schedules: root.schedules.node ? byId(root.schedules, readSchedule) : new Map() };
}

interface Identified<T> {
  readonly id: JsonField;
  readonly value: T;
}

const ID = /^[\w.:-]{1,64}$/;

function byId<T>(list: JsonField, read: (item: JsonField) => Identified<T>): ReadonlyMap<string, T> {
  const found = new Map<string, T>();
  for (const { id, value } of readList(list, read)) {
    const key = readId(id);
    if (found.has(key)) throw wrongField(id, "an id that the list does not have yet");
    found.set(key, value);
  }
  return found;
}

function readId(field: JsonField): string {
  const id = readString(field);
  if (!ID.test(id)) throw wrongField(field, "1 to 64 letters, digits, _ . : or -");
  return id;
}

function readLineItem(field: JsonField): Identified<LineItem> {
  const members = readMembers(field, ["id", "ads", "wrapper"]);
  const id = readId(members.id);
  const tagUrl = readOptional(members.wrapper, readUrl);
  if ((tagUrl === undefined) === (members.ads.node === undefined)) throw wrongField(field, "either ads or wrapper");
  if (tagUrl !== undefined) return { id: members.id, value: { kind: "wrapper", id, tagUrl } };
  return { id: members.id, value: { kind: "pod", id, ads: [...byId(members.ads, readAd).values()] } };
}

const isPositive = (value: number): boolean => value > 0 && value <= 86_400;
const isPixels = (value: number): boolean => Number.isInteger(value) && value > 0 && value <= 16_384;

function readAd(field: JsonField): Identified<CampaignAd> {
  const members = readMembers(field, [
    "id",
    "title",
    "creativeId",
    "duration",
    "skipOffset",
    "clickThrough",
    "mediaFiles",
  ]);
  const id = readId(members.id);
  const value = {
    id,
    title: readOptional(members.title, readString) ?? id,
    creativeId: readOptional(members.creativeId, readId) ?? id,
    duration: readNumber(members.duration, "a number of seconds above 0", isPositive),
    skipOffset: readOptional(members.skipOffset, (skip) => readNumber(skip, "a number of seconds above 0", isPositive)),
    clickThrough: readOptional(members.clickThrough, readUrl),
    mediaFiles: readList(members.mediaFiles, readMediaFile),
  };
  if (value.mediaFiles.length === 0) throw wrongField(members.mediaFiles, "at least one media file");
  return { id: members.id, value };
}

const MIME_TYPE = /^[\w.+-]+\/[\w.+-]+$/;

function readMediaFile(field: JsonField): CampaignMediaFile {
  const members = readMembers(field, ["url", "type", "width", "height", "bitrateKbps", "codec"]);
  const type = readString(members.type);
  if (!MIME_TYPE.test(type)) throw wrongField(members.type, "a MIME type such as video/mp4");
  return {
    url: readUrl(members.url),
    type,
    width: readNumber(members.width, "a whole number of pixels", isPixels),
    height: readNumber(members.height, "a whole number of pixels", isPixels),
    bitrateKbps: readOptional(members.bitrateKbps, (rate) => readNumber(rate, "kbit/s above 0", (kbps) => kbps > 0)),
    codec: readOptional(members.codec, readString),
  };
}

/** Absolute http(s), or relative to a base that is. */
function readUrl(field: JsonField): string {
  const url = readString(field);
  const base = "http://base.invalid/";
  const protocol = URL.canParse(url, base) ? new URL(url, base).protocol : "";
  if (protocol !== "http:" && protocol !== "https:") throw wrongField(field, "an http(s) URL, absolute or relative");
  return url;
}

const TIME_OFFSET = /^(?:start|end|\d{2}:[0-5]\d:[0-5]\d(?:\.\d{3})?|(?:100|\d{1,2})%|#[1-9]\d{0,3})$/;

function readBreak(field: JsonField, lineItems: Campaigns["lineItems"]): Identified<ScheduledBreak> {
  const members = readMembers(field, ["id", "timeOffset", "lineItem"]);
  const timeOffset = readString(members.timeOffset);
  if (!TIME_OFFSET.test(timeOffset)) throw wrongField(members.timeOffset, "start, end, hh:mm:ss.mmm, n% or #n");
  const lineItem = readId(members.lineItem);
  if (!lineItems.has(lineItem)) throw wrongField(members.lineItem, `one of ${[...lineItems.keys()].join(", ")}`);
  return { id: members.id, value: { id: readId(members.id), timeOffset, lineItem } };
}
