/** A publisher's web as a literal: what each address answers, and what was asked. */
import { AdError, type AdErrorCode, type TextResponse } from "@interlude/core";
import { parseXml } from "@interlude/server/xml";
import type { PluginPorts } from "../src/ports.ts";

/** `code` makes the request fail; `until` makes it wait. A list is answered one by one, the last for good. */
export interface Answer {
  readonly status?: number;
  readonly text?: string;
  readonly code?: AdErrorCode;
  readonly until?: Promise<unknown>;
}

export interface FakeWeb {
  readonly ports: PluginPorts;
  readonly createPorts: () => PluginPorts;
  /** `METHOD path?query`, in order. */
  readonly requests: string[];
  readonly bodies: unknown[];
  readonly beacons: string[];
}

export const HOST = "https://site.example";

/** Addresses are looked up without their query; what is not there answers 404. */
export function createFakeWeb(answers: Readonly<Record<string, Answer | undefined>>): FakeWeb {
  const requests: string[] = [];
  const bodies: unknown[] = [];
  const beacons: string[] = [];
  const respond = async (method: string, url: URL): Promise<TextResponse> => {
    requests.push(`${method} ${url.pathname}${url.search}`);
    const answer = answers[url.pathname] ?? { status: 404 };
    await answer.until;
    if (answer.code) throw new AdError(answer.code, `${url.href}: ${answer.code}`);
    return { status: answer.status ?? 200, text: answer.text ?? "", url };
  };
  const ports: PluginPorts = {
    fetchText: (url) => respond("GET", url),
    fetchAds: (url) => respond("GET", url),
    postJson: (url, body) => {
      bodies.push(body);
      return respond("POST", url);
    },
    sendBeacon: (url) => beacons.push(url),
    readXml: parseXml,
    now: () => performance.now(),
    createId: () => "viewer-1",
    baseUrl: `${HOST}/page/`,
  };
  return { ports, createPorts: () => ports, requests, bodies, beacons };
}

export const ZONE: Answer = {
  text: JSON.stringify({ zone: "1", cdns: { a: "../../cdn/a/", b: "../../cdn/b/" }, defaultCdn: "a" }),
};

/** RFC 8216 §4.3.3: a VOD media playlist of `count` segments. */
export function formatVod(count: number, duration = 4, name = "content"): string {
  const segments = Array.from(
    { length: count },
    (_, index) => `#EXTINF:${duration.toFixed(6)},\n${name}-${index}.ts\n`,
  );
  return `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:${Math.ceil(duration)}\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n${segments.join("")}#EXT-X-ENDLIST\n`;
}

/** RFC 8216 §4.3.4.2: a master playlist; addresses by bandwidth. */
export function formatMaster(variants: Readonly<Record<number, string>>): string {
  const lines = Object.entries(variants).map(
    ([bandwidth, uri]) => `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth}\n${uri}\n`,
  );
  return `#EXTM3U\n#EXT-X-VERSION:3\n${lines.join("")}`;
}

export interface VastAd {
  readonly id: string;
  readonly sequence?: number;
  readonly type?: "video/mp4" | "application/x-mpegURL" | "video/3gpp";
  readonly url?: string;
}

/** VAST 4.2 with one in-line ad each; its trackers are `/t/{ad}/{event}`. */
export function formatVast(...ads: readonly VastAd[]): string {
  const body = ads.map(({ id, sequence, type = "video/mp4", url = `${HOST}/creatives/${id}.mp4` }) => {
    const track = (event: string): string => `<![CDATA[${HOST}/t/${id}/${event}?error=[ERRORCODE]&at=[ADPLAYHEAD]]]>`;
    const quartiles = ["start", "firstQuartile", "midpoint", "thirdQuartile", "complete"];
    const tracking = quartiles.map((event) => `<Tracking event="${event}">${track(event)}</Tracking>`).join("");
    return `<Ad id="${id}"${sequence === undefined ? "" : ` sequence="${sequence}"`}><InLine><AdSystem>s</AdSystem><AdTitle>Ad ${id}</AdTitle>
      <Error>${track("error")}</Error><Impression>${track("impression")}</Impression>
      <Creatives><Creative id="c-${id}"><Linear><Duration>00:00:08</Duration><TrackingEvents>${tracking}</TrackingEvents>
      <MediaFiles><MediaFile type="${type}" delivery="progressive">${url}</MediaFile></MediaFiles></Linear></Creative></Creatives></InLine></Ad>`;
  });
  return `<VAST version="4.2">${body.join("")}</VAST>`;
}

/** VMAP 1.0: breaks by their time offset, each with its VAST or a tag. */
export function formatVmap(
  breaks: readonly { readonly at: string; readonly id: string; readonly vast?: string; readonly tag?: string }[],
): string {
  const body = breaks.map(({ at, id, vast, tag }) => {
    const source =
      vast === undefined
        ? `<vmap:AdTagURI><![CDATA[${tag}]]></vmap:AdTagURI>`
        : `<vmap:VASTAdData>${vast}</vmap:VASTAdData>`;
    return `<vmap:AdBreak timeOffset="${at}" breakType="linear" breakId="${id}"><vmap:AdSource>${source}</vmap:AdSource></vmap:AdBreak>`;
  });
  return `<vmap:VMAP xmlns:vmap="http://www.iab.net/videosuite/vmap" version="1.0">${body.join("")}</vmap:VMAP>`;
}
