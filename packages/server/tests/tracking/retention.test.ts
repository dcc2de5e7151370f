import { randomUUID } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import { type Database, openDatabase, type Queryable } from "../../src/database/database.ts";
import { happeningOfBeacon } from "../../src/tracking/happening.ts";
import { storeDay } from "../../src/tracking/load-statement.ts";
import { ensurePartitions, lockTracking } from "../../src/tracking/partitions.ts";
import { startPostgres } from "../database/private-postgres.ts";
import { openTestDatabase, testConfig } from "../http/test-app.ts";
import { countHours, NOON, trackingWorld, viewerBeacon } from "./tracking-world.ts";

const embedded = await openTestDatabase();
const postgres = await startPostgres();
if (postgres === undefined) console.warn("retention.test.ts: no PostgreSQL is installed, its tests are skipped");
const server = postgres && (await openDatabase({ databaseUrl: postgres.url, directory: "/nowhere" }));
afterAll(async () => {
  await server?.close();
  await postgres?.stop();
});

interface Case {
  readonly name: string;
  readonly database: Database;
}
const SERVER: readonly Case[] = server ? [{ name: "PostgreSQL", database: server }] : [];
const CASES: readonly Case[] = [{ name: "PGlite", database: embedded }, ...SERVER];

/** A reader that stays, as pg_dump does, until the function that it returns is called. */
async function holdReader(database: Database): Promise<() => Promise<void>> {
  let end = (): void => undefined;
  const held = new Promise<void>((resolve) => (end = resolve));
  let begun = (): void => undefined;
  const isReading = new Promise<void>((resolve) => (begun = resolve));
  const reading = database.transaction(async (tx) => {
    await tx.query("select count(*) from tracking_event");
    await tx.query("select count(*) from tracking_hour");
    begun();
    await held;
  });
  await isReading;
  return async () => {
    end();
    await reading;
  };
}

async function partitionsOf(database: Database, prefix: string): Promise<readonly string[]> {
  const rows = await database.query<{ readonly name: string }>(
    `select child.relname as name from pg_inherits join pg_class child on child.oid = inhrelid
     where inhparent = 'tracking_event'::regclass and starts_with(child.relname::text, $1) order by 1`,
    [prefix],
  );
  return rows.map(({ name }) => name);
}

describe.each(SERVER)("while a reader stays in the tables of $name", ({ database }) => {
  test("the tables of the next days are made, beacons are loaded and others read", async () => {
    const { open } = trackingWorld(database);
    const release = await holdReader(database);
    try {
      const tracking = open({ now: () => Date.parse("2027-02-10T12:00:00Z") });
      const receivedAt = new Date("2027-02-10T11:00:00Z");
      await tracking.append(viewerBeacon("start", { zone: "dumped", session: "a" }, { receivedAt }));
      tracking.start();
      expect(await tracking.settle(5_000)).toBe(true);
      expect(await tracking.list({ zone: "dumped", limit: 10 })).toHaveLength(1);
    } finally {
      await release();
    }
    const made = await partitionsOf(database, "tracking_event_202702");
    expect(made.map((name) => name.slice(-2))).toEqual(["10", "11", "12"]);
  });

  test("old tables stay, which holds nothing up, and go when it ends", async () => {
    const { open, problems } = trackingWorld(database);
    await database.transaction((tx) => ensurePartitions(tx.query, ["2028-01-01"]));
    let time = Date.parse("2028-03-10T12:00:00Z");
    const release = await holdReader(database);
    try {
      const tracking = open({ now: () => time, retention: { days: 10, months: 25 } });
      tracking.start();
      expect(await tracking.settle(20_000)).toBe(true);
      expect(await tracking.list({ zone: "dumped", limit: 10 })).toEqual(expect.any(Array));
    } finally {
      await release();
    }
    expect(await partitionsOf(database, "tracking_event_20280101")).toHaveLength(1);
    expect(problems).toEqual([expect.stringContaining("lock timeout")]);
    time += 60_000;
    const next = open({ now: () => time, retention: { days: 10, months: 25 } });
    next.start();
    await next.settle();
    expect(await partitionsOf(database, "tracking_event_20280101")).toEqual([]);
  });
});

describe.each(CASES)("the tables of $name", ({ database }) => {
  test("a day whose table was taken out to be archived has a new one for what still comes", async () => {
    const { open, problems } = trackingWorld(database);
    const tracking = open();
    const append = (session: string): Promise<void> =>
      tracking.append(viewerBeacon("start", { zone: "archived", session }));
    await append("a");
    await tracking.settle();
    await database.query("alter table tracking_event detach partition tracking_event_20261121");
    await append("b");
    await tracking.settle();
    expect(problems).toEqual([]);
    expect(tracking.figures()).toMatchObject({ added: 2, rejected: 0 });
    expect(await countHours(database, "archived")).toEqual({ start: 2 });
    expect(await partitionsOf(database, "tracking_event_20261121")).toEqual(["tracking_event_20261121_2"]);
    expect(await database.query("select session from tracking_event_20261121 where zone = 'archived'")).toEqual([
      { session: "a" },
    ]);
  });

  test("a journal from before the days that are kept is refused, since nothing knows its duplicates any more", async () => {
    const { open, problems } = trackingWorld(database);
    const tracking = open({ retention: { days: 2, months: 25 } });
    for (const time of ["2026-11-18T23:59:59Z", "2026-11-19T00:00:00Z"]) {
      const receivedAt = new Date(time);
      await tracking.append(viewerBeacon("start", { zone: "restored", session: time }, { receivedAt }));
    }
    await tracking.settle();
    expect(await countHours(database, "restored")).toEqual({ start: 1 });
    expect(tracking.figures()).toMatchObject({ added: 1, rejected: 1 });
    expect(problems).toEqual([expect.stringContaining("1 of 2026-11-18, expected none from before 2026-11-19")]);
  });

  test("how far a journal is loaded is forgotten with the days that it is about", async () => {
    const { open } = trackingWorld(database);
    const insert = (id: string, at: string): Promise<unknown> =>
      database.query("insert into tracking_journal (id, loaded, loaded_at) values ($1, 7, $2)", [id, at]);
    const [old, young] = [`${randomUUID()}/1`, `${randomUUID()}/1`];
    await insert(old, "2026-10-16T00:00:00Z");
    await insert(young, "2026-10-18T00:00:00Z");
    const tracking = open();
    tracking.start();
    await tracking.settle();
    expect(await database.query("select id from tracking_journal where id in ($1, $2)", [old, young])).toEqual([
      { id: young },
    ]);
  });

  test("beacons of the release before are counted once, also those that it still writes", async () => {
    const { open } = trackingWorld(database);
    const insert = (session: string): Promise<unknown> =>
      database.query(
        `insert into beacon (received_at, event, zone, session, break, position, ad, occurrence, creative, line_item, extra)
         values ($1, 'impression', 'old', $2, 'b', 1, 'a', 1, 'c', 'l', '{"x":"y"}')`,
        [NOON, session],
      );
    await insert("one");
    await insert("one");
    await insert("two");
    const first = open();
    await first.settle();
    expect(await countHours(database, "old")).toEqual({ impression: 2 });
    await insert("three");
    const second = open();
    second.start();
    await second.settle();
    expect(await countHours(database, "old")).toEqual({ impression: 3 });
    expect(await second.list({ zone: "old", limit: 1 })).toMatchObject([
      { receivedAt: NOON, session: "one", lineItem: "l", extra: { x: "y" }, signature: "", mark: "" },
    ]);
  });

  test("beacons of the release before go with their days, the uncounted ones not", async () => {
    const { open } = trackingWorld(database);
    await database.query(
      `insert into beacon (received_at, event, zone, session, break, position, ad, occurrence, creative, line_item, extra, is_counted)
       select at::timestamptz, 'start', 'before', at, '', 1, '', 1, '', '', '{}', true
       from unnest(array['2026-10-01T00:00:00Z', '2026-11-01T00:00:00Z']) as at`,
    );
    const tracking = open();
    tracking.start();
    await tracking.settle();
    expect(await database.query("select session from beacon where zone = 'before'")).toEqual([
      { session: "2026-11-01T00:00:00Z" },
    ]);
  });

  test("one beacon of the release before that cannot be stored costs no other, nor what comes now", async () => {
    const { open, problems } = trackingWorld(database);
    await database.query(
      `insert into beacon (received_at, event, zone, session, break, position, ad, occurrence, creative, line_item, extra)
       select $1, 'start', case n when 3 then repeat('x', 600) else 'sound' end, n::text, '', 1, '', 1, '', '', '{}'
       from generate_series(1, 5) as n`,
      [NOON],
    );
    await database.query("alter table tracking_event add constraint short check (length(zone) < 600) not valid");
    try {
      const tracking = open();
      await tracking.append(viewerBeacon("start", { zone: "sound", session: "now" }));
      tracking.start();
      await tracking.settle();
      expect(await countHours(database, "sound")).toEqual({ start: 5 });
      expect(problems).toEqual([expect.stringContaining("violates check constraint")]);
    } finally {
      await database.query("alter table tracking_event drop constraint short");
    }
  });

  test("duplicates are looked up by day and key, however much is there and whether or not it was analysed", async () => {
    const day = "2029-06-15";
    const plans: string[] = [];
    // Indexes that are made last are made faster.
    await database.query("create table tracking_event_20290615 (like tracking_event including defaults)");
    await database.query(
      `insert into tracking_event_20290615 (day, key, received_at, event, zone, session, break, position, ad, occurrence, creative,
         line_item, upstream, reason, amount, signature, mark, extra)
       select $1::date, md5(n::text)::uuid, $1::timestamptz, 'start', '1', '', '', 1, '', 1, '', '', '', '', 0, 'signed', '', '{}'
       from generate_series(1, 300000) as n`,
      [day],
    );
    await database.query(
      `alter table tracking_event attach partition tracking_event_20290615 for values from ('2029-06-15') to ('2029-06-16')`,
    );
    await database.transaction(async (tx) => {
      await lockTracking(tx);
      await ensurePartitions(tx.query, ["2029-06-14", "2029-06-16"]);
    });
    const incoming = Array.from({ length: 500 }, (_, i) =>
      happeningOfBeacon(
        viewerBeacon("start", { zone: "1", session: `${i}` }, { receivedAt: new Date(`${day}T10:00:00Z`) }),
      ),
    );
    const query: Queryable["query"] = async (sql, values) => {
      if (!sql.includes("insert into tracking_event")) return database.query(sql, values);
      const lines = await database.query<{ readonly "QUERY PLAN": string }>(`explain ${sql}`, values);
      plans.push(lines.map((line) => line["QUERY PLAN"]).join("\n"));
      return [];
    };
    await storeDay({ query }, day, incoming);
    await database.query("analyze tracking_event_20290615");
    await storeDay({ query }, day, incoming);
    await database.query("drop table tracking_event_20290614, tracking_event_20290615, tracking_event_20290616");
    expect(plans).toHaveLength(2);
    for (const plan of plans) {
      expect(plan).not.toContain("Seq Scan on tracking_event");
      expect(plan.match(/Index Cond: \(\(day = .*\) AND \(key = /g)).toHaveLength(3);
    }
  });
});

test("the embedded database knows how much of what it has, without which it reads whole tables", async () => {
  const { open } = trackingWorld(embedded);
  const tracking = open();
  await tracking.append(viewerBeacon("start", { zone: "analysed", session: "a" }));
  tracking.start();
  await tracking.settle();
  const rows = await embedded.query<{ readonly table: string }>(
    "select distinct tablename as table from pg_stats where tablename like 'tracking\\_%' order by 1",
  );
  expect(rows.map(({ table }) => table)).toEqual([
    expect.stringContaining("tracking_event_20261121"),
    "tracking_hour_202611",
  ]);
});

test("days beyond a year and its month are refused: each has a table, and a question to all locks each", () => {
  expect(() => testConfig({ INTERLUDE_TRACKING_DAYS: "401" })).toThrow("INTERLUDE_TRACKING_DAYS: expected");
  expect(testConfig({ INTERLUDE_TRACKING_DAYS: "400" }).tracking.retention.days).toBe(400);
});
