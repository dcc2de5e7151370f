/** Segments of MPEG-TS made of real files, as ffmpeg, mediabunny and the letter of the standard see them. */
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { makeSegment } from "../../src/remux/make-segment.ts";
import { readPackets } from "./bunny-packets.ts";
import {
  CLOCK,
  make,
  makeMedia,
  type Order,
  orderSegments,
  probeMedia,
  type ProbedMedia,
  probePackets,
  runFfmpeg,
} from "./probed-media.ts";
import { readStream, splitFrames, splitUnits, type Stream } from "./read-stream.ts";

interface Case {
  readonly name: string;
  readonly args: string;
}

const GOP = "-g 25 -sc_threshold 0";
const CASES: readonly Case[] = [
  { name: "High with B-frames, 44.1 kHz stereo", args: `${GOP} -profile:v high -bf 2 -c:a aac -ar 44100 -ac 2` },
  { name: "Baseline, 22.05 kHz mono", args: `${GOP} -profile:v baseline -c:a aac -ar 22050 -ac 1` },
  {
    name: "open GOPs, 5.1 at 48 kHz",
    args: `${GOP} -bf 3 -b_strategy 0 -x264-params open-gop=1:b-pyramid=normal -c:a aac -ac 6`,
  },
  {
    name: "a changing frame rate",
    args: `${GOP} -vf select='not(eq(mod(n\\,7)\\,3))' -fps_mode vfr -bf 1 -c:a aac -video_track_timescale 30000`,
  },
];

interface Made {
  readonly path: string;
  readonly joined: string;
  readonly media: ProbedMedia;
  readonly orders: readonly Order[];
  readonly segments: readonly Uint8Array[];
  readonly streams: readonly Stream[];
}

const KINDS = ["video", "audio"] as const;

let folder = "";
const all = new Map<string, Made>();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "interlude-ts-"));
  for (const [index, { name, args }] of CASES.entries()) {
    const path = makeMedia(folder, `${index}.mp4`, args.split(" "));
    const media = probeMedia(path);
    const orders = orderSegments(media, "hls");
    const segments = orders.map((order) => make(order).main);
    const joined = join(folder, `${index}.ts`);
    writeFileSync(joined, Buffer.concat(segments));
    all.set(name, { path, joined, media, orders, segments, streams: segments.map(readStream) });
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function made(name: string): Made {
  const found = all.get(name);
  assert.ok(found);
  return found;
}

describe.each(CASES.map(({ name }) => name))("a transport stream of %s", (name) => {
  test("holds the file's pictures and sound, byte for byte, at the same times", async () => {
    const { path, joined, media } = made(name);
    const [{ video, audio }, stream] = [await readPackets(path), await readPackets(joined)];
    const begin = (media.video.packets[0]?.time ?? 0) / media.video.timescale;
    // what the encoder needs to get going ends where the pictures begin
    const source = { video, audio: audio.filter(({ time }) => time > begin - 1000 / media.audio.aac.sampleRate) };
    for (const kind of KINDS) {
      expect(stream[kind].map(({ hashes }) => hashes)).toEqual(source[kind].map(({ hashes }) => hashes));
      for (const [index, { time }] of source[kind].entries())
        expect(stream[kind][index]?.time).toBeCloseTo(CLOCK / 90_000 + time - begin, 3);
    }
  });

  test("has the times that were ordered, to the tick", () => {
    const { joined, orders } = made(name);
    const packets = probePackets(joined, "-f", "mpegts").filter(({ stream }) => stream === 0);
    const ordered = orders.flatMap(({ job: { video } }) =>
      Array.from(video.times, (time, index) => ({
        time,
        decodeTime: video.decodeTimes[index],
        isKey: video.isKey[index] === 1,
      })),
    );
    expect(packets.map(({ time, decodeTime, isKey }) => ({ time, decodeTime, isKey }))).toEqual(ordered);
  });

  test("is decoded to the same pictures without a complaint", () => {
    const { path, joined } = made(name);
    const hash = (file: string, ...args: readonly string[]): readonly string[] =>
      runFfmpeg("-xerror", ...args, "-i", file, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-")
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
        .map((line) => line.split(",").at(-1)?.trim() ?? "");
    const pictures = hash(path);
    expect(pictures.length).toBeGreaterThan(80);
    expect(hash(joined, "-f", "mpegts")).toEqual(pictures);
  });

  test("begins each segment with its tables and a key picture, and each picture with a delimiter of its own", () => {
    const { streams, orders } = made(name);
    for (const [index, { tables, units }] of streams.entries()) {
      expect([...tables.keys()]).toEqual([0, 0x1000]);
      const pictures = units.filter(({ pid }) => pid === 0x100);
      expect(pictures.length).toBe(orders[index]?.job.video.sizes.length);
      expect(pictures[0]?.isRandomAccess).toBe(true);
      const types = pictures.map(({ payload }) => splitUnits(payload).map((unit) => unit.readUInt8(0) & 31));
      expect(types[0]?.slice(0, 3)).toEqual([9, 7, 8]);
      for (const list of types) expect(list.lastIndexOf(9)).toBe(0);
    }
  });

  test("runs its clock ahead of every decoding time, and never back", () => {
    let last = 0;
    for (const { pid, clock, time, decodeTime } of made(name).streams.flatMap(({ units }) => units)) {
      expect(decodeTime).toBeLessThanOrEqual(time);
      if (pid !== 0x100) continue;
      assert.ok(clock !== undefined);
      expect(clock).toBeGreaterThan(last);
      expect(clock).toBeLessThan(decodeTime);
      last = clock;
    }
  });

  test("gives sound its own time in each PES packet, and few frames at once", () => {
    const { streams, orders } = made(name);
    for (const [index, { units }] of streams.entries()) {
      const audio = orders[index]?.job.audio;
      assert.ok(audio);
      let frame = 0;
      for (const { pid, time, payload } of units) {
        if (pid !== 0x101) continue;
        const frames = splitFrames(payload);
        expect(frames.length).toBeLessThanOrEqual(6);
        expect(time).toBe(audio.times[frame]);
        frame += frames.length;
      }
      expect(frame).toBe(audio.sizes.length);
    }
  });
});

// pictures before the key frame of an open GOP need the segment before
const ALONE = CASES.map(({ name }) => name).filter((name) => !name.startsWith("open"));

test.each(inject("isFullMatrix") ? ALONE : ALONE.slice(0, 1))(
  "each segment of %s plays alone, whatever was made before",
  (name) => {
    for (const segment of made(name).segments) {
      const path = join(folder, "alone.ts");
      writeFileSync(path, segment);
      expect(runFfmpeg("-xerror", "-f", "mpegts", "-i", path, "-f", "null", "-")).toBe("");
    }
  },
);

describe("a segment", () => {
  function firstOrder(): Order {
    const [order] = made(CASES[0]?.name ?? "").orders;
    assert.ok(order);
    return order;
  }

  test("is silent where the file has no sound", () => {
    const { job, bytes } = firstOrder();
    const offsets = job.audio.offsets.map(() => -1);
    const { main } = make({
      job: { ...job, audio: { ...job.audio, offsets, sizes: new Uint32Array(offsets.length) } },
      bytes,
    });
    const frames = readStream(main).units.flatMap(({ pid, payload }) => (pid === 0x101 ? splitFrames(payload) : []));
    expect(frames.length).toBe(offsets.length);
    for (const frame of frames) expect(frame).toEqual(Buffer.from(job.audio.silence));
  });

  test("tells the time anew where sound has a gap", () => {
    const { job, bytes } = firstOrder();
    const times = job.audio.times.map((time, index) => (index < 3 ? time : time + 4500));
    const { main } = make({ job: { ...job, audio: { ...job.audio, times } }, bytes });
    const sound = readStream(main).units.filter(({ pid }) => pid === 0x101);
    expect(sound.slice(0, 2).map(({ time }) => time)).toEqual([times[0], times[3]]);
  });

  test("carries a time of 33 bits, and begins again at 0 behind it", () => {
    const { job, bytes } = firstOrder();
    const wrap = 2 ** 33;
    const shift = (times: Float64Array): Float64Array => times.map((time) => time - 900_000 + wrap - 9000);
    const { video, audio } = job;
    const moved = { ...video, times: shift(video.times), decodeTimes: shift(video.decodeTimes) };
    const { main } = make({ job: { ...job, video: moved, audio: { ...audio, times: shift(audio.times) } }, bytes });
    const times = readStream(main).units.flatMap(({ pid, time }) => (pid === 0x100 ? [time] : []));
    expect(times).toEqual(Array.from(moved.times, (time) => time % wrap));
    expect(Math.max(...times)).toBeGreaterThan(wrap - 9001);
    expect(Math.min(...times)).toBeLessThan(90_000);
  });

  test("has another description's parameter sets where its pictures begin", () => {
    const { job, bytes } = firstOrder();
    const { video } = job;
    const [config] = video.configs;
    assert.ok(config);
    const other = { ...config, pps: [Uint8Array.of(0x68, 1), Uint8Array.of(0x68, 2)] };
    const entries = video.entries.map((_, index) => (index < 5 ? 0 : 1));
    const { main } = make({ job: { ...job, video: { ...video, configs: [config, other], entries } }, bytes });
    const pictures = readStream(main).units.filter(({ pid }) => pid === 0x100);
    const counted = pictures.map(({ payload }) => splitUnits(payload).filter((unit) => unit[0] === 0x68).length);
    expect(counted.slice(0, 8)).toEqual([1, 0, 0, 0, 0, 2, 0, 0]);
  });

  test("leaves out what is no picture", () => {
    const { job, bytes } = firstOrder();
    const sizes = job.video.sizes.map((size, index) => (index === 3 ? 0 : size));
    const { main } = make({ job: { ...job, video: { ...job.video, sizes } }, bytes });
    const pictures = readStream(main).units.filter(({ pid }) => pid === 0x100);
    expect(pictures.length).toBe(sizes.length - 1);
  });

  test("lets others go on about every 64 kB", () => {
    const { job } = firstOrder();
    const size = 1_000_000;
    const bytes = new Uint8Array(size).fill(0x55);
    new DataView(bytes.buffer).setUint32(0, size - 4);
    bytes[4] = 0x65;
    const video = {
      ...job.video,
      offsets: new Float64Array(1),
      sizes: Uint32Array.of(size),
      decodeTimes: job.video.decodeTimes.slice(0, 1),
    };
    const making = makeSegment({ ...job, video, audio: { ...job.audio, times: new Float64Array(0) } }, bytes);
    let stops = 0;
    while (!making.next().done) stops += 1;
    expect(stops).toBeGreaterThanOrEqual(15);
    expect(stops).toBeLessThanOrEqual(18);
  });

  test("is refused, not written, where the bytes are not what the tables promised", () => {
    const { job, bytes } = firstOrder();
    const refusal = expect.objectContaining({ name: "MediaRefusal", reason: "source-unreadable" });
    expect(() => make({ job, bytes: bytes.subarray(0, bytes.length / 2) })).toThrow(refusal);
    expect(() => make({ job, bytes: bytes.map((byte) => byte ^ 0x5a) })).toThrow(refusal);
  });
});
