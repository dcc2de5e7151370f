import { beforeEach, describe, expect, test } from "vitest";
import type { BreakEntry } from "../../src/ads/break-entry.ts";
import { planAlone } from "../../src/ads/planned-break.ts";
import { createEmptyBreaks } from "../../src/content/empty-breaks.ts";

function entry(id: string, time: number, reason: BreakEntry["reason"]): BreakEntry {
  const planned = planAlone(id, { seconds: time }, { kind: "none" });
  return { planned, time, status: reason ? "skipped" : "placed", reason, ads: [], refused: new Set() };
}

describe("a VOD break that nothing came of", () => {
  let told: string[];
  let advance: (contentTime: number) => void;
  beforeEach(() => {
    told = [];
    const entries = [entry("pre", 0, "no-ads"), entry("mid", 10, "new-creative"), entry("full", 10, undefined)];
    const all = [...entries, entry("no-place", 10, "policy")];
    advance = createEmptyBreaks(
      () => all,
      (time) => time + 8,
      (name, event) => {
        if ("adCount" in event && "startTime" in event) told.push(`${name} ${event.breakId} ${event.startTime}`);
      },
    );
  });

  test("starts and completes in one moment when the viewer plays over it", () => {
    for (const time of [9, 9.9, 10.1, 10.3]) advance(time);
    expect(told).toEqual(["adbreakstart mid 18", "adbreakcomplete mid 18"]);
  });

  test("at the very start too", () => {
    for (const time of [0.2, 0.4]) advance(time);
    expect(told).toEqual(["adbreakstart pre 8", "adbreakcomplete pre 8"]);
  });

  test("is not told where a seek goes over it", () => {
    for (const time of [5, 20, 9]) advance(time);
    expect(told).toEqual([]);
  });

  test("is told again when it is played over again", () => {
    for (const time of [9.5, 10.5, 9.5, 10.5]) advance(time);
    expect(told).toHaveLength(4);
  });
});
