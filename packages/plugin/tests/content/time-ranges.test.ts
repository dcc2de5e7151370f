import { expect, test } from "vitest";
import { createMarks } from "../../src/content/time-ranges.ts";

test("a marked range is told when it is entered and left, by playing or by a seek, and not when it is jumped over", () => {
  const told: string[] = [];
  const ranges = [
    { begin: 0, end: 5 },
    { begin: 5, end: 10 },
    { begin: 20, end: 30 },
  ];
  const advance = createMarks(ranges, (name, event) => {
    if ("index" in event) told.push(`${name} ${event.index}`);
  });
  for (const time of [0, 4.9, 5.1, 12, 40, 25, 26, 50]) advance(time);
  expect(told).toEqual(["rangestart 0", "rangeend 0", "rangestart 1", "rangeend 1", "rangestart 2", "rangeend 2"]);
});
