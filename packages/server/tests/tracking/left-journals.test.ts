import { randomUUID } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { happeningOfBeacon } from "../../src/tracking/happening.ts";
import { formatEntry } from "../../src/tracking/journal-entry.ts";
import { openTestDatabase } from "../http/test-app.ts";
import { countHours, leaveJournal, NOON, switchable, trackingWorld, viewerBeacon } from "./tracking-world.ts";

const embedded = await openTestDatabase();

describe("journals that were left", () => {
  test("a torn end is what nobody was told of, and a line that changed costs itself", async () => {
    const { open, directory, problems } = trackingWorld(embedded);
    const lines = ["a", "b", "c"].map((session) =>
      formatEntry(JSON.stringify(happeningOfBeacon(viewerBeacon("start", { zone: "torn", session })))),
    );
    const [first = "", second = "", third = ""] = lines;
    const changed = second.replace('"b"', '"x"');
    leaveJournal(directory, `${first}${changed}${third}${first.slice(0, 40)}`);
    const tracking = open();
    tracking.start();
    await tracking.settle();
    const sessions = (await tracking.list({ zone: "torn", limit: 10 })).map(({ session }) => session);
    expect(sessions).toEqual(["a", "c"]);
    expect(problems).toEqual([expect.stringContaining("1 lines from byte 0 on are not what was written")]);
  });

  test("one that cannot be read, and files of others beside it, hold up nothing", async () => {
    const { open, directory, problems } = trackingWorld(embedded);
    const name = leaveJournal(directory, "");
    mkdirSync(join(directory, name, "000000002.journal"));
    writeFileSync(join(directory, "notes.txt"), "not a journal");
    const tracking = open();
    await tracking.append(viewerBeacon("start", { zone: "beside", session: "a" }));
    tracking.start();
    await tracking.settle();
    expect(await countHours(embedded, "beside")).toEqual({ start: 1 });
    tracking.start();
    await tracking.settle();
    expect(problems).toEqual([expect.stringContaining("EISDIR")]);
  });

  test("one whose process lives is left to it", async () => {
    const { open, directory } = trackingWorld(embedded);
    const [one, two] = [open(), open()];
    await one.append(viewerBeacon("start", { zone: "alive", session: "a" }));
    const [name = ""] = readdirSync(directory);
    appendFileSync(join(directory, name, "000000001.journal"), "what is being written");
    two.start();
    await two.settle();
    expect(two.figures().added).toBe(0);
    await one.settle();
    expect(await countHours(embedded, "alive")).toEqual({ start: 1 });
  });

  test("one that is loaded goes a minute after that, however old it is, and found again it is not loaded again", async () => {
    const { open, directory } = trackingWorld(embedded);
    const one = open();
    await one.append(viewerBeacon("start", { zone: "again", session: "a" }));
    await one.append(viewerBeacon("click", { zone: "again" }));
    await one.settle();
    await one.close();
    const [name = ""] = readdirSync(directory);
    const file = join(directory, name, "000000001.journal");
    const anHourAgo = new Date(Date.now() - 3_600_000);
    utimesSync(file, anHourAgo, anHourAgo);
    let time = NOON.getTime();
    const two = open({ now: () => time });
    const round = async (): Promise<void> => {
      two.start();
      await two.settle();
    };
    await round();
    time += 59_000;
    await round();
    expect(existsSync(file)).toBe(true);
    expect(two.figures()).toMatchObject({ added: 0, duplicates: 0, journalBytes: expect.any(Number) });
    expect(two.figures().journalBytes).toBeGreaterThan(0);
    time += 1_000;
    await round();
    expect(readdirSync(directory)).not.toContain(name);
    expect(two.figures().journalBytes).toBe(0);
    expect(await countHours(embedded, "again")).toEqual({ click: 1, start: 1 });
  });

  test("one that cannot be opened or read keeps nobody from the others, and is taken once it can be", async () => {
    const { open, directory, problems } = trackingWorld(embedded);
    const entry = (session: string): string =>
      formatEntry(JSON.stringify(happeningOfBeacon(viewerBeacon("start", { zone: "unopened", session }))));
    const name = (first: string): string => `${first}0000000-0000-4000-8000-000000000000`;
    leaveJournal(directory, entry("a"), name("a"));
    mkdirSync(join(directory, name("a"), "lock.sqlite"));
    mkdirSync(join(directory, name("b"), "000000001.journal"), { recursive: true });
    writeFileSync(join(directory, name("b"), "000000002.journal"), entry("b"));
    leaveJournal(directory, entry("c"), name("c"));
    leaveJournal(directory, entry("d"), name("d"));
    mkdirSync(join(directory, name("d"), "owner"));
    let time = NOON.getTime();
    const tracking = open({ now: () => time });
    tracking.start();
    await tracking.settle();
    expect((await tracking.list({ zone: "unopened", limit: 9 })).map(({ session }) => session)).toEqual(["b", "c"]);
    expect(problems.toSorted()).toEqual([
      expect.stringMatching(/b0000000.*EISDIR/),
      expect.stringMatching(/^EISDIR.*owner/),
      expect.stringContaining("unable to open database file"),
    ]);
    rmSync(join(directory, name("a"), "lock.sqlite"), { recursive: true });
    rmSync(join(directory, name("d"), "owner"), { recursive: true });
    time += 60_000;
    tracking.start();
    await tracking.settle();
    expect(await countHours(embedded, "unopened")).toEqual({ start: 4 });
    expect(readdirSync(directory)).not.toContain(name("c"));
  });

  test("rejected files of several journals are loaded again, all of them, from a folder with any UUID", async () => {
    const { open, directory } = trackingWorld(embedded);
    const folder = join(directory, randomUUID().toUpperCase());
    mkdirSync(folder);
    for (const session of ["a", "b", "c"]) {
      const happening = happeningOfBeacon(viewerBeacon("start", { zone: "rejected", session }));
      writeFileSync(join(folder, `${randomUUID()}-1.journal`), formatEntry(JSON.stringify(happening)));
    }
    let time = NOON.getTime();
    const tracking = open({ now: () => time });
    const round = async (): Promise<void> => {
      tracking.start();
      await tracking.settle();
    };
    await round();
    expect(await countHours(embedded, "rejected")).toEqual({ start: 3 });
    const late = formatEntry(
      JSON.stringify(happeningOfBeacon(viewerBeacon("start", { zone: "rejected", session: "d" }))),
    );
    writeFileSync(join(folder, "late.journal"), late);
    writeFileSync(join(folder, "notes.txt"), "not a journal");
    time += 60_000;
    await round();
    expect(readdirSync(folder).toSorted()).toEqual(["late.journal", "notes.txt"]);
    await round();
    expect(await countHours(embedded, "rejected")).toEqual({ start: 4 });
    time += 60_000;
    await round();
    expect(readdirSync(folder)).toEqual(["notes.txt"]);
  });

  test("folders that are no journals are left alone", async () => {
    const { open, directory } = trackingWorld(embedded);
    mkdirSync(join(directory, "copies", "monday"), { recursive: true });
    const longAgo = new Date(0);
    utimesSync(join(directory, "copies"), longAgo, longAgo);
    const tracking = open();
    tracking.start();
    await tracking.settle();
    expect(readdirSync(join(directory, "copies"))).toEqual(["monday"]);
  });

  test("one with an entry larger than what is read at once is loaded to its end", async () => {
    const { open, directory, problems } = trackingWorld(embedded);
    const entry = (session: string, extra = {}): string =>
      formatEntry(JSON.stringify({ ...happeningOfBeacon(viewerBeacon("start", { zone: "large", session })), extra }));
    leaveJournal(directory, `${entry("a")}${entry("b", { x: "x".repeat(2_500_000) })}${entry("c")}${entry("d")}`);
    const tracking = open();
    tracking.start();
    await tracking.settle();
    expect(await countHours(embedded, "large")).toEqual({ start: 4 });
    expect(problems).toEqual([]);
  });

  test("a beacon of this process does not wait for those that are there", async () => {
    const { open, directory } = trackingWorld(embedded);
    const entries = Array.from({ length: 20 }, (_, n) =>
      formatEntry(JSON.stringify(happeningOfBeacon(viewerBeacon("start", { zone: "backlog", session: `${n}` })))),
    );
    for (const entry of entries) leaveJournal(directory, entry);
    const order: string[] = [];
    const tracking = open({
      acknowledge: "database",
      stored: async (_tx, happenings) => void order.push(...happenings.map(({ zone }) => zone)),
    });
    tracking.start();
    await tracking.append(viewerBeacon("start", { zone: "now", session: "a" }));
    expect(order).toEqual(["now"]);
    await tracking.settle();
    expect(order).toHaveLength(21);
  });

  test("nor for a slow one to its end: between pieces of it the own ones are loaded", async () => {
    const { open, directory } = trackingWorld(embedded);
    const order: string[] = [];
    let told: Promise<void> | undefined;
    const tracking = open({
      acknowledge: "database",
      stored: async (_tx, [first]) => {
        order.push(first?.zone ?? "");
        if (told) return;
        const until = performance.now() + 510;
        const before = tracking.figures().journalBytes;
        told = tracking.append(viewerBeacon("start", { zone: "meanwhile", session: "a" }));
        while (performance.now() < until || tracking.figures().journalBytes === before) await setImmediate();
      },
    });
    for (const session of ["a", "b", "c"]) {
      const happening = happeningOfBeacon(viewerBeacon("start", { zone: "slow", session }));
      leaveJournal(directory, formatEntry(JSON.stringify(happening)));
    }
    tracking.start();
    await tracking.settle(60_000);
    await told;
    expect(order).toEqual(["slow", "meanwhile", "slow", "slow"]);
  });

  test("what is not in the database counts when the disk is to be kept from filling, and only the first note that is lost is told", async () => {
    const { open, directory, problems } = trackingWorld(embedded);
    const { database, setAway } = switchable(embedded);
    const left = formatEntry(
      JSON.stringify(happeningOfBeacon(viewerBeacon("start", { zone: "full", session: "left" }))),
    );
    leaveJournal(directory, left);
    const tracking = open({ maxJournalBytes: 100, database });
    setAway(true);
    tracking.start();
    await tracking.settle();
    expect(tracking.figures().journalBytes).toBe(Buffer.byteLength(left));
    const beacon = viewerBeacon("start", { zone: "full", session: "a" });
    await expect(tracking.append(beacon)).rejects.toMatchObject({ code: "overload" });
    for (const session of ["a", "b", "c"]) {
      tracking.note({ event: "adRequest", zone: "full", session, breakId: "b", adsOffered: 1 });
    }
    await expect(tracking.append(beacon)).rejects.toMatchObject({ code: "overload" });
    expect(problems.filter((problem) => problem !== "away")).toEqual([
      "beacons: expected at most 100 bytes of journals to be loaded, got more",
    ]);
    setAway(false);
    tracking.start();
    await tracking.settle();
    // Its file stays for a minute, and is in nobody's way.
    expect(tracking.figures().journalBytes).toBe(Buffer.byteLength(left));
    await tracking.append(beacon);
    await tracking.settle();
    await tracking.append(viewerBeacon("start", { zone: "full", session: "b" }));
    await tracking.settle();
    expect(await countHours(embedded, "full")).toEqual({ start: 3 });
  });
});
