/** What holds of every plan, of movies of any rhythm, order and length, and of tables that lie. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MediaRefusal, type Movie, type SampleTable } from "../../src/remux/movie.ts";
import { planRemux } from "../../src/remux/plan.ts";
import type { RemuxNeeds, RemuxPlan } from "../../src/remux/segment-job.ts";
import { buildMovie, findOffsets, reorder } from "./movies.ts";

interface Case {
  readonly packaging: "hls" | "cmaf";
  readonly timescale: number;
  readonly times: readonly number[];
  readonly keys: readonly number[];
  /** How long the last picture is shown, ticks. */
  readonly last: number;
  readonly sound: { readonly sampleRate: number; readonly start: number; readonly count: number } | undefined;
}

/** Ticks of the timescale that a picture lasts. */
const RATES = [
  { timescale: 25, ticks: 1 },
  { timescale: 24_000, ticks: 1001 },
  { timescale: 30_000, ticks: 1001 },
  { timescale: 600, ticks: 10 },
  { timescale: 90_000, ticks: 9000 },
];

/** Closed GOPs, B-frames in groups, pictures up to four fifths longer or shorter where the rate varies. */
const CASE: fc.Arbitrary<Case> = fc
  .record({
    packaging: fc.constantFrom("hls", "cmaf"),
    rate: fc.constantFrom(...RATES),
    count: fc.integer({ min: 1, max: 200 }),
    gop: fc.integer({ min: 1, max: 90 }),
    depth: fc.integer({ min: 0, max: 4 }),
    varying: fc.array(fc.double({ min: -0.4, max: 0.4, noNaN: true }), { maxLength: 5 }),
    start: fc.integer({ min: -5000, max: 5000 }),
    sound: fc.option(
      fc.record({
        sampleRate: fc.constantFrom(48_000, 44_100, 22_050),
        start: fc.double({ min: -1, max: 1, noNaN: true }),
        count: fc.integer({ min: 0, max: 500 }),
      }),
      { nil: undefined },
    ),
  })
  .map(({ packaging, rate: { timescale, ticks }, count, gop, depth, varying, start, sound }) => {
    const shift = (index: number): number => Math.round(ticks * (varying[index % (varying.length || 1)] ?? 0));
    const isKey = (index: number): boolean => index % gop === 0;
    const shown = Array.from({ length: count }, (_, index) => index);
    const order = reorder(shown, depth, isKey);
    const first = shift(0);
    return {
      packaging,
      timescale,
      times: order.map((index) => start + index * ticks + shift(index) - first),
      keys: order.flatMap((index, at) => (isKey(index) ? [at] : [])),
      last: ticks,
      sound,
    } as const;
  });

interface Planned extends Case {
  readonly movie: Movie;
  readonly made: RemuxPlan;
  /** Seconds. */
  readonly end: number;
}

function plan(one: Case): Planned {
  const { packaging, timescale, times, keys, last, sound } = one;
  const movie = buildMovie({ times, keys, timescale, last }, sound && { ...sound, timescale: 90_000 });
  const end = (Math.max(...times) + last - (times[0] ?? 0)) / timescale;
  return { ...one, movie, end, made: planRemux(movie, { packaging, targetDuration: undefined }) };
}

/** Seconds from the first picture. */
function soundTimes({ made }: Planned): readonly number[] {
  const [first] = made.segments;
  const { timescale = 1, times } = first?.job.video ?? {};
  const origin = (times?.[0] ?? 0) / timescale;
  return made.segments.flatMap(({ job: { audio } }) =>
    Array.from(audio.times, (time) => time / audio.timescale - origin),
  );
}

/** @param packaging undefined: of both */
function expectOf(hold: (planned: Planned) => void, packaging?: Case["packaging"]): void {
  fc.assert(
    fc.property(CASE, (one) => hold(plan({ ...one, packaging: packaging ?? one.packaging }))),
    { numRuns: 100 },
  );
}

const TICK = 1 / 10_000;

describe("every plan", () => {
  test("has all pictures once, in decoding order, and each segment begins with a key frame", () => {
    expectOf(({ made, times }) => {
      const offsets = made.segments.flatMap((segment) => findOffsets(segment, "video"));
      expect(offsets).toEqual(times.map((_, index) => index * 1000));
      for (const { job } of made.segments) expect(job.video.isKey[0]).toBe(1);
    });
  });

  test("has segments that last, together, as long as the pictures, to a microsecond", () => {
    expectOf(({ made, end }) => {
      const listed = made.segments.map(({ duration }) => Number(duration.toFixed(6)));
      expect(listed).toEqual(made.segments.map(({ duration }) => duration));
      expect(listed.reduce((sum, duration) => sum + duration, 0)).toBeCloseTo(made.duration, 9);
      expect(made.duration).toBeCloseTo(end, 6);
    });
  });

  test("decodes one picture after the other", () => {
    expectOf(({ made }) => {
      const decoded = made.segments.flatMap(({ job }) => [...job.video.decodeTimes]);
      for (const [index, time] of decoded.entries()) expect(time).toBeGreaterThan(decoded[index - 1] ?? -1);
    });
  });

  test("decodes no picture of MPEG-TS after it is shown", () => {
    expectOf(({ made }) => {
      for (const { job } of made.segments)
        for (const [index, time] of job.video.times.entries())
          expect(job.video.decodeTimes[index]).toBeLessThanOrEqual(time);
    }, "hls");
  });

  test("shows no picture outside of its segment", () => {
    expectOf(({ made }) => {
      const [first] = made.segments;
      let start = (first?.job.video.times[0] ?? 0) / (first?.job.video.timescale ?? 1);
      for (const { duration, job } of made.segments) {
        for (const time of job.video.times) {
          expect(time / job.video.timescale).toBeGreaterThan(start - TICK);
          expect(time / job.video.timescale).toBeLessThan(start + duration);
        }
        start += duration;
      }
    });
  });

  test("goes on decoding over a cut of MPEG-TS by the step before it, as hls.js expects", () => {
    expectOf(({ made }) => {
      for (const [index, { job }] of made.segments.entries()) {
        const before = made.segments[index - 1]?.job.video.decodeTimes ?? new Float64Array();
        if (before.length < 3 || job.video.decodeTimes.length < 3) continue;
        const [last = 0, end = 0] = before.subarray(-2);
        expect(Math.abs((job.video.decodeTimes[0] ?? 0) - end - (end - last))).toBeLessThanOrEqual(1);
      }
    }, "hls");
  });

  test("has every frame of sound at most once, in order, within a tick of when it is due", () => {
    expectOf((planned) => {
      const { made, movie, times, timescale } = planned;
      const offsets = made.segments.flatMap((segment) => findOffsets(segment, "audio"));
      const placed = soundTimes(planned);
      const base = movie.audio?.samples.offsets[0] ?? 0;
      const found = offsets.flatMap((offset, index) =>
        offset < 0 ? [] : [{ sample: (offset - base) / 200, time: placed[index] ?? 0 }],
      );
      for (const [index, { sample, time }] of found.entries()) {
        expect(sample).toBeGreaterThan(found[index - 1]?.sample ?? -1);
        const due = (movie.audio?.samples.times[sample] ?? 0) / 90_000 - (times[0] ?? 0) / timescale;
        expect(Math.abs(time - due)).toBeLessThan(TICK);
      }
    });
  });

  test("has sound without holes from within half a frame of its place to within a frame of the end", () => {
    expectOf((planned) => {
      const { end, packaging } = planned;
      const placed = soundTimes(planned);
      const frame = 1024 / (planned.sound && planned.sound.count > 0 ? planned.sound.sampleRate : 48_000);
      for (const [index, time] of placed.slice(1).entries())
        expect(Math.abs(time - (placed[index] ?? 0) - frame)).toBeLessThan(TICK);
      const isFragmented = packaging === "cmaf";
      expect(Math.abs((placed[0] ?? 1) + (isFragmented ? 0.064 : 0))).toBeLessThan(frame / 2 + TICK);
      const rest = end - (placed.at(-1) ?? 0) - frame;
      if (end < 2 * frame) return;
      expect(rest).toBeGreaterThan(isFragmented ? -frame - TICK : -0.0006);
      expect(rest).toBeLessThan(isFragmented ? 0.0006 : frame);
    });
  });

  test("begins the sound of each segment within half a frame of its pictures", () => {
    expectOf(({ made }) => {
      for (const { job } of made.segments.slice(1)) {
        const { audio, video } = job;
        const begin = Math.min(...video.times) / video.timescale;
        const half = 512 / audio.aac.sampleRate;
        expect(Math.abs((audio.times[0] ?? 0) / audio.timescale - begin)).toBeLessThan(half + TICK * 10);
      }
    });
  });
});

function attempt(movie: Movie, needs: RemuxNeeds): unknown {
  try {
    const { duration, segments } = planRemux(movie, needs);
    const isBounded = segments.every(({ job }) => job.video.offsets.length <= 40 && job.audio.offsets.length < 30_000);
    return duration <= 300 && isBounded ? "fine" : { duration, segments };
  } catch (error) {
    return error instanceof MediaRefusal ? "fine" : error;
  }
}

describe("tables that lie", () => {
  const NUMBER = fc.oneof(fc.integer({ min: -1000, max: 1000 }), fc.double(), fc.constantFrom(2 ** 53, -(2 ** 63)));
  const TABLE: fc.Arbitrary<SampleTable> = fc.integer({ min: 0, max: 40 }).chain((count) => {
    const list = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(of, { minLength: count, maxLength: count });
    const size = fc.oneof(fc.nat(2000), fc.constant(0xffffffff));
    const numbers = fc.tuple(list(NUMBER), list(size), list(NUMBER), list(size), list(fc.boolean()));
    return numbers.map(([times, sizes, offsets, durations, keys]) => ({
      count,
      offsets: Float64Array.from(offsets),
      sizes: Uint32Array.from(sizes),
      decodeTimes: Float64Array.from(times),
      times: Float64Array.from(times),
      durations: Uint32Array.from(durations),
      isKey: Uint8Array.from(keys, Number),
      entries: new Uint8Array(count),
    }));
  });
  const SCALE = fc.oneof(fc.constantFrom(0, 1, 90_000, 0xffffffff), fc.nat());

  test("are refused, or give a plan of their length, and nothing else happens", () => {
    const attempts = fc.tuple(
      TABLE,
      SCALE,
      TABLE,
      SCALE,
      fc.nat(15),
      fc.constantFrom("hls", "cmaf"),
      fc.option(fc.nat(9)),
    );
    fc.assert(
      fc.property(attempts, ([pictures, pictureScale, frames, soundScale, channels, packaging, targetDuration]) => {
        const { video, audio } = buildMovie({ times: [0] }, { count: 1, channels });
        if (!video || !audio) return;
        const movie = {
          video: { ...video, timescale: pictureScale, samples: pictures },
          audio: { ...audio, timescale: soundScale, samples: frames },
        };
        expect(attempt(movie, { packaging, targetDuration: targetDuration ?? undefined })).toBe("fine");
      }),
      { numRuns: 500 },
    );
  });
});
