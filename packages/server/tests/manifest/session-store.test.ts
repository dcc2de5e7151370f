import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openDatabase, type Queryable } from "../../src/database/database.ts";
import { createDatabaseSessions } from "../../src/manifest/session/session-database.ts";
import { createMemorySessions } from "../../src/manifest/session/session-memory.ts";
import type { SessionStore } from "../../src/manifest/session/session.ts";
import { removeForgotten } from "../../src/manifest/session/session-sweep.ts";
import { placeDatabase } from "../database/new-database.ts";
import { startPostgres } from "../database/private-postgres.ts";
import { sampleBreakTimeline, sampleDecision, sampleSession, sampleTimeline } from "./session-samples.ts";

const HOUR_MS = 3_600_000;

/** A clock that only the test moves. */
function createClock(): { now: () => number; at: number } {
  const clock = { at: 1_800_000_000_000, now: () => clock.at };
  return clock;
}

interface Place {
  /** Further ones of the same place are instances beside each other. */
  readonly open: (now: () => number) => Promise<SessionStore>;
}

const postgres = await startPostgres();
afterAll(() => postgres?.stop());
const embedded = await openFolder(undefined);
/** Two instances, each with its own pool. */
const instances = postgres ? [await openFolder(postgres.url), await openFolder(postgres.url)] : [];

async function openFolder(databaseUrl: string | undefined) {
  const folder = mkdtempSync(join(tmpdir(), "interlude-sessions-"));
  const directory = join(folder, "database");
  if (databaseUrl === undefined) await placeDatabase(directory);
  const database = await openDatabase({ databaseUrl, directory });
  afterAll(async () => {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return database;
}

function onDatabase(query: Queryable["query"], now: () => number): SessionStore {
  const onError = (error: unknown): void => expect.fail(String(error));
  const store = createDatabaseSessions({ query, idleMs: 3 * HOUR_MS, now, onError });
  afterAll(() => store.close());
  return store;
}

function inMemory(unpackedBytes?: number): Place {
  return {
    open: async (now) =>
      createMemorySessions({
        maxSessions: 1000,
        idleMs: 3 * HOUR_MS,
        now,
        ...(unpackedBytes !== undefined && { unpackedBytes }),
      }),
  };
}

const PLACES: readonly (Place & { readonly name: string })[] = [
  { name: "memory", ...inMemory() },
  { name: "memory, all but one packed", ...inMemory(0) },
  { name: "PGlite", open: async (now) => onDatabase(embedded.query, now) },
  ...instances.slice(0, 1).map(({ query }) => ({
    name: "PostgreSQL",
    open: async (now: () => number) => onDatabase(query, now),
  })),
];
if (!postgres) console.warn("sessions on PostgreSQL: not tested, because no PostgreSQL is installed");

describe.each(PLACES)("sessions in $name", ({ open }) => {
  /** Puts another session in front, so that the one under test is packed where that happens. */
  async function push(store: SessionStore): Promise<void> {
    await store.create(sampleSession());
  }

  test("a session that was never made is not there, and what is written about it is answered and lost", async () => {
    const store = await open(createClock().now);
    const { id } = sampleSession();
    const decision = sampleDecision();
    expect(await store.load(id)).toBeUndefined();
    expect((await store.decide(id, decision)).decision).toBe(decision);
    expect(await store.claim(id, "beacon")).toBe(false);
    await store.saveTrack(id, "720", sampleTimeline(0, 6));
    await store.saveCookies(id, [cookie("a", "1")]);
    expect(await store.load(id)).toBeUndefined();
  });

  test("a new session has nothing but what it was made with, and making it again changes nothing", async () => {
    const store = await open(createClock().now);
    const session = sampleSession({
      query: "a=%00\u0000&b=ü\ud800",
      viewer: { ip: "::1", userAgent: "", referer: "https://x/" },
    });
    await store.create(session);
    await store.create({ ...session, zone: "2" });
    await push(store);
    expect(await store.load(session.id)).toEqual({
      session,
      cookies: [],
      breaks: [],
      timelines: new Map(),
      tracks: [],
    });
  });

  test("a decision comes back as it was written, the order of its fields included", async () => {
    const clock = createClock();
    const store = await open(clock.now);
    const session = sampleSession();
    await store.create(session);
    const decision = sampleDecision({ breakId: `\u0000 id of a cue % ü ${"x".repeat(5000)}` });
    const row = await store.decide(session.id, decision);
    expect(row.decision).toBe(decision);
    await push(store);
    const state = await store.load(session.id);
    expect(state?.breaks).toEqual([
      { breakId: decision.breakId, firstListedAt: clock.at, decision, earlyReturn: undefined },
    ]);
    expect(JSON.stringify(state?.breaks[0]?.decision)).toBe(JSON.stringify(decision));
  });

  test("of two decisions for a break the first stands, and the second writer gets the first one's", async () => {
    const store = await open(createClock().now);
    const session = sampleSession();
    await store.create(session);
    const first = sampleDecision();
    const second = sampleDecision({ availDuration: 17 });
    expect((await store.decide(session.id, first)).decision).toBe(first);
    await push(store);
    const row = await store.decide(session.id, second);
    expect(row.decision).toEqual(first);
    expect(row.decision).not.toBe(second);
  });

  test("when a break was first listed and where its content came back early are written once, before or after its decision", async () => {
    const clock = createClock();
    const store = await open(clock.now);
    const session = sampleSession();
    await store.create(session);
    expect(await store.noteBreak(session.id, "b", clock.at - 5)).toEqual({
      breakId: "b",
      firstListedAt: clock.at - 5,
      decision: undefined,
      earlyReturn: undefined,
    });
    expect((await store.noteBreak(session.id, "b", clock.at + 7)).firstListedAt).toBe(clock.at - 5);
    const decision = sampleDecision({ breakId: "b" });
    expect(await store.decide(session.id, decision)).toEqual({
      breakId: "b",
      firstListedAt: clock.at - 5,
      decision,
      earlyReturn: undefined,
    });
    await push(store);
    const earlyReturn = { mediaSequence: 17, programDateTime: undefined };
    expect((await store.noteReturn(session.id, "b", earlyReturn)).earlyReturn).toEqual(earlyReturn);
    expect((await store.noteReturn(session.id, "b", { ...earlyReturn, mediaSequence: 18 })).earlyReturn).toEqual(
      earlyReturn,
    );
    const state = await store.load(session.id);
    expect(state?.breaks).toEqual([{ breakId: "b", firstListedAt: clock.at - 5, decision, earlyReturn }]);
  });

  test("breaks come in the order in which they were first listed", async () => {
    const clock = createClock();
    const store = await open(clock.now);
    const session = sampleSession();
    await store.create(session);
    for (const [index, breakId] of ["z", "a", "m"].entries())
      await store.noteBreak(session.id, breakId, clock.at + index);
    await store.decide(session.id, sampleDecision({ breakId: "z" }));
    expect((await store.load(session.id))?.breaks.map(({ breakId }) => breakId)).toEqual(["z", "a", "m"]);
  });

  test("the track asked for last is the last of the tracks, in VOD and live", async () => {
    const store = await open(createClock().now);
    const session = sampleSession();
    await store.create(session);
    const timeline = sampleBreakTimeline(100, 300);
    await store.saveTrack(session.id, "720", timeline);
    await store.saveTrack(session.id, "vod\u0000", undefined);
    await store.saveTrack(session.id, "audio", sampleTimeline(7, 6));
    await store.saveTrack(session.id, "720", timeline);
    await push(store);
    const state = await store.load(session.id);
    expect(state?.tracks).toEqual(["vod\u0000", "audio", "720"]);
    expect([...(state?.timelines.keys() ?? [])].toSorted()).toEqual(["720", "audio"]);
    expect(timeline.breaks[0]?.ads).toHaveLength(2);
    expect(state?.timelines.get("720")).toEqual(timeline);
  });

  test("a refresh that was overtaken does not replace the memory of the later one", async () => {
    const store = await open(createClock().now);
    const session = sampleSession();
    await store.create(session);
    const older = sampleTimeline(100, 6);
    const newer = sampleTimeline(101, 6, older);
    await store.saveTrack(session.id, "720", newer);
    await store.saveTrack(session.id, "720", older);
    await store.saveTrack(session.id, "720", undefined);
    expect((await store.load(session.id))?.timelines.get("720")).toEqual(newer);
    const next = sampleTimeline(102, 6, newer);
    await store.saveTrack(session.id, "720", next);
    expect((await store.load(session.id))?.timelines.get("720")).toEqual(next);
  });

  test("a stream that begins anew replaces the memory of the one before", async () => {
    const store = await open(createClock().now);
    const session = sampleSession();
    await store.create(session);
    const before = sampleTimeline(5000, 6);
    const anew = sampleTimeline(0, 6, before);
    await store.saveTrack(session.id, "720", before);
    await store.saveTrack(session.id, "720", anew);
    expect((await store.load(session.id))?.timelines.get("720")).toEqual(anew);
  });

  test("a cookie replaces the one of the same host and name, and goes when it has expired", async () => {
    const clock = createClock();
    const store = await open(clock.now);
    const session = sampleSession();
    await store.create(session);
    await store.saveCookies(session.id, [cookie("a", "1"), cookie("b", "1"), cookie("a", "2")]);
    await store.saveCookies(session.id, [{ ...cookie("b", "other"), host: "other.example" }]);
    await push(store);
    const values = async (): Promise<readonly string[]> =>
      ((await store.load(session.id))?.cookies ?? [])
        .map(({ host, name, value }) => `${host} ${name}=${value}`)
        .toSorted();
    expect(await values()).toEqual(["ads.example a=2", "ads.example b=1", "other.example b=other"]);
    await store.saveCookies(session.id, [{ ...cookie("a", ""), expiresAt: clock.at - 1 }]);
    expect(await values()).toEqual(["ads.example b=1", "other.example b=other"]);
  });

  test("of more cookies than 50 the oldest go", async () => {
    const store = await open(createClock().now);
    const session = sampleSession();
    await store.create(session);
    for (let index = 0; index < 60; index++) await store.saveCookies(session.id, [cookie(`c${index}`, "1")]);
    const cookies = (await store.load(session.id))?.cookies ?? [];
    expect(cookies.map(({ name }) => name)).toEqual(Array.from({ length: 50 }, (_, index) => `c${index + 10}`));
  });

  test("one of many who claim the same thing at once gets it", async () => {
    const store = await open(createClock().now);
    const session = sampleSession();
    await store.create(session);
    await push(store);
    const key = `mid-1 impression ${"x".repeat(4000)}`;
    const answers = await Promise.all(Array.from({ length: 20 }, () => store.claim(session.id, key)));
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(await store.claim(session.id, "mid-1 start")).toBe(true);
    expect(await store.claim(session.id, key)).toBe(false);
  });

  test("a session is forgotten three hours after it was used last, and may then be made again, empty", async () => {
    const clock = createClock();
    const store = await open(clock.now);
    const [used, unused] = [sampleSession(), sampleSession()];
    const countBefore = await store.count();
    await store.create(used);
    await store.create(unused);
    await store.decide(unused.id, sampleDecision());
    expect(await store.count()).toBe(countBefore + 2);
    clock.at += 2 * HOUR_MS;
    expect(await store.load(used.id)).toBeDefined();
    clock.at += 2 * HOUR_MS;
    expect(await store.load(used.id)).toBeDefined();
    expect(await store.load(unused.id)).toBeUndefined();
    expect(await store.count()).toBe(1);
    await store.create(unused);
    expect((await store.load(unused.id))?.breaks).toEqual([]);
  });

  test("what a caller does to a state that it was given stays with the caller", async () => {
    const store = await open(createClock().now);
    const session = sampleSession();
    await store.create(session);
    const decision = sampleDecision();
    await store.decide(session.id, decision);
    await store.saveTrack(session.id, "720", sampleTimeline(0, 6));
    const before = structuredClone(await store.load(session.id));
    const state = await store.load(session.id);
    for (const value of [
      state?.breaks,
      state?.tracks,
      state?.breaks[0]?.decision?.ads,
      state?.session.viewer,
      decision.ads,
    ]) {
      damage(value);
    }
    damage(state?.timelines);
    expect(await store.load(session.id)).toEqual(before);
  });
});

/** Does what the types forbid. */
function damage(value: unknown): void {
  if (value instanceof Map) value.clear();
  else if (Array.isArray(value) && !Object.isFrozen(value)) value.length = 0;
  else if (typeof value === "object" && value !== null) Reflect.set(value, "ip", "changed");
}

function cookie(name: string, value: string) {
  return { host: "ads.example", name, value, path: "/", expiresAt: undefined };
}

describe("sessions in memory", () => {
  test("when there are too many, the one that was not used for longest is forgotten", async () => {
    for (const unpackedBytes of [0, 1e9]) {
      const { now } = createClock();
      const store = createMemorySessions({ maxSessions: 3, idleMs: HOUR_MS, now, unpackedBytes });
      const sessions = [1, 2, 3, 4].map(() => sampleSession());
      const [first, second] = sessions;
      for (const session of sessions.slice(0, 3)) await store.create(session);
      await store.load(first?.id ?? "");
      for (const session of sessions.slice(3)) await store.create(session);
      expect(await store.count()).toBe(3);
      expect(await store.load(first?.id ?? "")).toBeDefined();
      expect(await store.load(second?.id ?? "")).toBeUndefined();
    }
  });
});

describe.runIf(postgres !== undefined)("sessions in PostgreSQL, of two instances", () => {
  test("of 50 writers of one break at once, over two pools, one wins and all get its decision", async () => {
    const { now } = createClock();
    const stores = instances.map(({ query }) => onDatabase(query, now));
    const session = sampleSession();
    await stores[0]?.create(session);
    const writes = Array.from({ length: 50 }, (_, index) => ({
      decision: sampleDecision({ availDuration: index }),
      store: stores[index % 2],
    }));
    const rows = await Promise.all(writes.map(({ store, decision }) => store?.decide(session.id, decision)));
    const winners = writes.filter(({ decision }, index) => rows[index]?.decision === decision);
    expect(winners).toHaveLength(1);
    for (const row of rows) expect(row?.decision).toEqual(winners[0]?.decision);
  });

  test("loading is one statement, and writes down use once a minute", async () => {
    const clock = createClock();
    const [instance] = instances;
    if (!instance) throw new Error("expected an instance");
    const { query } = instance;
    const statements: string[] = [];
    const store = onDatabase((sql, values) => {
      statements.push(sql);
      return query(sql, values);
    }, clock.now);
    const session = sampleSession();
    await store.create(session);
    const usedAt = async (): Promise<Date | undefined> =>
      (await query<{ used_at: Date }>("select used_at from session where id = $1", [session.id]))[0]?.used_at;
    const created = await usedAt();
    statements.length = 0;
    clock.at += 59_000;
    await store.load(session.id);
    expect(statements).toHaveLength(1);
    expect(await usedAt()).toEqual(created);
    clock.at += 1_000;
    await store.load(session.id);
    expect(await usedAt()).toEqual(new Date(clock.at));
  });

  test("forgotten sessions are removed with all that belongs to them, by one instance at a time", async () => {
    const clock = createClock();
    const [first, second] = instances;
    if (!first || !second) throw new Error("expected two instances");
    const store = onDatabase(first.query, clock.now);
    const sessions = Array.from({ length: 1200 }, () => sampleSession());
    for (const session of sessions) await store.create(session);
    const [some] = sessions;
    await store.decide(some?.id ?? "", sampleDecision());
    await store.saveTrack(some?.id ?? "", "720", sampleTimeline(0, 6));
    await store.claim(some?.id ?? "", "beacon");
    await store.saveCookies(some?.id ?? "", [cookie("a", "1")]);
    clock.at += 4 * HOUR_MS;
    const alive = sampleSession();
    await store.create(alive);
    const ids = [...sessions, alive].map(({ id }) => id);
    const countRows = async (): Promise<number> =>
      (await first.query("select 1 from session where id = any($1)", [ids])).length;
    const options = { idleMs: 3 * HOUR_MS, now: clock.now };
    await second.transaction(async (tx) => {
      await tx.query("select pg_advisory_xact_lock(4918274)");
      await removeForgotten({ query: first.query, ...options });
    });
    expect(await countRows()).toBe(1201);
    await removeForgotten({ query: first.query, ...options });
    expect(await countRows()).toBe(1);
    for (const table of ["session_break", "session_track", "session_claim", "session_cookie"]) {
      expect(await first.query(`select 1 from ${table} where session = $1`, [some?.id])).toEqual([]);
    }
  });
});
