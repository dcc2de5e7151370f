import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FILL_TOLERANCE, fillBreak, type FillOption, type Room } from "../../../src/ads/campaign/fill-break.ts";

interface Named extends FillOption {
  readonly name: string;
}

function option(name: string, duration: number, more: Partial<FillOption> = {}): Named {
  return { name, duration, count: 1, group: name, groupLimit: 1, labels: [], creatives: [name], ...more };
}

const fill = (options: readonly Named[], room: Room, taken: readonly FillOption[] = []): readonly string[] =>
  fillBreak(options, room, taken).map(({ name }) => name);

const secondsOf = (options: readonly FillOption[]): number => options.reduce((sum, one) => sum + one.duration, 0);

describe("fillBreak", () => {
  test("leaves a preferred ad out where two others fill the break and it would leave a hole", () => {
    expect(fill([option("forty", 40), option("a", 30), option("b", 30)], { seconds: 60, ads: 9 })).toEqual(["a", "b"]);
  });

  test("of equal fills it takes the one with the preferred ads, whatever half a second says", () => {
    const options = [option("a", 29.8), option("b", 30), option("c", 30)];
    expect(fill(options, { seconds: 30, ads: 9 })).toEqual(["a"]);
    expect(fill(options, { seconds: 60, ads: 9 })).toEqual(["a", "b"]);
  });

  test("an ad that is a few frames longer than its thirty seconds fits a break of thirty", () => {
    expect(fill([option("long", 30.6), option("a", 30.03)], { seconds: 30, ads: 9 })).toEqual(["a"]);
  });

  test("keeps to the number of ads, and then takes the longer ones", () => {
    const options = [option("a", 15), option("b", 15), option("c", 30), option("d", 30)];
    expect(fill(options, { seconds: 60, ads: 2 })).toEqual(["c", "d"]);
    expect(fill(options, { seconds: 60, ads: 1 })).toEqual(["c"]);
    expect(fill(options, { seconds: 60, ads: 0 })).toEqual([]);
  });

  test("of a line item there are as many ads as it allows, and never the same film twice", () => {
    const own = { group: "item", groupLimit: 2 };
    const options = ["a", "b", "c"].map((name) => option(name, 10, own));
    expect(fill(options, { seconds: 60, ads: 9 })).toEqual(["a", "b"]);
    expect(
      fill([option("x", 10, { creatives: ["film"] }), option("y", 10, { creatives: ["film"] })], {
        seconds: 60,
        ads: 9,
      }),
    ).toEqual(["x"]);
  });

  test("competitors are kept apart, from those that are in the break already too; one line item does not compete with itself", () => {
    const cars = { labels: ["cars"] };
    const options = [option("a", 10, cars), option("b", 10, { labels: ["cars", "tea"] }), option("c", 10)];
    expect(fill(options, { seconds: 60, ads: 9 })).toEqual(["a", "c"]);
    expect(fill(options, { seconds: 60, ads: 9 }, [option("t", 5, { labels: ["tea"] })])).toEqual(["a", "c"]);
    expect(fill(options, { seconds: 60, ads: 9 }, [option("t", 5, cars)])).toEqual(["c"]);
    const same = { ...cars, group: "item", groupLimit: 2 };
    expect(fill([option("a", 10, same), option("b", 10, same)], { seconds: 60, ads: 9 })).toEqual(["a", "b"]);
  });

  test("without a length the preferred ones are taken, however long", () => {
    const options = [option("a", 5), option("b", 500), option("c", 30)];
    expect(fill(options, { seconds: Infinity, ads: 2 })).toEqual(["a", "b"]);
  });

  test("nothing fits a break that is over, and nothing is taken from an empty list", () => {
    expect(fill([option("a", 5)], { seconds: 0, ads: 9 })).toEqual([]);
    expect(fill([option("a", 5)], { seconds: -1, ads: 9 })).toEqual([]);
    expect(fill([], { seconds: 60, ads: 9 })).toEqual([]);
  });

  test("two hundred ads that never add up are given up on, with a fill that keeps the rules", () => {
    const options = Array.from({ length: 200 }, (_, i) => option(`o${i}`, 7 + (i % 97) * 0.613));
    const filled = fillBreak(options, { seconds: 3600, ads: 30 });
    expect(filled.length).toBeLessThanOrEqual(30);
    expect(secondsOf(filled)).toBeLessThanOrEqual(3600 + FILL_TOLERANCE);
    expect(filled.length).toBeGreaterThan(0);
  });

  const options = fc
    .array(
      fc.record({
        // Mostly lengths that are sold, so that many can stand for one another
        duration: fc.oneof(
          fc.constantFrom(5, 10, 15, 20),
          fc.integer({ min: 1, max: 60 }).map((halves) => halves / 2),
        ),
        group: fc.integer({ min: 0, max: 5 }),
        label: fc.constantFrom([], ["x"], ["y"], ["x", "y"]),
        creative: fc.integer({ min: 0, max: 6 }),
        count: fc.integer({ min: 1, max: 2 }),
      }),
      { maxLength: 9 },
    )
    .map((list) =>
      list.map(({ duration, group, label, creative, count }, index) =>
        // Labels and limits belong to the line item, so that they are the same in a group
        option(`o${index}`, duration, {
          count,
          group: `g${group}`,
          groupLimit: 1 + (group % 3),
          labels: group % 2 === 0 ? [] : label.slice(0, group),
          creatives: [`c${creative}`],
        }),
      ),
    );

  test("no allowed choice fills a break better than the one it makes, by more than the tolerance", () => {
    fc.assert(
      fc.property(options, fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 4 }), (list, seconds, ads) => {
        const filled = fillBreak(list, { seconds, ads });
        expect(isAllowed(filled, seconds, ads)).toBe(true);
        const best = Math.max(
          0,
          ...subsets(list)
            .filter((some) => isAllowed(some, seconds, ads))
            .map(secondsOf),
        );
        expect(secondsOf(filled)).toBeGreaterThan(best - FILL_TOLERANCE - 1e-9);
        expect(filled.length > 0).toBe(best > 0);
      }),
      { numRuns: 300 },
    );
  });
});

function subsets(list: readonly Named[]): readonly (readonly Named[])[] {
  return Array.from({ length: 2 ** list.length }, (_, bits) => list.filter((_one, i) => (bits >> i) & 1));
}

function isAllowed(some: readonly Named[], seconds: number, ads: number): boolean {
  const count = (list: readonly FillOption[]): number => list.reduce((sum, one) => sum + one.count, 0);
  const pairs = some.flatMap((a, i) => some.slice(i + 1).map((b) => [a, b] as const));
  return (
    secondsOf(some) <= seconds + FILL_TOLERANCE &&
    count(some) <= ads &&
    some.every((one) => count(some.filter(({ group }) => group === one.group)) <= one.groupLimit) &&
    pairs.every(([a, b]) => a.creatives[0] !== b.creatives[0]) &&
    pairs.every(([a, b]) => a.group === b.group || !a.labels.some((label) => b.labels.includes(label)))
  );
}
