/**
 * What bench/player.ts plays: the demo's film as packagers make it, and one ad, of which the running server makes the ladder and the
 * layer before it.
 */
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import catalog from "../demo/catalog.json" with { type: "json" };
import type { InterludeServer } from "../e2e/server.ts";

/** The creative that every row shows, by its id in the catalogue, and its seconds. */
export const CREATIVE = "mp4";
export const CREATIVE_DURATION = 10;
/** The numbers in the strips of the contents and of the creative. */
export const FILMS = { content: 1, ad: 3 } as const;
/** The target duration of the ladder, seconds, as long as the content's segments. */
const TARGET_DURATION = 4;

const MEDIA = join(import.meta.dirname, "../.interlude/media");
const FOLDER = "bench";

export type Content = "plain" | "stock";

/** Frames as they come: to fill the time before the first one, ffmpeg would show it twice, and cut a frame too early ever after. */
const X264 = ["-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"];
const KEYS = ["-force_key_frames", `expr:gte(t,n_forced*${TARGET_DURATION})`];
const AAC = ["-c:a", "aac", "-ar", "48000"];
const HLS = ["-f", "hls", "-hls_time", String(TARGET_DURATION), "-hls_playlist_type", "vod"];
const MASTER = ["-master_pl_name", "master.m3u8"];

/** What is told to ffmpeg beyond what it does by itself: x264's B-frames and the muxers' delays are its own. */
const CONTENTS: Readonly<Record<Content, readonly string[]>> = {
  plain: ["-bf", "0", ...HLS, ...MASTER, "media.m3u8"],
  stock: [...HLS, ...MASTER, "media.m3u8"],
};

/** Makes the contents out of the demo's film, which must be there, and waits for them. */
export async function makeContents(): Promise<void> {
  const ffmpeg = process.env["FFMPEG_PATH"] ?? "ffmpeg";
  for (const [name, args] of Object.entries(CONTENTS)) {
    const cwd = join(MEDIA, FOLDER, name);
    await rm(cwd, { recursive: true, force: true });
    await mkdir(cwd, { recursive: true });
    const input = ["-v", "error", "-y", "-t", "32", "-i", join(MEDIA, "content/720/media.m3u8")];
    const streams = ["-map", "0:v", "-map", "0:a", ...X264, ...KEYS, ...AAC];
    await promisify(execFile)(ffmpeg, [...input, ...streams, ...args], { cwd });
  }
}

export function contentUrl(server: InterludeServer, content: Content): string {
  return new URL(`/media/${FOLDER}/${content}/master.m3u8`, server.url).href;
}

interface PackageStatus {
  readonly path: string;
  readonly isWhole: boolean;
}

interface CreativeStatus {
  readonly creativeUrl: string;
  readonly state: string;
  readonly message?: string;
  readonly packages: readonly PackageStatus[];
}

/** The creative, repackaged. */
export interface WarmCreative {
  /** The MP4. */
  readonly fileUrl: string;
  /** Its ladder on the CDN. */
  readonly playlistUrl: string;
  /** Of an ad server that answers it. */
  readonly adTagUrl: string;
  /**
   * An ad tag whose ad is the layer before the ladder: its master is replaced, its media stays; undefined when the ladder was faster
   * than this looked.
   */
  readonly firstLayerTag: string | undefined;
}

/** Has the creative repackaged, and waits for the whole ladder. */
export async function warm(server: InterludeServer): Promise<WarmCreative> {
  const url = new URL(catalog.creatives.find(({ id }) => id === CREATIVE)?.url ?? "", server.url).href;
  const headers = { authorization: `Bearer ${server.token}`, "content-type": "application/json" };
  const items = [{ zone: catalog.zone, creativeUrl: url, packaging: "hls", targetDuration: TARGET_DURATION }];
  await fetch(new URL("/v1/repackage", server.url), { method: "POST", headers, body: JSON.stringify({ items }) });
  let first: string | undefined;
  for (;;) {
    const response = await fetch(new URL("/v1/creatives", server.url), { headers });
    if (!response.ok) throw new Error(`warming ${url}: the list of creatives answered ${response.status}`);
    const { creatives }: { creatives: readonly CreativeStatus[] } = await response.json();
    const status = creatives.find(({ creativeUrl }) => creativeUrl === url);
    if (status?.state === "failed") throw new Error(`warming ${url} failed: ${status.message}`);
    const early = status?.packages.find(({ isWhole }) => !isWhole);
    if (early && first === undefined) first = await keepFirstLayer(server, early.path);
    const [ladder] = status?.packages ?? [];
    if (ladder && status?.state === "ready" && status.packages.every(({ isWhole }) => isWhole))
      return {
        fileUrl: url,
        playlistUrl: new URL(`/cdn/a/${ladder.path}`, server.url).href,
        adTagUrl: new URL(`/ads/vast?zone=${catalog.zone}&li=${CREATIVE}`, server.url).href,
        firstLayerTag: first,
      };
    await delay(100);
  }
}

/** Copies the master of a layer that is about to be replaced, and writes an ad response that names the copy. */
async function keepFirstLayer(server: InterludeServer, path: string): Promise<string> {
  const url = new URL(`/cdn/a/${path}`, server.url);
  const text = await (await fetch(url)).text();
  const lines = text.split("\n").map((line) => (line === "" || line.startsWith("#") ? line : new URL(line, url).href));
  const folder = join(MEDIA, FOLDER, "first-layer");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "master.m3u8"), lines.join("\n"));
  const media = new URL(`/media/${FOLDER}/first-layer/master.m3u8`, server.url).href;
  const duration = `00:00:${CREATIVE_DURATION}`;
  const file = `<MediaFile delivery="streaming" type="application/x-mpegURL" width="1280" height="720">${media}</MediaFile>`;
  const linear = `<Linear><Duration>${duration}</Duration><MediaFiles>${file}</MediaFiles></Linear>`;
  const inline = `<AdSystem>bench</AdSystem><AdTitle>first layer</AdTitle><Impression></Impression><Creatives><Creative>${linear}</Creative></Creatives>`;
  await writeFile(join(folder, "vast.xml"), `<VAST version="3.0"><Ad id="1"><InLine>${inline}</InLine></Ad></VAST>`);
  return new URL(`/media/${FOLDER}/first-layer/vast.xml`, server.url).href;
}
