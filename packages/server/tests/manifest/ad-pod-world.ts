/** A resolver of pods between a real ad server and a real CDN, with CRS as the test tells it. */
import { creativeKey, masterPath, type Package } from "@interlude/core";
import { createAdPlaylists } from "../../src/manifest/ads/ad-playlists.ts";
import { type CopyEvents, createCopyWatch } from "../../src/manifest/ads/copy-watch.ts";
import { createPodResolver, type PodNeeds, type ResolvedPod } from "../../src/manifest/ads/pod-resolver.ts";
import { createProbeCache } from "../../src/manifest/ads/probe-cache.ts";
import { createRepackageAsker, type Repackage, type RepackageOrder } from "../../src/manifest/ads/repackage-asker.ts";
import { createTrace, type RequestTrace } from "../../src/manifest/trace.ts";
import { standardZone } from "../../src/zones.ts";
import { adCallsOn, answering, manifestFetch, type Recorded, testCall, vast } from "./ad-world.ts";

/** Live, TS, six seconds. */
export const LIVE_6 = { packaging: "hls", targetDuration: 6, isLive: true } as const;
export const TS_6: Package = { packaging: "hls", targetDuration: 6 };

export type Routes = Parameters<typeof answering>[0];

/** Where the copy of a creative would be, on the CDN of that name. */
export function copyPath(creativeUrl: string, cut: Package = TS_6, cdn = "main"): string {
  return `/cdn/${cdn}/${masterPath("1", creativeKey("1", new URL(creativeUrl).href), cut)}`;
}

export function master(variants: readonly (readonly [uri: string, bandwidth: number])[], more = ""): string {
  const lines = variants.map(
    ([uri, bandwidth]) => `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth}${more && ',AUDIO="s"'}\n${uri}`,
  );
  return ["#EXTM3U", ...(more ? [more] : []), ...lines, ""].join("\n");
}

export const SOUND = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="s",NAME="S",DEFAULT=YES,URI="/sound.m3u8"';

export interface World {
  readonly cdn: Recorded;
  readonly orders: RepackageOrder[];
  /** Asks a real ad server for `ads`, and resolves what it answered. */
  readonly resolve: (ads: string, needs?: Partial<PodNeeds>, trace?: RequestTrace) => Promise<ResolvedPod>;
  readonly logged: object[];
}

/** @param copies how far CRS is; not given: nobody can say */
export async function world(routes: Routes, repackage?: Repackage | "off", copies?: CopyEvents): Promise<World> {
  const orders: RepackageOrder[] = [];
  const logged: object[] = [];
  const cdn = await answering(routes);
  const fetch = manifestFetch([cdn]);
  const now = (): number => 0;
  const crs: Repackage = async (order) => {
    orders.push(order);
    if (repackage && repackage !== "off") return repackage(order);
    return { key: creativeKey(order.zone, order.creativeUrl), before: "absent" };
  };
  const log = { info: (fields: object) => logged.push(fields), warn: (fields: object) => logged.push(fields) };
  const resolver = createPodResolver({
    probes: createProbeCache({ fetch, now }),
    playlists: createAdPlaylists({ fetch, now }),
    askForRepackage: createRepackageAsker({ repackage: repackage === "off" ? undefined : crs, now, log }),
    copies: copies && createCopyWatch(copies),
  });
  const cdns = ["main", "other"].map((name) => ({ name, publicUrl: `${cdn.origin}/cdn/${name}/` }));
  const resolve: World["resolve"] = async (ads, needs = {}, trace = createTrace()) => {
    const server = await answering({ "/tag": vast(ads.replaceAll("CDN", cdn.origin)) });
    const answer = await adCallsOn([server]).callBreak(testCall(`${server.origin}/tag`), createTrace());
    const all = { zone: standardZone("1", cdns), cdn: undefined, splice: LIVE_6, id3: false };
    return resolver.resolvePod(answer, { ...all, baseUrl: new URL("http://server.test/"), ...needs }, trace);
  };
  return { cdn, orders, resolve, logged };
}

export function reasons({ skipped }: ResolvedPod): readonly string[] {
  return skipped.map(({ reason }) => reason);
}
