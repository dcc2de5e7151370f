/**
 * The client's request to have a creative repackaged. It comes from a page that holds no secret, so it is granted only
 *
 *   for a creative that this ad server named within the last hour, or one from a host on the zone's list
 *   → and, where it would start work, within the quotas of the client and the zone
 *   → and where CRS has room
 *
 * @see Primetime JIT workflow initiated by the client, step 4 (primetime.md §3.3); server-notes.md §5.6
 */
import { creativeKey, type CreativeState, normaliseCreativeUrl, type Packaging } from "@interlude/core";
import { HttpError } from "../http-error.ts";
import type { ZoneConfig } from "../zones.ts";
import type { Quota } from "./quota.ts";

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
  /** What it names is a stranger's word. */
  readonly isFromPage: true;
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
  readonly wasServed: (zone: string, creativeUrl: string) => Promise<boolean>;
  readonly clientQuota: Quota;
  readonly zoneQuota: Quota;
}

/** The key, and the state that CRS had before (`absent`: this request started the work). */
export interface Admitted {
  readonly key: string;
  readonly before: CreativeState;
}

/** A request in one of these states may make CRS work; in the others it is only told where things stand. */
const STARTS_WORK: readonly CreativeState[] = ["absent", "failed"];

/**
 * @param client the address that is counted
 * @throws HttpError `crs-unavailable`, `creative-unknown`, `quota-exceeded`; AdError `url-malformed`; what `submit` throws
 */
export async function admitRepackage(
  order: RepackageOrder,
  zone: ZoneConfig,
  client: string,
  ports: AdmissionPorts,
): Promise<Admitted> {
  const { crs } = ports;
  if (!crs) throw repackagingIsOff();
  const key = creativeKey(zone.zone, normaliseCreativeUrl(order.creativeUrl, zone.normalise));
  const { hostname } = new URL(order.creativeUrl.trim());
  const isKnown = isListedHost(hostname, zone.creativeHosts) || (await ports.wasServed(zone.zone, order.creativeUrl));
  if (!isKnown) {
    const expected = "a creative that this ad server named within the last hour, or one from a listed host";
    throw new HttpError("creative-unknown", `creativeUrl: expected ${expected}, got one from ${hostname}`);
  }
  const state = (await crs.status(zone.zone, key))?.state ?? "absent";
  try {
    if (!STARTS_WORK.includes(state)) return await crs.submit(order);
    takeQuotas(zone.zone, client, ports);
    return await submitCounted(order, client, crs, ports);
  } catch (error) {
    // Not the page's mistake: it is told as the state of the creative, by which it knows why it skips the ad.
    if (error instanceof Error && "code" in error && error.code === "creative-blocked")
      return { key, before: "blocked" };
    throw error;
  }
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

function takeQuotas(zone: string, client: string, ports: AdmissionPorts): void {
  const clientWait = ports.clientQuota.take(client);
  if (clientWait > 0) throw exceeded("this client", clientWait);
  const zoneWait = ports.zoneQuota.take(zone);
  if (zoneWait === 0) return;
  ports.clientQuota.give(client);
  throw exceeded(`zone ${zone}`, zoneWait);
}

function exceeded(whose: string, retryAfterSeconds: number): HttpError {
  const message = `repackaging: ${whose} has started as much as it may; again in ${retryAfterSeconds} s`;
  return new HttpError("quota-exceeded", message, { retryAfterSeconds });
}

/** What was counted and started nothing is given back: no room, somebody else was faster, or a failure not due again yet. */
async function submitCounted(
  order: RepackageOrder,
  client: string,
  crs: RepackagePort,
  ports: AdmissionPorts,
): Promise<Admitted> {
  let isStarted = false;
  try {
    const admitted = await crs.submit(order);
    isStarted = STARTS_WORK.includes(admitted.before) && admitted.status.state !== admitted.before;
    return admitted;
  } finally {
    if (!isStarted) {
      ports.clientQuota.give(client);
      ports.zoneQuota.give(order.zone);
    }
  }
}
