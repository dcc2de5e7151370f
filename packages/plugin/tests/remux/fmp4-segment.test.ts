/** Fragmented MP4 made of real files, as ffmpeg and mediabunny see it, and as the server writes it. */
import { strict as assert } from "node:assert";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatInitSegment, formatMediaSegment, type FragmentTrack } from "../../../server/src/crs/fmp4-write.ts";
import { writeInitSegment } from "../../src/remux/fmp4-init.ts";
import { readPackets } from "./bunny-packets.ts";
import {
  make,
  makeMedia,
  type Order,
  orderSegments,
  probeMedia,
  type ProbedMedia,
  probePackets,
  runFfmpeg,
  runFfprobe,
} from "./probed-media.ts";

const GOP = "-g 25 -sc_threshold 0";
const CASES = [
  ["B-frames", `${GOP} -bf 2 -c:a aac -ar 44100`],
  [
    "a changing frame rate and no B-frames",
    `${GOP} -bf 0 -vf select='not(eq(mod(n\\,7)\\,3))' -fps_mode vfr -c:a aac -ac 1`,
  ],
] as const;

interface Repackaged {
  readonly source: string;
  readonly media: ProbedMedia;
  readonly orders: readonly Order[];
  /** Both tracks, each with its segments behind one another. */
  readonly video: string;
  readonly audio: string;
}

let folder = "";
const all = new Map<string, Repackaged>();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "interlude-fmp4-"));
  for (const [name, args] of CASES) all.set(name, repackage(makeMedia(folder, `${name}.mp4`, args.split(" "))));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function initOf(media: ProbedMedia, kind: "video" | "audio"): Uint8Array {
  return writeInitSegment(kind === "video" ? { kind, ...media.video } : { kind, ...media.audio });
}

function write(path: string, parts: readonly Uint8Array[]): string {
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

function repackage(source: string): Repackaged {
  const media = probeMedia(source);
  const orders = orderSegments(media, "cmaf");
  const segments = orders.map(make);
  const sound = segments.map(({ audio }) => audio ?? new Uint8Array());
  return {
    source,
    media,
    orders,
    video: write(`${source} video.mp4`, [initOf(media, "video"), ...segments.map(({ main }) => main)]),
    audio: write(`${source} audio.mp4`, [initOf(media, "audio"), ...sound]),
  };
}

function repackaged(name: string): Repackaged & { readonly order: Order } {
  const found = all.get(name);
  const [order] = found?.orders ?? [];
  assert.ok(found && order);
  return { ...found, order };
}

describe.each(CASES)("fragments of a file with %s", (name) => {
  test("hold its pictures and sound, byte for byte, at the same times and as long", async () => {
    const { source, video, audio, media } = repackaged(name);
    const expected = await readPackets(source);
    expect((await readPackets(video)).video.map(({ hashes, isKey }) => [hashes, isKey])).toEqual(
      expected.video.map(({ hashes, isKey }) => [hashes, isKey]),
    );
    // one frame of the source ends where its presentation begins
    expect((await readPackets(audio)).audio.map(({ hashes, duration }) => [hashes, duration])).toEqual(
      expected.audio.slice(1).map(({ hashes, duration }) => [hashes, duration]),
    );
    const [first] = media.video.packets;
    // the helper orders everything one second later
    const shift = media.video.timescale - (first?.time ?? 0);
    const told = probePackets(video).map(({ time, decodeTime, size, isKey }) => [time, decodeTime, size, isKey]);
    expect(told).toEqual(
      media.video.packets.map(({ time, decodeTime, size, isKey }) => [time + shift, decodeTime + shift, size, isKey]),
    );
  });

  test("are decoded without a complaint", () => {
    const { video, audio } = repackaged(name);
    for (const path of [video, audio]) expect(runFfmpeg("-xerror", "-i", path, "-f", "null", "-")).toBe("");
  });

  test("are, byte for byte, what the server makes of the same samples", () => {
    const { order, media } = repackaged(name);
    const { main, audio } = make(order);
    expect(Buffer.from(main)).toEqual(formatMediaSegment(serverFragment(order, "video")));
    expect(Buffer.from(audio ?? [])).toEqual(formatMediaSegment(serverFragment(order, "audio")));
    for (const kind of ["video", "audio"] as const)
      expect(Buffer.from(initOf(media, kind))).toEqual(formatInitSegment(serverTrack(media, kind)));
  });
});

function serverTrack({ video, audio }: ProbedMedia, kind: "video" | "audio"): FragmentTrack {
  const { timescale, description } = kind === "video" ? video : audio;
  const { width, height } = kind === "video" ? video : { width: 0, height: 0 };
  return {
    kind,
    timescale,
    description: Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]), description]),
    width,
    height,
  };
}

function serverFragment({ job, bytes }: Order, kind: "video" | "audio"): Parameters<typeof formatMediaSegment>[0] {
  const { offsets, sizes, times, durations } = job[kind];
  const decodeTimes = kind === "video" ? job.video.decodeTimes : times;
  return {
    sequence: job.index + 1,
    decodeTime: decodeTimes[0] ?? 0,
    samples: Array.from(sizes, (size, index) => ({
      size,
      duration: durations[index] ?? 0,
      delay: (times[index] ?? 0) - (decodeTimes[index] ?? 0),
      isKey: kind === "audio" || job.video.isKey[index] === 1,
    })),
    media: Buffer.concat(
      Array.from(sizes, (size, index) => bytes.subarray(offsets[index], (offsets[index] ?? 0) + size)),
    ),
    events: [],
  };
}

test.each([90, 180, 270] as const)("an initialisation segment turns pictures by %d degrees", (rotation) => {
  const { source, media, order } = repackaged("B-frames");
  const init = writeInitSegment({ kind: "video", ...media.video, rotation });
  const turned = write(join(folder, "turned.mp4"), [init, make(order).main]);
  const frame = (path: string, ...filter: readonly string[]): string => {
    const raw = join(folder, "frame.raw");
    expect(runFfmpeg("-i", path, ...filter, "-frames:v", "1", "-f", "rawvideo", raw)).toBe("");
    return readFileSync(raw).toString("hex");
  };
  const filters = { 90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock" };
  expect(frame(turned)).toBe(frame(source, "-vf", filters[rotation]));
  expect(runFfprobe("-show_entries", "stream=width,height", "-of", "csv=p=0", turned).split("\n")[0]).toContain(
    "320,180",
  );
});

test("silence is written where the file has none", () => {
  const { order } = repackaged("B-frames");
  const { audio } = order.job;
  const offsets = audio.offsets.map((offset, index) => (index < 2 ? -1 : offset));
  const { audio: made } = make({ ...order, job: { ...order.job, audio: { ...audio, offsets } } });
  const bytes = Buffer.from(made ?? []);
  const media = bytes.subarray(bytes.indexOf("mdat", 0, "latin1") + 4);
  expect(media.subarray(0, 18)).toEqual(Buffer.concat([audio.silence, audio.silence]));
  expect(media.length).toBe(18 + audio.sizes.slice(2).reduce((sum, size) => sum + size, 0));
});
