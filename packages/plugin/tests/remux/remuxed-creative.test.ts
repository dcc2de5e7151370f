/** Creatives of ffmpeg on a real server of ranges, repackaged by everything that a page has for it but the worker. */
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMaker } from "../../src/remux/maker.ts";
import { fetchRange } from "../../src/remux/fetch-range.ts";
import {
  openRemux,
  type RemuxDeps,
  type RemuxedCreative,
  type RemuxLimits,
  type RemuxSource,
} from "../../src/remux/remuxed-creative.ts";
import type { RemuxNeeds } from "../../src/remux/segment-job.ts";
import { createFakeFile } from "./fake-file.ts";
import { makeMedia, runFfmpeg, runFfprobe } from "./probed-media.ts";
import { type RangeServer, serveRanges } from "./range-server.ts";

const TS: RemuxNeeds = { packaging: "hls", targetDuration: undefined };
const CMAF: RemuxNeeds = { packaging: "cmaf", targetDuration: undefined };
const LIMITS: RemuxLimits = { maxBytes: 24_000_000, maxWholeBytes: 12_000_000, timeoutMs: 20_000 };
/** Noise, so that there is something to read between the tables. */
const ENCODED = ["-vf", "noise=alls=20:allf=t", "-g", "50", "-c:a", "aac", "-b:a", "96k"];

let folder = "";
let server: RangeServer;
let whole: RangeServer;
const opened: RemuxedCreative[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interlude-remux-"));
  const source = makeMedia(folder, "moov-at-end.mp4", ENCODED, 6);
  const lay = (name: string, flags: string): string =>
    runFfmpeg("-i", source, "-c", "copy", "-movflags", flags, join(folder, name));
  lay("faststart.mp4", "+faststart");
  lay("fragmented.mp4", "frag_keyframe+empty_moov+default_base_moof");
  lay("indexed.mp4", "frag_keyframe+empty_moov+dash+global_sidx");
  server = await serveRanges(folder);
  whole = await serveRanges(folder, false);
});
afterAll(async () => {
  for (const { media } of opened) media.release();
  await Promise.all([server.close(), whole.close()]);
  await rm(folder, { recursive: true, force: true });
});

const signal = new AbortController().signal;
const deps: RemuxDeps = {
  fetchRange,
  now: () => performance.now(),
  signal,
  createId: () => "creative-1",
  maker: createMaker(signal),
};

async function open(source: RemuxSource, needs = TS, limits = LIMITS): Promise<RemuxedCreative> {
  const creative = await openRemux(source, needs, limits, deps);
  opened.push(creative);
  return creative;
}

/** All files of a rendition in order, joined. */
async function loadAll({ media, renditions }: RemuxedCreative, kind: "main" | "audio" = "main"): Promise<Buffer> {
  const rendition = renditions.find((one) => (one.kind ?? "main") === kind);
  const init = /URI="([^"]+)"/.exec(rendition?.playlist.segments[0]?.map?.value ?? "")?.[1];
  const parts: Buffer[] = [];
  for (const path of [
    ...(init === undefined ? [] : [init]),
    ...(rendition?.playlist.segments ?? []).map(({ uri }) => uri),
  ])
    parts.push(Buffer.from((await media.load(path, signal, () => undefined)).bytes));
  return Buffer.concat(parts);
}

/** Streams by name, with how many pictures or frames of sound are in them. */
async function countFrames(bytes: Buffer, name: string): Promise<readonly string[]> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  const text = runFfprobe(
    "-count_packets",
    "-show_entries",
    "stream=codec_name,nb_read_packets",
    "-of",
    "csv=p=0",
    path,
  );
  return [...new Set(text.split("\n").filter(Boolean))].toSorted();
}

const MOVIES = ["faststart.mp4", "moov-at-end.mp4", "fragmented.mp4", "indexed.mp4"];

describe("openRemux", () => {
  test.each(MOVIES)("%s: all pictures and the sound are in the transport stream, by ffprobe", async (name) => {
    const creative = await open({ url: server.urlOf(name) });
    expect(creative.duration).toBeCloseTo(6, 1);
    expect(creative.renditions.map(({ url }) => url.href)).toEqual([
      "https://remux.interlude.invalid/creative-1/main.m3u8",
    ]);
    const streams = await countFrames(await loadAll(creative), `${name}.ts`);
    expect(streams).toEqual([expect.stringMatching(/^aac,28\d$/), "h264,150"]);
  });

  test("gives content in fragmented MP4 pictures and sound apart, with initialisation segments", async () => {
    const creative = await open({ url: server.urlOf("faststart.mp4") }, CMAF);
    expect(creative.renditions.map(({ kind, url }) => [kind, url.pathname])).toEqual([
      ["main", "/creative-1/video.m3u8"],
      ["audio", "/creative-1/audio.m3u8"],
    ]);
    expect(await countFrames(await loadAll(creative), "v.mp4")).toEqual(["h264,150"]);
    expect(await countFrames(await loadAll(creative, "audio"), "a.mp4")).toEqual([expect.stringMatching(/^aac,28\d$/)]);
  });

  test("has a playlist of exact durations before any media is read but what came along with the tables", async () => {
    const file = createFakeFile(await bytesOf("moov-at-end.mp4"), (_, { start, end }) =>
      start < 65_536 && end > 65_536 ? { until: new Promise(() => undefined) } : {},
    );
    const creative = await openRemux({ url: file.url, bitrateKbps: 1 }, TS, LIMITS, {
      ...deps,
      fetchRange: file.fetchRange,
    });
    opened.push(creative);
    expect(creative.renditions[0]?.playlist.segments.map(({ duration }) => duration)).toEqual([2, 2, 2]);
    expect(creative.stats().bytesRead).toBeLessThan(65_536 + 65_536 + 1);
  });

  test("reads no byte twice, and next to none that it does not need", async () => {
    const { size } = await stat(join(folder, "moov-at-end.mp4"));
    const creative = await open({ url: server.urlOf("moov-at-end.mp4") });
    await loadAll(creative);
    expect(creative.stats().bytesRead).toBeGreaterThan(size * 0.9);
    expect(creative.stats().bytesRead).toBeLessThanOrEqual(size);
  });

  test("reads a file once from a server that sends it whole, whatever is asked for", async () => {
    const before = whole.asked.length;
    const creative = await open({ url: whole.urlOf("moov-at-end.mp4") });
    expect(await countFrames(await loadAll(creative), "whole.ts")).toContain("h264,150");
    expect(whole.asked.length - before).toBe(1);
  });

  test("gives the same segment again after it was let go of, and in any order", async () => {
    const creative = await open({ url: server.urlOf("faststart.mp4") });
    const load = async (path: string): Promise<Buffer> =>
      Buffer.from((await creative.media.load(path, signal, () => undefined)).bytes);
    const forward = [await load("0.ts"), await load("1.ts"), await load("2.ts")];
    const backward = [await load("2.ts"), await load("1.ts"), await load("0.ts")];
    expect(backward.toReversed().map((bytes, index) => bytes.equals(forward[index] ?? Buffer.alloc(0)))).toEqual([
      true,
      true,
      true,
    ]);
  });

  test("tells what the network gave for a segment, and how far it is", async () => {
    const creative = await open({ url: server.urlOf("faststart.mp4") });
    const told: number[] = [];
    const segment = await creative.media.load("2.ts", signal, (loaded, total) => told.push(loaded / total));
    expect(told.at(-1)).toBe(1);
    expect(segment.networkBytes).toBeGreaterThan(segment.bytes.byteLength * 0.8);
    expect(segment.networkMs).toBeGreaterThan(0);
    expect(segment.ttfbMs).toBeLessThanOrEqual(segment.networkMs);
  });

  test("has its playlists at its addresses, for players that ask for them", async () => {
    const creative = await open({ url: server.urlOf("faststart.mp4") });
    const { bytes } = await creative.media.load("main.m3u8", signal, () => undefined);
    expect(Buffer.from(bytes).toString()).toBe(creative.renditions[0]?.playlist.text);
    await expect(creative.media.load("3.ts", signal, () => undefined)).rejects.toMatchObject({ name: "MediaRefusal" });
    await expect(creative.media.load("../x", signal, () => undefined)).rejects.toMatchObject({ name: "MediaRefusal" });
  });

  test("goes on with the request that was sent before its code came", async () => {
    const { url, fetchRange: fetchFake, bytes, asked } = createFakeFile(await bytesOf("faststart.mp4"));
    const range = { start: 0, end: 100_000 };
    const first = { range, answer: fetchFake(url, range, signal) };
    const creative = await openRemux({ url, first }, TS, LIMITS, { ...deps, fetchRange: fetchFake });
    opened.push(creative);
    await creative.media.load("0.ts", signal, () => undefined);
    expect(asked[0]).toBe("0-100000");
    expect(asked.slice(1).every((line) => Number(line.split("-")[0]) >= 100_000)).toBe(true);
    expect(bytes.length).toBeGreaterThan(100_000);
  });
});

async function bytesOf(name: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(server.urlOf(name))).arrayBuffer());
}

describe("a creative is refused", () => {
  test("when it is not there", async () => {
    await expect(open({ url: server.urlOf("missing.mp4") })).rejects.toMatchObject({
      name: "MediaRefusal",
      reason: "source-unreadable",
      message: expect.stringContaining("404"),
    });
  });

  test("when something else is at its address", async () => {
    await writeFile(join(folder, "page.mp4"), "<!doctype html><title>Not found</title>");
    await expect(open({ url: server.urlOf("page.mp4") })).rejects.toMatchObject({
      reason: "source-unreadable",
      message: expect.stringContaining("expected an MP4 file, got one that begins with 3c 21 64 6f"),
    });
  });

  test.each(MOVIES)("when %s is cut off", async (name) => {
    const bytes = await bytesOf(name);
    await writeFile(join(folder, "cut.mp4"), bytes.subarray(0, Math.floor(bytes.length * 0.7)));
    await expect(open({ url: server.urlOf("cut.mp4") })).rejects.toMatchObject({ reason: "source-unreadable" });
  });

  test("when it is larger than the page may read", async () => {
    await expect(
      open({ url: server.urlOf("faststart.mp4") }, TS, { ...LIMITS, maxBytes: 100_000 }),
    ).rejects.toMatchObject({ reason: "unsupported-media-file" });
  });

  test.each([
    [0.88, false],
    [0.92, true],
  ])("when its tables show that it takes more than 0.9 of the bandwidth: %d", async (share, isRefused) => {
    const url = server.urlOf("faststart.mp4");
    const bitrateBps = (await open({ url })).renditions[0]?.bandwidthBps ?? Number.NaN;
    const opening = open({ url, bitrateKbps: 1, bandwidthBps: () => bitrateBps / share });
    const outcome = await opening.then(() => "opened", String);
    const refusal = `0.9 of the bandwidth of ${Math.round(bitrateBps / share)} bit/s, got ${bitrateBps} bit/s`;
    expect(outcome).toContain(isRefused ? refusal : "opened");
  });

  test("when its server sends it whole and it is too large for that", async () => {
    const limits = { ...LIMITS, maxWholeBytes: 100_000 };
    await expect(open({ url: whole.urlOf("faststart.mp4") }, TS, limits)).rejects.toMatchObject({
      reason: "source-unreadable",
    });
  });

  test("when its tables do not come in time", async () => {
    const { url, fetchRange: fetchFake } = createFakeFile(100_000, () => ({ fallsSilentAt: 0 }));
    const silent = { ...deps, fetchRange: fetchFake };
    await expect(openRemux({ url }, TS, { ...LIMITS, timeoutMs: 30 }, silent)).rejects.toMatchObject({
      name: "MediaRefusal",
      reason: "media-timeout",
    });
  });

  test("when the insertion ends meanwhile", async () => {
    const ended = new AbortController();
    const { url, fetchRange: fetchFake, cancelled } = createFakeFile(100_000, () => ({ fallsSilentAt: 10 }));
    const opening = openRemux({ url }, TS, LIMITS, { ...deps, fetchRange: fetchFake, signal: ended.signal });
    setImmediate(() => ended.abort());
    await expect(opening).rejects.toMatchObject({ name: "MediaRefusal" });
    await expect.poll(() => cancelled).toHaveLength(1);
  });
});
