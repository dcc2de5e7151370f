/**
 * One row of what happened, as the journal holds it and the database gets it, and the key by which a second telling of the same
 * happening is known.
 */
import { hash, randomUUID } from "node:crypto";
import { VAST_ERROR_OF_SKIP } from "@interlude/core";
import { adName } from "../ad-name.ts";
import { cleanText } from "../clean-text.ts";
import type { NotedAd, NotedEvent } from "../noted-event.ts";
import type { Beacon } from "./beacon.ts";

/** Named as the columns of `tracking_event` are, but for `is_zone_known`, which is for the hours alone. */
export interface Happening {
  /** `YYYY-MM-DD` in UTC, of `received_at`. */
  readonly day: string;
  /** A UUID. */
  readonly key: string;
  readonly received_at: string;
  readonly event: string;
  readonly zone: string;
  readonly session: string;
  readonly break: string;
  readonly position: number;
  readonly ad: string;
  readonly occurrence: number;
  readonly creative: string;
  readonly line_item: string;
  readonly upstream: string;
  readonly sent_at: string | null;
  readonly skew_ms: number | null;
  readonly playhead: number | null;
  readonly content_playhead: number | null;
  readonly error: number | null;
  readonly reason: string;
  readonly amount: number;
  readonly signature: string;
  readonly mark: string;
  readonly extra: Readonly<Record<string, string>>;
  /** Left out: it is. */
  readonly is_zone_known?: boolean;
}

/** Of `YYYY-MM-DD`. */
const DAY_LENGTH = 10;

/** Without a session, and without `cb` and `t`, each request is a happening of its own. */
export function happeningOfBeacon(beacon: Beacon): Happening {
  const { receivedAt, sentAt, isZoneKnown } = beacon;
  const received_at = receivedAt.toISOString();
  // One by one: to copy the rest of an object takes as long as all else here.
  return {
    day: received_at.slice(0, DAY_LENGTH),
    key: keyOf(beacon, beacon.request),
    received_at,
    event: beacon.event,
    zone: beacon.zone,
    session: beacon.session,
    break: beacon.break,
    position: beacon.position,
    ad: beacon.ad,
    occurrence: beacon.occurrence,
    creative: beacon.creative,
    line_item: beacon.lineItem,
    upstream: beacon.upstream,
    sent_at: sentAt?.toISOString() ?? null,
    skew_ms: sentAt === undefined ? null : receivedAt.getTime() - sentAt.getTime(),
    playhead: beacon.playhead ?? null,
    content_playhead: beacon.contentPlayhead ?? null,
    error: beacon.error ?? null,
    reason: beacon.reason,
    amount: 0,
    signature: beacon.signature,
    mark: beacon.mark,
    extra: beacon.extra,
    ...(isZoneKnown === undefined ? {} : { is_zone_known: isZoneKnown }),
  };
}

/** Requests and offers are never taken for duplicates: each answer is one. */
export function happeningOfNote(note: NotedEvent, notedAt: Date): Happening {
  const { event } = note;
  const place = {
    event,
    zone: cleanText(note.zone),
    session: cleanText(note.session),
    break: cleanText(note.breakId),
    occurrence: 1,
    line_item: cleanText(note.lineItem ?? ""),
    upstream: cleanText(note.upstream ?? ""),
  };
  const ad = "ad" in note ? placeOf(note) : NO_AD;
  return {
    ...place,
    ...ad,
    day: dayOf(notedAt),
    key: event === "adSkipped" ? keyOf({ ...place, ...ad, mark: "", signature: "own" }, "") : randomUUID(),
    received_at: notedAt.toISOString(),
    sent_at: null,
    skew_ms: null,
    playhead: null,
    content_playhead: null,
    error: event === "adSkipped" ? (VAST_ERROR_OF_SKIP[note.reason] ?? null) : null,
    reason: reasonOf(note),
    amount: event === "adRequest" ? note.adsOffered : 0,
    signature: "own",
    mark: "",
    extra: {},
  };
}

const NO_AD = { position: 0, ad: "", creative: "" };

function placeOf({ position, ad, creative }: NotedAd): typeof NO_AD {
  return { position, ad: adName(cleanText(ad), position), creative: cleanText(creative) };
}

function reasonOf(note: NotedEvent): string {
  if (note.event === "adSkipped") return note.reason;
  return note.event === "adRequest" && note.adsOffered === 0 ? "no-ads" : "";
}

/** UTC. */
export function dayOf(time: Date): string {
  return time.toISOString().slice(0, DAY_LENGTH);
}

type Named = Pick<
  Beacon,
  "event" | "zone" | "session" | "break" | "position" | "ad" | "creative" | "occurrence" | "mark" | "signature"
>;

/**
 * What is marked has keys of its own: a browser that fetches ahead must not cost the viewer's own beacon, which comes later. So has what
 * nobody signed, also in a zone where that counts; but for errors, since an ad is lost once.
 */
function keyOf(named: Named, request: string): string {
  const { zone, session, break: breakId, position, ad, occurrence, mark, signature } = named;
  if (session === "" && request === "") return randomUUID();
  const happened = eventClass(named);
  const isNobodys = mark === "" && signature === "unsigned" && happened !== "error";
  const texts = [zone, session, breakId, ad, happened, isNobodys ? "unsigned" : mark, session === "" ? request : ""];
  const tuple = texts.map((text) => `${text.length}:${text}`).join("");
  const hex = hash("sha256", `${position} ${occurrence} ${tuple}`, "hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** Of one ad, several may be seen. */
const OF_COMPANIONS: ReadonlySet<string> = new Set(["companionView", "companionClick"]);

/** An ad that is left out is told by the server as `adSkipped` and by its VAST as `error`: it is lost once. */
function eventClass({ event, creative }: Pick<Named, "event" | "creative">): string {
  if (event === "adSkipped") return "error";
  return OF_COMPANIONS.has(event) ? `${event} ${creative}` : event;
}
