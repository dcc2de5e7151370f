import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readFmp4Pts, readTsPts } from "../../src/manifest/subtitles/webvtt-pts.ts";

const run = promisify(execFile);
/** Where ffmpeg is told to begin, beyond what 32 bits of ticks hold. */
const OFFSET = 50_000;
let folder = "";
const read = (name: string): Promise<Buffer> => readFile(join(folder, name));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interlude-pts-"));
  const pictures = ["-f", "lavfi", "-i", "testsrc2=s=64x36:r=25:d=4"];
  const sound = ["-f", "lavfi", "-i", "sine=r=48000:d=4"];
  const codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "aac"];
  const hls = ["-output_ts_offset", String(OFFSET), "-f", "hls", "-hls_time", "2", "-hls_list_size", "0"];
  const make = (args: readonly string[]): Promise<unknown> =>
    run("ffmpeg", ["-nostdin", "-v", "error", "-y", ...args], { cwd: folder });
  await make([...sound, ...pictures, "-map", "0:a", "-map", "1:v", ...codecs, ...hls, "both.m3u8"]);
  await make([...sound, ...codecs, ...hls, "sound.m3u8"]);
  await make([
    ...sound,
    ...pictures,
    "-map",
    "0:a",
    "-map",
    "1:v",
    ...codecs,
    ...hls,
    "-hls_segment_type",
    "fmp4",
    "fmp4.m3u8",
  ]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What ffprobe says of the first packet of a segment. */
async function probe(name: string, stream: "v" | "a", init?: string): Promise<number> {
  const input = init === undefined ? name : `concat:${init}|${name}`;
  const args = [
    "-v",
    "error",
    "-select_streams",
    stream,
    "-show_entries",
    "packet=pts_time,dts_time",
    "-of",
    "json",
    input,
  ];
  const { stdout } = await run("ffprobe", args, { cwd: folder });
  const packets: unknown = JSON.parse(stdout);
  const match = /"(?:pts_time|dts_time)":"([\d.]+)"/.exec(JSON.stringify(packets));
  return Number(match?.[1]);
}

describe("readTsPts", () => {
  test("reads the first picture's time, also where sound comes first, of every segment", async () => {
    for (const name of ["both0.ts", "both1.ts"]) {
      expect(readTsPts(await read(name))).toBeCloseTo(await probe(name, "v"), 4);
    }
  });

  test("reads the first sound's where there are no pictures", async () => {
    expect(readTsPts(await read("sound1.ts"))).toBeCloseTo(await probe("sound1.ts", "a"), 4);
  });

  test("any bytes give a time or none, in bounded time", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        if (bytes.length > 0) bytes[0] = 0x47;
        const pts = readTsPts(bytes) ?? 0;
        expect(pts >= 0 && pts < 2 ** 33 / 90_000).toBe(true);
      }),
    );
  });
});

describe("readFmp4Pts", () => {
  test("reads the fragment's decode time on the clock of the pictures' track", async () => {
    const init = await read("init.mp4");
    // ffmpeg puts where it was told to begin into an edit list, which players pass over.
    expect(readFmp4Pts(init, await read("fmp40.m4s"))).toBe(0);
    expect(readFmp4Pts(init, await read("fmp41.m4s"))).toBe(2);
  });

  test("needs no more than the head of the fragment", async () => {
    const [init, segment] = await Promise.all([read("init.mp4"), read("fmp41.m4s")]);
    expect(readFmp4Pts(init, segment.subarray(0, 2000))).toBe(readFmp4Pts(init, segment));
  });

  test("tells no time without an initialization segment of the track", async () => {
    expect(readFmp4Pts(new Uint8Array(), await read("fmp40.m4s"))).toBeUndefined();
    expect(readFmp4Pts(await read("init.mp4"), await read("both0.ts"))).toBeUndefined();
  });

  test("bytes changed at random give a time or none, in bounded time", async () => {
    const [init, segment] = await Promise.all([read("init.mp4"), read("fmp40.m4s")]);
    const head = segment.subarray(0, 2000);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1999), fc.nat(255)), { maxLength: 8 }), (changes) => {
        const [changedInit, changed] = [Buffer.from(init), Buffer.from(head)];
        for (const [at, value] of changes) {
          changed[at] = value;
          if (at < changedInit.length) changedInit[at] = value;
        }
        expect(Number.isFinite(readFmp4Pts(changedInit, changed) ?? 0)).toBe(true);
      }),
    );
  });
});
