/** What the page asks of the server beside ads and content: its token, the report, how a copy comes to be, and to forget one. */
import {
  creativeKey,
  type CreativeState,
  masterPath,
  normaliseCreativeUrl,
  parseZoneDocument,
  TARGET_DURATIONS,
} from "@interlude/core";
import { ZONE } from "./catalog.ts";
import { listOf, member, numberOf, textOf } from "./json.ts";

/** What `/demo/session` tells. `token` is undefined on pages that are not on the server's own machine. */
export interface DemoSession {
  readonly token: string | undefined;
  /** Of the live channel: seconds from the start of one avail to the next, and from 1970 to the first. */
  readonly live: { readonly every: number; readonly offset: number; readonly start: number };
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
  const live = member(value, "live");
  return {
    token: textOf(value, "token"),
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
  return textOf(await fetchJson(statusUrl), "reason");
}

/**
 * How many beacons of a session the receiver has: those that its page sends, if `isSent` says so of their event, and none that the
 * server noted itself.
 */
export async function countReceived(
  session: string,
  token: string,
  isSent: (event: string) => boolean = () => true,
): Promise<number> {
  const report = await fetchJson(`report/beacons?session=${encodeURIComponent(session)}&format=json`, token);
  const isPlayers = (beacon: unknown): boolean => textOf(beacon, "signature") !== "own";
  return listOf(report, "beacons").filter((one) => isPlayers(one) && isSent(textOf(one, "event") ?? "")).length;
}

/** Where a creative and its copies are. */
interface Located {
  readonly statusUrl: string;
  readonly masters: readonly { readonly cdn: string; readonly url: URL }[];
}

async function locateCreative(creativeUrl: string): Promise<Located> {
  const zoneUrl = new URL(`v1/zones/${ZONE}.json`, document.baseURI);
  const zone = parseZoneDocument(await fetchJson(zoneUrl.href), zoneUrl);
  const key = creativeKey(zone.zone, normaliseCreativeUrl(creativeUrl, zone.normalise));
  const masters = Object.entries(zone.cdns).flatMap(([cdn, base]) =>
    TARGET_DURATIONS.map((targetDuration) => {
      const path = masterPath(zone.zone, key, { packaging: "hls", targetDuration });
      return { cdn, url: new URL(path, base) };
    }),
  );
  return { statusUrl: `v1/creatives/${zone.zone}/${key}`, masters };
}

/**
 * Makes a creative cold: its copies leave every CDN, and this browser's cache of them is asked anew.
 *
 * @throws Error with the answer when the server refuses
 */
export async function forgetCreative(creativeUrl: string, token: string): Promise<void> {
  const { masters } = await removeCreative(creativeUrl, token);
  await Promise.allSettled(masters.map((master) => fetch(master.url, { cache: "reload" })));
}

/**
 * The same for a creative that this browser will not ask for again: CRS ends what it still does for it.
 *
 * @throws Error with the answer when the server refuses
 */
export async function removeCreative(creativeUrl: string, token: string): Promise<Located> {
  const located = await locateCreative(creativeUrl);
  const url = located.statusUrl;
  const response = await fetch(url, { method: "DELETE", headers: { authorization: `Bearer ${token}` } });
  if (!response.ok && response.status !== 404)
    throw new Error(`${url}: expected to be forgotten, got ${response.status}`);
  return located;
}

/** What CRS says of a creative. */
export interface CopyState {
  readonly state: CreativeState;
  readonly progress: number;
  readonly reason: string | undefined;
}

const FOLLOW_MS = 400;

/**
 * Tells how the copy of a creative comes to be, until there is one or none to come. Without a token only the CDN can be asked,
 * which knows no progress.
 *
 * @throws Error when the server does not answer
 */
export async function followCopy(
  {
    creativeUrl,
    cdn,
    token,
  }: { readonly creativeUrl: string; readonly cdn: string; readonly token: string | undefined },
  onState: (state: CopyState) => void,
  signal: AbortSignal,
): Promise<void> {
  const located = await locateCreative(creativeUrl);
  while (!signal.aborted) {
    const copy = token === undefined ? await probeCopy(located, cdn) : await fetchCopy(located, token);
    if (signal.aborted) return;
    onState(copy);
    if (copy.state === "ready" || copy.state === "failed" || copy.state === "blocked") return;
    await new Promise((waited) => setTimeout(waited, FOLLOW_MS));
  }
}

const STATES: readonly CreativeState[] = [
  "absent",
  "queued",
  "fetching",
  "transcoding",
  "publishing",
  "ready",
  "failed",
  "blocked",
];

async function fetchCopy({ statusUrl }: Located, token: string): Promise<CopyState> {
  const response = await fetch(statusUrl, { headers: { authorization: `Bearer ${token}` } });
  const status: unknown = response.ok ? await response.json() : undefined;
  const named = textOf(status, "state");
  const state = STATES.find((one) => one === named) ?? "absent";
  return { state, progress: numberOf(status, "progress"), reason: textOf(status, "reason") };
}

async function probeCopy({ masters }: Located, cdn: string): Promise<CopyState> {
  const own = masters.filter((master) => master.cdn === cdn);
  const answers = await Promise.all(own.map(({ url }) => fetch(url, { cache: "no-store" })));
  const isThere = answers.some(({ ok }) => ok);
  return { state: isThere ? "ready" : "absent", progress: isThere ? 1 : 0, reason: undefined };
}
