import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Database } from "../../src/database/database.ts";
import type { Beacon } from "../../src/tracking/beacon.ts";
import { happeningOfBeacon } from "../../src/tracking/happening.ts";
import { formatEntry } from "../../src/tracking/journal-entry.ts";
import { openTestDatabase } from "../http/test-app.ts";
import { countHours, leaveJournal, NOON, switchable, trackingWorld, viewerBeacon } from "./tracking-world.ts";

const embedded = await openTestDatabase();

function start(zone: string, session: string, extra: Readonly<Record<string, string>> = {}): Beacon {
  return viewerBeacon("start", { zone, session, ...extra });
}

function entry(zone: string, session: string): string {
  return formatEntry(JSON.stringify(happeningOfBeacon(start(zone, session))));
}

/** Of the only journal below the folder. */
function filesOf(directory: string): readonly string[] {
  const [name = ""] = readdirSync(directory);
  return readdirSync(join(directory, name))
    .filter((file) => file.endsWith(".journal"))
    .map((file) => join(directory, name, file));
}

describe("a long journal of this process", () => {
  test("is loaded in pieces, between which others' are loaded and files removed", async () => {
    const { open, directory } = trackingWorld(embedded);
    const { database, setAway } = switchable(embedded);
    const order: string[] = [];
    const tracking = open({
      database,
      stored: async (_tx, [first]) => {
        const until = performance.now() + (order.length === 0 ? 510 : 0);
        order.push(first?.zone ?? "");
        while (performance.now() < until) await setImmediate();
      },
    });
    setAway(true);
    // More than is read at once.
    const extra = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}`, "x".repeat(500)]));
    await Promise.all(Array.from({ length: 150 }, (_, i) => tracking.append(start("long", `${i}`, extra))));
    leaveJournal(directory, entry("left", "a"));
    setAway(false);
    tracking.start();
    await expect.poll(() => tracking.figures().added, { timeout: 30_000 }).toBe(151);
    expect(order.indexOf("left")).toBeLessThan(order.lastIndexOf("long"));
  });

  test("that cannot be loaded, though the database is there, keeps others' from nothing", async () => {
    const { open, directory } = trackingWorld(embedded);
    const tracking = open({
      stored: async (_tx, happenings) => {
        if (happenings.some(({ zone }) => zone === "stuck")) throw new Error("no room");
      },
    });
    await tracking.append(start("stuck", "a"));
    leaveJournal(directory, entry("beside-stuck", "a"));
    tracking.start();
    await expect.poll(() => countHours(embedded, "beside-stuck"), { timeout: 30_000 }).toEqual({ start: 1 });
    expect(await countHours(embedded, "stuck")).toEqual({});
  });

  test("is told once of, however long the database hangs before it fails", async () => {
    const { open } = trackingWorld(embedded);
    let asked = 0;
    const told: string[] = [];
    let fail = (_error: Error): void => undefined;
    const hung = new Promise<never>((_, reject) => (fail = reject));
    const transaction: Database["transaction"] = () => {
      asked++;
      return hung;
    };
    const onError = (_error: unknown, what: string): void => void told.push(what);
    const tracking = open({ database: { ...embedded, transaction }, onError });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    await tracking.append(start("hanging", "a"));
    vi.advanceTimersByTime(200);
    await expect.poll(() => asked, { timeout: 30_000 }).toBe(1);
    for (const session of ["b", "c", "d", "e"]) {
      await tracking.append(start("hanging", session));
      vi.advanceTimersByTime(200);
    }
    fail(new Error("hung"));
    await expect(tracking.settle()).rejects.toThrow("hung");
    vi.useRealTimers();
    expect(told.filter((what) => what === "loading beacons")).toHaveLength(1);
  });
});

describe("a journal of this process whose file somebody removed", () => {
  test("costs what was in it alone: no report, and nothing that comes after", async () => {
    const { open, directory, problems } = trackingWorld(embedded);
    const { database, setAway } = switchable(embedded);
    const tracking = open({ database });
    setAway(true);
    await tracking.append(start("removed", "a"));
    await expect(tracking.settle()).rejects.toThrow("away");
    const [name = ""] = readdirSync(directory);
    rmSync(join(directory, name), { recursive: true });
    setAway(false);
    expect(await tracking.settle()).toBe(true);
    expect(tracking.figures().journalBytes).toBe(0);
    await tracking.append(start("removed", "b"));
    expect(await tracking.settle()).toBe(true);
    expect(await countHours(embedded, "removed")).toEqual({ start: 1 });
    expect(problems.filter((problem) => problem !== "away")).toEqual([expect.stringContaining("ENOENT")]);
  });

  test("is not taken for the database, where only that acknowledges", async () => {
    const { open, directory } = trackingWorld(embedded);
    const tracking = open({ acknowledge: "database" });
    await tracking.append(start("removed-sure", "a"));
    for (const file of filesOf(directory)) rmSync(file);
    await expect(tracking.append(start("removed-sure", "b"))).rejects.toMatchObject({ code: "overload" });
    await tracking.append(start("removed-sure", "b"));
    await tracking.append(start("removed-sure", "c"));
    expect(await countHours(embedded, "removed-sure")).toEqual({ start: 3 });
  });
});

test("a journal of this process that cannot be read goes on in another file, and is told once", async () => {
  const { open, directory, problems } = trackingWorld(embedded);
  const tracking = open({ acknowledge: "database" });
  await tracking.append(start("unread", "a"));
  const [first = ""] = filesOf(directory);
  rmSync(first);
  mkdirSync(first);
  await expect(tracking.append(start("unread", "b"))).rejects.toMatchObject({ code: "overload" });
  for (const session of ["b", "c"]) await tracking.append(start("unread", session));
  expect(await tracking.settle()).toBe(true);
  expect(await countHours(embedded, "unread")).toEqual({ start: 3 });
  expect(problems).toEqual([expect.stringContaining("EISDIR")]);
});

test("the journal of a process that gets few beacons goes an hour and some minutes after the first of them", async () => {
  const { open, directory } = trackingWorld(embedded);
  let time = NOON.getTime();
  const tracking = open({ now: () => time });
  const round = async (afterMs: number): Promise<void> => {
    time += afterMs;
    tracking.start();
    await tracking.settle();
  };
  await tracking.append(start("quiet", "a"));
  await round(0);
  await round(3_599_000);
  await tracking.append(start("quiet", "b"));
  expect(filesOf(directory)).toHaveLength(1);
  await round(1_000);
  const [first = ""] = filesOf(directory);
  await tracking.append(start("quiet", "c"));
  expect(filesOf(directory)).toEqual([first, expect.any(String)]);
  await round(0);
  await round(60_000);
  expect(filesOf(directory)).not.toContain(first);
  expect(filesOf(directory)).toHaveLength(1);
  expect(await countHours(embedded, "quiet")).toEqual({ start: 3 });
});

test("lines that are rejected are kept and told once, however often their transaction is made again", async () => {
  const { open, directory, problems } = trackingWorld(embedded);
  const { database, setAway } = switchable(embedded);
  const old = happeningOfBeacon(
    viewerBeacon("start", { zone: "told", session: "a" }, { receivedAt: new Date("2026-10-01T00:00:00Z") }),
  );
  const rejected = ["00000000 changed\n", formatEntry(JSON.stringify(old))];
  const name = leaveJournal(directory, `${rejected.join("")}${entry("told", "b")}`);
  const tracking = open({ database });
  setAway(true);
  for (let times = 0; times < 3; times++) {
    tracking.start();
    await tracking.settle();
  }
  setAway(false);
  tracking.start();
  await tracking.settle();
  expect(readFileSync(join(directory, "rejected", `${name}-1.journal`), "utf8")).toBe(rejected.join(""));
  expect(problems.filter((problem) => problem.includes(name))).toHaveLength(2);
  expect(tracking.figures()).toMatchObject({ added: 1, rejected: 2 });
});

test("who no longer waits for what others left hurries nobody", async () => {
  const { open, directory } = trackingWorld(embedded);
  let goOn = (): void => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  const tracking = open({ stored: () => held });
  for (const session of ["a", "b"]) leaveJournal(directory, entry("unhurried", session));
  tracking.start();
  expect(await tracking.settle(20)).toBe(false);
  // Asked where requests are let through, and nowhere else.
  const asked = vi.spyOn(performance, "eventLoopUtilization");
  onTestFinished(() => asked.mockRestore());
  goOn();
  await expect.poll(() => tracking.figures().added, { timeout: 30_000 }).toBe(2);
  await expect.poll(() => asked.mock.calls.length, { timeout: 30_000 }).toBeGreaterThan(0);
});
