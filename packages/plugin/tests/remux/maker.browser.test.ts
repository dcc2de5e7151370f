/** The thread that makes segments, in a browser: a worker of text that a page starts. */
import { afterEach, describe, expect, test } from "vitest";
import { makeSegment } from "../../src/remux/make-segment.ts";
import { createMaker, type SegmentMaker } from "../../src/remux/maker.ts";
import type { MadeSegment, SegmentJob } from "../../src/remux/segment-job.ts";

/** One picture of one NAL unit. */
const PICTURE = Uint8Array.of(0, 0, 0, 5, 0x65, 1, 2, 3, 4);
const AAC = { objectType: 2, sampleRateIndex: 3, sampleRate: 48_000, channels: 2, outputRate: 48_000 };
const JOB: SegmentJob = {
  packaging: "hls",
  index: 0,
  video: {
    timescale: 90_000,
    configs: [{ lengthSize: 4, sps: [Uint8Array.of(0x67, 0x42)], pps: [Uint8Array.of(0x68, 0xce)] }],
    offsets: Float64Array.of(0),
    sizes: Uint32Array.of(PICTURE.length),
    decodeTimes: Float64Array.of(900_000),
    times: Float64Array.of(900_000),
    durations: Uint32Array.of(3600),
    isKey: Uint8Array.of(1),
    entries: Uint8Array.of(0),
  },
  audio: {
    timescale: 90_000,
    aac: AAC,
    silence: Uint8Array.of(0x21, 0x00),
    offsets: Float64Array.of(-1),
    sizes: Uint32Array.of(0),
    times: Float64Array.of(900_000),
    durations: Uint32Array.of(1920),
  },
};

function makeAtOnce(): MadeSegment {
  const making = makeSegment(JOB, PICTURE);
  for (;;) {
    const step = making.next();
    if (step.done) return step.value;
  }
}

const makers: SegmentMaker[] = [];
afterEach(() => {
  for (const maker of makers.splice(0)) maker.release();
});

/** Blob addresses that were made and not let go of. */
function countBlobs(): () => number {
  const alive = new Set<string>();
  const { createObjectURL, revokeObjectURL } = URL;
  URL.createObjectURL = (blob: Blob): string => {
    const url = createObjectURL.call(URL, blob);
    alive.add(url);
    return url;
  };
  URL.revokeObjectURL = (url: string): void => {
    alive.delete(url);
    revokeObjectURL.call(URL, url);
  };
  return () => {
    Object.assign(URL, { createObjectURL, revokeObjectURL });
    return alive.size;
  };
}

describe("createMaker", () => {
  test("makes segments in a worker of the text that is embedded, and leaves no blob behind", async () => {
    const left = countBlobs();
    const maker = createMaker(new AbortController().signal, { helloMs: 20_000 });
    makers.push(maker);
    const bytes = new Uint8Array(PICTURE);
    const made = await maker.make(JOB, bytes);
    expect(made.main).toEqual(makeAtOnce().main);
    expect(maker.stats()).toEqual({ place: "worker", longestSliceMs: 0 });
    expect(bytes.length).toBe(0);
    expect(left()).toBe(0);
  });
});
