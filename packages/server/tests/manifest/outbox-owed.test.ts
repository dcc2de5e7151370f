/** Beacons that a session owes once: what stands between the claim and the row must not silence them, nor have them sent twice. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { createBatch } from "../../src/manifest/tracking/outbox-batch.ts";
import { createDatabaseOutbox } from "../../src/manifest/tracking/outbox-database.ts";
import { createOutboxIntake } from "../../src/manifest/tracking/outbox-intake.ts";
import { createMemoryOutbox } from "../../src/manifest/tracking/outbox-memory.ts";
import { claimBeforehand } from "../../src/manifest/tracking/outbox-owed.ts";
import type { Kept, OutboxBounds, OutboxRows, OwedBeacon } from "../../src/manifest/tracking/outbox-rows.ts";
import { createServerBeacons } from "../../src/manifest/tracking/server-beacons.ts";
import { createDatabaseSessions } from "../../src/manifest/session/session-database.ts";
import type { SessionStore } from "../../src/manifest/session/session.ts";
import { placeDatabase } from "../database/new-database.ts";
import { startPostgres } from "../database/private-postgres.ts";
import { manifestFetch, testSession } from "./ad-world.ts";
import { beaconTo, BOUNDS, START } from "./outbox-world.ts";
import { adTrackers, beaconHost, decidedAd, decidedBreak, LINKED, sessionWith } from "./tracking-world.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

async function open(databaseUrl?: string): Promise<Database> {
  const folder = mkdtempSync(join(tmpdir(), "interlude-owed-"));
  const directory = join(folder, "database");
  if (databaseUrl === undefined) await placeDatabase(directory);
  const database = await openDatabase({ databaseUrl, directory });
  afterAll(async () => {
    await database.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return database;
}

const DATABASES = [
  { name: "PGlite", instances: [await open()] },
  ...(postgres ? [{ name: "PostgreSQL", instances: [await open(postgres.url), await open(postgres.url)] }] : []),
];

const SESSION = testSession();
const DECISION = decidedBreak([decidedAd("one", { trackers: [] })], { trackers: [] });
const LINK = {
  ...LINKED,
  breakId: DECISION.breakId,
  adIndex: 0,
  index: 0,
  startTime: 0,
  duration: 4,
  isLastOfAd: false,
  isFirstOfBreak: true,
  isLastOfBreak: false,
  target: "https://cdn.example/seg.ts",
};
const VIEWER = { ip: "203.0.113.9", userAgent: "", dnt: undefined };
const NO_ROOM = { waitingPerHost: 0, waitingOverall: 0 };

async function sessionsIn({ query }: Database): Promise<SessionStore> {
  const store = createDatabaseSessions({ query, idleMs: 3_600_000, now: Date.now, onError: () => undefined });
  afterAll(() => store.close());
  await store.create(SESSION);
  return store;
}

function outboxIn({ isEmbedded }: Database, query: Database["query"], bounds: OutboxBounds = BOUNDS): OutboxRows {
  return createDatabaseOutbox({ query, isEmbedded, bounds, hasSessions: true });
}

const owed = (claim: string, url = "http://host.example/a"): OwedBeacon => ({
  beacon: beaconTo(url, { sessionId: SESSION.id }),
  claim,
});

describe.each(DATABASES)("beacons of sessions that are in the same $name", ({ instances }) => {
  const [database, other = database] = instances;
  if (!database || !other) throw new Error("expected a database");
  beforeEach(async () => {
    await database.query("delete from beacon_outbox");
    await database.query("delete from session");
  });

  test("one that could not be written is owed still, and is sent once with the next request for its segment", async () => {
    const host = await beaconHost();
    let failures = 1;
    const query: Database["query"] = async (sql, parameters) => {
      if (sql.includes("insert into beacon_outbox") && failures-- > 0) throw new Error("the database went away");
      return database.query(sql, parameters);
    };
    const store = await sessionsIn(database);
    await store.decide(SESSION.id, {
      ...DECISION,
      ads: [decidedAd("one", { trackers: adTrackers("one", host.origin).slice(0, 1) })],
    });
    const counted: string[] = [];
    const beacons = createServerBeacons({
      fetch: manifestFetch([host]),
      store,
      rows: outboxIn(database, query),
      count: (event, outcome) => counted.push(`${event} ${outcome}`),
      trace: () => undefined,
      now: Date.now,
    });
    for (const _ of [1, 2, 3]) {
      beacons.report(LINK, VIEWER);
      await beacons.idle();
    }
    await beacons.close();
    expect(counted).toEqual(["impression lost", "impression sent"]);
    expect(host.requests.map(({ url }) => url)).toEqual(["/one/impression"]);
  });

  test("one that had no room is owed still, and its claim is free", async () => {
    await sessionsIn(database);
    const kept: (readonly Kept[] | undefined)[] = [];
    for (const bounds of [NO_ROOM, BOUNDS, BOUNDS])
      kept.push(await outboxIn(database, database.query, bounds).addOwed?.([owed("k")], START));
    expect(kept).toEqual([["full"], ["kept"], ["known"]]);
  });

  test("one is kept by one of all who add it, in one statement or in many, under a key of whatever length", async () => {
    await sessionsIn(database);
    const names = Array.from({ length: 20 }, (_, index) => `${index} ${"\u0000ü".repeat(index * 20)}`);
    const batches = Array.from({ length: 6 }, (_, index) => {
      const of = index % 2 ? database : other;
      const rows = [...names, ...names].map((name) => owed(name, `http://host.example/${names.indexOf(name)}`));
      return outboxIn(of, of.query).addOwed?.(index % 3 ? rows : rows.toReversed(), START);
    });
    const results = (await Promise.all(batches)).flat();
    expect(results.filter((result) => result === "kept")).toHaveLength(names.length);
    expect(new Set(results)).toEqual(new Set(["kept", "known"]));
    const urls = await database.query<{ readonly url: string }>("select beacon->>'url' as url from beacon_outbox");
    expect(urls.map(({ url }) => url).toSorted()).toEqual(
      names.map((_, index) => `http://host.example/${index}`).toSorted(),
    );
  });

  test("one that was claimed by the release before is known; one of a session that is gone is not kept", async () => {
    const store = await sessionsIn(database);
    await store.claim(SESSION.id, "k".repeat(200));
    const gone = { ...owed("k"), beacon: beaconTo("http://host.example/a", { sessionId: "gone" }) };
    const rows = outboxIn(database, database.query);
    expect(await rows.addOwed?.([owed("k".repeat(200)), gone, owed("new")], START)).toEqual(["known", "known", "kept"]);
    expect(await store.claim(SESSION.id, "new")).toBe(false);
  });
});

describe("beacons of sessions that are elsewhere", () => {
  test("one that was claimed and had no room is owed still; one whose writing failed may be written, and is not", async () => {
    const store = await sessionWith(DECISION);
    const answers = [false, false, true, new Error("away"), true];
    const addOwed = claimBeforehand(
      async () => {
        const answer = answers.shift() ?? false;
        if (answer instanceof Error) throw answer;
        return answer;
      },
      (id, key) => store.claim(id, key),
    );
    const first = [];
    for (const _ of [1, 2, 3, 4]) first.push(await addOwed(owed("first")));
    expect(first).toEqual(["full", "full", "kept", "known"]);
    await expect(addOwed(owed("second"))).rejects.toThrow("away");
    expect(await addOwed(owed("second"))).toBe("known");
  });
});

describe("what may wait", () => {
  test("errors find room in half of the outbox, of a host and in all: the rest is for impressions", async () => {
    for (const rows of [
      createMemoryOutbox({ waitingPerHost: 4, waitingOverall: 6 }),
      createDatabaseOutbox({
        query: DATABASES[0]?.instances[0]?.query ?? (() => Promise.reject(new Error("expected a database"))),
        isEmbedded: true,
        bounds: { waitingPerHost: 4, waitingOverall: 6 },
      }),
    ]) {
      await DATABASES[0]?.instances[0]?.query("delete from beacon_outbox");
      const to = (host: string, event: string) => beaconTo(`http://${host}/`, { event });
      const errors = ["a", "a", "a", "b", "c"].map((host) => to(host, "error"));
      expect(await rows.add(errors, START)).toEqual([true, true, false, true, false]);
      const impressions = ["a", "a", "a", "c", "c"].map((host) => to(host, "impression"));
      expect(await rows.add(impressions, START)).toEqual([true, true, false, true, false]);
    }
  });

  test("while a statement hangs only so many items wait in memory, the others are told at once", async () => {
    const hang = Promise.withResolvers<void>();
    const batch = createBatch<number, string>(
      async (items) => {
        await hang.promise;
        return items.map((item) => `kept ${item}`);
      },
      2,
      { waiting: 3, full: "full" },
    );
    const results = [1, 2, 3, 4, 5, 6].map((item) => batch(item));
    expect(await Promise.all(results.slice(4))).toEqual(["full", "full"]);
    hang.resolve();
    expect(await Promise.all(results.slice(0, 4))).toEqual(["kept 1", "kept 2", "kept 3", "kept 4"]);
  });

  test("what other parts send is kept; what is too long or has no room is counted, and told of once a minute", async () => {
    const rows = createMemoryOutbox({ waitingPerHost: 4, waitingOverall: 4 });
    const [dropped, clock]: [number[], { at: number }] = [[], { at: START }];
    const onError = (error: unknown): never => {
      throw error;
    };
    const take = createOutboxIntake({ rows, now: () => clock.at, onDropped: (count) => dropped.push(count), onError });
    const urls = ["http://a/1", `http://a/${"x".repeat(40_000)}`, "http://a/2", "http://a/3", "http://a/4"];
    for (const url of urls) take(beaconTo(url, { event: "error" }));
    await new Promise((resolve) => setImmediate(resolve));
    const taken = await rows.take({ free: 9, perHost: 9, active: new Map(), held: [] }, START);
    expect([taken.map(({ beacon }) => beacon.url), dropped]).toEqual([["http://a/1", "http://a/2"], [1]]);
    clock.at += 60_000;
    take(beaconTo("http://a/5", { event: "error" }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(dropped).toEqual([1, 3]);
  });

  test("while sessions hang, only so many segments wait to be told of; the others are lost, and the media is not", async () => {
    const counted: string[] = [];
    const hang = Promise.withResolvers<undefined>();
    const beacons = createServerBeacons({
      fetch: () => Promise.reject(new Error("expected no request")),
      store: { load: () => hang.promise, claim: () => Promise.resolve(true) },
      count: (event, outcome) => counted.push(`${event} ${outcome}`),
      trace: () => undefined,
      now: () => START,
    });
    for (let segment = 0; segment < 10_003; segment++) beacons.report(LINK, VIEWER);
    expect(counted).toEqual(["segment lost", "segment lost", "segment lost"]);
    hang.resolve(undefined);
    await beacons.close();
    expect(counted).toHaveLength(3);
  });
});
