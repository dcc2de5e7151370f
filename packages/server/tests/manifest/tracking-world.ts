/** What the tests of tracking share: a decided break, its place in a playlist, and a server that hands out its segments. */
import type { AdSegmentPlace, ContentPlaylist, PodAd, TimedPod } from "@interlude/core";
import { parseMediaPlaylist } from "@interlude/core";
import Fastify, { type FastifyInstance } from "fastify";
import { onTestFinished } from "vitest";
import { sendError } from "../../src/http-error.ts";
import type { BreakDecision, DecidedAd, DecidedTracker } from "../../src/manifest/breaks/decision.ts";
import { createSegmentLinks, type SegmentLinks } from "../../src/manifest/tracking/segment-links.ts";
import { segmentRoutes } from "../../src/manifest/tracking/segment-routes.ts";
import type { BeaconLimits } from "../../src/manifest/tracking/outbox.ts";
import type { ReadOwnError } from "../../src/manifest/tracking/own-error.ts";
import { createServerBeacons, type ServerBeacons } from "../../src/manifest/tracking/server-beacons.ts";
import { createMemorySessions } from "../../src/manifest/session/session-memory.ts";
import type { SessionStore } from "../../src/manifest/session/session.ts";
import { createSigner } from "../../src/manifest/signature.ts";
import type { TraceRecord } from "../../src/manifest/trace.ts";
import type { NoteEvent } from "../../src/noted-event.ts";
import { type Loopback, loopback } from "../http/loopback.ts";
import { manifestFetch, testSession } from "./ad-world.ts";

export const SIGNER = createSigner("secret", "segment");
export const MAIN: ContentPlaylist = { url: new URL("https://content.example/v.m3u8"), bandwidthBps: 1, kind: "main" };
export const SECONDS_10 = [4, 4, 2];

const EVENTS = [
  ["impression", 0],
  ["start", 0],
  ["firstQuartile", 2.5],
  ["midpoint", 5],
  ["thirdQuartile", 7.5],
  ["complete", 10],
  ["mute", undefined],
] as const;

/** The events of a 10-second ad; each address ends in `/{ad}/{event}`. */
export function adTrackers(adId: string, base = "https://t.example"): readonly DecidedTracker[] {
  return EVENTS.map(([event, time]) => ({ event, url: `${base}/${adId}/${event}`, time }));
}

export function decidedAd(adId: string, more: Partial<DecidedAd> = {}): DecidedAd {
  return {
    adId,
    adSystem: "Ads",
    title: adId,
    creativeId: `c-${adId}`,
    sequence: 1,
    duration: 10,
    playlistUrl: `https://cdn.example/${adId}/master.m3u8`,
    isRepackaged: true,
    renditions: [{ bandwidthBps: 1, url: `https://cdn.example/${adId}/v.m3u8`, kind: "main" }],
    trackers: adTrackers(adId),
    errors: [],
    clickThrough: undefined,
    clickTrackers: [],
    companions: [],
    wrapperAdIds: [],
    ...more,
  };
}

export function decidedBreak(ads: readonly DecidedAd[], more: Partial<BreakDecision> = {}): BreakDecision {
  const trackers = ["breakStart", "breakEnd", "error"].map((event) => {
    return { event, url: `https://t.example/break/${event}`, time: undefined };
  });
  return {
    breakId: "mid-1",
    position: "mid",
    place: { kind: "vod", time: 8, replaces: 0 },
    availDuration: 0,
    ads,
    skipped: [],
    trackers,
    signal: undefined,
    ...more,
  };
}

/** The segments of a break as the splice tells them, all its ads in segments of these durations. */
export function segmentPlaces(
  decision: BreakDecision,
  durations: readonly number[] = SECONDS_10,
  base = "https://cdn.example",
): readonly AdSegmentPlace[] {
  let breakTime = 0;
  return decision.ads.flatMap(({ adId }, adIndex) => {
    let startTime = 0;
    return durations.map((duration, index) => {
      const place = {
        breakId: decision.breakId,
        adId,
        adIndex,
        index,
        count: durations.length,
        isFirstOfBreak: adIndex === 0 && index === 0,
        isLastOfBreak: adIndex === decision.ads.length - 1 && index === durations.length - 1,
        startTime,
        breakTime,
        duration,
        uri: `${base}/${adId}/${durations.join("-")}/seg-${index}.ts?token=a%2Fb&x=1`,
      };
      startTime += duration;
      breakTime += duration;
      return place;
    });
  });
}

/** A VOD playlist of 4-second segments. */
export function contentText(segments = 4): string {
  const lines = Array.from({ length: segments }, (_, index) => `#EXTINF:4,\nhttps://content.example/${index}.ts`);
  return `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n${lines.join("\n")}\n#EXT-X-ENDLIST\n`;
}

/** The pod of a decision, its ads in segments of these durations. */
export function timedPod(decision: BreakDecision, durations: readonly number[] = SECONDS_10): TimedPod {
  const ads = decision.ads.map(({ adId }): PodAd => {
    const lines = durations.map((duration, index) => `#EXTINF:${duration},\n${adId}-${index}.ts`).join("\n");
    const text = `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n${lines}\n#EXT-X-ENDLIST\n`;
    const url = new URL(`https://cdn.example/${adId}/v.m3u8`);
    return { adId, renditions: [{ bandwidthBps: 1, url, playlist: parseMediaPlaylist(text) }] };
  });
  const time = decision.place.kind === "vod" ? decision.place.time : 0;
  return { breakId: decision.breakId, ads, time };
}

/** A host that takes beacons; `requests` in the order of their arrival. */
export async function beaconHost(): Promise<Loopback & { readonly requests: BeaconRequest[] }> {
  const requests: BeaconRequest[] = [];
  const host = await loopback((request, response) => {
    requests.push({ url: request.url ?? "", headers: request.headers });
    response.writeHead(204).end();
  });
  return { ...host, requests };
}

interface BeaconRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface SegmentServer {
  readonly origin: string;
  readonly app: FastifyInstance;
  readonly links: SegmentLinks;
  readonly beacons: ServerBeacons;
  readonly counted: string[];
  readonly records: TraceRecord[];
  /** Asks for a link as a player does, and waits until its beacons have ended; the redirect itself. */
  readonly play: (link: string | undefined, init?: RequestInit) => Promise<Response>;
  /** Until the delivery of one more segment was noticed. */
  readonly noticed: () => Promise<void>;
}

export interface ServerParts {
  readonly store: Pick<SessionStore, "load" | "claim">;
  readonly hosts: readonly Loopback[];
  readonly limits?: BeaconLimits;
  readonly note?: NoteEvent;
  readonly readOwnError?: ReadOwnError;
}

/** A server with the segment routes alone, on a real port. */
export async function segmentServer({ store, hosts, limits, note, readOwnError }: ServerParts): Promise<SegmentServer> {
  const counted: string[] = [];
  const records: TraceRecord[] = [];
  let waiting: (() => void)[] = [];
  const beacons = createServerBeacons({
    fetch: manifestFetch(hosts),
    store,
    count: (event, outcome) => counted.push(`${event} ${outcome}`),
    trace: (record) => {
      records.push(record);
      if (record.type !== "TRACE_PLAYBACK_PROGRESS") return;
      for (const tell of waiting) tell();
      waiting = [];
    },
    now: () => 1_800_000_000_000,
    ...(limits && { limits }),
    ...(note && { note }),
    ...(readOwnError && { readOwnError }),
  });
  const links = createSegmentLinks(SIGNER);
  const app = Fastify({ routerOptions: { maxParamLength: 4096 } });
  app.setErrorHandler(sendError);
  await app.register(segmentRoutes, { links, beacons, count: () => undefined });
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(() => app.close());
  const noticed = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
  const play = async (link: string | undefined, init: RequestInit = {}): Promise<Response> => {
    const isNoticed = noticed();
    const response = await fetch(`${origin}${link}`, { redirect: "manual", ...init });
    if (response.status === 302) await isNoticed;
    await beacons.idle();
    return response;
  };
  return { origin, app, links, beacons, counted, records, play, noticed };
}

/** Sessions in memory with one viewer, whose breaks are decided. */
export async function sessionWith(...decisions: readonly BreakDecision[]): Promise<SessionStore> {
  const store = createMemorySessions({ maxSessions: 10, idleMs: 3_600_000, now: Date.now });
  const session = testSession();
  await store.create(session);
  for (const decision of decisions) await store.decide(session.id, decision);
  return store;
}

export const LINKED = { sessionId: testSession().id, isHybrid: false };
