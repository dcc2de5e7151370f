import { describe, expect, test } from "vitest";
import { parseCampaigns } from "../../../src/ads/campaign/campaign-file.ts";
import type { Campaigns } from "../../../src/ads/campaign/campaign.ts";
import { type DeliveryCounts, pickPod, type PodRequest } from "../../../src/ads/campaign/pick-pod.ts";

const NOW = new Date("2026-06-15T12:00:00Z");
const NOTHING: DeliveryCounts = { impressionsOf: () => 0, seenOf: () => [] };

/** A line item with ads of these seconds; their ids are `{id}-{n}`. */
function item(id: string, seconds: readonly number[], terms: Readonly<Record<string, unknown>> = {}) {
  const ads = seconds.map((duration, n) => ({
    id: `${id}-${n + 1}`,
    duration,
    mediaFiles: [{ url: `/${id}-${n}.mp4`, type: "video/mp4", width: 640, height: 360 }],
  }));
  return { id, priority: 1, ads, ...terms };
}

function campaigns(...lineItems: readonly unknown[]): Campaigns {
  return parseCampaigns(JSON.stringify({ version: 1, lineItems }), "c.json");
}

interface Told extends Partial<PodRequest> {
  readonly deliveries?: DeliveryCounts;
  readonly now?: Date;
}

function pick(all: Campaigns, { deliveries = NOTHING, now = NOW, ...told }: Told = {}): readonly string[] {
  const request: PodRequest = {
    zone: "1",
    keyValues: new Map(),
    device: "desktop",
    duration: 60,
    maxAds: undefined,
    seed: 1,
    ...told,
  };
  return pickPod(request, all, deliveries, now).ads.map(({ content, lineItem }) =>
    content.kind === "ad" ? content.ad.id : `wrapper ${lineItem}`,
  );
}

/** How often each is picked, over many draws. */
function draw(all: Campaigns, told: Told = {}): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let seed = 0; seed < 4000; seed++) {
    for (const id of pick(all, { duration: 30, ...told, seed })) counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts;
}

describe("which line items are eligible", () => {
  test("one without a priority is served by its name only", () => {
    expect(pick(campaigns(item("named", [10], { priority: undefined }), item("open", [10])))).toEqual(["open-1"]);
  });

  test("a flight runs from its start until just before its end", () => {
    const all = campaigns(
      item("june", [10], { flight: { start: "2026-06-01T00:00:00Z", end: "2026-07-01T00:00:00Z" } }),
    );
    const at = (text: string): number => pick(all, { now: new Date(text) }).length;
    expect(
      ["2026-05-31T23:59:59.999Z", "2026-06-01T00:00:00Z", "2026-06-30T23:59:59.999Z", "2026-07-01T00:00:00Z"].map(at),
    ).toEqual([0, 1, 1, 0]);
  });

  test("one with zones is served in them only", () => {
    const all = campaigns(item("a", [10], { zones: ["2", "3"] }));
    expect([pick(all), pick(all, { zone: "3" })]).toEqual([[], ["a-1"]]);
  });

  test("every key that is asked for must have one of its values, and no excluded one may be there", () => {
    const targeting = { keyValues: { genre: ["sport", "news"], lang: ["*"] }, exclude: { rating: ["kids"] } };
    const all = campaigns(item("a", [10], { targeting }));
    const fits = (entries: Readonly<Record<string, readonly string[]>>): boolean =>
      pick(all, { keyValues: new Map(Object.entries(entries)) }).length > 0;
    expect(fits({ genre: ["drama", "news"], lang: ["de"] })).toBe(true);
    expect(fits({ genre: ["drama"], lang: ["de"] })).toBe(false);
    expect(fits({ genre: ["news"] })).toBe(false);
    expect(fits({ genre: ["news"], lang: ["de"], rating: ["kids"] })).toBe(false);
    expect(fits({})).toBe(false);
  });

  test("one for devices is served to them only", () => {
    const all = campaigns(item("a", [10], { targeting: { devices: ["tv", "phone"] } }));
    expect([pick(all), pick(all, { device: "tv" })]).toEqual([[], ["a-1"]]);
  });

  test("a viewer who has seen it often enough within the hours does not get it again, and gets it when they are over", () => {
    const all = campaigns(
      item("a", [10], {
        frequency: [
          { impressions: 2, hours: 1 },
          { impressions: 3, hours: 24 },
        ],
      }),
    );
    const after = (...minutes: readonly number[]): number =>
      pick(all, {
        deliveries: { ...NOTHING, seenOf: () => minutes.map((ago) => new Date(NOW.getTime() - ago * 60_000)) },
      }).length;
    expect([after(10), after(10, 59), after(10, 61), after(70, 80, 90), after(70, 80, 1440)]).toEqual([1, 0, 1, 0, 1]);
  });

  test("a cap that cannot be kept, because nobody knows the viewer, keeps the line item out; others are served", () => {
    const all = campaigns(item("capped", [10], { frequency: [{ impressions: 2, hours: 1 }] }), item("open", [10]));
    expect(pick(all, { deliveries: { ...NOTHING, seenOf: () => undefined } })).toEqual(["open-1"]);
  });

  test("a cap holds within one break too", () => {
    const terms = { perBreak: 5, frequency: [{ impressions: 3, hours: 1 }] };
    const all = campaigns(item("a", [5, 5, 5, 5, 5], terms));
    expect(pick(all, { deliveries: { ...NOTHING, seenOf: () => [NOW] } })).toHaveLength(2);
  });
});

describe("pacing", () => {
  const flight = { start: "2026-06-01T00:00:00Z", end: "2026-07-01T00:00:00Z" };
  const delivered = (impressions: number): DeliveryCounts => ({ ...NOTHING, impressionsOf: () => impressions });
  /** 14.5 of 30 days are over. */
  const onLine = Math.floor((3000 * 14.5) / 30);

  test("a line item that is ahead of the straight line waits, one that is on it or behind is served", () => {
    const all = campaigns(item("a", [10], { flight, goal: { impressions: 3000 } }));
    const counts = [onLine + 1, onLine, 0].map((count) => pick(all, { deliveries: delivered(count) }).length);
    expect(counts).toEqual([0, 1, 1]);
  });

  test("as soon as possible: until the goal is reached, and no further, within one break too", () => {
    const all = campaigns(item("a", [5, 5, 5], { perBreak: 3, goal: { impressions: 3000, pacing: "asap" } }));
    const counts = [0, 2998, 2999, 3000].map((count) => pick(all, { deliveries: delivered(count) }).length);
    expect(counts).toEqual([3, 2, 1, 0]);
  });

  test("one that is behind goes before its equals more often, the more so the further behind it is", () => {
    const all = campaigns(item("a", [30], { flight, goal: { impressions: 3000 } }), item("b", [30]));
    const share = (count: number): number => (draw(all, { deliveries: delivered(count) })["a-1"] ?? 0) / 4000;
    expect(share(onLine)).toBeCloseTo(0.5, 1);
    // All of it in the other half of the flight: twice as often as planned
    expect(share(0)).toBeCloseTo(2 / 3, 1);
    const late = { deliveries: delivered(0), now: new Date("2026-06-30T23:00:00Z") };
    expect((draw(all, late)["a-1"] ?? 0) / 4000).toBeCloseTo(10 / 11, 1);
  });
});

describe("priority, weight and fill", () => {
  test("a better priority is served first, although a worse one would fill the break; the rest goes to the next", () => {
    const all = campaigns(item("house", [60, 15], { priority: 9 }), item("sold", [45], { priority: 2 }));
    expect(pick(all)).toEqual(["sold-1", "house-2"]);
  });

  test("among equals each is first in proportion to its weight", () => {
    const counts = draw(campaigns(item("a", [30], { weight: 3 }), item("b", [30]), item("c", [30], { weight: 0.5 })));
    expect((counts["a-1"] ?? 0) / 4000).toBeCloseTo(3 / 4.5, 1);
    expect((counts["c-1"] ?? 0) / 4000).toBeCloseTo(0.5 / 4.5, 1);
  });

  test("the ads of one line item take turns, one per break", () => {
    const counts = draw(campaigns(item("a", [30, 30])));
    expect(Math.abs((counts["a-1"] ?? 0) - 2000)).toBeLessThan(200);
    expect((counts["a-1"] ?? 0) + (counts["a-2"] ?? 0)).toBe(4000);
  });

  test("the same number draws the same pod", () => {
    const all = campaigns(item("a", [15, 15, 15]), item("b", [15, 15]), item("c", [30]));
    expect(pick(all, { seed: 77 })).toEqual(pick(all, { seed: 77 }));
  });

  test("ads that belong together come in their order, next to each other, or not at all", () => {
    const all = campaigns(item("story", [10, 20, 10], { together: true }), item("b", [20], { priority: 2 }));
    for (const seed of [1, 2, 3]) expect(pick(all, { seed })).toEqual(["story-1", "story-2", "story-3", "b-1"]);
    expect(pick(all, { duration: 39 })).toEqual(["b-1"]);
    expect(pick(all, { maxAds: 2 })).toEqual(["b-1"]);
  });

  test("competitors of different priorities are kept apart: the better one stays", () => {
    const all = campaigns(
      item("house", [10], { priority: 9, separation: ["cars"] }),
      item("sold", [10], { separation: ["cars", "loans"] }),
      item("tea", [10], { priority: 9, separation: ["tea"] }),
    );
    expect(pick(all)).toEqual(["sold-1", "tea-1"]);
  });

  test("a wrapper counts for its seconds", () => {
    const all = campaigns(
      { id: "w", priority: 1, duration: 40, wrapper: "https://ads.example/" },
      item("b", [20], { priority: 2 }),
    );
    expect(pick(all)).toEqual(["wrapper w", "b-1"]);
    expect(pick(all, { duration: 30 })).toEqual(["b-1"]);
  });

  test("a break whose length nobody tells gets one ad, or as many as it may have", () => {
    const all = campaigns(...["a", "b", "c"].map((id) => item(id, [600])));
    expect([pick(all, { duration: undefined }).length, pick(all, { duration: undefined, maxAds: 2 }).length]).toEqual([
      1, 2,
    ]);
  });

  test("nothing eligible is no fill", () => {
    expect(pick(campaigns())).toEqual([]);
    expect(pick(campaigns(item("a", [])))).toEqual([]);
  });
});

describe("bumpers", () => {
  const opener = item("opener", [5], { bumper: "first" });
  const closer = item("closer", [5], { bumper: "last" });

  test("stand first and last, take time, and do not count as ads", () => {
    const all = campaigns(closer, item("a", [30]), item("b", [20]), opener);
    expect(pick(all, { maxAds: 2 }).toSorted()).toEqual(["a-1", "b-1", "closer-1", "opener-1"]);
    expect([pick(all)[0], pick(all).at(-1)]).toEqual(["opener-1", "closer-1"]);
    expect(pick(all, { duration: 55 })).toEqual(["opener-1", "a-1", "closer-1"]);
  });

  test("are left out where they would leave no room for an ad, and where there is none", () => {
    const all = campaigns(closer, item("a", [30]), opener);
    expect(pick(all, { duration: 30 })).toEqual(["a-1"]);
    expect(pick(all, { duration: 20 })).toEqual([]);
  });

  test("have flights and targets like any line item, and the best priority is shown", () => {
    const winter = item("winter", [5], { bumper: "first", flight: { end: "2026-03-01T00:00:00Z" } });
    const second = item("second", [5], { bumper: "first", priority: 2 });
    const all = campaigns(winter, second, opener, item("a", [30]));
    for (let seed = 0; seed < 20; seed++) expect(pick(all, { seed })).toEqual(["opener-1", "a-1"]);
  });
});
