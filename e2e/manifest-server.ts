/**
 * What the specs of the manifest server start from: films, an origin, and an Interlude whose zone may stitch that origin's content.
 *
 * Films by source in the strip: content 1; ads 8 (four seconds) and 9 (3.4 seconds).
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MediaOrigin, startOrigin } from "./media-origin.ts";
import type { SegmentName } from "./playlist-checker.ts";
import { type InterludeServer, startInterlude } from "./server.ts";
import { makeFilm } from "./strip-media.ts";

export const CONTENT = 1;
export const LONG_AD = { id: "long", source: 8, duration: 4 } as const;
export const SHORT_AD = { id: "short", source: 9, duration: 3.4 } as const;

export interface ManifestSite {
  /** Served by `origin`. */
  readonly folder: string;
  readonly origin: MediaOrigin;
  readonly server: InterludeServer;
  /** The bootstrap URL of content at a path of the origin, with the zone's and these parameters. */
  readonly bootstrap: (path: string, query?: Readonly<Record<string, string>>) => URL;
  readonly close: () => Promise<void>;
}

function formatAd(id: string, duration: number, mediaFile: { readonly url: string; readonly type: string }): object {
  return { id, title: id, duration, mediaFiles: [{ ...mediaFile, width: 640, height: 360, bitrateKbps: 600 }] };
}

/** Line items `pod`, `long` and `mp4`, and the schedules `film` and `mp4`. */
function formatCampaigns(origin: URL): object {
  const type = "application/x-mpegURL";
  const [long, short] = [LONG_AD, SHORT_AD].map(({ id, duration }) =>
    formatAd(id, duration, { url: new URL(`/${id}/master.m3u8`, origin).href, type }),
  );
  const mp4 = formatAd("mp4", 10, { url: "/media/creatives/mp4.mp4", type: "video/mp4" });
  const at = (timeOffset: string, lineItem: string): object => ({ id: `at-${timeOffset}`, timeOffset, lineItem });
  return {
    version: 1,
    lineItems: [
      { id: "pod", ads: [long, short] },
      { id: "long", ads: [long] },
      { id: "mp4", ads: [mp4] },
    ],
    schedules: [
      { id: "film", breaks: [at("start", "long"), at("00:00:04.000", "pod"), at("end", "long")] },
      { id: "mp4", breaks: [at("start", "mp4"), at("00:00:04.000", "long")] },
    ],
  };
}

/** Zone 1 takes its ads from the schedule `film`, zone 2 from `mp4`; both take the pod for an avail. */
function formatZones(origin: URL): object {
  const zone = (name: string, schedule: string): object => ({
    zone: name,
    manifest: {
      contentOrigins: [origin.origin],
      adTagUrl: `/ads/vmap?zone=${name}&schedule=${schedule}`,
      availTagUrl: `/ads/vast?zone=${name}&li=pod`,
      // What is shown counts here, on however busy a machine.
      adTimeoutMs: 20_000,
      startBudgetMs: 20_000,
    },
  });
  return { version: 1, zones: [zone("1", "film"), zone("2", "mp4")] };
}

/** @param rewrite as in {@link startOrigin} */
export async function startManifestSite(rewrite?: (path: string, text: string) => string): Promise<ManifestSite> {
  const folder = await mkdtemp(join(tmpdir(), "interlude-manifest-"));
  for (const ad of [LONG_AD, SHORT_AD]) await makeFilm(join(folder, ad.id), ad.source, ad.duration);
  const origin = await startOrigin(folder, rewrite);
  const [campaigns, zones] = [join(folder, "campaigns.json"), join(folder, "zones.json")];
  await writeFile(campaigns, JSON.stringify(formatCampaigns(origin.url)));
  await writeFile(zones, JSON.stringify(formatZones(origin.url)));
  const server = await startInterlude({
    INTERLUDE_CAMPAIGNS: campaigns,
    INTERLUDE_ZONES: zones,
    INTERLUDE_FETCH_ALLOW_PRIVATE: origin.url.host,
  });
  return {
    folder,
    origin,
    server,
    bootstrap: (path, query = {}) => {
      const content = Buffer.from(new URL(path, origin.url).href).toString("base64url");
      const url = new URL(`/auditude/variant/e2e/${content}.m3u8`, server.url);
      const all = { u: "8e4ae1b6a6c6f0a5a0a9a3f7e2b1c0d4", z: "1", _sid_: crypto.randomUUID(), ...query };
      url.search = String(new URLSearchParams(all));
      return url;
    },
    close: async () => {
      await server.stop();
      await origin.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What a segment's address says: the ads are in folders of their name, all else is content. */
export function nameSegment(uri: string): SegmentName {
  const [, folder = "", index] = /\/(\w+)\/\d+_(\d+)\.ts$/.exec(uri) ?? [];
  const isAd = [LONG_AD, SHORT_AD].some(({ id }) => id === folder);
  return { id: isAd ? folder : "content", index: Number(index ?? Number.NaN) };
}
