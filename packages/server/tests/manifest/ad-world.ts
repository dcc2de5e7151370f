/** What the tests of ad requests share: a session, the guarded client as the manifest server uses it, small documents. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { onTestFinished } from "vitest";
import { createGuardedFetch } from "../../src/guarded-fetch.ts";
import { readText } from "../../src/read-text.ts";
import { type AdCall, type AdCalls, createAdCalls } from "../../src/manifest/ads/ad-call.ts";
import type { ManifestFetch, ManifestLog } from "../../src/manifest/manifest-fetch.ts";
import type { Session } from "../../src/manifest/session/session.ts";
import type { ZoneManifest } from "../../src/manifest/zone-manifest.ts";
import { parseXml } from "../../src/xml.ts";
import { type Loopback, loopback } from "../http/loopback.ts";

export const SILENT: ManifestLog = { info: () => undefined, warn: () => undefined };

/** The guarded client, with loopback allowed for these servers. */
export function manifestFetch(servers: readonly Loopback[]): ManifestFetch {
  const allowPrivate = servers.flatMap(({ port }) => [`127.0.0.1:${port}`, `localhost:${port}`]);
  const fetch = createGuardedFetch({ allowPrivate });
  onTestFinished(() => fetch.close());
  return async (url, options) => {
    const response = await fetch(url, options);
    return { status: response.status, headers: response.headers, text: await readText(response), url: response.url };
  };
}

export function testSession(more: Partial<Session> = {}): Session {
  return {
    id: "11111111-2222-4333-8444-555555555555",
    zone: "1",
    assetId: "asset-7",
    contentUrl: "https://content.example/master.m3u8",
    query: "",
    isBackup: false,
    createdAt: 0,
    viewer: { ip: "203.0.113.9", userAgent: "Player/1.0 (Test)" },
    ...more,
  };
}

export function testCall(tagUrl: string, more: Partial<AdCall> = {}): AdCall {
  return {
    tagUrl,
    session: testSession(),
    cookies: [],
    baseUrl: new URL("http://server.test/"),
    breakId: "avail-1",
    position: "mid",
    availDuration: 30,
    attributes: {},
    timeoutMs: 5000,
    ...more,
  };
}

type CallZone = Pick<ZoneManifest, "fallbackTagUrl" | "startBudgetMs" | "rewriteRules">;

export function adCallsOn(servers: readonly Loopback[], zone: Partial<CallZone> = {}): AdCalls {
  return adCallsBy(manifestFetch(servers), zone);
}

export function adCallsBy(fetch: ManifestFetch, zone: Partial<CallZone> = {}): AdCalls {
  return createAdCalls({
    fetch,
    now: Date.now,
    readXml: parseXml,
    zoneManifest: () => ({ fallbackTagUrl: undefined, startBudgetMs: 10_000, rewriteRules: [], ...zone }),
    log: SILENT,
  });
}

export interface Recorded extends Loopback {
  readonly requests: IncomingMessage[];
  /** `path?query` of each request. */
  readonly urls: () => readonly string[];
}

/** A server whose answers are looked up by path; anything else is 404. */
export async function answering(
  routes: Readonly<Record<string, string | ((request: IncomingMessage, response: ServerResponse) => void)>>,
): Promise<Recorded> {
  const requests: IncomingMessage[] = [];
  const listener: RequestListener = (request, response) => {
    requests.push(request);
    const route = routes[(request.url ?? "").split("?", 1)[0] ?? ""];
    if (typeof route === "function") route(request, response);
    else if (route === undefined) response.writeHead(404).end();
    else response.end(route);
  };
  const server = await loopback(listener);
  return { ...server, requests, urls: () => requests.map(({ url = "" }) => url) };
}

export interface AdText {
  readonly id: string;
  readonly sequence?: number;
  readonly duration?: string;
  /** `<MediaFile>` elements. */
  readonly media?: string;
  readonly more?: string;
}

export function inLine({
  id,
  sequence,
  duration = "00:00:10",
  media = mp4("https://cdn.example/a.mp4"),
  more = "",
}: AdText): string {
  const place = sequence === undefined ? "" : ` sequence="${sequence}"`;
  return `<Ad id="${id}"${place}><InLine><AdSystem>Sys</AdSystem><AdTitle>T</AdTitle><Error>https://t.example/error?c=[ERRORCODE]</Error>
    <Impression>https://t.example/imp/${id}</Impression><Creatives><Creative id="cr-${id}"><Linear><Duration>${duration}</Duration>
    <TrackingEvents><Tracking event="start">https://t.example/start</Tracking><Tracking event="mute">https://t.example/mute</Tracking></TrackingEvents>
    <VideoClicks><ClickThrough>https://shop.example/</ClickThrough><ClickTracking>https://t.example/click</ClickTracking></VideoClicks>
    <MediaFiles>${media}</MediaFiles></Linear></Creative>${more}</Creatives></InLine></Ad>`;
}

export function wrapper(id: string, tagUrl: string, attributes = ""): string {
  return `<Ad id="${id}"><Wrapper ${attributes}><AdSystem>W</AdSystem><VASTAdTagURI><![CDATA[${tagUrl}]]></VASTAdTagURI>
    <Impression>https://t.example/imp/${id}</Impression><Error>https://t.example/werror</Error></Wrapper></Ad>`;
}

export function vast(ads: string, version = "4.2"): string {
  return `<?xml version="1.0"?><VAST version="${version}">${ads}</VAST>`;
}

export function mp4(url: string): string {
  return `<MediaFile delivery="progressive" type="video/mp4" width="1280" height="720" bitrate="2000"><![CDATA[${url}]]></MediaFile>`;
}

export function hls(url: string): string {
  return `<MediaFile delivery="streaming" type="application/x-mpegURL" width="1280" height="720"><![CDATA[${url}]]></MediaFile>`;
}

/** A VOD media playlist of segments of these lengths. */
export function mediaPlaylist(durations: readonly number[], { map = false, end = true } = {}): string {
  const target = Math.ceil(Math.max(0, ...durations));
  const segments = durations.map((duration, index) => `#EXTINF:${duration},\nseg${index}.${map ? "m4s" : "ts"}`);
  return [
    "#EXTM3U",
    "#EXT-X-VERSION:7",
    `#EXT-X-TARGETDURATION:${target}`,
    ...(map ? ['#EXT-X-MAP:URI="init.mp4"'] : []),
    ...segments,
    ...(end ? ["#EXT-X-ENDLIST"] : []),
    "",
  ].join("\n");
}
