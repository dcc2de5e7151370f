import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Database, openDatabase, type Queryable } from "../../src/database/database.ts";
import { happeningOfBeacon } from "../../src/tracking/happening.ts";
import { formatEntry } from "../../src/tracking/journal-entry.ts";
import { startPostgres } from "../database/private-postgres.ts";
import { openTestDatabase } from "../http/test-app.ts";
import { countHours, leaveJournal, trackingWorld, viewerBeacon } from "./tracking-world.ts";

const embedded = await openTestDatabase();
const postgres = await startPostgres();
if (postgres === undefined) console.warn("loader.test.ts: no PostgreSQL is installed, its tests are skipped");
const server = postgres && (await openDatabase({ databaseUrl: postgres.url, directory: "/nowhere" }));
afterAll(async () => {
  await server?.close();
  await postgres?.stop();
});

interface Case {
  readonly name: string;
  readonly database: Database;
}
const CASES: readonly Case[] = [
  { name: "PGlite", database: embedded },
  ...(server ? [{ name: "PostgreSQL", database: server }] : []),
];

describe.each(CASES)("loading into $name", ({ database }) => {
  test("a happening that is told again counts once: in one breath, later, and at another instance", async () => {
    const { open } = trackingWorld(database);
    const [one, two] = [open(), open()];
    const pause = viewerBeacon("pause", { zone: "twice", session: "s", break: "b", ad: "a" });
    await Promise.all([one.append(pause), one.append(pause)]);
    await one.settle();
    await one.append(pause);
    await one.settle();
    await two.append(pause);
    await two.append(viewerBeacon("pause", { zone: "twice", session: "s", break: "b", ad: "a", n: "2" }));
    await two.append(viewerBeacon("pause", { zone: "twice", session: "other", break: "b", ad: "a" }));
    await two.settle();
    expect(await countHours(database, "twice")).toEqual({ pause: 3 });
    expect(await one.list({ zone: "twice", limit: 10 })).toHaveLength(3);
    expect([one.figures(), two.figures()]).toMatchObject([
      { added: 1, duplicates: 2 },
      { added: 2, duplicates: 1 },
    ]);
  });

  test("without a session each request is one, but for those whose cb and t are equal and filled in", async () => {
    const { open } = trackingWorld(database);
    const tracking = open();
    const queries = [{}, {}, { cb: "1", t: "x" }, { cb: "1", t: "x" }, { cb: "[CACHEBUSTING]", t: "[TIMESTAMP]" }];
    for (const query of [...queries, { cb: "[CACHEBUSTING]", t: "[TIMESTAMP]" }]) {
      await tracking.append(viewerBeacon("click", { zone: "nobody", ...query }));
    }
    await tracking.settle();
    expect(await countHours(database, "nobody")).toEqual({ click: 5 });
  });

  test("a page that is fetched ahead does not cost the viewer's own beacon", async () => {
    const { open } = trackingWorld(database);
    const tracking = open();
    for (const mark of ["prefetch", ""] as const) {
      await tracking.append(viewerBeacon("impression", { zone: "ahead", session: "s" }, { mark }));
    }
    await tracking.settle();
    const marks = (await tracking.list({ zone: "ahead", limit: 10 })).map(({ mark }) => mark);
    expect(marks.toSorted()).toEqual(["", "prefetch"]);
  });

  test("an ad that is left out is lost once, whether the server or its error URL tells first", async () => {
    const { open } = trackingWorld(database);
    const tracking = open();
    const place = { zone: "lost", session: "s", breakId: "b", position: 1, creative: "c" };
    tracking.note({ event: "adRequest", zone: "lost", session: "s", breakId: "b", adsOffered: 2, upstream: "first" });
    tracking.note({ event: "adRequest", zone: "lost", session: "s", breakId: "b", adsOffered: 0 });
    tracking.note({ event: "adOffered", ...place, ad: "a" });
    tracking.note({ event: "adSkipped", ...place, ad: "a", reason: "new-creative" });
    const query = { zone: "lost", session: "s", break: "b", position: "1", error: "405", reason: "repackage-failed" };
    await tracking.append(viewerBeacon("error", { ...query, ad: "a" }));
    await tracking.append(viewerBeacon("error", { ...query, ad: "other" }));
    await tracking.settle();
    const rows = await database.query(
      `select event, error, reason, count::integer, amount::integer, upstream from tracking_hour where zone = 'lost'
       order by event, reason`,
    );
    const none = { error: 0, reason: "", upstream: "" };
    expect(rows).toEqual([
      { ...none, event: "adOffered", count: 1, amount: 0 },
      { ...none, event: "adRequest", count: 1, amount: 2, upstream: "first" },
      { ...none, event: "adRequest", count: 1, amount: 0, reason: "no-ads" },
      { ...none, event: "adSkipped", count: 1, amount: 0, error: 407, reason: "new-creative" },
      { ...none, event: "error", count: 1, amount: 0, error: 405, reason: "repackage-failed" },
    ]);
  });

  test("hours are counted where their beacons are: two hours, two days, and a duplicate across midnight", async () => {
    const { open } = trackingWorld(database);
    const tracking = open();
    const at = (time: string): { readonly receivedAt: Date } => ({ receivedAt: new Date(time) });
    const beacon = (session: string, time: string): Promise<void> =>
      tracking.append(viewerBeacon("start", { zone: "midnight", session }, at(time)));
    await beacon("a", "2026-11-21T22:59:59.999Z");
    await beacon("b", "2026-11-21T23:00:00Z");
    await beacon("c", "2026-11-21T23:59:59Z");
    await beacon("c", "2026-11-22T00:00:01Z");
    await beacon("d", "2026-11-22T00:00:01Z");
    await tracking.settle();
    const hours = await database.query<{ readonly hour: Date; readonly count: number }>(
      "select hour, sum(count)::integer as count from tracking_hour where zone = 'midnight' group by hour order by hour",
    );
    expect(hours.map(({ hour, count }) => `${hour.toISOString().slice(8, 13)} ${count}`)).toEqual([
      "21T22 1",
      "21T23 2",
      "22T00 1",
    ]);
  });

  test("a transaction that is lost is made again; one whose end was only not heard of is not", async () => {
    const { open, problems } = trackingWorld(database);
    let failure: "before the commit" | "after the commit" | undefined;
    const transaction: Database["transaction"] = async (run) => {
      const result = await database.transaction(async (tx: Queryable) => {
        const done = await run(tx);
        if (failure === "before the commit") throw new Error(failure);
        return done;
      });
      if (failure !== undefined) throw new Error(failure);
      return result;
    };
    const tracking = open({ database: { ...database, transaction } });
    const append = (session: string): Promise<void> =>
      tracking.append(viewerBeacon("start", { zone: "lost-tx", session }));
    await append("a");
    await tracking.settle();
    failure = "before the commit";
    await append("b");
    await expect(tracking.settle()).rejects.toThrow("before the commit");
    expect(await countHours(database, "lost-tx")).toEqual({ start: 1 });
    failure = "after the commit";
    await expect(tracking.settle()).rejects.toThrow("after the commit");
    failure = undefined;
    await tracking.settle();
    await append("c");
    await tracking.settle();
    expect(await countHours(database, "lost-tx")).toEqual({ start: 3 });
    // Not even looked at again: what was not heard of is among neither.
    expect(tracking.figures()).toMatchObject({ added: 2, duplicates: 0 });
    expect(problems.filter((problem) => !problem.endsWith("the commit"))).toEqual([]);
  });

  test("what belongs to a happening is done in its transaction: once for each that is new, and not without it", async () => {
    const { open } = trackingWorld(database);
    const seen: string[] = [];
    let isBroken = true;
    const tracking = open({
      stored: async (tx, happenings) => {
        await tx.query("select from tracking_event where key = $1", [happenings[0]?.key]);
        seen.push(happenings.map(({ session, signature }) => `${session} ${signature}`).join());
        if (isBroken) throw new Error("no room");
      },
    });
    for (const session of ["a", "b", "a"]) await tracking.append(viewerBeacon("start", { zone: "stored", session }));
    await expect(tracking.settle()).rejects.toThrow("no room");
    expect(await countHours(database, "stored")).toEqual({});
    isBroken = false;
    await tracking.settle();
    for (const session of ["b", "c", "a"]) await tracking.append(viewerBeacon("start", { zone: "stored", session }));
    await tracking.settle();
    await tracking.append(viewerBeacon("start", { zone: "stored", session: "c" }));
    await tracking.settle();
    expect(seen).toEqual(["a unsigned,b unsigned", "a unsigned,b unsigned", "c unsigned"]);
    expect(await countHours(database, "stored")).toEqual({ start: 3 });
  });

  test("texts as long as a beacon may have, in any script, are stored and counted", async () => {
    const { open, problems } = trackingWorld(database);
    const tracking = open();
    // Random, because the database packs what repeats before it looks at its length.
    const text = (): string =>
      Array.from({ length: 250 }, () => String.fromCodePoint(0x2_0000 + Math.floor(Math.random() * 40_000))).join("");
    const extra = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}${text().slice(0, 400)}`, text()]));
    const query = {
      zone: "long",
      session: text(),
      break: text(),
      ad: text(),
      creative: text(),
      li: text(),
      up: text(),
    };
    await tracking.append(viewerBeacon("start", { ...query, ...extra }));
    await tracking.settle();
    expect(problems).toEqual([]);
    expect(await countHours(database, "long")).toEqual({ start: 1 });
  });

  test("an entry that the database does not take costs no other", async () => {
    const { open, directory, problems } = trackingWorld(database);
    const entries = Array.from({ length: 20 }, (_, i) =>
      happeningOfBeacon(viewerBeacon("start", { zone: "poison", session: `${i}` })),
    ).map((happening, i) => formatEntry(JSON.stringify(i === 13 ? { ...happening, position: 1e12 } : happening)));
    leaveJournal(directory, entries.join(""));
    const tracking = open();
    tracking.start();
    await tracking.settle();
    expect(await countHours(database, "poison")).toEqual({ start: 19 });
    expect(tracking.figures()).toMatchObject({ added: 19, rejected: 1 });
    expect(problems).toEqual([expect.stringContaining("out of range")]);
    const [kept = ""] = readdirSync(join(directory, "rejected"));
    expect(readFileSync(join(directory, "rejected", kept), "utf8")).toBe(entries[13]);
  });

  test("single beacons go after their days, hours after their months, and what they were counted in stays", async () => {
    const { open } = trackingWorld(database);
    let time = Date.parse("2031-01-31T13:00:00Z");
    const tracking = open({ now: () => time, retention: { days: 2, months: 1 } });
    const days = ["2031-01-31T12:00:00Z", "2031-03-28T23:59:59Z", "2031-03-29T00:00:00Z", "2031-03-31T11:00:00Z"];
    for (const [i, day] of days.entries()) {
      const receivedAt = new Date(day);
      time = receivedAt.getTime();
      await tracking.append(viewerBeacon("start", { zone: "kept", session: `${i}` }, { receivedAt }));
      await tracking.settle();
    }
    tracking.start();
    await tracking.settle();
    const kept = await tracking.list({ zone: "kept", limit: 10 });
    expect(kept.map(({ receivedAt }) => receivedAt.toISOString().slice(0, 10))).toEqual(["2031-03-29", "2031-03-31"]);
    expect(await countHours(database, "kept")).toEqual({ start: 3 });
    const next = await database.query<{ readonly name: string | null }>(
      "select to_regclass('tracking_event_20310402')::text as name",
    );
    expect(next).toEqual([{ name: "tracking_event_20310402" }]);
  });
});

describe("a database that is away", () => {
  test("costs no beacon that goes to the disk first", async () => {
    const { open, problems } = trackingWorld(embedded);
    let isAway = true;
    const transaction: Database["transaction"] = (run) =>
      isAway ? Promise.reject(new Error("away")) : embedded.transaction(run);
    const tracking = open({ database: { ...embedded, transaction } });
    await tracking.append(viewerBeacon("start", { zone: "away", session: "a" }));
    await expect(tracking.settle()).rejects.toThrow("away");
    isAway = false;
    await tracking.settle();
    expect(await countHours(embedded, "away")).toEqual({ start: 1 });
    expect(problems.filter((problem) => problem !== "away")).toEqual([]);
  });

  test("and hangs keeps nobody waiting for longer than was said", async () => {
    const { open } = trackingWorld(embedded);
    let goOn = (): void => undefined;
    const hung = new Promise<void>((resolve) => (goOn = resolve));
    const transaction: Database["transaction"] = async (run) => {
      await hung;
      return embedded.transaction(run);
    };
    const database = { ...embedded, transaction };
    const tracking = open({ database, acknowledge: "database", storeTimeoutMs: 50 });
    const beacon = viewerBeacon("start", { zone: "hung", session: "a" });
    await expect(tracking.append(beacon)).rejects.toMatchObject({ code: "overload", retryAfterSeconds: 5 });
    goOn();
    expect(await tracking.settle()).toBe(true);
    expect(await countHours(embedded, "hung")).toEqual({ start: 1 });
  });

  test("is told to whoever may only be answered from it", async () => {
    const { open } = trackingWorld(embedded);
    let isAway = false;
    const transaction: Database["transaction"] = (run) =>
      isAway ? Promise.reject(new Error("away")) : embedded.transaction(run);
    const tracking = open({ database: { ...embedded, transaction }, acknowledge: "database" });
    await tracking.append(viewerBeacon("start", { zone: "sure", session: "a" }));
    expect(await countHours(embedded, "sure")).toEqual({ start: 1 });
    isAway = true;
    await expect(tracking.append(viewerBeacon("start", { zone: "sure", session: "b" }))).rejects.toThrow("away");
    isAway = false;
    await tracking.append(viewerBeacon("start", { zone: "sure", session: "c" }));
    expect(await countHours(embedded, "sure")).toEqual({ start: 3 });
  });
});
