import { describe, expect, test } from "vitest";
import { selectDue, selectNext } from "../../src/content/lazy.ts";

const list = (...times: readonly (number | undefined)[]): readonly { readonly time: number | undefined }[] =>
  times.map((time) => ({ time }));
const due = (
  waiting: readonly { readonly time: number | undefined }[],
  from: number | undefined,
  to: number,
  ahead = 10,
): readonly unknown[] => selectDue(waiting, from, to, ahead).map(({ time }) => time);

describe("selectDue", () => {
  test("takes what lies within reach of the viewer, and nothing behind it", () => {
    expect(due(list(4, 12, 14, 40), 3.75, 4)).toEqual([4, 12, 14]);
  });

  test("a seek over breaks takes the nearest one before its target", () => {
    expect(due(list(20, 60, 100, 200), 10, 150)).toEqual([100]);
  });

  test("breaks at one place are taken together, those behind the viewer too", () => {
    expect(due(list(100, 100.2, 110), 10, 105, 2)).toEqual([100, 100.2]);
  });

  test("a viewer who has just come has gone over none", () => {
    expect(due(list(20, 60, 1205), undefined, 1200)).toEqual([1205]);
  });

  test("a seek back takes what it comes near to", () => {
    expect(due(list(20, 60), 300, 15)).toEqual([20]);
  });

  test("breaks whose place is not known yet wait", () => {
    expect(due(list(undefined, 5), 0, 1)).toEqual([5]);
  });
});

describe("selectNext", () => {
  const pre = { time: 0, maxDuration: 15 };
  const next = (times: readonly number[], at: number): unknown =>
    selectNext([pre, ...list(...times)], [pre], at)?.next.time;

  test("is the break that comes up after the last one, within the minute", () => {
    expect(next([15, 900], 0)).toBe(15);
    expect(next([900], 0)).toBeUndefined();
  });

  test("for a viewer who begins later it is none that he has gone over, and his time counts from there", () => {
    expect(next([15, 900], 600)).toBeUndefined();
    expect(next([15, 630], 600)).toBe(630);
  });
});
