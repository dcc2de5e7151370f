import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listBoxes } from "../../src/remux/mp4-boxes.ts";
import { describePictures, describeSound, readDescription } from "../../src/remux/mp4-descriptions.ts";
import { parseMovie } from "../../src/remux/mp4-movie.ts";
import { createMediaFolder, parseFile, readMoov, type MediaFolder } from "./make-mp4.ts";
import { box, fullBox, join, replaceBoxes, u16, u32, zeros, type Part } from "./write-boxes.ts";

let media: MediaFolder;
beforeAll(() => {
  media = createMediaFolder();
});
afterAll(() => media.remove());

const refused = (reason: string, message: string): unknown =>
  expect.objectContaining({ name: "MediaRefusal", reason, message: expect.stringContaining(message) });

const SETS = [0xff, 0xe1, 0, 4, 0x67, 0x64, 0, 0x1f, 1, 0, 2, 0x68, 0xee];
const avcC = (level: number): Uint8Array => box("avcC", [1, 0x64, 0, level], SETS);
const picture = (type: string, ...boxes: readonly Uint8Array[]): Uint8Array =>
  box(type, zeros(6), u16(7), zeros(16), u16(320), u16(180), zeros(50), ...boxes);
const ESDS = fullBox("esds", [0, 0], [3, 22, 0, 1, 0, 4, 17, 0x40, 0x15], zeros(11), [5, 2, 0x11, 0x90]);
const SURROUND = fullBox("esds", [0, 0], [3, 22, 0, 1, 0, 4, 17, 0x40, 0x15], zeros(11), [5, 2, 0x11, 0xb0]);
const sound = (version: number, ...parts: readonly Part[]): Uint8Array =>
  box("mp4a", zeros(6), u16(7), u16(version), zeros(6), u16(2), u16(16), zeros(4), u32(48_000 * 2 ** 16), ...parts);
const stsd = (rows: readonly Uint8Array[], version = 0): Uint8Array =>
  join(u32(version * 2 ** 24), u32(rows.length), ...rows);
const pictures = (...rows: readonly Uint8Array[]): ReturnType<typeof describePictures> =>
  describePictures(readDescription(stsd(rows)));
const sounds = (rows: readonly Uint8Array[], version?: number): ReturnType<typeof describeSound> =>
  describeSound(readDescription(stsd(rows, version)));

describe("describePictures", () => {
  test("of a file by ffmpeg: codec, size, parameter sets", () => {
    const { video } = parseFile(media.make("described.mp4", { pictures: "noBFrames" }));
    expect(video).toMatchObject({ codec: "avc1.42c00c", width: 320, height: 180, timescale: 16_000, rotation: 0 });
    expect(video?.entries.map(({ lengthSize, sps, pps }) => [lengthSize, sps.length, pps.length])).toEqual([[4, 1, 1]]);
    expect(listBoxes(video?.description ?? new Uint8Array(), "test").map(({ type }) => type)).toEqual(["avc1"]);
  });

  test("parameter sets within the pictures", () => {
    const { codec, entries } = pictures(picture("avc3", box("avcC", [1, 0x4d, 0x40, 0x28, 0xfd, 0xe0, 0])));
    expect(codec).toBe("avc3.4d4028");
    expect(entries).toEqual([{ lengthSize: 2, sps: [], pps: [] }]);
  });

  test("each row has its own parameter sets; the first one is for the initialisation segment", () => {
    const { codec, entries, description } = pictures(picture("avc1", avcC(0x1f)), picture("avc1", avcC(0x28)));
    expect(codec).toBe("avc1.64001f");
    expect(entries.length).toBe(2);
    expect(listBoxes(description, "test").length).toBe(1);
  });

  test("the row for the initialisation segment keeps its boxes, with the first data reference and no closing bytes", () => {
    const { description } = pictures(
      picture("avc1", avcC(0x1f), box("pasp", u32(1), u32(1)), Uint8Array.from(zeros(4))),
    );
    const expected = picture("avc1", avcC(0x1f), box("pasp", u32(1), u32(1)));
    expected[15] = 1;
    expect(description).toEqual(expected);
  });

  test.each([
    {
      what: "HEVC",
      row: picture("hvc1"),
      reason: "unsupported-media-file",
      message: "expected avc1 or avc3, got hvc1",
    },
    { what: "encrypted pictures", row: picture("encv"), reason: "unsupported-media-file", message: "got encv" },
    { what: "no avcC", row: picture("avc1"), reason: "source-unreadable", message: "expected avcC, got nothing" },
    {
      what: "avc1 without parameter sets",
      row: picture("avc1", box("avcC", [1, 0x4d, 0x40, 0x28, 0xff, 0xe0, 0])),
      reason: "source-unreadable",
      message: "expected a sequence and a picture parameter set",
    },
    { what: "a row cut off", row: box("avc1", zeros(70)), reason: "source-unreadable", message: "got 70" },
  ])("$what: refused", ({ row, reason, message }) => {
    expect(() => pictures(row)).toThrow(refused(reason, message));
  });

  test("a row beyond those that are counted is none", () => {
    const rows = join(u32(0), u32(1), picture("avc1", avcC(0x1f)), picture("hvc1"));
    expect(describePictures(readDescription(rows)).entries.length).toBe(1);
  });

  test("no row, or more than a byte can tell, are refused", () => {
    expect(() => pictures()).toThrow(refused("source-unreadable", "expected 1 to 255 rows, got 0"));
    const many = Array.from({ length: 256 }, () => picture("avc1", avcC(0x1f)));
    expect(() => pictures(...many)).toThrow(refused("source-unreadable", "got 256"));
  });
});

describe("describeSound", () => {
  const EXPECTED = sound(0, ESDS);
  EXPECTED[15] = 1;

  test("of a file by ffmpeg", () => {
    const { audio } = parseFile(media.make("described.m4a", { sound: "mono" }));
    expect(audio).toMatchObject({ codec: "mp4a.40.2", timescale: 22_050 });
    expect(audio?.aac).toEqual({
      objectType: 2,
      sampleRateIndex: 7,
      sampleRate: 22_050,
      channels: 1,
      outputRate: 22_050,
    });
  });

  test("of a QuickTime file by ffmpeg, whose row is written as the standard has it", () => {
    const { audio } = parseFile(media.make("described.mov", { pictures: "noBFrames", sound: "cd" }));
    const { audio: standard } = parseFile(media.make("standard.mp4", { pictures: "noBFrames", sound: "cd" }));
    expect(audio?.aac.sampleRate).toBe(44_100);
    expect(audio?.description.subarray(0, 36)).toEqual(standard?.description.subarray(0, 36));
    expect(listBoxes(audio?.description.subarray(36) ?? new Uint8Array(), "test").map(({ type }) => type)).toEqual([
      "esds",
    ]);
  });

  test.each([
    { what: "the standard's row", row: sound(0, box("btrt", zeros(12)), ESDS) },
    { what: "QuickTime's version 1", row: sound(1, zeros(16), ESDS) },
    {
      what: "QuickTime's version 1 with a wave box",
      row: sound(1, zeros(16), box("wave", box("frma"), ESDS, zeros(8))),
    },
    { what: "an empty wave box beside", row: sound(1, zeros(16), ESDS, box("wave")) },
    { what: "QuickTime's version 2", row: sound(2, zeros(36), box("wave", ESDS)) },
  ])("$what", ({ row }) => {
    expect(sounds([row])).toMatchObject({ codec: "mp4a.40.2", aac: { sampleRate: 48_000, channels: 2 } });
    expect(sounds([row]).description).toEqual(EXPECTED);
  });

  test("version 1 of the standard has no fields more", () => {
    expect(sounds([sound(1, box("srat", zeros(4)), ESDS)], 1).description).toEqual(EXPECTED);
  });

  test("rows that say the same are one, others are refused", () => {
    expect(sounds([sound(0, ESDS), sound(0, ESDS)]).description).toEqual(EXPECTED);
    const message = "expected one coding of the sound, got several";
    expect(() => sounds([sound(0, ESDS), sound(0, SURROUND)])).toThrow(refused("unsupported-media-file", message));
  });

  test.each([
    { what: "AC-3", row: box("ac-3", zeros(28)), message: "expected mp4a, got ac-3" },
    { what: "encrypted sound", row: box("enca", zeros(28), ESDS), message: "expected mp4a, got enca" },
  ])("$what: refused", ({ row, message }) => {
    expect(() => sounds([row])).toThrow(refused("unsupported-media-file", message));
  });

  test("no esds: refused", () => {
    expect(() => sounds([sound(0, box("wave"))])).toThrow(refused("source-unreadable", "expected esds"));
  });
});

describe("the tracks that are played", () => {
  /** The same movie, its sound's handler or header changed. */
  const withSound = (path: string, change: (trak: Uint8Array) => Uint8Array): Uint8Array =>
    replaceBoxes(readMoov(path), "moov/trak", (body) => {
      const isSound = Buffer.from(body).includes("soun");
      return isSound ? change(box("trak", body)) : box("trak", body);
    });
  const disable = (trak: Uint8Array): Uint8Array =>
    replaceBoxes(trak, "trak/tkhd", (body) => box("tkhd", u32(0), body.subarray(4)));
  const rename = (trak: Uint8Array): Uint8Array =>
    replaceBoxes(trak, "trak/mdia/minf/stbl/stsd", (body) => {
      const [row] = listBoxes(body.subarray(8), "test");
      return box("stsd", body.subarray(0, 8), box("ac-3", row?.body ?? []));
    });
  const makeFile = (): string => media.make("tracks.mp4", { pictures: "noBFrames", sound: "stereo" });

  test("an enabled one before another", () => {
    const mono = listBoxes(readMoov(media.make("mono.m4a", { sound: "mono" })).subarray(8), "test");
    const other = mono.find(({ type }) => type === "trak")?.whole ?? new Uint8Array();
    const path = makeFile();
    expect(parseMovie(withSound(path, (trak) => join(trak, other))).audio?.timescale).toBe(48_000);
    expect(parseMovie(withSound(path, (trak) => join(disable(trak), other))).audio?.timescale).toBe(22_050);
    expect(parseMovie(withSound(path, (trak) => join(rename(trak), disable(other)))).audio?.timescale).toBe(22_050);
  });

  test("one that cannot be played is refused, not left out", () => {
    expect(() => parseMovie(withSound(makeFile(), rename))).toThrow(refused("unsupported-media-file", "got ac-3"));
  });

  test("others are not looked at", () => {
    const text = (trak: Uint8Array): Uint8Array =>
      replaceBoxes(
        replaceBoxes(trak, "trak/mdia/minf", () => box("minf")),
        "trak/mdia/hdlr",
        () => fullBox("hdlr", [0, 0], u32(0), [0x74, 0x65, 0x78, 0x74], zeros(12)),
      );
    const { video, audio } = parseMovie(withSound(makeFile(), text));
    expect(video?.samples.count).toBe(60);
    expect(audio).toBeUndefined();
  });
});
