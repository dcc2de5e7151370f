import type { PlacedAd, PlacedBreak } from "@interlude/core";
import { describe, expect, test } from "vitest";
import type { EngineEventData } from "../../src/hosts/hls-engine.ts";
import { createSoundGapFiller } from "../../src/hosts/hls-sound-gap.ts";
import { createFakeEngine, createFragment } from "../fake-engine.ts";
import { formatInit } from "./init-segment.ts";

type Range = readonly [start: number, end: number];

const AD: PlacedAd = {
  breakId: "mid",
  adId: "0",
  index: 0,
  startTime: 8,
  duration: 4,
  firstMediaSequence: 4,
  segmentCount: 2,
};
const BREAK: PlacedBreak = {
  breakId: "mid",
  contentTime: 8,
  startTime: 8,
  duration: 4,
  firstMediaSequence: 4,
  ads: [AD],
};

function asRanges(ranges: readonly Range[]): TimeRanges {
  return { length: ranges.length, start: (index) => ranges[index]?.[0] ?? 0, end: (index) => ranges[index]?.[1] ?? 0 };
}

interface Appended {
  /** Of the fragment, as it was parsed. */
  readonly times: Range;
  readonly buffered: readonly Range[];
  readonly type?: string;
  readonly init?: Uint8Array;
}

function describeAppended({ times, buffered, type = "audio", init = formatInit() }: Appended): EngineEventData {
  const [startPTS, endPTS] = times;
  const audio = { startPTS, endPTS, startDTS: startPTS, endDTS: endPTS };
  const frag = Object.assign(createFragment(4, startPTS, endPTS - startPTS), {
    type: "audio",
    elementaryStreams: { audio, video: null },
    initSegment: { data: init },
  });
  return { type, frag, chunkMeta: { sn: 4 }, timeRanges: { audio: asRanges(buffered) } };
}

/** What hls.js is told to append for each thing that it has appended: where, and how long it is. */
function fill(...appended: readonly Appended[]): readonly { readonly offset: number; readonly bytes: number }[] {
  const told: { offset: number; bytes: number }[] = [];
  const engine = {
    ...createFakeEngine(undefined),
    trigger: (
      _event: string,
      data: { readonly offset?: number; readonly data?: Uint8Array; readonly chunkMeta?: object },
    ) => {
      told.push({ offset: data.offset ?? Number.NaN, bytes: data.data?.length ?? 0 });
      // hls.js tells of it as of everything else
      const [first] = appended;
      if (told.length < 5 && first && data.chunkMeta)
        fillGap({ ...describeAppended(first), chunkMeta: data.chunkMeta });
    },
  };
  const fillGap = createSoundGapFiller(engine, {
    breaks: () => [BREAK],
    startOf: ({ startTime }) => startTime,
    endOf: ({ startTime, duration }) => startTime + duration,
  });
  for (const one of appended) fillGap(describeAppended(one));
  return told;
}

const FILLED = [{ offset: 8, bytes: 104 + 3 * 9 }];

describe("createSoundGapFiller", () => {
  test("a hole between the sound of the content and that of the ad is filled once the ad is there", () => {
    const buffered = [
      [0, 8],
      [8.08, 10.08],
    ] as const;
    expect(fill({ times: [8.08, 10.08], buffered })).toEqual(FILLED);
  });

  test("it is filled as well where the content comes after the ad, because the viewer has sought back", () => {
    const buffered = [
      [6, 8],
      [8.08, 12.08],
    ] as const;
    expect(fill({ times: [6, 8], buffered })).toEqual(FILLED);
  });

  test("a hole anywhere else is the content's own", () => {
    const buffered = [
      [0, 4],
      [4.08, 6],
    ] as const;
    expect(fill({ times: [4.08, 6], buffered })).toEqual([]);
  });

  test("what is still to be loaded is no hole, and neither is what browsers play over", () => {
    expect(
      fill({
        times: [8.08, 10.08],
        buffered: [
          [0, 6],
          [8.08, 10.08],
        ],
      }),
    ).toEqual([]);
    expect(
      fill({
        times: [8.015, 10],
        buffered: [
          [0, 8],
          [8.015, 10],
        ],
      }),
    ).toEqual([]);
  });

  test("a hole beside another fragment waits for its own", () => {
    expect(
      fill({
        times: [10.08, 12.08],
        buffered: [
          [0, 8],
          [8.08, 12.08],
        ],
      }),
    ).toEqual([]);
  });

  test("pictures leave it as it is, and so does sound that no silence is known for", () => {
    const buffered = [
      [0, 8],
      [8.08, 10.08],
    ] as const;
    expect(fill({ times: [8.08, 10.08], buffered, type: "video" })).toEqual([]);
    expect(fill({ times: [8.08, 10.08], buffered, init: formatInit({ entry: "ac-3" }) })).toEqual([]);
  });
});
