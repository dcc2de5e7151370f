/** A line item of the campaign file: its ads or its wrapper, and the terms on which it is served. */
import {
  type JsonField,
  readEntries,
  readList,
  readMembers,
  readNumber,
  readOptional,
  readString,
  wrongField,
} from "../../json-field.ts";
import type { FrequencyCap, Goal, LineItem, LineItemTerms, Targeting } from "./campaign.ts";
import { DEVICE_KINDS } from "./device.ts";
import { readAd } from "./read-ad.ts";
import { byId, type Identified, isCount, isSeconds, readBoolean, readId, readOneOf, readUrl } from "./read-field.ts";

/** Of use only where a line item is picked, which takes a `priority`. */
const WHERE_PICKED = [
  "weight",
  "targeting",
  "frequency",
  "goal",
  "separation",
  "perBreak",
  "together",
  "bumper",
] as const;

/** Of no use for a bumper, which is not counted. */
const WHERE_COUNTED = ["frequency", "goal", "separation", "perBreak", "together"] as const;

const MEMBERS = ["id", "ads", "wrapper", "duration", "zones", "flight", "priority", ...WHERE_PICKED] as const;

type Members = Readonly<Record<(typeof MEMBERS)[number], JsonField>>;

/** Zones are read at the start of a server, the campaign file whenever it changes: a zone that there is not, or not yet, is no fault. */
export interface ZoneCheck {
  /** Those that there are. */
  readonly zones: readonly string[];
  /** Told of one that is none of these, where it stands. */
  readonly onUnknown: (complaint: string) => void;
}

/**
 * @param check undefined: nobody knows which zones there are
 * @throws AdError `option-invalid` naming file, line and field
 */
export function readLineItem(field: JsonField, check: ZoneCheck | undefined): Identified<LineItem> {
  const members = readMembers(field, MEMBERS);
  const terms = readTerms(members, check);
  const tagUrl = readOptional(members.wrapper, readUrl);
  if ((tagUrl === undefined) === (members.ads.node === undefined)) throw wrongField(field, "either ads or wrapper");
  const duration = readOptional(members.duration, (item) => readNumber(item, "a number of seconds above 0", isSeconds));
  if (tagUrl === undefined) {
    if (duration !== undefined) throw wrongField(members.duration, "nothing beside ads, which have their own");
    return { id: members.id, value: { ...terms, kind: "pod", ads: [...byId(members.ads, readAd).values()] } };
  }
  if (terms.bumper !== undefined) throw wrongField(members.bumper, "nothing beside wrapper");
  if (terms.isTogether) throw wrongField(members.together, "nothing beside wrapper");
  if (terms.priority !== undefined && duration === undefined) {
    throw wrongField(members.duration, "the seconds that the wrapper's ad counts for, because it has a priority");
  }
  return { id: members.id, value: { ...terms, kind: "wrapper", tagUrl, duration } };
}

function readTerms(members: Members, check: ZoneCheck | undefined): LineItemTerms {
  const priority = readOptional(members.priority, (item) =>
    readNumber(item, "a whole number from 1 to 16", isCount(16)),
  );
  const superfluous = WHERE_PICKED.find((name) => members[name].node !== undefined);
  if (priority === undefined && superfluous !== undefined) {
    throw wrongField(members.priority, `a whole number from 1 to 16, because there is ${superfluous}`);
  }
  const bumper = readOptional(members.bumper, (item) => readOneOf(item, ["first", "last"]));
  const uncounted = WHERE_COUNTED.find((name) => members[name].node !== undefined);
  if (bumper !== undefined && uncounted !== undefined) throw wrongField(members[uncounted], "nothing beside bumper");
  const isTogether = readOptional(members.together, readBoolean) ?? false;
  if (isTogether && members.perBreak.node) throw wrongField(members.perBreak, "nothing beside together");
  const flight = readFlight(members.flight);
  return {
    id: readId(members.id),
    zones: readOptional(members.zones, (list) => readList(list, (item) => readZone(item, check))) ?? [],
    flight,
    priority,
    weight: readOptional(members.weight, (item) => readNumber(item, "a number above 0, at most 1000", isWeight)) ?? 1,
    targeting: readTargeting(members.targeting),
    frequency: readOptional(members.frequency, (list) => readList(list, readCap)) ?? [],
    goal: readOptional(members.goal, (item) => readGoal(item, flight)),
    separation: readOptional(members.separation, (list) => readList(list, readId)) ?? [],
    perBreak:
      readOptional(members.perBreak, (item) => readNumber(item, "a whole number from 1 to 30", isCount(30))) ?? 1,
    isTogether,
    bumper,
  };
}

const isWeight = (value: number): boolean => value > 0 && value <= 1000;

function readZone(field: JsonField, check: ZoneCheck | undefined): string {
  const name = readString(field);
  if (!/^[\w-]{1,64}$/.test(name)) throw wrongField(field, "the name of a zone");
  if (check && !check.zones.includes(name)) {
    check.onUnknown(wrongField(field, `one of ${check.zones.join(", ")}`).message);
  }
  return name;
}

function readFlight(field: JsonField): LineItemTerms["flight"] {
  if (field.node === undefined) return { start: undefined, end: undefined };
  const members = readMembers(field, ["start", "end"]);
  const start = readOptional(members.start, readInstant);
  const end = readOptional(members.end, readInstant);
  if (start !== undefined && end !== undefined && end <= start) throw wrongField(members.end, "a time after start");
  return { start, end };
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/;

/** With its offset: a date alone would be another one in every place. */
function readInstant(field: JsonField): Date {
  const text = readString(field);
  const time = new Date(text);
  // 2026-02-30 would be read as 2 March
  const [, day] = /^\d{4}-\d\d-(\d\d)/.exec(text) ?? [];
  const isDay = new Date(`${text.slice(0, 10)}T00:00Z`).getUTCDate() === Number(day);
  if (!INSTANT.test(text) || Number.isNaN(time.getTime()) || !isDay) {
    throw wrongField(field, "a time with its offset such as 2026-06-01T00:00:00Z");
  }
  return time;
}

function readTargeting(field: JsonField): Targeting {
  if (field.node === undefined) return { keyValues: new Map(), exclude: new Map(), devices: [] };
  const members = readMembers(field, ["keyValues", "exclude", "devices"]);
  return {
    keyValues: readOptional(members.keyValues, readKeyValues) ?? new Map(),
    exclude: readOptional(members.exclude, readKeyValues) ?? new Map(),
    devices: readOptional(members.devices, (list) => readList(list, (item) => readOneOf(item, DEVICE_KINDS))) ?? [],
  };
}

function readKeyValues(field: JsonField): ReadonlyMap<string, readonly string[]> {
  return new Map(
    readEntries(field).map(([key, values]) => {
      if (!/^[\w.-]{1,64}$/.test(key))
        throw wrongField(values, "a key of 1 to 64 letters, digits, _ . or -", "this name");
      const list = readList(values, (value) => readString(value).toLowerCase());
      if (list.length === 0) throw wrongField(values, "at least one value");
      return [key, list];
    }),
  );
}

function readCap(field: JsonField): FrequencyCap {
  const members = readMembers(field, ["impressions", "hours"]);
  return {
    impressions: readNumber(members.impressions, "a whole number above 0", isCount(10_000)),
    hours: readNumber(members.hours, "a number of hours above 0, at most 720", (hours) => hours > 0 && hours <= 720),
  };
}

function readGoal(field: JsonField, { start, end }: LineItemTerms["flight"]): Goal {
  const members = readMembers(field, ["impressions", "pacing"]);
  const pacing = readOptional(members.pacing, (item) => readOneOf(item, ["even", "asap"])) ?? "even";
  if (pacing === "even" && (start === undefined || end === undefined)) {
    throw wrongField(field, "a flight with start and end beside it, or the pacing asap");
  }
  return { impressions: readNumber(members.impressions, "a whole number above 0", isCount(1e12)), pacing };
}
