import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { parseCampaigns } from "../../../src/ads/campaign/campaign-file.ts";
import { createDeliveries, type Deliveries } from "../../../src/ads/campaign/deliveries.ts";
import { happeningKey, storeDeliveries, type StoredBeacon } from "../../../src/ads/campaign/delivery-store.ts";
import { viewerKey } from "../../../src/ads/break-call.ts";
import { type Database, openDatabase, type Queryable } from "../../../src/database/database.ts";
import { openTestDatabase } from "../../http/test-app.ts";
import { type PrivatePostgres, startPostgres } from "../../database/private-postgres.ts";

const CAMPAIGNS = parseCampaigns(
  JSON.stringify({
    version: 1,
    lineItems: [
      { id: "sold", priority: 1, goal: { impressions: 100, pacing: "asap" }, ads: [] },
      { id: "capped", priority: 1, frequency: [{ impressions: 2, hours: 48 }], ads: [] },
      { id: "free", priority: 1, ads: [] },
    ],
  }),
  "c.json",
);

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

const HOUR = 3_600_000;
/** Each test has a session of its own, so that one database serves all. */
let sessions = 0;

function impression(more: Partial<StoredBeacon> = {}): StoredBeacon {
  return {
    key: randomUUID(),
    received_at: new Date().toISOString(),
    event: "impression",
    zone: "1",
    session: `s${sessions}`,
    break: "mid",
    position: 1,
    ad: "a",
    line_item: "capped",
    signature: "signed",
    mark: "",
    extra: {},
    ...more,
  };
}

const store = (...beacons: readonly StoredBeacon[]): Promise<void> => storeDeliveries(database, beacons);

/** A database of a busy machine is waited for. */
const PATIENT = { unknownMs: 60_000, knownMs: 60_000 };
const HASTY = { unknownMs: 1, knownMs: 1 };

function open(
  query: Queryable["query"],
  now: () => number = Date.now,
  errors: string[] = [],
  waits = PATIENT,
): Deliveries {
  sessions++;
  return createDeliveries({
    query,
    campaigns: () => CAMPAIGNS,
    now,
    onError: (_error, message) => errors.push(message),
    waits,
  });
}

const viewer = (): string => viewerKey("1", "", `s${sessions}`);

async function seen(deliveries: Deliveries, key = viewer()): Promise<number | undefined> {
  return (await deliveries.countsFor(key)).seenOf("capped")?.length;
}

async function sold(deliveries: Deliveries): Promise<number> {
  return (await deliveries.countsFor("")).impressionsOf("sold") ?? Number.NaN;
}

describe("impressions", () => {
  test("that are told twice count once, for the viewer and for the goal", async () => {
    const deliveries = open(database.query);
    const before = await sold(deliveries);
    for (const position of [1, 2, 2, 1]) {
      await store(impression({ position }), impression({ position, line_item: "sold", ad: "b" }));
    }
    await store(impression(), impression());
    expect([await seen(deliveries), await sold(open(database.query))]).toEqual([2, before + 2]);
  });

  test("of robots, of other events, of nobody's line item, and those that anybody could have written leave no trace", async () => {
    const statements: string[] = [];
    const query: Queryable["query"] = async (sql) => {
      statements.push(sql);
      return [];
    };
    const others: readonly Partial<StoredBeacon>[] = [
      { mark: "bot" },
      { event: "start" },
      { line_item: "" },
      { signature: "unsigned" },
      { signature: "forged" },
      { signature: "own" },
      { signature: "" },
    ];
    await storeDeliveries({ query }, others.map(impression));
    expect(statements).toEqual([]);
    await storeDeliveries({ query }, [impression()]);
    expect(statements).toHaveLength(1);
  });

  test("of a viewer that the tag named belong to it in every session", async () => {
    const deliveries = open(database.query);
    const key = viewerKey("1", `somebody ${sessions}`, "");
    await store(
      impression({ extra: { v: key } }),
      impression({ session: "another", extra: { v: key } }),
      impression({ extra: { v: "not a key" }, position: 2 }),
    );
    expect([await seen(deliveries, key), await seen(deliveries)]).toEqual([2, 1]);
  });

  test("without a session are one for each beacon, and the same one where a beacon is stored again", async () => {
    const before = await sold(open(database.query));
    const nameless = impression({ session: "", line_item: "sold" });
    await store(nameless, impression({ session: "", line_item: "sold" }));
    await store(nameless);
    expect(await sold(open(database.query))).toBe(before + 2);
  });

  test("of before are known to the first requests after a start, all of them", async () => {
    await store(impression({ line_item: "sold", position: 40 }));
    const deliveries = open(database.query);
    const counts = await Promise.all([sold(deliveries), sold(deliveries), sold(deliveries)]);
    expect(counts).not.toContain(0);
    expect(new Set(counts).size).toBe(1);
  });

  test("nobody knows of, as long as the database could not be read: of none, not of no impression", async () => {
    let isAway = true;
    const errors: string[] = [];
    let now = Date.now();
    const deliveries = open(
      async (sql, values) => (isAway ? Promise.reject(new Error("away")) : database.query(sql, values)),
      () => now,
      errors,
    );
    const unread = await deliveries.countsFor(viewer());
    expect([unread.impressionsOf("sold"), unread.seenOf("capped"), errors.length]).toEqual([undefined, undefined, 2]);
    isAway = false;
    now += 1_000;
    const total = await sold(deliveries);
    expect(total).toBeGreaterThan(0);
    isAway = true;
    now += 10_000;
    expect(await sold(deliveries)).toBe(total);
  });

  test("of a database that has fallen silent are those that were known, and keep no answer waiting", async () => {
    let isSilent = false;
    let now = Date.now();
    let asked = 0;
    const query: Queryable["query"] = async (sql, values) => {
      asked++;
      return isSilent ? new Promise(() => undefined) : database.query(sql, values);
    };
    const deliveries = open(query, () => now, [], HASTY);
    await expect.poll(() => sold(deliveries), { timeout: 5000 }).toBeGreaterThanOrEqual(0);
    const total = await sold(deliveries);
    isSilent = true;
    now += 6_000;
    asked = 0;
    for (let request = 0; request < 3; request++) expect(await sold(deliveries)).toBe(total);
    expect(asked).toBe(1);
    for (let request = 0; request < 10; request++) expect(await seen(deliveries)).toBeUndefined();
    expect(asked).toBe(6);
  });

  test("are of none while a database is silent from the start, which the log says", async () => {
    const errors: string[] = [];
    const deliveries = open(async () => new Promise(() => undefined), Date.now, errors, HASTY);
    expect((await deliveries.countsFor(viewer())).impressionsOf("sold")).toBeUndefined();
    expect(errors).toHaveLength(2);
  });

  test("are not asked for again within a second of a failure", async () => {
    let now = Date.now();
    let asked = 0;
    const query: Queryable["query"] = async () => {
      asked++;
      throw new Error("away");
    };
    const deliveries = open(query, () => now);
    await deliveries.countsFor("");
    await deliveries.countsFor("");
    expect(asked).toBe(1);
    now += 1_000;
    await deliveries.countsFor("");
    expect(asked).toBe(2);
  });

  test("are removed when no cap needs them; what they add up to stays", async () => {
    const now = Date.now();
    await store(impression({ received_at: new Date(now).toISOString(), line_item: "sold", position: 50 }));
    const total = await sold(open(database.query));
    await open(database.query, () => now + 47 * HOUR).tidy();
    expect((await database.query("select from delivery where line_item = 'sold'")).length).toBeGreaterThan(0);
    await open(database.query, () => now + 49 * HOUR).tidy();
    expect(await database.query("select from delivery where line_item = 'sold'")).toEqual([]);
    expect(await sold(open(database.query))).toBe(total);
  });
});

describe("ads under way", () => {
  const place = { zone: "1", break: "mid", position: 1, ad: "a" };
  const plain = { isForRobot: false, isEarly: false };

  test("count from the answer on, once; after five minutes without an impression no more for the viewer", async () => {
    let now = Date.now();
    const deliveries = open(database.query, () => now);
    const counts = await deliveries.countsFor(viewer());
    const before = counts.impressionsOf("sold") ?? Number.NaN;
    const offers = ["capped", "sold"].map((lineItem) => ({
      lineItem,
      happening: happeningKey({ ...place, ad: lineItem, session: `s${sessions}` }),
      ...plain,
    }));
    deliveries.offer(viewer(), offers);
    deliveries.offer(viewer(), offers);
    expect([counts.seenOf("capped")?.length, counts.impressionsOf("sold")]).toEqual([1, before + 1]);
    expect((await deliveries.countsFor("somebody else")).seenOf("capped")).toEqual([]);
    now += 299_000;
    expect(counts.seenOf("capped")).toHaveLength(1);
    now += 2_000;
    expect([counts.seenOf("capped")?.length, counts.impressionsOf("sold")]).toEqual([0, before + 0.25]);
    now += 4 * HOUR;
    expect(counts.impressionsOf("sold")).toBe(before);
  });

  test("become delivered ones, not two of them, whichever instance was told", async () => {
    let now = Date.now();
    const deliveries = open(database.query, () => now);
    const session = `s${sessions}`;
    const before = await sold(deliveries);
    deliveries.offer(viewer(), [
      { lineItem: "capped", happening: happeningKey({ ...place, session }), ...plain },
      { lineItem: "sold", happening: happeningKey({ ...place, ad: "b", session }), ...plain },
      { lineItem: "sold", happening: happeningKey({ ...place, ad: "c", session }), ...plain },
    ]);
    await store(impression({ ...place, session }), impression({ ...place, ad: "b", session, line_item: "sold" }));
    expect([await seen(deliveries), await sold(deliveries)]).toEqual([1, before + 2]);
    now += 6_000;
    expect([await seen(deliveries), await sold(deliveries)]).toEqual([1, before + 2]);
    now += 4 * HOUR + 300_000;
    expect(await sold(deliveries)).toBe(before + 1);
  });

  test("that are more than the database is asked for at once are asked for by turns", async () => {
    let now = Date.now();
    const deliveries = open(database.query, () => now);
    const before = await sold(deliveries);
    const session = `s${sessions}`;
    const names = Array.from({ length: 6000 }, (_, index) => `crowd ${index}`);
    const offers = names.map((ad) => ({
      lineItem: "sold",
      happening: happeningKey({ ...place, ad, session }),
      ...plain,
    }));
    deliveries.offer("", offers);
    await store(...[0, 5999].map((index) => impression({ ad: names[index] ?? "", session, line_item: "sold" })));
    now += 6_000;
    await sold(deliveries);
    now += 6_000;
    expect(await sold(deliveries)).toBe(before + 6000);
  });

  test("nobody knows how often an unknown viewer has seen something", async () => {
    expect(await seen(open(database.query), "")).toBeUndefined();
  });
});

describe("on PostgreSQL", () => {
  let postgres: PrivatePostgres | undefined;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());

  test("two instances count each impression once and see each other's", async (context) => {
    if (!postgres) return context.skip();
    const shared = await openDatabase({ databaseUrl: postgres.url, directory: "" });
    onTestFinished(() => shared.close());
    const session = "shared";
    const told = Array.from({ length: 500 }, (_, index) =>
      impression({ session, position: index + 1, line_item: index % 2 === 0 ? "sold" : "capped" }),
    );
    const parts = [told.slice(0, 300), told.slice(200), told.toReversed()];
    await Promise.all(parts.map((part) => shared.transaction((tx) => storeDeliveries(tx, part))));
    const counts = await open(shared.query).countsFor(viewerKey("1", "", session));
    expect([counts.seenOf("capped")?.length, counts.impressionsOf("sold")]).toEqual([250, 250]);
    await open(shared.query, () => Date.now() + 49 * HOUR).tidy();
    expect(await shared.query("select from delivery")).toEqual([]);
  });
});
