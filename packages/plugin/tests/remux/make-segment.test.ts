/** Orders that nobody should give: whatever comes, it is written or refused. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AvcConfig, MediaRefusal } from "../../src/remux/movie.ts";
import type { SegmentJob } from "../../src/remux/segment-job.ts";
import { make, type Order } from "./probed-media.ts";
import { readStream } from "./read-stream.ts";

const LENGTH_SIZES = [1, 2, 4] as const;

function configOf(lengthSize: AvcConfig["lengthSize"]): AvcConfig {
  return { lengthSize, sps: [Uint8Array.of(0x67, 1)], pps: [Uint8Array.of(0x68, 2)] };
}

/** @throws any error that is no refusal */
function attempt(order: Order): Uint8Array | MediaRefusal {
  try {
    return make(order).main;
  } catch (error) {
    if (error instanceof MediaRefusal) return error;
    throw error;
  }
}

describe("makeSegment", () => {
  const ticks = fc.array(fc.double({ min: -1e6, max: 2 ** 34, noNaN: true }), { minLength: 4, maxLength: 4 });
  // short NAL units, now and then as long as anything
  const byte = fc.oneof({ weight: 30, arbitrary: fc.nat(6) }, { weight: 1, arbitrary: fc.nat(255) });
  const bytes = fc.array(byte, { minLength: 50, maxLength: 400 }).map((list) => Uint8Array.from(list));
  const offsets = fc.array(fc.integer({ min: -1, max: 100 }), { minLength: 4, maxLength: 4 });
  const sizes = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 4, maxLength: 4 });
  const track = fc.record({ offsets, sizes, decodeTimes: ticks, times: ticks });
  const job = fc
    .record({
      packaging: fc.constantFrom("hls", "cmaf"),
      index: fc.nat(100),
      video: track,
      audio: track,
      lengthSize: fc.constantFrom(...LENGTH_SIZES),
      hasEntry: fc.nat(9).map((number) => number > 0),
      rate: fc.nat(15),
    })
    .map(({ packaging, index, video, audio, lengthSize, hasEntry, rate }): SegmentJob => {
      const columns = (one: typeof video) => ({
        timescale: 90_000,
        offsets: Float64Array.from(one.offsets),
        sizes: Uint32Array.from(one.sizes),
        decodeTimes: Float64Array.from(one.decodeTimes),
        times: Float64Array.from(one.times),
        durations: new Uint32Array(4).fill(3600),
      });
      const aac = { objectType: 2, sampleRateIndex: rate, sampleRate: 48_000, channels: 2, outputRate: 48_000 };
      return {
        packaging,
        index,
        video: {
          ...columns(video),
          configs: [configOf(lengthSize)],
          isKey: Uint8Array.of(1, 0, 0, 1),
          entries: Uint8Array.of(0, 0, 0, hasEntry ? 0 : 1),
        },
        audio: { ...columns(audio), aac, silence: Uint8Array.of(1) },
      };
    });

  test("makes whole packets of any bytes and tables, or refuses them", () => {
    let made = 0;
    const property = fc.property(job, bytes, (order, source) => {
      const outcome = attempt({ job: order, bytes: source });
      if (outcome instanceof MediaRefusal) return;
      if (order.packaging === "hls") readStream(outcome);
      made += 1;
    });
    fc.assert(property, { numRuns: 1000 });
    expect(made).toBeGreaterThan(10);
  });

  test("refuses samples that lie over one another until they fill the memory", () => {
    const count = 100_000;
    const source = new Uint8Array(1000).fill(0x41);
    source.set([0, 0, 3, 0xe4]);
    const columns = {
      timescale: 90_000,
      offsets: new Float64Array(count),
      sizes: new Uint32Array(count).fill(1000),
      decodeTimes: new Float64Array(count),
      times: new Float64Array(count),
      durations: new Uint32Array(count),
    };
    const aac = { objectType: 2, sampleRateIndex: 3, sampleRate: 48_000, channels: 2, outputRate: 48_000 };
    for (const packaging of ["hls", "cmaf"] as const) {
      const video = {
        ...columns,
        configs: [configOf(4)],
        isKey: new Uint8Array(count),
        entries: new Uint8Array(count),
      };
      const order = { packaging, index: 0, video, audio: { ...columns, aac, silence: Uint8Array.of(1) } };
      const refusal = expect.objectContaining({ reason: "unsupported-media-file" });
      expect(() => make({ job: order, bytes: source })).toThrow(refusal);
    }
  });
});
