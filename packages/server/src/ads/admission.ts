/**
 * The client's request to have a creative repackaged. It comes from a page that holds no secret, so it is granted only
 *
 *   with a ticket that this ad server gave for this creative, in an answer of the last hours
 *   or for a creative from a host on the zone's list
 *   or once three clients asked for the same creative within a day
 *   → and, where it would start work, within the quotas: of the zone, and without a ticket of the client and of all who have none too
 *   → and where CRS has room
 *
 * @see Primetime JIT workflow initiated by the client, step 4 (primetime.md §3.3); server-notes.md §5.6
 */
import { creativeKey, type CreativeState, normaliseCreativeUrl, type Packaging } from "@interlude/core";
import { HttpError } from "../http-error.ts";
import type { ZoneConfig } from "../zones.ts";
import { canonicalUrl } from "./canonical-url.ts";
import type { Quota } from "./quota.ts";
import type { TicketedFile, TicketedNames } from "./repackage-ticket.ts";
import { ENOUGH_SIGHTINGS, type Sightings } from "./sightings.ts";

/** Repackages that may be started; whole numbers above 0. */
export interface RepackageLimits {
  readonly perClientPerHour: number;
  readonly perZonePerHour: number;
}

/** One package of one creative; `creativeUrl` is the original, never the normalised one. */
export interface RepackageOrder {
  readonly zone: string;
  readonly creativeUrl: string;
  readonly packaging: Packaging;
  /** Seconds: 6, 4 or 2. */
  readonly targetDuration: number;
  /** As VAST names them. */
  readonly adSystem?: string;
  readonly adId?: string;
  readonly creativeId?: string;
  /** What it names is a stranger's word; false: a ticket of this server says it, or the relay. */
  readonly isFromPage: boolean;
}

/** What the ad server must know of CRS. */
export interface RepackagePort {
  /** Throws an error with `code` `queue-full` where there is no room, `creative-blocked` where the block list is against it. */
  readonly submit: (order: RepackageOrder) => Promise<{
    readonly key: string;
    readonly before: CreativeState;
    readonly status: { readonly state: CreativeState };
  }>;
  /** undefined: CRS does not know the creative. */
  readonly status: (zone: string, key: string) => Promise<CreativeProgress | undefined>;
  /** Tells every change of a creative; returns the end of it. */
  readonly subscribe: (listener: (status: CreativeProgress) => void) => () => void;
}

/** As much of CRS's status as a page may know. */
export interface CreativeProgress {
  readonly zone: string;
  readonly key: string;
  readonly state: CreativeState;
  /** 0 to 1. */
  readonly progress: number;
  readonly reason?: string;
  readonly packages: readonly {
    readonly packaging: Packaging;
    readonly targetDuration: number;
    readonly path: string;
    readonly cdns: readonly string[];
  }[];
}

/** What the decision asks and counts. */
export interface AdmissionPorts {
  /** undefined: repackaging is off. */
  readonly crs: RepackagePort | undefined;
  /** Throws HttpError `ticket-invalid`, `ticket-expired`. */
  readonly readTicket: (ticket: string, file: TicketedFile) => TicketedNames;
  readonly sightings: Sightings;
  readonly clientQuota: Quota;
  readonly zoneQuota: Quota;
  /** A zone's repackages that nobody has a ticket for: a part of what `zoneQuota` lets through. */
  readonly ticketlessQuota: Quota;
  /** Sightings of one client. */
  readonly sightingQuota: Quota;
}

/** Who asks. */
export interface RepackageClient {
  /** By which requests are counted. */
  readonly address: string;
  /** By which clients are told apart that see the same creative: never two of one connection to the internet. */
  readonly network: string;
}

/** The key, and the state that CRS had before (`absent`: this request started the work). */
export interface Admitted {
  readonly key: string;
  readonly before: CreativeState;
}

/** A request in one of these states may make CRS work; in the others it is only told where things stand. */
const STARTS_WORK: readonly CreativeState[] = ["absent", "failed"];

/**
 * @param ticket as it came, undefined: none. One that is not good counts as none, and is what the refusal tells of
 * @throws HttpError `crs-unavailable`, `creative-unknown`, `ticket-invalid`, `ticket-expired`, `quota-exceeded`; AdError `url-malformed`;
 * what `submit` throws
 */
export async function admitRepackage(
  order: RepackageOrder,
  ticket: string | undefined,
  zone: ZoneConfig,
  client: RepackageClient,
  ports: AdmissionPorts,
): Promise<Admitted> {
  const { crs } = ports;
  if (!crs) throw repackagingIsOff();
  const normalisedUrl = normaliseCreativeUrl(order.creativeUrl, zone.normalise);
  const key = creativeKey(zone.zone, normalisedUrl);
  const granted = await grant(order, ticket, zone, client, { normalisedUrl, ports });
  const state = (await crs.status(zone.zone, key))?.state ?? "absent";
  try {
    if (!STARTS_WORK.includes(state)) return await crs.submit(granted);
    return await startRepackage(granted, countedFor(granted, client, ports), crs);
  } catch (error) {
    // Not the page's mistake: it is told as the state of the creative, by which it knows why it skips the ad.
    if (error instanceof Error && "code" in error && error.code === "creative-blocked")
      return { key, before: "blocked" };
    throw error;
  }
}

/** The order as it may be made: what a ticket names of the ad is not a stranger's word. */
async function grant(
  order: RepackageOrder,
  ticket: string | undefined,
  zone: ZoneConfig,
  client: RepackageClient,
  { normalisedUrl, ports }: { readonly normalisedUrl: string; readonly ports: AdmissionPorts },
): Promise<RepackageOrder> {
  const judged = ticket === undefined ? undefined : judgeTicket(ticket, order, ports);
  if (judged?.names) return nameOrder(order, judged.names);
  const { hostname } = new URL(order.creativeUrl.trim());
  if (isListedHost(hostname, zone.creativeHosts)) return order;
  if (!isOfHost(normalisedUrl, hostname)) {
    const expected = `a ticket of this ad server, or a listed host, where the zone's rules turn one host into another`;
    throw judged?.error ?? new HttpError("creative-unknown", `creativeUrl: expected ${expected}, got ${hostname}`);
  }
  const wait = ports.sightingQuota.take(client.address);
  if (wait > 0) throw exceeded("this client", wait);
  const seen = await ports.sightings.note(zone.zone, canonicalUrl(order.creativeUrl) ?? normalisedUrl, client.network);
  if (seen >= ENOUGH_SIGHTINGS) return order;
  const expected = `a ticket of this ad server, a listed host, or ${ENOUGH_SIGHTINGS} clients that ask within a day`;
  const unknown = `creativeUrl: expected ${expected}, got number ${seen} for one from ${hostname}`;
  throw judged?.error ?? new HttpError("creative-unknown", unknown);
}

interface JudgedTicket {
  /** undefined: it is not good, for the reason that `error` tells. */
  readonly names: TicketedNames | undefined;
  readonly error?: HttpError;
}

function judgeTicket(ticket: string, { zone, creativeUrl }: RepackageOrder, ports: AdmissionPorts): JudgedTicket {
  try {
    return { names: ports.readTicket(ticket, { zone, creativeUrl }) };
  } catch (error) {
    if (error instanceof HttpError) return { names: undefined, error };
    throw error;
  }
}

function nameOrder(order: RepackageOrder, names: TicketedNames): RepackageOrder {
  const { zone, creativeUrl, packaging, targetDuration } = order;
  const { adSystem, adId, creativeId } = names;
  return {
    zone,
    creativeUrl,
    packaging,
    targetDuration,
    isFromPage: false,
    ...(adSystem !== "" && { adSystem }),
    ...(adId !== "" && { adId }),
    ...(creativeId !== "" && { creativeId }),
  };
}

/** The answer of a server that repackages nothing. */
export function repackagingIsOff(): HttpError {
  const message = "repackaging: expected to be on, but it is switched off here";
  return new HttpError("crs-unavailable", message, { retryAfterSeconds: 60 });
}

/** `host`, or `.host` with everything below it. Names are compared in lower case, as URLs have them. */
function isListedHost(hostname: string, listed: readonly string[]): boolean {
  return listed.some((entry) =>
    entry.startsWith(".") ? hostname === entry.slice(1) || hostname.endsWith(entry) : hostname === entry,
  );
}

/** Otherwise it is another host's copy that would be made from this one's file: strangers say what they like. */
function isOfHost(normalisedUrl: string, hostname: string): boolean {
  return URL.canParse(normalisedUrl) && new URL(normalisedUrl).hostname === hostname;
}

/** A bucket, whose it is, and what messages call that. */
export interface Counted {
  readonly quota: Quota;
  readonly name: string;
  readonly whose: string;
}

/** Many viewers can stand behind one address: who has a ticket is not counted by it. */
function countedFor(order: RepackageOrder, client: RepackageClient, ports: AdmissionPorts): readonly Counted[] {
  const { clientQuota, ticketlessQuota, zoneQuota } = ports;
  const { zone: name } = order;
  const ofZone = { quota: zoneQuota, name, whose: `zone ${name}` };
  if (!order.isFromPage) return [ofZone];
  const ofClient = { quota: clientQuota, name: client.address, whose: "this client" };
  return [ofClient, { quota: ticketlessQuota, name, whose: `zone ${name} without tickets` }, ofZone];
}

/** All or none. */
function takeQuotas(counted: readonly Counted[]): void {
  for (const [index, { quota, name, whose }] of counted.entries()) {
    const wait = quota.take(name);
    if (wait === 0) continue;
    giveBack(counted.slice(0, index));
    throw exceeded(whose, wait);
  }
}

function giveBack(counted: readonly Counted[]): void {
  for (const { quota, name } of counted) quota.give(name);
}

function exceeded(whose: string, retryAfterSeconds: number): HttpError {
  const message = `repackaging: ${whose} has started as much as it may; again in ${retryAfterSeconds} s`;
  return new HttpError("quota-exceeded", message, { retryAfterSeconds });
}

/**
 * Orders what is likely to start work. What was counted and started nothing is given back: no room, somebody else was faster, or a
 * failure not due again yet.
 *
 * @throws HttpError `quota-exceeded`; what `submit` throws
 */
export async function startRepackage(
  order: RepackageOrder,
  counted: readonly Counted[],
  crs: RepackagePort,
): Promise<Admitted> {
  takeQuotas(counted);
  let isStarted = false;
  try {
    const admitted = await crs.submit(order);
    isStarted = STARTS_WORK.includes(admitted.before) && admitted.status.state !== admitted.before;
    return admitted;
  } finally {
    if (!isStarted) giveBack(counted);
  }
}
