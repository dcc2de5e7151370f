import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isFragmented, parseMovie } from "../../src/remux/mp4-movie.ts";
import {
  createMediaFolder,
  listPackets,
  parseFile,
  probePackets,
  readMoov,
  type Layout,
  type MediaFolder,
} from "./make-mp4.ts";
import { box, fullBox, join, replaceBoxes, table, u32, u64 } from "./write-boxes.ts";

let media: MediaFolder;
beforeAll(() => {
  media = createMediaFolder();
});
afterAll(() => media.remove());

const LAYOUTS: readonly (Layout & { readonly title: string; readonly extension?: "mov" })[] = [
  { title: "moov in front", options: ["-movflags", "+faststart"] },
  { title: "moov at the end", sound: "cd" },
  { title: "mono at 22 050 Hz", sound: "mono" },
  { title: "six channels", sound: "surround" },
  { title: "no B-frames", pictures: "noBFrames" },
  { title: "key frames alone, so that stss is left out", pictures: "intra" },
  { title: "open GOPs", pictures: "openGop" },
  { title: "pictures of any duration", pictures: "anyDuration" },
  { title: "29.97 pictures per second", pictures: "ntsc" },
  { title: "a timescale of 600", options: ["-video_track_timescale", "600"] },
  { title: "a movie timescale of 90 000", options: ["-movie_timescale", "90000"] },
  { title: "no edit lists", options: ["-use_editlist", "0"] },
  { title: "composition offsets below 0", options: ["-movflags", "negative_cts_offsets"] },
  { title: "sound that begins 0.3 s after the pictures", soundDelay: 0.3 },
  { title: "pictures that begin 0.2 s after the sound", pictureDelay: 0.2 },
  { title: "fragments at key frames", options: ["-movflags", "frag_keyframe+empty_moov"] },
  { title: "fragments behind a first part in moov", options: ["-movflags", "frag_keyframe"] },
  { title: "fragments with an index", options: ["-movflags", "dash+global_sidx+frag_keyframe"] },
  { title: "a fragment for each track", options: ["-movflags", "frag_keyframe+empty_moov+separate_moof"] },
  { title: "fragments based on moof", options: ["-movflags", "frag_keyframe+empty_moov+default_base_moof"] },
  { title: "fragments of any number of runs", options: ["-movflags", "empty_moov", "-frag_duration", "700000"] },
  { title: "fragments of a movie with edits", options: ["-movflags", "frag_keyframe+delay_moov"] },
  { title: "QuickTime", sound: "cd", extension: "mov" },
  { title: "QuickTime, fragmented", extension: "mov", options: ["-movflags", "frag_keyframe+empty_moov"] },
];

function readPackets(path: string): ReturnType<typeof probePackets> {
  const { video, audio } = parseFile(path);
  return { video: listPackets(video?.samples), audio: listPackets(audio?.samples) };
}

describe("parseMovie and parseFragments read the samples that ffprobe reads", () => {
  test.each(LAYOUTS)("$title", ({ title, pictures = "bFrames", sound = "stereo", extension = "mp4", ...layout }) => {
    const path = media.make(`${title.replaceAll(/\W+/g, "-")}.${extension}`, { pictures, sound, ...layout });
    const probed = probePackets(path);
    expect(Math.min(probed.video.length, probed.audio.length)).toBeGreaterThan(40);
    expect(readPackets(path)).toEqual(probed);
  });

  test("sound that begins later is later than the pictures by that", () => {
    const path = media.make("late-sound.mp4", { pictures: "bFrames", sound: "stereo", soundDelay: 0.3 });
    const { video, audio } = parseFile(path);
    expect(video?.samples.times[0]).toBe(0);
    expect(audio?.samples.times[0]).toBe(0.3 * 48_000);
  });

  test("fragments with composition offsets below 0, whose pictures ffprobe shows later than the file by the lowest", () => {
    const options = ["-movflags", "cmaf+frag_keyframe"];
    const path = media.make("negative.mp4", { pictures: "bFrames", sound: "stereo", options });
    const { video, audio } = probePackets(path);
    const lowest = video[0]?.time ?? 0;
    expect(lowest).toBeGreaterThan(0);
    const asWritten = video.map((packet) => ({ ...packet, time: packet.time - lowest }));
    expect(readPackets(path)).toEqual({ video: asWritten, audio });
  });

  test("addresses of 64 bits", () => {
    const path = media.make("co64.mp4", { pictures: "bFrames", sound: "stereo" });
    const moov = readMoov(path);
    const widened = replaceBoxes(moov, "moov/trak/mdia/minf/stbl/stco", (body) => {
      const view = new DataView(body.buffer, body.byteOffset + 8, body.length - 8);
      const offsets = Array.from({ length: view.byteLength / 4 }, (_, index) => u64(view.getUint32(index * 4)));
      return fullBox("co64", [0, 0], table(offsets));
    });
    expect(widened.length).toBeGreaterThan(moov.length);
    writeFileSync(path, join(readFileSync(path).subarray(0, -moov.length), widened));
    expect(readPackets(path)).toEqual(probePackets(path));
  });

  test("a movie without sound", () => {
    const path = media.make("no-sound.mp4", { pictures: "bFrames" });
    expect(readPackets(path)).toEqual(probePackets(path));
    expect(parseFile(path).audio).toBeUndefined();
  });

  test("sound alone", () => {
    const path = media.make("no-pictures.m4a", { sound: "stereo" });
    const movie = parseFile(path);
    expect(movie.video).toBeUndefined();
    expect(listPackets(movie.audio?.samples)).toEqual(probePackets(path).audio);
  });
});

describe("isFragmented", () => {
  test("a movie whose samples are in fragments says so", () => {
    expect(isFragmented(readMoov(media.make("whole.mp4", { pictures: "bFrames", sound: "stereo" })))).toBe(false);
    const options = ["-movflags", "frag_keyframe+empty_moov"];
    expect(
      isFragmented(readMoov(media.make("fragmented.mp4", { pictures: "bFrames", sound: "stereo", options }))),
    ).toBe(true);
  });

  test("read as a whole one, a movie of fragments alone has neither pictures nor sound", () => {
    const options = ["-movflags", "frag_keyframe+empty_moov"];
    const path = media.make("fragmented.mp4", { pictures: "bFrames", sound: "stereo", options });
    expect(parseMovie(readMoov(path))).toEqual({ video: undefined, audio: undefined });
  });
});

describe("a movie that is refused", () => {
  const zero = (type: string) => (body: Uint8Array) => box(type, body.subarray(0, 12), u32(0), body.subarray(16));
  const traks = (moov: Uint8Array): Uint8Array =>
    replaceBoxes(moov, "moov/trak", (body) => join(...Array.from({ length: 33 }, () => box("trak", body))));

  test.each([
    { what: "no ticks in a second", change: (moov: Uint8Array) => replaceBoxes(moov, "moov/mvhd", zero("mvhd")) },
    { what: "nor in a track's", change: (moov: Uint8Array) => replaceBoxes(moov, "moov/trak/mdia/mdhd", zero("mdhd")) },
    { what: "more tracks than are ever used", change: traks },
    { what: "a track without media", change: (moov: Uint8Array) => replaceBoxes(moov, "moov/trak/mdia", () => join()) },
    { what: "cut off", change: (moov: Uint8Array) => moov.subarray(0, -1) },
    { what: "nothing", change: () => join() },
  ])("$what", ({ change }) => {
    const moov = readMoov(media.make("whole.mp4", { pictures: "bFrames", sound: "stereo" }));
    const expected = expect.objectContaining({ name: "MediaRefusal", reason: "source-unreadable" });
    expect(() => parseMovie(change(moov))).toThrow(expected);
    expect(() => isFragmented(moov.subarray(0, -1))).toThrow(expected);
  });
});

test("a picture is turned as its track says", () => {
  const moov = readMoov(media.make("whole.mp4", { pictures: "bFrames", sound: "stereo" }));
  const turn = (a: number, b: number, c: number, d: number): number | undefined => {
    const matrix = join(...[a, b, 0, c, d, 0, 0, 0, 0x4000].map((value) => u32(value * 0x10000)));
    const turned = replaceBoxes(moov, "moov/trak/tkhd", (body) =>
      box("tkhd", body.subarray(0, 40), matrix, body.subarray(76)),
    );
    return parseMovie(turned).video?.rotation;
  };
  expect(turn(1, 0, 0, 1)).toBe(0);
  expect(turn(0, 1, -1, 0)).toBe(90);
  expect(turn(-1, 0, 0, -1)).toBe(180);
  expect(turn(0, -1, 1, 0)).toBe(270);
  expect(turn(0, 0, 0, 0)).toBe(0);
  expect(() => turn(-1, 0, 0, 1)).toThrow("expected pictures turned by quarters");
});
