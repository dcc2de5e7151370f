/**
 * One tracking request, as it is stored: `/track/{event}?zone=&session=&break=&position=&ad=&creative=&li=&up=&n=&sig=&t=&playhead=
 * &content=&error=&reason=&cb=`.
 *
 * @see VAST 4.2 §6.1 (macros) for what the player fills in
 */
import { type SkipReason, VAST_ERROR_OF_SKIP } from "@interlude/core";
import { adName } from "../ad-name.ts";
import type { BeaconSignature } from "../beacon-signature.ts";
import { cleanText, MAX_NAME } from "../clean-text.ts";
import { HttpError } from "../http-error.ts";
import type { NotedEvent } from "../noted-event.ts";
import { readSavingStep, type SavingStep } from "./first-encounter.ts";
import type { Mark } from "./marks.ts";

/** What the receiver found out about a request. */
export interface Reception {
  readonly receivedAt: Date;
  /** `own`: noted by a server itself; empty: from before there were signatures. */
  readonly signature: BeaconSignature | "own" | "";
  /** What is marked counts only for those who ask for it. */
  readonly mark: Mark;
  /** Left out: it is. What nobody signed is counted under no zone that there is not. */
  readonly isZoneKnown?: boolean;
}

/** One event as it was told; (zone, session, break, position, ad, event, occurrence) names the happening, of a companion with its creative. */
export interface Beacon extends Reception {
  /** As VAST and VMAP spell it. */
  readonly event: string;
  /** Texts are empty, and `position` 0, where the request does not tell. */
  readonly zone: string;
  readonly session: string;
  readonly break: string;
  readonly position: number;
  /** See {@link adName}. */
  readonly ad: string;
  readonly creative: string;
  readonly lineItem: string;
  /** The relay's, by its name. */
  readonly upstream: string;
  /** Which time it is that this event happens in this place, 1 to 20; 1 of what happens once. */
  readonly occurrence: number;
  /** The player's clock. */
  readonly sentAt: Date | undefined;
  /** Seconds into the ad. */
  readonly playhead: number | undefined;
  /** Seconds into the content. */
  readonly contentPlayhead: number | undefined;
  /** VAST error number. */
  readonly error: number | undefined;
  /** Why the ad was left out, or of an impression what saved it; empty where that is not what happened, or nobody told. */
  readonly reason: SkipReason | SavingStep | "";
  /** Tells this request from another where no session does: `cb` and `t` as they came; empty where either is missing. */
  readonly request: string;
  /** What came beside. */
  readonly extra: Readonly<Record<string, string>>;
}

/** A decoded query string; a list where a parameter is given more than once. */
export type BeaconQuery = Readonly<Record<string, string | readonly string[] | undefined>>;

const EVENT = /^[A-Za-z][\w.-]{0,63}$/;
/** Only servers note these. */
const OWN_EVENTS: ReadonlySet<string> = new Set<NotedEvent["event"]>(["adRequest", "adOffered", "adSkipped"]);
/** These happen once to an ad, however often a player tells them. @see VAST 4.3 §3.14.1 */
const ONCE: ReadonlySet<string> = new Set(
  "impression creativeView start firstQuartile midpoint thirdQuartile complete skip error".split(" "),
);
const MAX_OCCURRENCE = 20;
const MAX_EXTRA = 20;
const KNOWN: ReadonlySet<string> = new Set(
  "zone session break position ad creative li up n sig t playhead content error reason cb".split(" "),
);

/**
 * A player that fills macros in badly, or appends too much, loses that one value, not the beacon.
 *
 * @throws HttpError `invalid-request` for an event that is no name, and where what names the happening is too long or has control
 * characters
 */
export function readBeacon(event: string, query: BeaconQuery, reception: Reception): Beacon {
  if (!EVENT.test(event)) throw refuse("event", "a name of at most 64 letters, digits, _ . or -", event);
  if (OWN_EVENTS.has(event)) throw refuse("event", "one that players tell", event);
  const text = (name: string): string => readName(name, first(query[name]));
  const filled = (name: string): string => readFilled(first(query[name]));
  const position = readCount(text("position")) ?? 0;
  return {
    ...reception,
    event,
    zone: text("zone"),
    session: text("session"),
    break: text("break"),
    position,
    ad: adName(text("ad"), position),
    creative: text("creative"),
    lineItem: text("li"),
    upstream: text("up"),
    occurrence: ONCE.has(event) ? 1 : Math.min(Math.max(readCount(filled("n")) ?? 1, 1), MAX_OCCURRENCE),
    sentAt: readTimestamp(filled("t")),
    playhead: readTime(filled("playhead")),
    contentPlayhead: readTime(filled("content")),
    error: readCount(filled("error")),
    reason: event === "impression" ? readSavingStep(filled("reason")) : readReason(filled("reason")),
    request: readRequest(filled("cb"), filled("t")),
    extra: readExtra(query),
  };
}

/** Of a parameter that is given twice, the first counts. */
function first(value: BeaconQuery[string]): string {
  return (typeof value === "string" ? value : value?.[0]) ?? "";
}

function readName(name: string, text: string): string {
  if (text.length > MAX_NAME) throw refuse(name, `at most ${MAX_NAME} characters`, `${text.length}`);
  if (/[\p{Cc}\p{Cs}]/u.test(text)) throw refuse(name, "no control characters", text);
  return text;
}

/** What a player fills in; empty where nothing could be made of it. */
function readFilled(text: string): string {
  return cleanText(text) === text ? text : "";
}

/** `v`, which is sealed, stays however much is put around it. */
function readExtra(query: BeaconQuery): Readonly<Record<string, string>> {
  const names = [...(Object.hasOwn(query, "v") ? ["v"] : []), ...Object.keys(query)].filter((name) => !KNOWN.has(name));
  return Object.fromEntries(
    [...new Set(names)].slice(0, MAX_EXTRA).map((name) => [cleanText(name), cleanText(first(query[name]))]),
  );
}

function refuse(name: string, expected: string, got: string): HttpError {
  return new HttpError("invalid-request", `${name}: expected ${expected}, got ${JSON.stringify(got.slice(0, 80))}`);
}

/** 0 to 1,000,000; undefined for anything else, such as a macro that is still one. */
function readCount(text: string): number | undefined {
  return /^\d{1,7}$/.test(text) && Number(text) <= 1_000_000 ? Number(text) : undefined;
}

/** `hh:mm:ss.mmm` or seconds; undefined for −1, −2 and macros. */
function readTime(text: string): number | undefined {
  const clock = /^(\d{1,4}):([0-5]?\d):([0-5]?\d(?:\.\d{1,6})?)$/.exec(text);
  if (clock) return Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]);
  return /^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? Number(text) : undefined;
}

/** Anything but a skip reason, such as a macro that no player knows, is none. */
function readReason(text: string): SkipReason | "" {
  return isSkipReason(text) ? text : "";
}

function isSkipReason(text: string): text is SkipReason {
  return Object.hasOwn(VAST_ERROR_OF_SKIP, text);
}

/** A macro that is still one is the same in every request: it tells nothing apart. */
function readRequest(cacheBuster: string, timestamp: string): string {
  const isFilledIn = (value: string): boolean => value !== "" && !/[[\]{}$%]/.test(value);
  return isFilledIn(cacheBuster) && isFilledIn(timestamp) ? `${cacheBuster} ${timestamp}` : "";
}

/** Years 1 to 9999 in UTC: the database knows no year 0, and would refuse all beacons of a statement for one. */
function readTimestamp(text: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\dT/.test(text)) return undefined;
  const date = new Date(text);
  const year = date.getUTCFullYear();
  return year >= 1 && year <= 9999 ? date : undefined;
}
