/**
 * The whole manifest server over one real server on loopback that is content origin, ad server and CDN at once. Only CRS stands aside:
 * its orders are noted down.
 */
import type { RequestListener } from "node:http";
import { creativeKey } from "@interlude/core";
import { fastify } from "fastify";
import { Registry } from "prom-client";
import { onTestFinished } from "vitest";
import { registerCors } from "../../src/cors.ts";
import { fastifyOptions } from "../../src/fastify-options.ts";
import { createGuardedFetch } from "../../src/guarded-fetch.ts";
import { readText } from "../../src/read-text.ts";
import { registerErrors } from "../../src/http-error.ts";
import type { CopyEvents } from "../../src/manifest/ads/copy-watch.ts";
import { createManifestMetrics } from "../../src/manifest/operations/manifest-metrics.ts";
import { registerManifest } from "../../src/manifest/manifest.ts";
import { afterTimeout, createRateLimit } from "../../src/manifest/operations/rate-limit.ts";
import type { RepackageOrder } from "../../src/manifest/ads/repackage-asker.ts";
import { createMemorySessions } from "../../src/manifest/session/session-memory.ts";
import type { SessionStore } from "../../src/manifest/session/session.ts";
import { encodeContentUrl } from "../../src/manifest/urls.ts";
import { createByteFetch } from "../../src/manifest/subtitles/webvtt-source.ts";
import type { ZoneManifest } from "../../src/manifest/zone-manifest.ts";
import { standardZone, type ZoneConfig } from "../../src/zones.ts";
import { type Loopback, loopback } from "../http/loopback.ts";
import { SECRET, ZONE_MANIFEST } from "./manifest-world.ts";

/** What the server of this world answers, by path without query; to be changed while a test runs. */
export type Pages = Map<string, string | RequestListener>;

export interface Flow {
  readonly origin: Loopback;
  readonly pages: Pages;
  /** Path and query of everything that was asked. */
  readonly asked: string[];
  readonly orders: RepackageOrder[];
  readonly clock: { now: number };
  readonly store: SessionStore;
  readonly overload: { isLean: boolean };
  /** The fields of every line. */
  readonly log: readonly object[];
  /** Bootstrap and master; the media addresses by slot. */
  open(query: string): Promise<ReadonlyMap<string, string>>;
  get(url: string): Promise<FlowAnswer>;
  metrics(): Promise<string>;
}

export interface FlowAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export const MASTER = [
  "#EXTM3U",
  "#EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=640x360",
  "low.m3u8",
  "#EXT-X-STREAM-INF:BANDWIDTH=2000000,RESOLUTION=1280x720",
  "high.m3u8",
  "",
].join("\n");

/** Segments of 2 s from a media sequence number on; a tag stands before the segment of its number. */
export function liveWindow(
  first: number,
  count: number,
  tags: Readonly<Record<number, string>> = {},
  name = "c",
): string {
  const date = (number: number): string => new Date(Date.UTC(2026, 0, 1) + number * 2000).toISOString();
  const segments = Array.from({ length: count }, (_, index) => first + index).flatMap((number) => [
    ...(tags[number] === undefined ? [] : [tags[number]]),
    `#EXT-X-PROGRAM-DATE-TIME:${date(number)}`,
    "#EXTINF:2,",
    `${name}${number}.ts`,
  ]);
  return ["#EXTM3U", "#EXT-X-TARGETDURATION:2", `#EXT-X-MEDIA-SEQUENCE:${first}`, ...segments, ""].join("\n");
}

/** A VOD of 2 s segments. */
export function vodContent(count: number, tags: Readonly<Record<number, string>> = {}): string {
  const segments = Array.from({ length: count }, (_, index) => [
    ...(tags[index] === undefined ? [] : [tags[index]]),
    "#EXTINF:2,",
    `c${index}.ts`,
  ]);
  return ["#EXTM3U", "#EXT-X-TARGETDURATION:2", ...segments.flat(), "#EXT-X-ENDLIST", ""].join("\n");
}

export interface AdSpec {
  readonly id: string;
  /** Seconds, even. */
  readonly duration: number;
  readonly type?: "hls" | "mp4";
}

const clock = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(11, 23);

/** VAST 4 of these ads: a pod, in order. */
export function vast(origin: string, ads: readonly AdSpec[]): string {
  const describe = ({ id, duration, type = "hls" }: AdSpec, index: number): string => {
    const file =
      type === "hls"
        ? `<MediaFile delivery="streaming" type="application/x-mpegURL" width="640" height="360">${origin}/ads/${id}/master.m3u8</MediaFile>`
        : `<MediaFile delivery="progressive" type="video/mp4" width="640" height="360" bitrate="800">${origin}/ads/${id}.mp4</MediaFile>`;
    return `<Ad id="${id}" sequence="${index + 1}"><InLine><AdSystem>Test</AdSystem><AdTitle>${id}</AdTitle><Impression>${origin}/beacon/${id}/impression</Impression><Creatives><Creative id="cr-${id}"><Linear><Duration>${clock(duration)}</Duration><TrackingEvents><Tracking event="midpoint">${origin}/beacon/${id}/midpoint</Tracking></TrackingEvents><MediaFiles>${file}</MediaFiles></Linear></Creative></Creatives></InLine></Ad>`;
  };
  return `<VAST version="4.2">${ads.map(describe).join("")}</VAST>`;
}

/** VMAP of breaks with their VAST. */
export function vmap(breaks: readonly { readonly id: string; readonly at: string; readonly vast: string }[]): string {
  const list = breaks.map(
    ({ id, at, vast: answer }) =>
      `<vmap:AdBreak timeOffset="${at}" breakType="linear" breakId="${id}"><vmap:AdSource><vmap:VASTAdData>${answer}</vmap:VASTAdData></vmap:AdSource></vmap:AdBreak>`,
  );
  return `<vmap:VMAP xmlns:vmap="http://www.iab.net/videosuite/vmap" version="1.0">${list.join("")}</vmap:VMAP>`;
}

/** An ad's HLS of two renditions in 2 s segments, at `/ads/{id}/`. */
export function addHlsAd(pages: Pages, { id, duration }: AdSpec, folder = `/ads/${id}`): void {
  const media = (name: string): string =>
    [
      "#EXTM3U",
      "#EXT-X-VERSION:3",
      "#EXT-X-TARGETDURATION:2",
      ...Array.from({ length: duration / 2 }, (_, index) => `#EXTINF:2,\n${name}-${id}-${index}.ts`),
      "#EXT-X-ENDLIST",
      "",
    ].join("\n");
  pages.set(
    `${folder}/master.m3u8`,
    "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=400000\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1500000\nhigh.m3u8\n",
  );
  pages.set(`${folder}/low.m3u8`, media("low"));
  pages.set(`${folder}/high.m3u8`, media("high"));
}

/** The ad segments' names in a stitched playlist, in order; content segments by theirs. */
export function listSegments(playlist: string): readonly string[] {
  return playlist
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.replace(/^.*\/([^/?]+)\.ts.*$/, "$1"));
}

async function openOrigin(pages: Pages, asked: string[]): Promise<Loopback> {
  return loopback((request, response) => {
    asked.push(request.url ?? "");
    const page = pages.get(request.url?.split("?")[0] ?? "");
    if (page === undefined) response.writeHead(404).end();
    else if (typeof page === "string") response.end(page);
    else page(request, response);
  });
}

/**
 * @param given.peer another instance of the same manifest server: origin, sessions and clock are the same
 * @param given.copies how far CRS is; not given: nobody can say
 */
export async function flowWorld(
  manifest: (origin: string) => Partial<ZoneManifest> = () => ({}),
  given: { readonly store?: SessionStore; readonly peer?: Flow; readonly copies?: CopyEvents } = {},
): Promise<Flow> {
  const { peer } = given;
  const pages = peer?.pages ?? new Map<string, string | RequestListener>([["/content/master.m3u8", MASTER]]);
  const asked = peer?.asked ?? [];
  const origin = peer?.origin ?? (await openOrigin(pages, asked));
  const time = peer?.clock ?? { now: Date.UTC(2026, 0, 1) };
  const now = (): number => time.now;
  const zone: ZoneConfig = {
    ...standardZone("1", [{ name: "main", publicUrl: `${origin.origin}/cdn/` }]),
    manifest: { ...ZONE_MANIFEST, contentOrigins: [origin.origin], ...manifest(origin.origin) },
  };
  const guarded = createGuardedFetch({ allowPrivate: [`127.0.0.1:${origin.port}`] });
  onTestFinished(() => guarded.close());
  const registry = new Registry();
  const orders: RepackageOrder[] = [];
  const store = given.store ?? peer?.store ?? createMemorySessions({ maxSessions: 100, idleMs: 1e9, now });
  const overload = { isLean: false };
  const log: object[] = [];
  const app = fastify(fastifyOptions({ logLevel: "silent", trustProxy: [] }));
  registerErrors(app);
  registerCors(app, { apiOrigins: [], zones: [zone] });
  await registerManifest(app, {
    store,
    fetch: async (url, options) => {
      const response = await guarded(url, options);
      return { status: response.status, headers: response.headers, url: response.url, text: await readText(response) };
    },
    fetchBytes: createByteFetch(guarded),
    repackage: async (order) => {
      orders.push(order);
      return { key: creativeKey(order.zone, order.creativeUrl), before: "absent" };
    },
    copies: given.copies,
    zones: [zone],
    publicHosts: ["manifest.example"],
    secret: SECRET,
    metrics: createManifestMetrics(registry, {
      countSessions: () => store.count(),
      readOverload: () => ({ isLean: false, isShedding: false, delayMs: 0, inFlight: 0 }),
    }),
    overload: {
      get isLean() {
        return overload.isLean;
      },
      isShedding: false,
      admitSession: () => undefined,
      begin: () => () => undefined,
      read: () => ({ delayMs: 0, inFlight: 0 }),
      close: () => undefined,
    },
    limit: createRateLimit({ perSecond: 1000, maxQueued: 100, now: () => performance.now(), after: afterTimeout }),
    log: { info: (fields) => log.push(fields), warn: (fields) => log.push(fields) },
    now,
    clock: now,
  });
  onTestFinished(() => app.close());
  const get: Flow["get"] = async (url) => {
    const { pathname, search, host } = new URL(url, "http://manifest.example");
    const answer = await app.inject({ url: pathname + search, headers: { host } });
    const headers = new Headers();
    for (const [name, value] of Object.entries(answer.headers)) headers.set(name, String(value));
    return { status: answer.statusCode, headers, text: answer.payload };
  };
  const open: Flow["open"] = async (query) => {
    const content = encodeContentUrl(`${origin.origin}/content/master.m3u8`);
    const opened = await get(`/auditude/variant/show/${content}.m3u8?z=1&${query}`);
    const location = opened.headers.get("location") ?? JSON.parse(opened.text)["Master-M3U8"];
    const master = await get(location);
    const addresses = master.text.match(/https?:\/\/[^"\s]*\/auditude\/(?:live|vod)\/[^"\s]*/g) ?? [];
    return new Map(addresses.map((address) => [new URL(address).pathname.split("/")[4] ?? "", address]));
  };
  return {
    origin,
    pages,
    asked,
    orders,
    clock: time,
    store,
    overload,
    log,
    open,
    get,
    metrics: () => registry.metrics(),
  };
}
