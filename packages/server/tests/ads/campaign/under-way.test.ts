import { describe, expect, test } from "vitest";
import { createOfferQueue } from "../../../src/ads/campaign/offer-queue.ts";
import { createUnderWay, type Offer } from "../../../src/ads/campaign/under-way.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** What is under way of the line item `sold`, with a clock that the test sets. */
function world() {
  let timeMs = 0;
  const underWay = createUnderWay(() => timeMs);
  return {
    underWay,
    expected: () => Math.round(underWay.expectedOf("sold")),
    wait: (ms: number) => void (timeMs += ms),
    /** A thousand ads; their names. */
    offer: (name: string, more: Partial<Offer> = {}): readonly string[] => {
      const names = Array.from({ length: 1000 }, (_, index) => `${name} ${index}`);
      for (const happening of names)
        underWay.add("viewer", { lineItem: "sold", happening, isForRobot: false, isEarly: false, ...more });
      return names;
    },
  };
}

describe("ads under way", () => {
  test("that nobody will show hold a line item back by all of them for minutes, by a quarter for hours, then hardly", () => {
    const { offer, expected, wait } = world();
    offer("first");
    expect(expected()).toBe(1000);
    wait(5 * MINUTE_MS);
    expect(expected()).toBe(250);
    wait(4 * HOUR_MS);
    expect(expected()).toBe(0);
    offer("second");
    expect(expected()).toBeLessThan(30);
  });

  test("that are shown an hour after they were asked for do not teach that nobody shows them", () => {
    const { underWay, offer, expected, wait } = world();
    const first = offer("first");
    wait(HOUR_MS);
    const second = offer("second");
    underWay.settle(first);
    expect(expected()).toBe(1000);
    wait(5 * MINUTE_MS);
    expect(expected()).toBeGreaterThan(900);
    underWay.settle(second);
    expect(expected()).toBe(0);
  });

  test("of the later breaks of a map are about to be shown for hours, and count for the viewer's caps so long", () => {
    const { underWay, offer, expected, wait } = world();
    offer("film", { isEarly: true });
    wait(4 * HOUR_MS - 1);
    expect([expected(), underWay.timesOf("sold", "viewer", new Set()).length]).toEqual([1000, 1000]);
    wait(1);
    expect([expected(), underWay.timesOf("sold", "viewer", new Set()).length]).toEqual([0, 0]);
  });

  test("that were taken back teach nothing", () => {
    const { underWay, offer, expected, wait } = world();
    underWay.takeBack(offer("left out"));
    expect(expected()).toBe(0);
    wait(5 * HOUR_MS);
    offer("next");
    expect(expected()).toBe(1000);
  });

  test("of robots are expected of nobody", () => {
    const { offer, expected, wait } = world();
    offer("robots", { isForRobot: true });
    wait(5 * HOUR_MS);
    offer("viewers");
    expect(expected()).toBe(1000);
  });

  test("are all asked for by turns, late ones too", () => {
    const { underWay, offer, wait } = world();
    const names = ["a", "b", "c"].flatMap((name) => offer(name));
    wait(6 * MINUTE_MS);
    names.push(...["d", "e", "f", "g"].flatMap((name) => offer(name)), ...offer("h", { isEarly: true }));
    const turns = [underWay.list(), underWay.list(), underWay.list()];
    expect(turns.map(({ length }) => length)).toEqual([5000, 3000, 5000]);
    expect(new Set(turns.flat())).toEqual(new Set(names));
  });
});

test("a turn goes on where the last one ended, also where some before it were removed", () => {
  const queue = createOfferQueue(2);
  const add = (happening: string): void =>
    queue.add({ lineItem: "sold", happening, isForRobot: false, viewer: "", offeredAtMs: 0 });
  for (const happening of ["a", "b", "c", "d", "e"]) add(happening);
  expect(queue.takeTurn()).toEqual(["a", "b"]);
  queue.remove("a");
  queue.remove("b");
  expect(queue.takeTurn()).toEqual(["c", "d"]);
  add("f");
  expect([queue.takeTurn(), queue.takeTurn()]).toEqual([
    ["e", "f"],
    ["c", "d"],
  ]);
});
