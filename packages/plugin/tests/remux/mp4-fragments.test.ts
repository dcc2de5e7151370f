import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseFragments, type Fragment } from "../../src/remux/mp4-fragments.ts";
import type { SampleTable } from "../../src/remux/movie.ts";
import { createMediaFolder, readMoov, type MediaFolder } from "./make-mp4.ts";
import { box, fullBox, join, replaceBoxes, table, u32, u64, type Part } from "./write-boxes.ts";

const VIDEO = 1;
const AUDIO = 2;
const NOT_KEY = 0x10000;

let media: MediaFolder;
let moov: Uint8Array;
beforeAll(() => {
  media = createMediaFolder();
  const options = ["-movflags", "frag_keyframe+empty_moov"];
  const made = readMoov(media.make("fragmented.mp4", { pictures: "noBFrames", sound: "stereo", options }));
  moov = replaceBoxes(made, "moov/mvex", () =>
    box(
      "mvex",
      fullBox("trex", [0, 0], u32(VIDEO), u32(1), u32(512), u32(100), u32(NOT_KEY)),
      fullBox("trex", [0, 0], u32(AUDIO), u32(1), u32(1024), u32(50), u32(0)),
    ),
  );
});
afterAll(() => media.remove());

const traf = (...boxes: readonly Uint8Array[]): Uint8Array => box("traf", ...boxes);
const tfhd = (id: number, flags = 0, ...fields: readonly Part[]): Uint8Array =>
  fullBox("tfhd", [0, flags], u32(id), ...fields);
const tfdt = (time: number): Uint8Array => fullBox("tfdt", [1, 0], u64(time));
const trun = (flags: number, count: number, ...fields: readonly Part[]): Uint8Array =>
  fullBox("trun", [0, flags], u32(count), ...fields);
const at = (offset: number, ...trafs: readonly Uint8Array[]): Fragment => ({ offset, moof: box("moof", ...trafs) });

const rows = (samples: SampleTable | undefined): readonly (readonly number[])[] =>
  Array.from({ length: samples?.count ?? 0 }, (_, index) => [
    samples?.offsets[index] ?? -1,
    samples?.sizes[index] ?? -1,
    samples?.decodeTimes[index] ?? -1,
    samples?.times[index] ?? -1,
    samples?.isKey[index] ?? -1,
  ]);
const video = (...fragments: readonly Fragment[]): ReturnType<typeof rows> =>
  rows(parseFragments(moov, fragments).video?.samples);

describe("what a fragment leaves out", () => {
  test("a sample without fields is the track's usual one", () => {
    expect(video(at(1000, traf(tfhd(VIDEO), trun(1, 2, u32(300)))))).toEqual([
      [1300, 100, 0, 0, 0],
      [1400, 100, 512, 512, 0],
    ]);
  });

  test("or its fragment's, whose first one is a key frame", () => {
    const header = tfhd(VIDEO, 0x2003a, u32(1), u32(256), u32(7), u32(NOT_KEY));
    expect(video(at(1000, traf(header, tfdt(90), trun(5, 2, u32(300), u32(0)))))).toEqual([
      [1300, 7, 90, 90, 1],
      [1307, 7, 346, 346, 0],
    ]);
  });

  test("fields of a run: duration, size, flags, time of presentation", () => {
    const fields = [u32(300), u32(10), u32(1), u32(0), u32(20), u32(30), u32(2), u32(0x1010000), u32(-5)];
    expect(video(at(1000, traf(tfhd(VIDEO, 0x20000), trun(0xf01, 2, ...fields))))).toEqual([
      [1300, 1, 0, 20, 1],
      [1301, 2, 10, 5, 0],
    ]);
  });

  test("a picture that depends on others is no key frame, whatever else is said", () => {
    expect(video(at(0, traf(tfhd(VIDEO, 0x20, u32(0x1000000)), trun(1, 1, u32(0))))).map((row) => row[4])).toEqual([0]);
  });

  test("without a time it goes on where the one before ended", () => {
    const first = at(0, traf(tfhd(VIDEO), tfdt(1000), trun(1, 2, u32(0))));
    expect(video(first, at(500, traf(tfhd(VIDEO), trun(1, 1, u32(0))))).map((row) => row[2])).toEqual([
      1000, 1512, 2024,
    ]);
  });
});

describe("where the data lie", () => {
  test("counted from an address of the file", () => {
    expect(video(at(1000, traf(tfhd(VIDEO, 1, u64(2 ** 33)), trun(1, 1, u32(8)))))[0]?.[0]).toBe(2 ** 33 + 8);
  });

  test("a run without an address follows the one before; the next track's data follow the first one's", () => {
    const movie = parseFragments(moov, [
      at(1000, traf(tfhd(VIDEO), trun(1, 2, u32(300)), trun(0, 1)), traf(tfhd(AUDIO), trun(1, 1, u32(4)), trun(0, 1))),
    ]);
    expect(rows(movie.video?.samples).map(([offset]) => offset)).toEqual([1300, 1400, 1500]);
    expect(rows(movie.audio?.samples).map(([offset]) => offset)).toEqual([1604, 1654]);
  });

  test("unless they are counted from the fragment", () => {
    const movie = parseFragments(moov, [
      at(1000, traf(tfhd(VIDEO), trun(1, 2, u32(300))), traf(tfhd(AUDIO, 0x20000), trun(1, 1, u32(4)))),
    ]);
    expect(rows(movie.audio?.samples)[0]?.[0]).toBe(1004);
  });

  test("a track that nobody plays lies between others all the same", () => {
    const other = traf(tfhd(9, 0x10, u32(40)), trun(1, 3, u32(300)));
    expect(video(at(1000, other, traf(tfhd(VIDEO), trun(0, 1))))[0]?.[0]).toBe(1000 + 300 + 120);
  });
});

test("a movie of fragments that never come has no tracks", () => {
  expect(parseFragments(moov, [])).toEqual({ video: undefined, audio: undefined });
});

test("nor need its tables be there", () => {
  const bare = replaceBoxes(
    replaceBoxes(moov, "moov/trak/mdia/minf/stbl/stsz", () => join()),
    "moov/trak/edts",
    () => join(),
  );
  const { video: read } = parseFragments(bare, [at(0, traf(tfhd(VIDEO), tfdt(90), trun(1, 1, u32(300))))]);
  expect(rows(read?.samples)).toEqual([[300, 100, 90, 90, 0]]);
});

test("the moov's own samples come first, and a fragment without a time goes on behind them", () => {
  const own = readMoov(media.make("whole.mp4", { pictures: "noBFrames", sound: "stereo" }));
  const before = rows(parseFragments(own, []).video?.samples);
  const after = rows(
    parseFragments(own, [at(9000, traf(tfhd(VIDEO, 0x18, u32(640), u32(7)), trun(1, 1, u32(8))))]).video?.samples,
  );
  expect(before.length).toBe(60);
  expect(after).toEqual([...before, [9008, 7, 60 * 640, 60 * 640, 1]]);
});

test("rows that are not there are missed before there is room for their samples", () => {
  const fragment = at(0, traf(tfhd(VIDEO), trun(0x100, 1000, u32(1))));
  expect(() => parseFragments(moov, [fragment])).toThrow("MP4 trun: expected 1000 rows of 4 bytes, got 4 bytes");
});

test("many runs of one sample are one track", () => {
  const runs = Array.from({ length: 3000 }, () => trun(0, 1));
  const samples = parseFragments(moov, [at(0, traf(tfhd(VIDEO), ...runs))]).video?.samples;
  expect([samples?.count, samples?.times.length, samples?.times[2999]]).toEqual([3000, 3000, 2999 * 512]);
});

test.each([
  { what: "4 294 967 295 samples without a field", fragment: at(0, traf(tfhd(VIDEO), trun(0, -1))) },
  { what: "those of a track that nobody plays", fragment: at(0, traf(tfhd(9), trun(0, -1))) },
  { what: "4 294 967 295 samples in a row's bytes", fragment: at(0, traf(tfhd(VIDEO), trun(0x100, -1, u32(1)))) },
  { what: "data before the file", fragment: at(0, traf(tfhd(VIDEO), trun(1, 1, u32(-1)))) },
  { what: "a row of stsd that is not there", fragment: at(0, traf(tfhd(VIDEO, 2, u32(2)), trun(0, 1))) },
  { what: "a row 0", fragment: at(0, traf(tfhd(VIDEO, 2, u32(0)), trun(0, 1))) },
  { what: "a time of 2^53", fragment: at(0, traf(tfhd(VIDEO), tfdt(2 ** 53), trun(0, 1))) },
  { what: "no header", fragment: at(0, traf(trun(0, 1))) },
  { what: "no fragment", fragment: { offset: 0, moof: box("mdat") } },
])("$what: refused", ({ fragment }) => {
  const expected = expect.objectContaining({ name: "MediaRefusal", reason: "source-unreadable" });
  expect(() => parseFragments(moov, [fragment])).toThrow(expected);
});

test("a fragment that begins before the one before it has begun its last picture is refused", () => {
  const first = at(0, traf(tfhd(VIDEO), tfdt(1000), trun(0, 2)));
  const next = (time: number): Fragment => at(500, traf(tfhd(VIDEO), tfdt(time), trun(0, 1)));
  expect(video(first, next(1600)).length).toBe(3);
  expect(() => parseFragments(moov, [first, next(1500)])).toThrow("MP4 tfdt: expected 1512 or later, got 1500");
});

test("an edit shifts the times of all fragments, and its end cuts none off", () => {
  const elst = fullBox("elst", [0, 0], table([join(u32(20), u32(512), u32(0x10000))]));
  const plain = replaceBoxes(moov, "moov/trak/edts", () => new Uint8Array());
  const edited = replaceBoxes(plain, "moov/trak/tkhd", (body) => join(box("tkhd", body), box("edts", elst)));
  const keys = tfhd(VIDEO, 0x20, u32(0));
  const { video: shifted } = parseFragments(edited, [at(0, traf(keys, trun(0, 3)))]);
  expect(rows(shifted?.samples).map((row) => row[3])).toEqual([0, 512]);
});
