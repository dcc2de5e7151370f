import { describe, expect, test } from "vitest";
import { parseCampaigns } from "../../../src/ads/campaign/campaign-file.ts";
import type { LineItem } from "../../../src/ads/campaign/campaign.ts";
import { urgencyOf } from "../../../src/ads/campaign/pacing.ts";

function sold(goal: unknown): LineItem {
  const flight = { start: "2026-06-01T00:00:00Z", end: "2026-06-11T00:00:00Z" };
  const text = JSON.stringify({ version: 1, lineItems: [{ id: "a", priority: 1, flight, goal, ads: [] }] });
  const [item] = parseCampaigns(text, "c.json").lineItems.values();
  if (!item) throw new Error("no line item");
  return item;
}

describe("urgencyOf", () => {
  const at = (day: number): Date => new Date(Date.UTC(2026, 5, 1 + day));

  test("is 1 on the straight line, more behind it, ten at most, and 0 ahead of it", () => {
    const item = sold({ impressions: 100 });
    const cases = [
      [0, 0, 1],
      [5, 50, 1],
      [5, 51, 0],
      [5, 25, 1.5],
      [5, 0, 2],
      [9, 0, 10],
      [9.9, 0, 10],
      [10, 99, 10],
    ] as const;
    for (const [day, delivered, urgency] of cases) expect(urgencyOf(item, delivered, at(day))).toBeCloseTo(urgency, 9);
  });

  test("is 0 once the goal is reached, at any pace", () => {
    for (const pacing of ["even", "asap"]) {
      const item = sold({ impressions: 100, pacing });
      expect([100, 101].map((delivered) => urgencyOf(item, delivered, at(10)))).toEqual([0, 0]);
    }
  });
});
