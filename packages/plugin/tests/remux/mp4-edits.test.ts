import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { editPictures, editSound, readEdit } from "../../src/remux/mp4-edits.ts";
import { createSampleTable } from "../../src/remux/mp4-samples.ts";
import type { SampleTable } from "../../src/remux/movie.ts";
import { createMediaFolder, listPackets, parseFile, probePackets, type MediaFolder } from "./make-mp4.ts";
import { i64, join, table, u32, u64, type Part } from "./write-boxes.ts";

const RATE = u32(0x10000);
const short = (...rows: readonly Part[]): Uint8Array => join(u32(0), table(rows));
const row = (duration: number, mediaTime: number, rate = RATE): Part => join(u32(duration), u32(mediaTime), rate);

/** Movie of 1000 ticks a second, media of 25. */
const read = (elst: Uint8Array | undefined): unknown => readEdit(elst, 1000, 25);
const refused = (reason: string): unknown => expect.objectContaining({ name: "MediaRefusal", reason });

describe("readEdit", () => {
  test("without edits the media are the presentation", () => {
    expect(read(undefined)).toEqual({ shift: 0, end: Infinity });
    expect(read(short())).toEqual({ shift: 0, end: Infinity });
  });

  test("a piece that begins within the media", () => {
    expect(read(short(row(2000, 3)))).toEqual({ shift: -3, end: 50 });
  });

  test("a pause before it, whose ticks are the movie's", () => {
    expect(read(short(row(80, -1), row(120, -1), row(2000, 3)))).toEqual({ shift: 5 - 3, end: 55 });
  });

  test("a piece of no length goes on with the media, as in a fragmented file", () => {
    expect(read(short(row(0, 3)))).toEqual({ shift: -3, end: Infinity });
  });

  test("a pause behind it is nothing to be shown", () => {
    expect(read(short(row(2000, 3), row(500, -1)))).toEqual({ shift: -3, end: 50 });
  });

  test("numbers of 64 bits", () => {
    const pause = join(u64(200), i64(-1), RATE);
    expect(read(join(u32(2 ** 24), table([pause, join(u64(2000), i64(3), RATE)])))).toEqual({ shift: 2, end: 55 });
  });

  test.each([
    { what: "two pieces", elst: short(row(1000, 3), row(1000, 60)), reason: "unsupported-media-file" },
    { what: "half the speed", elst: short(row(1000, 3, u32(0x8000))), reason: "unsupported-media-file" },
    { what: "a picture that stands", elst: short(row(1000, 3, u32(0))), reason: "unsupported-media-file" },
    { what: "a pause alone", elst: short(row(1000, -1)), reason: "unsupported-media-file" },
    { what: "a time before the media", elst: short(row(1000, -2)), reason: "source-unreadable" },
    { what: "more rows than bytes", elst: join(u32(0), u32(2 ** 32 - 1), row(1, 1)), reason: "source-unreadable" },
    {
      what: "a time of 2^53",
      elst: join(u32(2 ** 24), table([join(u64(2000), u64(2 ** 53), RATE)])),
      reason: "source-unreadable",
    },
  ])("$what is refused", ({ elst, reason }) => {
    expect(() => read(elst)).toThrow(refused(reason));
  });
});

/** One tick each, 25 in a second, a key frame every 20. */
function createPictures(count: number): SampleTable {
  const pictures = createSampleTable(count);
  for (let index = 0; index < count; index++) {
    pictures.times[index] = index;
    pictures.decodeTimes[index] = index;
    pictures.durations[index] = 1;
    pictures.isKey[index] = index % 20 === 0 ? 1 : 0;
    pictures.sizes[index] = index;
  }
  return pictures;
}

describe("editPictures", () => {
  test("begins with the key frame that the piece begins with", () => {
    const { count, times, decodeTimes, sizes } = editPictures(createPictures(60), { shift: -20, end: Infinity }, 25);
    expect([count, times[0], decodeTimes[0], sizes[0]]).toEqual([40, 0, 0, 20]);
  });

  test("begins with the key frame before, where less than half a second that is hidden gets seen", () => {
    const { count, times, sizes } = editPictures(createPictures(60), { shift: -25, end: Infinity }, 25);
    expect([count, times[0], sizes[0]]).toEqual([40, -5, 20]);
    const edit = { shift: -35, end: Infinity };
    expect(() => editPictures(createPictures(60), edit, 25)).toThrow(refused("unsupported-media-file"));
  });

  test("begins with the first picture where none before the piece is one to begin with", () => {
    const pictures = createPictures(60);
    pictures.isKey.fill(0, 0, 20);
    expect(editPictures(pictures, { shift: -3, end: Infinity }, 25).times[0]).toBe(-3);
  });

  test("ends where the piece does", () => {
    expect(editPictures(createPictures(60), { shift: 5, end: 30 }, 25).count).toBe(25);
    expect(editPictures(createPictures(60), { shift: 5, end: 29.5 }, 25).count).toBe(25);
    expect(editPictures(createPictures(60), { shift: 5, end: 1 }, 25).count).toBe(0);
  });

  test("a picture beyond the end stays where a later one is shown before the end", () => {
    const pictures = createPictures(4);
    pictures.times.set([0, 3, 1, 2]);
    expect([...editPictures(pictures, { shift: 0, end: 3 }, 25).times]).toEqual([0, 3, 1, 2]);
    expect([...editPictures(pictures, { shift: 0, end: 2 }, 25).times]).toEqual([0, 3, 1]);
  });
});

test("sound before the begin keeps its times below 0", () => {
  const { count, times } = editSound(createPictures(60), { shift: -35, end: 10 });
  expect([count, times[0]]).toEqual([45, -35]);
});

describe("of files that ffmpeg cut without coding them again", () => {
  let media: MediaFolder;
  beforeAll(() => {
    media = createMediaFolder();
  });
  afterAll(() => media.remove());

  test("the samples are those that ffprobe reads", () => {
    const whole = media.make("whole.mp4", { pictures: "openGop", sound: "stereo" });
    const path = media.cut("cut.mp4", whole, ["-ss", "1.12", "-t", "0.9"]);
    const { video, audio } = parseFile(path);
    const packets = probePackets(path);
    expect(video?.samples.times[0]).toBeLessThan(0);
    expect(listPackets(video?.samples)).toEqual(packets.video);
    expect(listPackets(audio?.samples)).toEqual(packets.audio);
  });

  test("a cut far behind a key frame is refused", () => {
    const whole = media.make("far.mp4", { pictures: "bFrames", sound: "stereo" });
    const path = media.cut("far-cut.mp4", whole, ["-ss", "1.1"]);
    expect(() => parseFile(path)).toThrow(refused("unsupported-media-file"));
  });
});
