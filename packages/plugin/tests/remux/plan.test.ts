import { describe, expect, test } from "vitest";
import type { Movie } from "../../src/remux/movie.ts";
import { planRemux } from "../../src/remux/plan.ts";
import type { RemuxPlan } from "../../src/remux/segment-job.ts";
import { buildMovie, constantRate, findOffsets, reorder } from "./movies.ts";

const HLS = { packaging: "hls", targetDuration: undefined } as const;
const CMAF = { packaging: "cmaf", targetDuration: undefined } as const;
const GOP = { times: constantRate(150), keys: [0, 50, 100] };

const picturesOf = ({ segments }: RemuxPlan, what: "times" | "decodeTimes" | "durations"): readonly number[] =>
  segments.flatMap(({ job }) => [...job.video[what]]);
const refusal = (reason: string): unknown => expect.objectContaining({ name: "MediaRefusal", reason });

describe("planRemux, MPEG-TS", () => {
  test("the first picture is shown at 10 s of the clock, decoded as early as the playlist says, the sound beside it", () => {
    const plan = planRemux(buildMovie(GOP, { count: 400 }), HLS);
    const { video, audio } = plan.segments[0]?.job ?? {};
    expect(video).toMatchObject({ timescale: 90_000 });
    expect(video?.times[0]).toBe(900_000);
    expect(video?.decodeTimes[0]).toBe(900_000 - 4086);
    expect(audio?.times[0]).toBe(900_000);
    expect(plan).toMatchObject({ duration: 6, pictureLead: { isElastic: true }, inits: undefined });
    expect(plan.segments.map(({ duration }) => duration)).toEqual([2, 2, 2]);
  });

  test("a segment is made of the bytes of its pictures and its sound, and of no others", () => {
    const plan = planRemux(buildMovie(GOP, { count: 400 }), HLS);
    expect(plan.segments.map(({ ranges }) => ranges)).toEqual([
      [
        { start: 0, end: 50_000 },
        { start: 150_000, end: 150_000 + 94 * 200 },
      ],
      [
        { start: 50_000, end: 100_000 },
        { start: 150_000 + 94 * 200, end: 150_000 + 187 * 200 },
      ],
      [
        { start: 100_000, end: 150_000 },
        { start: 150_000 + 187 * 200, end: 150_000 + 281 * 200 },
      ],
    ]);
    const second = plan.segments[1];
    expect(second?.job.video.offsets[3]).toBe(3000);
    expect(second?.job.audio.offsets[1]).toBe(50_200);
    expect(plan.bandwidthBps).toBe(Math.ceil(((150_000 + 281 * 200) * 8) / 6));
  });

  test("a movie without sound has silence, of which nothing is in the file", () => {
    const plan = planRemux(buildMovie(GOP), HLS);
    const { audio } = plan.segments[0]?.job ?? {};
    expect(audio).toMatchObject({ aac: { sampleRate: 48_000, channels: 2 }, silence: { length: 9 } });
    expect(new Set(audio?.offsets)).toEqual(new Set([-1]));
    expect(plan.segments[0]?.ranges).toEqual([{ start: 0, end: 50_000 }]);
  });

  test("what an edit list hides behind the first key frame is shown, and sound stays with its pictures", () => {
    const plan = planRemux(buildMovie({ ...GOP, times: GOP.times.map((time) => time - 7) }, { count: 400 }), HLS);
    const { video, audio } = plan.segments[0]?.job ?? {};
    expect(video?.times[0]).toBe(900_000);
    const first = audio?.offsets.findIndex((offset) => offset >= 0) ?? 0;
    expect(audio?.times[first]).toBe(900_000 + 0.28 * 90_000);
  });

  test("pictures that were coded from others before the first key frame are left out", () => {
    const times = [8, 9, 12, 10, 11, 13, 14];
    const [segment] = planRemux(buildMovie({ times, keys: [2] }), HLS).segments;
    expect(segment && findOffsets(segment, "video")).toEqual([2000, 5000, 6000]);
  });

  test("a last picture without a duration lasts as long as the one before", () => {
    expect(planRemux(buildMovie({ ...GOP, last: 0 }), HLS).duration).toBe(6);
    expect(planRemux(buildMovie({ ...GOP, last: 5 }), HLS).duration).toBe(6.16);
  });

  test("a lead that players would leave out is not told", () => {
    const times = [0, 20, 10, 5, 15, 30, 40];
    const { pictureLead, segments } = planRemux(buildMovie({ times }), HLS);
    expect(pictureLead).toBeUndefined();
    expect(segments[0]?.job.video.decodeTimes[0]).toBe(900_000 - 36_000);
  });

  test("more than five minutes, or more than 16 MB in a segment, is refused", () => {
    expect(() => planRemux(buildMovie({ times: [0, 1, 7501] }), HLS)).toThrow(refusal("unsupported-media-file"));
    const movie = buildMovie(GOP);
    movie.video?.samples.sizes.fill(2 ** 25 / 100);
    expect(planRemux(movie, HLS).segments).toHaveLength(3);
    movie.video?.samples.sizes.fill(2 ** 25 / 50);
    expect(() => planRemux(movie, HLS)).toThrow(refusal("unsupported-media-file"));
  });

  test("samples without a byte are in no range, wherever they are said to lie, and are silence in the sound", () => {
    const movie = buildMovie(GOP, { count: 400 });
    const { video, audio } = movie;
    video?.samples.sizes.set([0, 0], 51);
    video?.samples.offsets.set([3, 999_999_999], 51);
    audio?.samples.sizes.set([0], 2);
    const [first, second] = planRemux(movie, HLS).segments;
    expect([...(second?.job.video.offsets.subarray(0, 4) ?? [])]).toEqual([0, 0, 0, 1000]);
    expect([...(second?.job.video.sizes.subarray(0, 4) ?? [])]).toEqual([1000, 0, 0, 1000]);
    expect([...(first?.job.audio.offsets.subarray(0, 4) ?? [])]).toEqual([50_000, 50_200, -1, 50_400]);
  });

  test("a segment that lies in more pieces than anybody cuts a file into is refused", () => {
    const scatter = (count: number): Movie => {
      const movie = buildMovie({ times: constantRate(count), timescale: count });
      movie.video?.samples.offsets.set(Array.from({ length: count }, (_, index) => index * 1001));
      return movie;
    };
    expect(planRemux(scatter(4096), HLS).segments[0]?.ranges).toHaveLength(4096);
    expect(() => planRemux(scatter(4097), HLS)).toThrow(refusal("unsupported-media-file"));
  });

  test("what cannot be written as a transport stream is refused before anything is", () => {
    const long = buildMovie(GOP, { count: 400 });
    long.audio?.samples.sizes.set([8184], 7);
    expect(planRemux(long, HLS).segments).toHaveLength(3);
    long.audio?.samples.sizes.set([8185], 7);
    expect(() => planRemux(long, HLS)).toThrow(refusal("unsupported-media-file"));
    expect(planRemux(long, CMAF).segments).toHaveLength(3);
    const { video, audio } = buildMovie({ times: constantRate(2000), keys: constantRate(2000), timescale: 10_000 });
    const entries = [{ lengthSize: 4, sps: [new Uint8Array(16_000)], pps: [] }] as const;
    const large = { audio, video: video && { ...video, entries } };
    expect(() => planRemux(large, HLS)).toThrow(refusal("unsupported-media-file"));
    expect(planRemux(large, CMAF).segments).toHaveLength(1);
  });

  test("turned pictures, of which MPEG-TS cannot tell, are refused, as is a movie without pictures", () => {
    expect(() => planRemux(buildMovie({ ...GOP, rotation: 90 }), HLS)).toThrow(refusal("unsupported-media-file"));
    expect(planRemux(buildMovie({ ...GOP, rotation: 90 }), CMAF).segments).toHaveLength(3);
    expect(() => planRemux({ video: undefined, audio: undefined }, HLS)).toThrow(refusal("unsupported-media-file"));
    expect(() => planRemux(buildMovie({ ...GOP, keys: [] }), HLS)).toThrow(refusal("unsupported-media-file"));
  });
});

describe("planRemux, fragmented MP4", () => {
  test("sound begins at 0 with 64 ms of silence, then comes the first picture, decoded when it is shown", () => {
    const plan = planRemux(buildMovie(GOP, { count: 400 }), CMAF);
    const { video, audio } = plan.segments[0]?.job ?? {};
    expect(audio).toMatchObject({ timescale: 48_000 });
    expect(audio?.times.subarray(0, 5)).toEqual(Float64Array.of(0, 1024, 2048, 3072, 4096));
    expect(audio?.offsets.subarray(0, 4)).toEqual(Float64Array.of(-1, -1, -1, 50_000));
    expect(video).toMatchObject({ timescale: 10_000 });
    expect(video?.times.subarray(0, 2)).toEqual(Float64Array.of(640, 1040));
    expect(video?.decodeTimes.subarray(0, 2)).toEqual(Float64Array.of(640, 1040));
    expect(plan.pictureLead).toBeUndefined();
  });

  test("nothing is decoded before 0 where frames of sound are so long that none begins before the pictures", () => {
    const plan = planRemux(buildMovie(GOP, { sampleRate: 7350, start: 0.003, count: 40 }), CMAF);
    expect(plan.segments[0]?.job.video.decodeTimes[0]).toBe(0);
  });

  test("with B-frames, the n-th picture is decoded when the n-th is shown, without a hole between segments", () => {
    const times = reorder(GOP.times, 3, (index) => index % 50 === 0);
    const keys = times.flatMap((time, index) => (time % 50 === 0 ? [index] : []));
    const plan = planRemux(buildMovie({ times, keys, timescale: 25 }), CMAF);
    expect(picturesOf(plan, "decodeTimes")).toEqual(GOP.times.map((time) => 640 + time * 400));
    expect(picturesOf(plan, "times")).toEqual(times.map((time) => 640 + time * 400));
    expect(new Set(picturesOf(plan, "durations"))).toEqual(new Set([400]));
  });

  test("pictures that a file shows at one time are decoded one after the other all the same", () => {
    const plan = planRemux(buildMovie({ times: [0, 1, 1, 1, 2], timescale: 10_000 }), CMAF);
    expect(picturesOf(plan, "decodeTimes")).toEqual([640, 641, 642, 643, 644]);
  });

  test("initialisation segments hold the file's own descriptions, and that of silence where it has no sound", () => {
    const holds = (whole: Uint8Array | undefined, part: string): boolean =>
      Buffer.from(whole ?? []).includes(part, 0, "latin1");
    const { inits } = planRemux(buildMovie(GOP, { count: 400 }), CMAF);
    expect(holds(inits?.video, "\x01\x02\x03")).toBe(true);
    expect(holds(inits?.audio, "\x04\x05\x06")).toBe(true);
    const silent = planRemux(buildMovie(GOP), CMAF).inits?.audio;
    expect(holds(silent, "mp4a") && holds(silent, "\x05\x02\x11\x90")).toBe(true);
  });

  test("pictures of two codings, of which a track has one description, are refused", () => {
    const movie = buildMovie({ ...GOP, entries: [0, 0, 1] });
    expect(() => planRemux(movie, CMAF)).toThrow(refusal("unsupported-media-file"));
    expect(planRemux(movie, HLS).segments[0]?.job.video.entries[2]).toBe(1);
  });
});
