import { createCipheriv, randomBytes } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import {
  describeFile,
  edit,
  fetchFrom,
  hashFrames,
  inputOf,
  makeFolder,
  makeHls,
  runFfmpeg,
  serveFolder,
  VOD,
} from "./fetch-hls.ts";
import { type MediaServer, startServer } from "./test-crs.ts";

let folder = "";
let server: MediaServer;
let film = "";
beforeAll(async () => {
  folder = makeFolder();
  film = join(folder, "film.mp4");
  const picture = [
    "-f",
    "lavfi",
    "-i",
    "testsrc2=s=320x180:r=25:d=6",
    "-f",
    "lavfi",
    "-i",
    "sine=440:d=6:sample_rate=44100",
  ];
  const encode = "-c:v libx264 -preset veryfast -bf 2 -g 25 -sc_threshold 0 -pix_fmt yuv420p -c:a aac -shortest".split(
    " ",
  );
  runFfmpeg([...picture, ...encode, film]);
  server = await serveFolder(folder);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const copyTo = (name: string, options: readonly string[], maps: readonly string[] = []): string =>
  makeHls(folder, name, ["-i", film, ...maps, "-c", "copy", ...VOD, ...options]);
/** The same playlist, read by ffmpeg itself. */
const asFfmpegReads = (name: string): readonly string[] => [
  "-allowed_extensions",
  "ALL",
  join(folder, name, "index.m3u8"),
];

/** A key of 16 bytes beside the segments, as `-hls_key_info_file` wants it. */
function makeKey(name: string, iv?: string): string {
  const key = join(folder, `${name}.key`);
  const info = join(folder, `${name}.keyinfo`);
  writeFileSync(key, randomBytes(16));
  writeFileSync(info, [`../${name}.key`, key, ...(iv ? [iv] : [])].join("\n"));
  return info;
}

describe("a creative that is HLS is read as ffmpeg would read it", () => {
  test.each([
    ["MPEG-TS", "ts", () => [], "mpegts"],
    ["fragmented MP4", "fmp4", () => ["-hls_segment_type", "fmp4"], "mov"],
    ["byte ranges of one TS file", "ts-ranges", () => ["-hls_flags", "single_file"], "mpegts"],
    ["byte ranges of one MP4", "fmp4-ranges", () => ["-hls_flags", "single_file", "-hls_segment_type", "fmp4"], "mov"],
    [
      "AES-128, the IV being the media sequence number",
      "aes",
      () => ["-hls_key_info_file", makeKey("aes"), "-start_number", "300"],
      "mpegts",
    ],
    [
      "AES-128 with an IV",
      "aes-iv",
      () => ["-hls_key_info_file", makeKey("aes-iv", "00112233445566778899aabbccddeeff")],
      "mpegts",
    ],
  ])("%s", async (_title, name, options, format) => {
    copyTo(name, options());
    const progress: number[] = [];
    const fetched = await fetchFrom(server, `${name}/index.m3u8`, { onProgress: (share) => progress.push(share) });
    expect(fetched.video.format).toBe(format);
    for (const stream of ["v", "a"] as const) {
      const frames = hashFrames(inputOf(fetched), stream);
      expect(frames.length).toBeGreaterThan(100);
      expect(frames).toEqual(hashFrames(asFfmpegReads(name), stream));
    }
    expect(describeFile(fetched).duration).toBeCloseTo(6, 1);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toBe(1);
  });

  test("byte ranges of a server that knows no ranges", async () => {
    copyTo("no-ranges", ["-hls_flags", "single_file"]);
    const simple = await serveFolder(folder, { ranges: false });
    onTestFinished(() => simple.close());
    const fetched = await fetchFrom(simple, "no-ranges/index.m3u8");
    expect(hashFrames(inputOf(fetched), "v")).toEqual(hashFrames(asFfmpegReads("no-ranges"), "v"));
  });

  test("fragmented MP4 whose initialisation section is encrypted too, under a key of its own", async () => {
    copyTo("fmp4-aes", ["-hls_segment_type", "fmp4"]);
    const iv = "0x000102030405060708090a0b0c0d0e0f";
    const encrypt = (file: string, keyFile: string): void => {
      const key = randomBytes(16);
      writeFileSync(join(folder, "fmp4-aes", keyFile), key);
      const cipher = createCipheriv("aes-128-cbc", key, Buffer.from(iv.slice(2), "hex"));
      const path = join(folder, "fmp4-aes", file);
      writeFileSync(path, Buffer.concat([cipher.update(readFileSync(path)), cipher.final()]));
    };
    const clear = hashFrames(asFfmpegReads("fmp4-aes"), "v");
    encrypt("init.mp4", "init.key");
    encrypt("index0.m4s", "first.key");
    edit(join(folder, "fmp4-aes", "index.m3u8"), (text) =>
      text
        .replace("#EXT-X-MAP", `#EXT-X-KEY:METHOD=AES-128,URI="init.key",IV=${iv}\n$&`)
        .replace("#EXTINF", `#EXT-X-KEY:METHOD=AES-128,URI="first.key",IV=${iv}\n$&`)
        .replace("index0.m4s", "$&\n#EXT-X-KEY:METHOD=NONE"),
    );
    expect(hashFrames(inputOf(await fetchFrom(server, "fmp4-aes/index.m3u8")), "v")).toEqual(clear);
  });

  test.each([
    ["MPEG-TS", []],
    ["fragmented MP4", ["-hls_segment_type", "fmp4"]],
  ])("%s of a recording that began ten hours ago is as long as it is", async (title, options) => {
    copyTo(`late ${title}`, ["-output_ts_offset", "36000", ...options]);
    const fetched = await fetchFrom(server, `late ${title}/index.m3u8`);
    expect(describeFile(fetched).duration).toBeCloseTo(6, 1);
  });

  test("whatever its name is, behind a byte order mark, through a redirect, its segments answered in any order", async () => {
    copyTo("named", []);
    edit(join(folder, "named", "index.m3u8"), (text) => `\ufeff\n${text}`);
    let held: (() => void) | undefined;
    const odd = await startServer((request, response) => {
      const path = request.url ?? "";
      if (path === "/film.mp4") response.writeHead(302, { location: "/named/index.m3u8" }).end();
      else {
        const body = readFileSync(join(folder, path));
        const answer = (): unknown => response.writeHead(200, { "content-type": "video/mp4" }).end(body);
        // The first segment comes when the fourth has been answered.
        if (path.endsWith("index0.ts")) held = answer;
        else answer();
        if (path.endsWith("index3.ts")) held?.();
      }
    });
    onTestFinished(() => odd.close());
    const fetched = await fetchFrom(odd, "film.mp4");
    expect(hashFrames(inputOf(fetched), "v")).toEqual(hashFrames([film], "v"));
  });
});

describe("HLS that is broken", () => {
  test("a key that does not fit", async () => {
    copyTo("wrong-key", ["-hls_key_info_file", makeKey("wrong-key")]);
    makeKey("wrong-key");
    await expect(fetchFrom(server, "wrong-key/index.m3u8")).rejects.toMatchObject({ reason: "unreadable" });
  });

  test("fragments without their initialisation section", async () => {
    copyTo("no-map", ["-hls_segment_type", "fmp4"]);
    edit(join(folder, "no-map", "index.m3u8"), (text) => text.replace(/#EXT-X-MAP.*\n/, ""));
    await expect(fetchFrom(server, "no-map/index.m3u8")).rejects.toMatchObject({ reason: "unsupported" });
  });

  test("segments of two formats without a discontinuity", async () => {
    copyTo("mixed", []);
    runFfmpeg(["-i", film, "-map", "0:a", "-c", "copy", join(folder, "mixed", "index1.aac")]);
    edit(join(folder, "mixed", "index.m3u8"), (text) => text.replace("index1.ts", "index1.aac"));
    await expect(fetchFrom(server, "mixed/index.m3u8")).rejects.toMatchObject({ reason: "unsupported" });
  });

  test("when one segment fails, the others are left at once", async () => {
    copyTo("stuck", []);
    const closed = Promise.withResolvers<void>();
    const stuck = await startServer((request, response) => {
      if (request.url?.endsWith("m3u8")) response.end(readFileSync(join(folder, "stuck/index.m3u8")));
      else if (request.url?.endsWith("index0.ts")) response.writeHead(404).end();
      else
        response
          .writeHead(200)
          .once("close", () => closed.resolve())
          .write("G");
    });
    onTestFinished(() => stuck.close());
    const rules = { idleTimeoutMs: 300_000 };
    await expect(fetchFrom(stuck, "index.m3u8", { rules })).rejects.toMatchObject({ reason: "source-missing" });
    await closed.promise;
  });

  test("whoever gives up is told their own reason", async () => {
    copyTo("left", []);
    const stop = new AbortController();
    const slow = await startServer((request, response) => {
      if (request.url?.endsWith("m3u8")) response.end(readFileSync(join(folder, "left/index.m3u8")));
      else stop.abort(new Error("no longer wanted"));
    });
    onTestFinished(() => slow.close());
    await expect(fetchFrom(slow, "index.m3u8", { signal: stop.signal })).rejects.toThrow("no longer wanted");
  });
});
