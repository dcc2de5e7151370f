/** Beacons that wait in a database outlive their process, and are each sent by one of several. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { createDatabaseOutbox } from "../../src/manifest/tracking/outbox-database.ts";
import { createMemoryOutbox } from "../../src/manifest/tracking/outbox-memory.ts";
import type { OutboxBounds, OutboxRoom, OutboxRows } from "../../src/manifest/tracking/outbox-rows.ts";
import { waitForLine } from "../cli/run-cli.ts";
import { placeDatabase } from "../database/new-database.ts";
import { startPostgres } from "../database/private-postgres.ts";
import { beaconTo, BOUNDS, type CountingHost, countingHost, outboxWorld, START, statuses } from "./outbox-world.ts";

const postgres = await startPostgres();
afterAll(() => postgres?.stop());
if (!postgres) console.warn("the outbox on PostgreSQL: not tested, because no PostgreSQL is installed");

async function openIn(directory: string, databaseUrl?: string): Promise<Database> {
  if (databaseUrl === undefined) await placeDatabase(directory);
  return openDatabase({ databaseUrl, directory });
}

function newFolder(whenOver: (end: () => void) => void): string {
  const folder = mkdtempSync(join(tmpdir(), "interlude-outbox-"));
  whenOver(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return join(folder, "database");
}

async function open(databaseUrl?: string): Promise<Database> {
  const database = await openIn(newFolder(afterAll), databaseUrl);
  afterAll(() => database.close());
  return database;
}

const embedded = await open();
/** Two instances, each with its own connections. */
const instances = postgres ? [await open(postgres.url), await open(postgres.url)] : [];
const ROOM: OutboxRoom = { free: 100, perHost: 100, active: new Map(), held: [] };

beforeEach(async () => {
  for (const { query } of [embedded, ...instances.slice(0, 1)]) await query("delete from beacon_outbox");
});

const onDatabase = ({ query, isEmbedded }: Database, bounds: OutboxBounds = BOUNDS): OutboxRows =>
  createDatabaseOutbox({ query, isEmbedded, bounds });

const PLACES = [
  { name: "memory", open: createMemoryOutbox },
  { name: "PGlite", open: (bounds: OutboxBounds) => onDatabase(embedded, bounds) },
  ...instances
    .slice(0, 1)
    .map((database) => ({ name: "PostgreSQL", open: (bounds: OutboxBounds) => onDatabase(database, bounds) })),
];

describe.each(PLACES)("beacons that wait in $name", ({ open: openRows }) => {
  test("come back as they were given, once, in the order of their coming", async () => {
    const rows = openRows(BOUNDS);
    const headers = { "user-agent": 'P"\u0000\ud800ü', cookie: "" };
    const beacons = ["/b", "/a", "/c"].map((path) =>
      beaconTo(`http://host.example:81${path}`, { headers, time: 2.5, adSystem: "" }),
    );
    expect(await rows.add(beacons, START)).toEqual([true, true, true]);
    const taken = await rows.take(ROOM, START);
    expect(taken.map(({ beacon }) => beacon)).toEqual(beacons);
    expect(taken.map(({ host, attempt, createdAtMs }) => [host, attempt, createdAtMs])).toEqual(
      beacons.map(() => ["host.example:81", 1, START]),
    );
    expect(await rows.take(ROOM, START + 1e9)).toEqual([]);
    expect(await rows.count()).toEqual({ waiting: 0, sending: 3 });
  });

  test("are bounded by host and in all, those under way included", async () => {
    const rows = openRows({ waitingPerHost: 2, waitingOverall: 3 });
    const to = (host: string) => beaconTo(`http://${host}/`);
    expect(await rows.add([to("a"), to("a"), to("a"), to("b"), to("b")], START)).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
    const [first] = await rows.take({ ...ROOM, free: 1 }, START);
    expect(await rows.add([to("c")], START)).toEqual([false]);
    await rows.settle([first?.id ?? ""], []);
    expect(await rows.add([to("c"), to("a")], START)).toEqual([true, false]);
  });

  test("are given out within the room of their hosts, hosts in turn", async () => {
    const rows = openRows(BOUNDS);
    const urls = ["http://a/1", "http://a/2", "http://a/3", "http://b/1", "http://b/2", "http://c/1", "http://d/1"];
    await rows.add(
      urls.map((url) => beaconTo(url)),
      START,
    );
    const room = {
      free: 4,
      perHost: 2,
      active: new Map([
        ["a", 1],
        ["c", 2],
      ]),
      held: ["d"],
    };
    const taken = await rows.take(room, START);
    expect(taken.map(({ beacon }) => beacon.url).toSorted()).toEqual(["http://a/1", "http://b/1", "http://b/2"]);
    const next = await rows.take({ ...ROOM, free: 2 }, START);
    expect(next.map(({ beacon }) => beacon.url).toSorted()).toEqual(["http://a/2", "http://c/1"]);
  });

  test("are due again when that was said, and not before", async () => {
    const rows = openRows(BOUNDS);
    await rows.add([beaconTo("http://a/1"), beaconTo("http://a/2")], START);
    const [first, second] = await rows.take(ROOM, START);
    await rows.settle([first?.id ?? ""], [{ id: second?.id ?? "", dueAtMs: START + 4000 }]);
    expect(await rows.count()).toEqual({ waiting: 1, sending: 0 });
    expect(await rows.take(ROOM, START + 3999)).toEqual([]);
    expect(await rows.take(ROOM, START + 4000)).toMatchObject([{ attempt: 2, createdAtMs: START, id: second?.id }]);
  });

  test("end with a sweep when they are too old, or marked for too long; nothing that comes later brings them back", async () => {
    const rows = openRows(BOUNDS);
    const [old, marked, fresh] = ["old", "marked", "fresh"].map((name) => beaconTo(`http://${name}/`));
    if (!old || !marked || !fresh) throw new Error("expected three beacons");
    await rows.add([marked], START);
    const [taken] = await rows.take(ROOM, START);
    await rows.add([old], START);
    await rows.add([fresh], START + 10);
    expect(await rows.sweep({ createdBeforeMs: START, markedBeforeMs: START })).toEqual({
      expired: [],
      interrupted: [],
    });
    const swept = await rows.sweep({ createdBeforeMs: START + 1, markedBeforeMs: START + 1 });
    expect(swept).toEqual({ expired: [old], interrupted: [marked] });
    await rows.settle([], [{ id: taken?.id ?? "", dueAtMs: START }]);
    expect((await rows.take(ROOM, START + 10)).map(({ beacon }) => beacon)).toEqual([fresh]);
  });
});

test("an embedded database does not grow with the beacons that it had", async () => {
  const rows = onDatabase(embedded);
  const sizeAfter = async (count: number): Promise<number | undefined> => {
    await rows.add(
      Array.from({ length: count }, (_, index) => beaconTo(`http://a/${index}`)),
      START,
    );
    const taken = await rows.take({ ...ROOM, free: count, perHost: count }, START);
    await rows.settle(
      taken.map(({ id }) => id),
      [],
    );
    await rows.sweep({ createdBeforeMs: START, markedBeforeMs: START });
    const sql = "select pg_relation_size('beacon_outbox')::integer as bytes";
    return (await embedded.query<{ readonly bytes: number }>(sql))[0]?.bytes;
  };
  expect([await sizeAfter(500), await sizeAfter(500)]).toEqual([0, 0]);
});

describe.runIf(postgres !== undefined)("instances on one PostgreSQL", () => {
  const worldsOn = (hosts: readonly CountingHost[], clock: { at: number }, count = 2) =>
    Array.from({ length: count }, (_, index) => {
      const database = instances[index % 2];
      if (!database) throw new Error("expected two instances");
      const ports = hosts.map(({ port }) => port);
      return outboxWorld({ ports, rows: onDatabase(database), clock, limits: { perHost: 4, overall: 8 } });
    });
  const all = async (worlds: ReturnType<typeof worldsOn>, ms: number): Promise<void> => {
    await Promise.all(worlds.map((world) => world.pass(ms)));
  };

  test("share what another one has left, each beacon is sent once", async () => {
    const hosts = await Promise.all([1, 2, 3].map(() => countingHost(statuses([204]))));
    const urls = Array.from({ length: 300 }, (_, index) => `${hosts[index % 3]?.origin ?? ""}/${index}`);
    const [gone] = instances;
    if (!gone) throw new Error("expected an instance");
    await onDatabase(gone).add(
      urls.map((url) => beaconTo(url)),
      START,
    );
    const clock = { at: START };
    const worlds = worldsOn(hosts, clock, 4);
    await all(worlds, 0);
    expect(hosts.flatMap(({ asked }) => asked)).toEqual([]);
    clock.at += 5000;
    while ((await onDatabase(gone).count()).waiting > 0) await all(worlds, 0);
    const asked = hosts.flatMap(({ origin, asked: paths }) => paths.map((path) => origin + path));
    expect(asked.toSorted()).toEqual(urls.toSorted());
    expect(worlds.flatMap(({ ended }) => ended)).toEqual(urls.map(() => "impression sent"));
    expect(worlds.filter(({ requested }) => requested.length > 0).length).toBeGreaterThan(1);
  });

  test("ask a host again as often as it says 503, whichever of them does it", async () => {
    const seen = new Map<string, number>();
    const host = await countingHost(({ url = "" }, response) => {
      const times = (seen.get(url) ?? 0) + 1;
      seen.set(url, times);
      response.writeHead(times === 3 ? 204 : 503).end();
    });
    const clock = { at: START };
    const worlds = worldsOn([host], clock);
    const urls = Array.from({ length: 30 }, (_, index) => `${host.origin}/${index}`);
    await Promise.all(urls.map((url, index) => worlds[index % 2]?.outbox.add(beaconTo(url))));
    const ended = (): readonly string[] => worlds.flatMap((world) => world.ended);
    // So far apart that each may send what the other one took in.
    while (ended().length < urls.length) await all(worlds, 10_000);
    expect(seen).toEqual(new Map(urls.map((url) => [new URL(url).pathname, 3])));
    expect(ended()).toEqual(urls.map(() => "impression sent"));
  });
});

const KILLED = [
  { name: "PGlite", databaseUrl: undefined },
  ...(postgres ? [{ name: "PostgreSQL", databaseUrl: postgres.url }] : []),
];

describe.each(KILLED)("a process that is killed while it sends, on $name", ({ databaseUrl }) => {
  test("leaves what waits to the next one, and what it had sent without an answer to nobody", async () => {
    const held: ServerResponse[] = [];
    let isHeld = true;
    const arrived = Promise.withResolvers<void>();
    const host = await countingHost((_request, response) => {
      if (isHeld) held.push(response);
      else response.writeHead(204).end();
      if (held.length === 8) arrived.resolve();
    });
    const directory = newFolder(onTestFinished);
    if (databaseUrl === undefined) await placeDatabase(directory);
    const child = startOutbox([directory, host.origin, "20", ...(databaseUrl === undefined ? [] : [databaseUrl])]);
    await Promise.all([waitForLine(child, /kept/), arrived.promise]);
    await kill(child);
    isHeld = false;
    const atKill = [...host.asked];

    const database = await openIn(directory, databaseUrl);
    const clock = { at: Date.now() };
    const world = outboxWorld({ ports: [host.port], rows: onDatabase(database), clock });
    await world.pass(6000);
    expect(atKill).toHaveLength(8);
    expect(host.asked.toSorted()).toEqual(Array.from({ length: 20 }, (_, index) => `/${index}`).toSorted());
    expect(world.ended).toEqual(Array.from({ length: 12 }, () => "impression sent"));
    await world.pass(120_000);
    await world.pass(3_600_000);
    expect(host.asked).toHaveLength(20);
    expect(world.ended.slice(12)).toEqual(Array.from({ length: 8 }, () => "impression failed"));
    expect(await database.query("select * from beacon_outbox")).toEqual([]);
    await world.outbox.close();
    await database.close();
  });
});

function startOutbox(args: readonly string[]): ChildProcess {
  const script = fileURLToPath(new URL("./run-outbox.ts", import.meta.url));
  const child = spawn(process.execPath, ["-C", "interlude-source", script, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}
