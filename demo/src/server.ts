/** What the page asks of the server beside what the plugin asks: its token, the report, why a job failed, and to forget. */
import { creativeKey, masterPath, normaliseCreativeUrl, parseZoneDocument, TARGET_DURATIONS } from "@interlude/core";
import { ZONE } from "./catalog.ts";

/** What `/demo/session` tells. `token` is undefined on pages that are not on the server's own machine. */
export interface DemoSession {
  readonly token: string | undefined;
  /** Of the live channel: seconds from the start of one avail to the next, and from 1970 to the first. */
  readonly live: { readonly every: number; readonly offset: number; readonly start: number };
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function numberOf(value: unknown, key: string): number {
  const found = member(value, key);
  return typeof found === "number" ? found : 0;
}

async function fetchJson(url: string, token?: string): Promise<unknown> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`${url}: expected a good answer, got ${response.status}`);
  return response.json();
}

/** @throws Error when the server does not answer */
export async function fetchDemoSession(): Promise<DemoSession> {
  const value = await fetchJson("demo/session");
  const token = member(value, "token");
  const live = member(value, "live");
  return {
    token: typeof token === "string" ? token : undefined,
    live: { every: numberOf(live, "every"), offset: numberOf(live, "offset"), start: numberOf(live, "start") },
  };
}

/**
 * Seconds to the next avail of the live channel; undefined where it has none.
 *
 * @param date of the frame on screen, milliseconds since 1970
 */
export function secondsToAvail({ live }: DemoSession, date: number): number | undefined {
  if (live.every <= 0) return undefined;
  const since = date / 1000 - live.start - live.offset;
  return live.every - (((since % live.every) + live.every) % live.every);
}

/** Why a job failed, as its status URL says it; undefined where it says nothing. */
export async function fetchReason(statusUrl: string): Promise<string | undefined> {
  const reason = member(await fetchJson(statusUrl), "reason");
  return typeof reason === "string" ? reason : undefined;
}

/** How many beacons of a session the receiver has. */
export async function countReceived(session: string, token: string): Promise<number> {
  const beacons = member(
    await fetchJson(`report?session=${encodeURIComponent(session)}&format=json`, token),
    "beacons",
  );
  return Array.isArray(beacons) ? beacons.length : 0;
}

/**
 * Makes a creative cold: its copies leave every CDN, and this browser's cache of them is asked anew.
 *
 * @throws Error with the answer when the server refuses
 */
export async function forgetCreative(creativeUrl: string, token: string): Promise<void> {
  const zoneUrl = new URL(`v1/zones/${ZONE}.json`, document.baseURI);
  const zone = parseZoneDocument(await fetchJson(zoneUrl.href), zoneUrl);
  const key = creativeKey(zone.zone, normaliseCreativeUrl(creativeUrl, zone.normalise));
  const url = `v1/creatives/${zone.zone}/${key}`;
  const response = await fetch(url, { method: "DELETE", headers: { authorization: `Bearer ${token}` } });
  if (!response.ok && response.status !== 404)
    throw new Error(`${url}: expected to be forgotten, got ${response.status}`);
  const masters = Object.values(zone.cdns).flatMap((base) =>
    TARGET_DURATIONS.map(
      (targetDuration) => new URL(masterPath(zone.zone, key, { packaging: "hls", targetDuration }), base),
    ),
  );
  await Promise.allSettled(masters.map((master) => fetch(master, { cache: "reload" })));
}
