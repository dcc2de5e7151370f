import type { PlacedAd, PlacedBreak } from "@interlude/core";
import { describe, expect, test } from "vitest";
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

interface Buffered {
  /** Of the fragment, as it was parsed. */
  readonly times: Range | undefined;
  /** Of the buffer of sound. */
  readonly buffered: readonly Range[];
  readonly type?: string;
  readonly init?: Uint8Array | undefined;
  /** Made by hls.js. */
  readonly remuxed?: Uint8Array;
}

/** What hls.js is told to append once a fragment is in the buffer: where, and how long it is. */
function fill({
  times,
  buffered,
  type = "audio",
  remuxed,
  init = remuxed ? undefined : formatInit(),
}: Buffered): readonly object[] {
  const told: object[] = [];
  const engine = {
    ...createFakeEngine(undefined),
    trigger: (_event: string, { offset, data }: { readonly offset?: number; readonly data?: Uint8Array }) =>
      told.push({ offset, bytes: data?.length }),
  };
  const filler = createSoundGapFiller(engine, {
    breaks: () => [BREAK],
    startOf: ({ startTime }) => startTime,
    endOf: ({ startTime, duration }) => startTime + duration,
  });
  const [startPTS, endPTS] = times ?? [0, 4];
  const audio = times ? { startPTS, endPTS, startDTS: startPTS, endDTS: endPTS } : null;
  filler.onCodecs({ audio: { ...(remuxed && { initSegment: remuxed }) } });
  filler.onBuffers({ tracks: { audio: { buffer: { buffered: asRanges(buffered) } } } });
  filler.onFragmentBuffered(
    Object.assign(createFragment(4, startPTS, endPTS - startPTS), {
      type,
      elementaryStreams: { audio, video: null },
      initSegment: init ? { data: init } : null,
    }),
  );
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

  test("TS whose following content was thrown away: by the initialisation segment that hls.js has made", () => {
    const buffered = [
      [0, 8],
      [8.08, 10.08],
    ] as const;
    expect(fill({ times: [8.08, 10.08], buffered, type: "main", remuxed: formatInit() })).toEqual(FILLED);
  });

  test("a fragment without sound leaves it as it is, and so does sound that no silence is known for", () => {
    const buffered = [
      [0, 8],
      [8.08, 10.08],
    ] as const;
    expect(fill({ times: undefined, buffered, type: "main" })).toEqual([]);
    expect(fill({ times: [8.08, 10.08], buffered, init: formatInit({ entry: "ac-3" }) })).toEqual([]);
  });
});
