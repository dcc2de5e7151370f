import { describe, expect, test } from "vitest";
import { type EndingEngine, endStream } from "../../src/hosts/hls-stream-end.ts";
import { createFakeEngine, listFragments } from "../fake-engine.ts";

type Range = readonly [start: number, end: number];

interface Scene {
  readonly currentTime?: number;
  readonly ranges?: readonly Range[];
  readonly live?: boolean;
  readonly ended?: boolean;
  /** Loading pauses. */
  readonly isHeld?: boolean;
}

/** What hls.js is told of a film of twelve seconds whose ad ends a little before what follows. */
function tell({ currentTime = 11.5, ranges = HOLE, live = false, ended = false, isHeld = false }: Scene): unknown {
  const buffered = {
    length: ranges.length,
    start: (index: number) => ranges[index]?.[0] ?? 0,
    end: (index: number) => ranges[index]?.[1] ?? 0,
  };
  const engine = createFakeEngine({ ...listFragments("film.m3u8", [4, 4, 4]), live });
  if (isHeld) engine.pauseBuffering();
  const told: string[] = [];
  const ending: EndingEngine = {
    levels: engine.levels,
    bufferingEnabled: engine.bufferingEnabled,
    media: { currentTime, duration: 12, ended, buffered },
    trigger: (event) => told.push(event),
  };
  endStream(ending);
  return told;
}

const HOLE: readonly Range[] = [
  [0, 8],
  [8.085, 11.98],
];

describe("endStream", () => {
  test("says that all is there when the viewer comes near the end of a film with a hole behind an ad", () => {
    expect(tell({})).toEqual(["hlsBufferEos"]);
  });

  test("leaves a film without a hole to hls.js", () => {
    expect(tell({ ranges: [[0, 12]] })).toEqual([]);
  });

  test("waits for what is not loaded, and for the viewer", () => {
    const short: readonly Range[] = [
      [0, 8],
      [8.085, 11.8],
    ];
    expect(tell({ ranges: short })).toEqual([]);
    expect(tell({ currentTime: 10.9 })).toEqual([]);
  });

  test("ends no film while a break behind it is being decided, none that has ended, and no live channel", () => {
    expect(tell({ isHeld: true })).toEqual([]);
    expect(tell({ ended: true })).toEqual([]);
    expect(tell({ live: true })).toEqual([]);
  });
});
