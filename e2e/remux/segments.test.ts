/**
 * What a page makes of the thirty creatives holds what is in them: mediabunny reads both, and in the full matrix ffmpeg decodes both.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Packaging } from "@interlude/core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { planRemux } from "../../packages/plugin/src/remux/plan.ts";
import { type BunnyPacket, readPackets } from "../../packages/plugin/tests/remux/bunny-packets.ts";
import { parseFile } from "../../packages/plugin/tests/remux/make-mp4.ts";
import { make } from "../../packages/plugin/tests/remux/probed-media.ts";
import { readStream } from "../../packages/plugin/tests/remux/read-stream.ts";
import { COLD_CREATIVES } from "./creatives.ts";
import { makeColdCreatives } from "./make-creatives.ts";

interface Remuxed {
  readonly source: string;
  /** One file of all in MPEG-TS. */
  readonly video: string;
  readonly audio: string;
}

let sources = "";
let folder = "";
beforeAll(async () => {
  sources = await makeColdCreatives();
  folder = await mkdtemp(join(tmpdir(), "interlude-segments-"));
}, 300_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function remux(file: string, packaging: Packaging): Promise<Remuxed> {
  const source = join(sources, file);
  const whole = await readFile(source);
  const { segments, inits } = planRemux(parseFile(source), { packaging, targetDuration: undefined });
  const made = segments.map(({ job, ranges }) =>
    make({ job, bytes: Buffer.concat(ranges.map(({ start, end }) => whole.subarray(start, end))) }),
  );
  const [video, audio] = [join(folder, `${file} ${packaging}`), join(folder, `${file} ${packaging} sound`)];
  const main = made.map((segment) => segment.main);
  if (!inits) for (const segment of main) readStream(segment);
  await writeFile(video, Buffer.concat(inits ? [inits.video, ...main] : main));
  if (inits)
    await writeFile(audio, Buffer.concat([inits.audio, ...made.map((segment) => segment.audio ?? Buffer.of())]));
  return { source, video, audio: inits ? audio : video };
}

const hashesOf = (packets: readonly BunnyPacket[]): readonly string[] => packets.map(({ hashes }) => hashes.join());

/** Decoded pictures, hashed. */
async function decode(path: string): Promise<readonly string[]> {
  const output = ["-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-"];
  const { stdout } = await promisify(execFile)("ffmpeg", ["-v", "error", "-xerror", "-i", path, ...output]);
  return stdout.split("\n").flatMap((line) => (line.startsWith("#") ? [] : (line.split(",").at(-1)?.trim() ?? [])));
}

describe.each(["hls", "cmaf"] as const)("segments in packaging %s", (packaging) => {
  // what MPEG-TS cannot say, fragmented MP4 may
  const rows = COLD_CREATIVES.filter(
    ({ file, refusal }) => !refusal || (packaging === "cmaf" && file.includes("rotated")),
  );

  test.for(rows)("$file: every picture is in them, in order, and sound without a gap", async ({ file }) => {
    const { source, video, audio } = await remux(file, packaging);
    const theirs = await readPackets(source);
    const pictures = (await readPackets(video)).video;
    expect(hashesOf(pictures)).toEqual(hashesOf(theirs.video));
    expect(pictures.map(({ isKey }) => isKey)).toEqual(theirs.video.map(({ isKey }) => isKey));
    const known = hashesOf(theirs.audio);
    // silence may go before it and behind it; what was before the pictures and behind them may be gone
    const sound = hashesOf((await readPackets(audio)).audio).filter((hash) => known.includes(hash));
    expect(known.join(" ")).toContain(sound.join(" "));
    expect(sound.length).toBeGreaterThan(0.9 * known.length - 2);
  });

  // in `npm test` one, since what ffmpeg decodes takes long
  test.for(inject("isFullMatrix") ? rows : rows.slice(0, 1))(
    "$file: they are decoded to the same pictures",
    async ({ file }) => {
      const { source, video } = await remux(file, packaging);
      expect(await decode(video)).toEqual(await decode(source));
    },
  );
});
