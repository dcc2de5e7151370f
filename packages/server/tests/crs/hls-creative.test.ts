/** HLS creatives on their whole way: read, encoded, cut to equal segments, published. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { edit, makeFolder, makeHls, serveFolder, VOD } from "./fetch-hls.ts";
import { findFaults, inspectLadder } from "./inspect-ladder.ts";
import { type MediaServer, startCrs, type TestCrs } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

let folder = "";
let server: MediaServer;
let crs: TestCrs;
beforeAll(async () => {
  folder = makeFolder();
  server = await serveFolder(folder);
  crs = await startCrs({ allow: [server] });
});
afterAll(async () => {
  await crs.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Its segments are as long as ffmpeg makes them: 10 s, whatever is asked for. */
const makeLong = (name: string, options: readonly string[], maps: readonly string[] = []): string =>
  makeHls(folder, name, ["-i", testMedia("film.mp4"), ...maps, "-c", "copy", ...VOD, "-hls_time", "10", ...options]);

async function findFaultsOf(path: string, duration: number): Promise<readonly string[]> {
  const status = await crs.repackage(new URL(path, server.base), 4);
  expect(status).toMatchObject({ state: "ready" });
  const found = status.packages.find(({ targetDuration }) => targetDuration === 4);
  const ladder = await inspectLadder(join(crs.folder, "cdn/a", found?.path ?? "none"));
  return findFaults(ladder, { targetDuration: 4, rate: "25/1", duration });
}

describe("a creative that is HLS becomes a ladder of equal segments", () => {
  test("MPEG-TS under AES-128", async () => {
    const info = join(folder, "keyinfo");
    writeFileSync(join(folder, "key"), Buffer.alloc(16, 7));
    writeFileSync(info, `../key\n${join(folder, "key")}\n`);
    makeLong("aes", ["-hls_key_info_file", info]);
    expect(await findFaultsOf("aes/index.m3u8", 7)).toEqual([]);
  });

  test("fragmented MP4 with sound of its own", async () => {
    makeLong("picture", ["-hls_segment_type", "fmp4"], ["-map", "0:v"]);
    makeLong("sound", ["-hls_segment_type", "fmp4"], ["-map", "0:a"]);
    const group = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="sound/index.m3u8"';
    const variant = '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\npicture/index.m3u8';
    writeFileSync(join(folder, "master.m3u8"), `#EXTM3U\n${group}\n${variant}\n`);
    expect(await findFaultsOf("master.m3u8", 7)).toEqual([]);
  });

  test("two parts, each with a clock of its own", async () => {
    makeLong("part", []);
    mkdirSync(join(folder, "twice"));
    const playlist = join(folder, "twice", "index.m3u8");
    writeFileSync(playlist, readFileSync(join(folder, "part", "index.m3u8")));
    edit(playlist, (text) => {
      const segments = text.match(/#EXTINF[^#]*/g)?.join("") ?? "";
      const twice = text.replace("#EXT-X-ENDLIST", `#EXT-X-DISCONTINUITY\n${segments}$&`);
      return twice.replaceAll(/^(?=index)/gm, "../part/");
    });
    expect(await findFaultsOf("twice/index.m3u8", 14)).toEqual([]);
  });
});
