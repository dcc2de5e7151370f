/** What one refresh of a stitched live playlist lists, the next one lists alike, whatever becomes of its breaks. */
import {
  type AvailDecision,
  type ContentPlaylist,
  emptyTimeline,
  type LiveOptions,
  type ResumedBreak,
  stitchLive,
} from "@interlude/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { availId, type Origin, podOf, writeWindow } from "./live-model.ts";
import { CONTENT, type ReadSegment, readByHlsParser } from "./playlists.ts";

const FIRST = 1000;
const SUBTITLES: ContentPlaylist = { ...CONTENT, kind: "subtitles" };
const clipSubtitle: LiveOptions["clipSubtitle"] = ({ uri, from, to }) => `${uri}?${from}-${to}`;
const milliseconds = fc.integer({ min: 500, max: 6000 }).map((duration) => duration / 1000);

/**
 * A break and what is known of it when: refreshes that its decision takes, its return, which is told some refreshes late, and where
 * another rendition says that it resumed, rightly or not.
 */
const fates = fc.record({
  gap: fc.integer({ min: 1, max: 9 }),
  ads: fc.array(fc.array(milliseconds, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 }),
  decidedAfter: fc.nat(3),
  isHeld: fc.boolean(),
  returnsAt: fc.option(fc.integer({ min: 0, max: 8 }), { nil: undefined }),
  returnIsLateBy: fc.nat(3),
  resumesAt: fc.option(fc.nat(12), { nil: undefined }),
});
type Fate = typeof fates extends fc.Arbitrary<infer Value> ? Value & { readonly segment: number } : never;

const scenarios = fc
  .record({
    duration: fc.constantFrom(2, 4, 5.005, 6),
    jitter: fc.boolean(),
    discontinuities: fc.uniqueArray(fc.nat(60), { maxLength: 6 }),
    breaks: fc.array(fates, { minLength: 1, maxLength: 5 }),
    window: fc.integer({ min: 2, max: 30 }),
    steps: fc
      .array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 6 })
      .filter((steps) => steps.some(Boolean)),
  })
  .map(({ duration, jitter, discontinuities, breaks, window, steps }) => {
    let next = 0;
    const placed = breaks.map((fate): Fate => {
      const segment = next + fate.gap;
      next = segment + Math.ceil(totalOf(fate.ads.flat()) / (duration * 0.8)) + 1;
      return { ...fate, segment };
    });
    const durations = Array.from({ length: next + window + 12 }, (_, index) =>
      jitter && index % 3 === 1 ? duration * 0.9 : duration,
    );
    const origin: Origin = {
      durations,
      targetDuration: 6,
      discontinuities: new Set(discontinuities),
      breaks: placed.map(({ segment, ads }) => ({ segment, ads, duration: totalOf(ads.flat()) })),
    };
    return { origin, fates: placed, window, steps };
  });
type Scenario = typeof scenarios extends fc.Arbitrary<infer Value> ? Value : never;

function totalOf(durations: readonly number[]): number {
  return durations.reduce((total, duration) => total + duration, 0);
}

/** What is decided at a refresh: each break some refreshes after it was first listed, its return some after that was. */
function decide({ origin, fates }: Scenario, edges: readonly number[]): ReadonlyMap<string, AvailDecision> {
  const refreshesSince = (segment: number): number => edges.filter((edge) => edge > segment).length - 1;
  return new Map(
    fates.flatMap((fate, index): readonly [string, AvailDecision][] => {
      const entry = origin.breaks[index];
      if (!entry || refreshesSince(fate.segment) < 0) return [];
      const id = availId(entry);
      if (refreshesSince(fate.segment) < fate.decidedAfter) return fate.isHeld ? [[id, { kind: "hold" }]] : [];
      const returned = fate.returnsAt === undefined ? undefined : fate.segment + fate.returnsAt;
      const isKnown = returned !== undefined && refreshesSince(returned) >= fate.returnIsLateBy;
      const earlyReturn = isKnown ? { mediaSequence: FIRST + returned } : undefined;
      const resumption =
        fate.resumesAt === undefined ? undefined : { mediaSequence: FIRST + fate.segment + fate.resumesAt };
      return [[id, { kind: "pod", pod: podOf(entry), availDuration: entry.duration, earlyReturn, resumption }]];
    }),
  );
}

interface Refresh {
  readonly segments: readonly ReadSegment[];
  readonly isHeld: boolean;
}

/** Every refresh as the viewer reads it, windows that overlap, the memory going through JSON each time. */
function watch(scenario: Scenario, content: ContentPlaylist = CONTENT, options: LiveOptions = {}): readonly Refresh[] {
  const { origin, window, steps } = scenario;
  const [edges, seen]: [number[], Refresh[]] = [[window], []];
  let timeline = emptyTimeline();
  for (
    let edge = window;
    edge <= origin.durations.length;
    edge += Math.min(window - 1, steps[seen.length % steps.length] ?? 1)
  ) {
    edges.push(edge);
    const stitched = stitchLive(
      writeWindow(origin, edge - window, edge),
      content,
      timeline,
      decide(scenario, edges.slice(1)),
      options,
    );
    timeline = JSON.parse(JSON.stringify(stitched.timeline));
    seen.push({ segments: readByHlsParser(stitched.text), isHeld: stitched.held.length > 0 });
    if (seen.length > 300) break;
  }
  return seen;
}

/** Where refreshes contradict one another; empty where they agree. */
function findContradictions(refreshes: readonly Refresh[]): readonly string[] {
  const found: string[] = [];
  const listed = new Map<number, string>();
  let [head, tail, wasHeld] = [0, FIRST - 1, false];
  for (const { segments, isHeld } of refreshes) {
    for (const { mediaSequence, uri, duration, discontinuitySequence } of segments) {
      const now = `${uri} ${duration} ${discontinuitySequence}`;
      const before = listed.get(mediaSequence) ?? now;
      if (now !== before) found.push(`${mediaSequence} was ${before}, is ${now}`);
      listed.set(mediaSequence, now);
    }
    const [first, last] = [segments[0]?.mediaSequence, segments.at(-1)?.mediaSequence];
    if (first === undefined || last === undefined) return [...found, "nothing is listed"];
    if (first < head || last < tail) found.push(`${head} to ${tail} was followed by ${first} to ${last}`);
    // A window may leave behind what was held back.
    if (!wasHeld && first > tail + 1) found.push(`${tail} was followed by ${first}`);
    [head, tail, wasHeld] = [first, last, isHeld];
  }
  return found;
}

describe("what two refreshes list both", () => {
  test("has the same numbers, addresses and discontinuity numbers, with breaks held, decided late and returning early", () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        expect(findContradictions(watch(scenario))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test("is the same in subtitles that have no discontinuities around ads", () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        expect(findContradictions(watch(scenario, SUBTITLES, { hasSubtitleDiscontinuities: false }))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test("is the same in subtitles that are clipped next to a break", () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        expect(findContradictions(watch(scenario, SUBTITLES, { clipSubtitle }))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test("is clipped subtitles even where nothing is left of the break that clipped them", () => {
    const fate = { gap: 7, ads: [[5]], decidedAfter: 0, isHeld: false, returnIsLateBy: 1, resumesAt: undefined };
    const refreshes = watch(
      {
        origin: {
          durations: Array.from({ length: 12 }, () => 2),
          targetDuration: 6,
          discontinuities: new Set(),
          breaks: [{ segment: 7, ads: [[5]], duration: 5 }],
        },
        fates: [{ ...fate, segment: 7, returnsAt: 0 }],
        window: 8,
        steps: [1, 0],
      },
      SUBTITLES,
      { clipSubtitle },
    );
    const listed = refreshes.map(({ segments }) => segments.find(({ mediaSequence }) => mediaSequence === FIRST + 6));
    expect(listed.map((segment) => segment?.uri)).toEqual(refreshes.map(() => "c6.ts?undefined-2"));
    expect(refreshes.at(-1)?.segments.every(({ uri }) => uri.startsWith("c"))).toBe(true);
  });
});

describe("an audio rendition that is told where the video resumed", () => {
  const frame = 1024 / 48_000;
  const jitter = fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 60, maxLength: 60 });
  const halves = fc.integer({ min: 1, max: 12 }).map((count) => count / 2);
  const breaks = fc.array(
    fc.record({
      gap: fc.integer({ min: 1, max: 6 }),
      ads: fc.array(fc.array(halves, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
      returnsAt: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 3 },
  );

  test("shows the same ads and the same content under the same numbers, though its segments are some frames off", () => {
    fc.assert(
      fc.property(jitter, breaks, fc.constantFrom(2, 4, 6), (steps, breaks, duration) => {
        let next = 0;
        const fates = breaks.map(({ gap, ads, returnsAt }): Fate => {
          const segment = next + gap;
          next = segment + Math.ceil(totalOf(ads.flat()) / duration) + 2;
          return {
            gap,
            ads,
            segment,
            returnsAt,
            decidedAfter: 0,
            isHeld: false,
            returnIsLateBy: 0,
            resumesAt: undefined,
          };
        });
        const video: Origin = {
          durations: steps.map(() => duration),
          targetDuration: 6,
          discontinuities: new Set(),
          breaks: fates.map(({ segment, ads }) => ({ segment, ads, duration: 0 })),
        };
        const durations = steps.map((step, index) => duration + (step - (steps[index - 1] ?? 0)) * frame);
        const origins = [video, { ...video, durations }];
        const timelines = [emptyTimeline(), emptyTimeline()];
        const resumed = new Map<string, ResumedBreak>();
        const [window, edges]: [number, number[]] = [8, []];
        for (let edge = window; edge <= steps.length; edge++) {
          edges.push(edge);
          const [shown, heard] = origins.map((origin, index) => {
            const decisions = decide({ origin: video, fates, window, steps: [1] }, edges);
            const told = new Map(
              [...decisions].map(([id, decision]) => [id, { ...decision, resumption: resumed.get(id) }]),
            );
            const text = writeWindow(origin, edge - window, edge);
            const stitched = stitchLive(text, CONTENT, timelines[index] ?? emptyTimeline(), told);
            timelines[index] = stitched.timeline;
            for (const entry of stitched.resumed) if (index === 0) resumed.set(entry.availId, entry);
            return new Map(readByHlsParser(stitched.text).map(({ mediaSequence, uri }) => [mediaSequence, uri]));
          });
          for (const [number, uri] of heard ?? []) expect(shown?.get(number) ?? uri).toBe(uri);
        }
      }),
      { numRuns: 60 },
    );
  });
});
