import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { viewerKey } from "../../../src/ads/break-call.ts";
import { parseCampaigns } from "../../../src/ads/campaign/campaign-file.ts";
import {
  createDeliveries,
  type Deliveries,
  happeningKey,
  type ToldEvent,
} from "../../../src/ads/campaign/deliveries.ts";
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

function impression(more: Partial<ToldEvent> = {}): ToldEvent {
  return {
    receivedAt: new Date(),
    event: "impression",
    zone: "1",
    session: `s${sessions}`,
    break: "mid",
    position: 1,
    ad: "a",
    lineItem: "capped",
    extra: {},
    ...more,
  };
}

function open(query: Queryable["query"], now: () => number = Date.now, errors: string[] = []): Deliveries {
  sessions++;
  return createDeliveries({
    query,
    campaigns: () => CAMPAIGNS,
    now,
    onError: (_error, message) => errors.push(message),
  });
}

const viewer = (): string => viewerKey("1", "", `s${sessions}`);

async function seen(deliveries: Deliveries, key = viewer()): Promise<number | undefined> {
  return (await deliveries.countsFor(key)).seenOf("capped")?.length;
}

describe("impressions", () => {
  test("that are told twice count once, for the viewer and for the goal, and in the next process too", async () => {
    const deliveries = open(database.query);
    const before = (await deliveries.countsFor("")).impressionsOf("sold");
    for (const position of [1, 2, 2, 1]) {
      deliveries.note(impression({ position }));
      deliveries.note(impression({ position, lineItem: "sold", ad: "b" }));
    }
    await deliveries.flush();
    deliveries.note(impression());
    await deliveries.flush();
    expect(await seen(deliveries)).toBe(2);
    const next = createDeliveries({ query: database.query, campaigns: () => CAMPAIGNS, now: Date.now, onError: fail });
    expect(await seen(next)).toBe(2);
    expect((await next.countsFor("")).impressionsOf("sold")).toBe(before + 2);
    expect((await deliveries.countsFor("")).impressionsOf("sold")).toBe(before + 2);
  });

  test("of robots, of other events, and of line items that nothing is counted for leave no trace", async () => {
    const statements: string[] = [];
    const deliveries = open(async (sql) => {
      statements.push(sql);
      return [];
    });
    deliveries.note(impression({ mark: "bot" }));
    deliveries.note(impression({ event: "start" }));
    deliveries.note(impression({ lineItem: "free" }));
    deliveries.note(impression({ lineItem: "gone" }));
    deliveries.note(impression({ lineItem: "" }));
    await deliveries.flush();
    expect(statements).toEqual([]);
  });

  test("of a viewer that the tag named belong to it in every session", async () => {
    const deliveries = open(database.query);
    const key = viewerKey("1", `somebody ${sessions}`, "");
    deliveries.note(impression({ extra: { v: key } }));
    deliveries.note(impression({ session: "another", extra: { v: key } }));
    deliveries.note(impression({ extra: { v: "not a key" }, position: 2 }));
    await deliveries.flush();
    expect([await seen(deliveries, key), await seen(deliveries)]).toEqual([2, 1]);
  });

  test("that the database did not take are taken the next time", async () => {
    let isAway = true;
    const errors: string[] = [];
    const deliveries = open(
      async (sql, values) => (isAway ? Promise.reject(new Error("away")) : database.query(sql, values)),
      Date.now,
      errors,
    );
    deliveries.note(impression());
    await deliveries.flush();
    expect([await seen(deliveries), errors.length]).toEqual([undefined, 2]);
    isAway = false;
    await deliveries.flush();
    expect(await seen(deliveries)).toBe(1);
  });

  test("are removed when no cap needs them; what they add up to stays", async () => {
    let now = Date.now();
    const deliveries = open(database.query, () => now);
    deliveries.note(impression({ receivedAt: new Date(now), lineItem: "sold" }));
    await deliveries.flush();
    const { length } = await database.query("select 1 from delivery where line_item = 'sold'");
    const total = (await deliveries.countsFor("")).impressionsOf("sold");
    expect([length > 0, total > 0]).toEqual([true, true]);
    now += 49 * HOUR;
    deliveries.note(impression({ receivedAt: new Date(now), position: 9 }));
    await deliveries.flush();
    expect(await database.query("select 1 from delivery where line_item = 'sold'")).toEqual([]);
    expect((await open(database.query).countsFor("")).impressionsOf("sold")).toBe(total);
  });
});

describe("ads under way", () => {
  const place = { zone: "1", break: "mid", position: 1, ad: "a" };

  test("count from the answer on, once, and no longer after five minutes without an impression", async () => {
    let now = Date.now();
    const deliveries = open(database.query, () => now);
    const counts = await deliveries.countsFor(viewer());
    const before = counts.impressionsOf("sold");
    const offers = ["capped", "sold"].map((lineItem) => ({
      lineItem,
      happening: happeningKey({ ...place, ad: lineItem, session: `s${sessions}` }),
    }));
    deliveries.offer(viewer(), offers);
    deliveries.offer(viewer(), offers);
    expect([counts.seenOf("capped")?.length, counts.impressionsOf("sold") - before]).toEqual([1, 1]);
    expect((await deliveries.countsFor("somebody else")).seenOf("capped")).toEqual([]);
    now += 299_000;
    expect(counts.seenOf("capped")).toHaveLength(1);
    now += 2_000;
    expect([counts.seenOf("capped")?.length, counts.impressionsOf("sold") - before]).toEqual([0, 0]);
  });

  test("become delivered ones, not two of them", async () => {
    const deliveries = open(database.query);
    const session = `s${sessions}`;
    deliveries.offer(viewer(), [{ lineItem: "capped", happening: happeningKey({ ...place, session }) }]);
    deliveries.note(impression({ ...place, session }));
    const during = await deliveries.countsFor(viewer());
    await deliveries.flush();
    expect([during.seenOf("capped")?.length, await seen(deliveries)]).toEqual([1, 1]);
    const counts = await deliveries.countsFor(viewer());
    const before = counts.impressionsOf("sold");
    deliveries.offer(viewer(), [{ lineItem: "sold", happening: happeningKey({ ...place, ad: "b", session }) }]);
    deliveries.note(impression({ ...place, ad: "b", session, lineItem: "sold" }));
    await deliveries.flush();
    expect(counts.impressionsOf("sold")).toBe(before + 1);
  });

  test("are one with their impression where another instance was told of it", async () => {
    const [one, two] = [open(database.query), open(database.query)];
    const session = `s${sessions}`;
    one.offer(viewer(), [{ lineItem: "capped", happening: happeningKey({ ...place, session }) }]);
    two.note(impression({ ...place, session }));
    await two.flush();
    expect(await seen(one)).toBe(1);
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
    const [one, two] = [open(shared.query), open(shared.query)];
    const session = "shared";
    for (let position = 1; position <= 500; position++) {
      const lineItem = position % 2 === 0 ? "sold" : "capped";
      one.note(impression({ session, position, lineItem }));
      two.note(impression({ session, position: 501 - position, lineItem: position % 2 === 0 ? "capped" : "sold" }));
    }
    await Promise.all([one.flush(), two.flush()]);
    const counts = await one.countsFor(viewerKey("1", "", session));
    expect(counts.seenOf("capped")).toHaveLength(250);
    const [total] = await shared.query(
      "select line_item, impressions::integer as n from delivery_total where line_item = 'sold'",
    );
    expect(total).toEqual({ line_item: "sold", n: 250 });
  });
});

function fail(error: unknown): void {
  throw error;
}
