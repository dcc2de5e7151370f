import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type BreakEntry, createEntry } from "../../src/ads/break-entry.ts";
import { planAlone } from "../../src/ads/planned-break.ts";
import { createVodTerms, type VodClock } from "../../src/ads/vod-terms.ts";
import { createWaits, waitForStartOf, withinTime } from "../../src/ads/wait-deadline.ts";
import { readFacts } from "../../src/content/content.ts";
import { formatVod } from "../fake-web.ts";

const ended = new AbortController().signal;
const BUDGETS = { startBudgetMs: 1500, waitBudgetMs: 2500, ended };
/** Fifteen segments of 4 s. */
const FACTS = readFacts(formatVod(15));

const CLOCK: VodClock = {
  ...BUDGETS,
  canBindLate: () => true,
  now: () => 10_000,
  startedAt: () => 10_000,
  facts: () => FACTS,
  viewed: () => 0,
  passedAt: () => undefined,
  lateNotice: () => undefined,
};

const createBreak = (time: number | "end"): BreakEntry =>
  createEntry(planAlone("break", time === "end" ? "end" : time === 0 ? "start" : { seconds: time }, { kind: "none" }));

function termsOf(time: number | "end", clock: Partial<VodClock> = {}): ReturnType<typeof createVodTerms> {
  const entry = createBreak(time);
  entry.time = time;
  return createVodTerms(entry, { ...CLOCK, ...clock });
}

describe("how long a VOD break may wait", () => {
  test.each<readonly [title: string, left: number, time: number | "end", clock: Partial<VodClock>]>([
    ["a pre-roll: the wait budget, from the first playlist on", 2350, 0, {}],
    ["a second later: a second less", 1350, 0, { now: () => 11_000 }],
    ["before the first playlist: all of it", 2350, 0, { startedAt: () => undefined, now: () => 50_000 }],
    ["a start budget that is longer counts", 3850, 0, { startBudgetMs: 4000 }],
    ["a mid-roll: until one and a half segments are left before it", 13_850, 20, {}],
    ["the place counts at which it will be cut in", 13_850, 18, {}],
    ["the viewer has got on", 3850, 20, { viewed: () => 10 }],
    ["he is nearly there", -150, 20, { viewed: () => 14 }],
    ["he has sought over it: the start budget, from then on", 1050, 20, { viewed: () => 40, passedAt: () => 9700 }],
    ["he has sought back", 13_850, 20, { passedAt: () => 9700 }],
    ["he has begun behind it", -26_150, 20, { viewed: () => 40 }],
    ["a post-roll: until the last segment comes up for loading", 49_850, "end", {}],
    ["in a player that asks once, a mid-roll: the start budget", 1350, 20, { canBindLate: () => false }],
    ["in a player that asks once, a pre-roll: the wait budget", 2350, 0, { canBindLate: () => false }],
  ])("%s: %i ms", (_title, left, time, clock) => {
    expect(termsOf(time, clock).left()).toBeCloseTo(left);
  });

  test("a break that is asked for before the content is known has a place, and an end, when it is", () => {
    const entry = createBreak(20);
    const terms = createVodTerms(entry, CLOCK);
    expect(terms.left()).toBeGreaterThan(3000);
    entry.time = 20;
    expect(terms.left()).toBeCloseTo(13_850);
  });

  test.each<readonly [title: string, left: number, time: number | "end", clock: Partial<VodClock>]>([
    ["a mid-roll: three quarters of a segment are enough", 850, 4, {}],
    ["two and a half seconds at least", 1350, 4, { facts: () => readFacts(formatVod(15, 2)) }],
    ["never less than what waits", 2350, 4, { facts: () => readFacts(formatVod(30, 1)) }],
    ["where the player wants more notice: half a second before that", 10_350, 16, { lateNotice: () => 5 }],
    ["where the player takes nothing where content is loaded: as what waits", 9850, 16, { lateNotice: () => Infinity }],
    ["where it wants less: three quarters of a segment all the same", 12_850, 16, { lateNotice: () => 1 }],
    ["a pre-roll: the wait budget", 2350, 0, {}],
  ])("for an ad that the page makes itself: %s: %i ms", (_title, left, time, clock) => {
    expect(termsOf(time, clock).leftAtMost()).toBeCloseTo(left);
  });
});

test.each(["ready", "placed", "skipped"] as const)("a break that is %s grants its ads nothing more", (status) => {
  const entry = createBreak(0);
  const terms = createVodTerms(entry, CLOCK);
  expect([terms.left(), terms.leftAtMost()]).toEqual([2350, 2350]);
  entry.status = status;
  expect([terms.left(), terms.leftAtMost()]).toEqual([0, 0]);
});

describe("how long it is to a VOD break", () => {
  test.each<readonly [title: string, seconds: number, time: number | "end", clock: Partial<VodClock>]>([
    ["a pre-roll", 0, 0, {}],
    ["a mid-roll: until its place comes up for loading", 20, 20, {}],
    ["in a player that asks once: it is decided at the start", 0, 20, { canBindLate: () => false }],
    ["in a player that asks once, a post-roll", 0, "end", { canBindLate: () => false }],
  ])("%s: %d s", (_title, seconds, time, clock) => {
    expect(termsOf(time, clock).timeToBreak()).toBeCloseTo(seconds);
  });
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const soon = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("waitForStartOf", () => {
  const measure = async (
    decidedMs: number,
    waits: readonly (readonly [from: number, to: number])[],
  ): Promise<number | undefined> => {
    const open = createWaits();
    for (const [from, to] of waits) {
      if (from === 0) open.add(soon(to));
      else void soon(from).then(() => open.add(soon(to - from)));
    }
    const startedAt = performance.now();
    let took: number | undefined;
    void waitForStartOf(
      { decided: soon(decidedMs), nextWait: open.next, close: () => Promise.resolve() },
      soon(BUDGETS.startBudgetMs),
      BUDGETS,
    ).then(() => {
      took = Math.round(performance.now() - startedAt);
    });
    await vi.advanceTimersByTimeAsync(10_000);
    return took;
  };

  test.each([
    ["is over when all is decided", 700, [], 700],
    ["is over at the start budget where nothing waits", 9000, [], 1500],
    ["goes on to the decision while one waits", 2000, [[0, 2000]], 2000],
    ["goes on to the wait budget and no longer", 9000, [[0, 9000]], 2500],
    ["is over when the wait is, though another ad is still to come", 9000, [[0, 1800]], 1800],
    [
      "goes on while a second one waits",
      9000,
      [
        [0, 1800],
        [1000, 2200],
      ],
      2200,
    ],
  ] as const)("%s", async (_title, decidedMs, waits, took) => {
    expect(await measure(decidedMs, waits)).toBe(took);
  });
});

describe("withinTime", () => {
  test("a deadline that comes nearer than it was ends it within a quarter of a second", async () => {
    let end = 10_000;
    const startedAt = performance.now();
    let result: { readonly value: unknown; readonly at: number } | undefined;
    const promise = soon(9000).then(() => "late");
    void withinTime(promise, () => startedAt + end - performance.now(), ended).then((value) => {
      result = { value, at: performance.now() - startedAt };
    });
    await vi.advanceTimersByTimeAsync(1100);
    end = 1000;
    await vi.advanceTimersByTimeAsync(200);
    expect(result?.value).toBeUndefined();
    expect(result?.at).toBeLessThanOrEqual(1250);
  });

  test("what is there already counts, also where no time is left", async () => {
    const found = withinTime(Promise.resolve("there"), () => 0, ended);
    await vi.advanceTimersByTimeAsync(1);
    expect(await found).toBe("there");
  });

  test("what fails in time throws, and what fails later fails for nobody", async () => {
    const fail = async (ms: number): Promise<string> => {
      await soon(ms);
      throw new Error(`after ${ms} ms`);
    };
    const startedAt = performance.now();
    const left = (): number => startedAt + 1000 - performance.now();
    const inTime = withinTime(fail(500), left, ended).catch(String);
    const late = withinTime(fail(1500), left, ended).catch(String);
    await vi.advanceTimersByTimeAsync(3000);
    expect([await inTime, await late]).toEqual(["Error: after 500 ms", undefined]);
  });
});
