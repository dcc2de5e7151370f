import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { lockDirectory } from "../../src/database/directory-lock.ts";
import { createJournal, type Journal } from "../../src/tracking/journal.ts";
import { parseEntries } from "../../src/tracking/journal-entry.ts";
import { NODE_DISK, type Segment } from "../../src/tracking/journal-segments.ts";

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "interlude-journal-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function openJournal(folder = newFolder()): Journal {
  const journal = createJournal(join(folder, "j"), "j");
  onTestFinished(() => journal.close());
  return journal;
}

function read(segment: Segment): readonly string[] {
  return parseEntries(readFileSync(segment.path).subarray(0, segment.length)).entries.map(({ text }) => text);
}

describe("createJournal", () => {
  test("an entry is in the file once it is told so, and the file in order", async () => {
    const journal = openJournal();
    await journal.append("first");
    expect(journal.segments().map(read)).toEqual([["first"]]);
    const texts = Array.from({ length: 2000 }, (_, i) => `entry ${i} "é\\`);
    await Promise.all(texts.map((text) => journal.append(text)));
    expect(journal.segments().flatMap(read)).toEqual(["first", ...texts]);
  });

  test("more than can wait are refused with a time to come back", async () => {
    const journal = openJournal();
    const waiting = Array.from({ length: 20_001 }, () => journal.append("x"));
    await expect(journal.append("x")).rejects.toMatchObject({ code: "overload", retryAfterSeconds: 5 });
    await Promise.all(waiting);
    expect(journal.segments().flatMap(read)).toHaveLength(20_001);
  });

  test("a disk that fails is told to each who waits, and the next entry is tried anew", async () => {
    const folder = newFolder();
    const inTheWay = join(folder, "j");
    writeFileSync(inTheWay, "a file where the folder should be");
    const journal = openJournal(folder);
    const outcomes = await Promise.allSettled([journal.append("a"), journal.append("b")]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    rmSync(inTheWay);
    await journal.append("c");
    expect(journal.segments().map(read)).toEqual([["c"]]);
  });

  test("nothing is told before the disk has it, and what the disk could not take is told to each", async () => {
    const syncs: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
    const syncFile = (): Promise<void> => new Promise((resolve, reject) => void syncs.push({ resolve, reject }));
    const folder = newFolder();
    const journal = createJournal(join(folder, "j"), "j", { ...NODE_DISK, syncFile });
    const told: string[] = [];
    const append = (text: string): Promise<unknown> =>
      journal.append(text).then(
        () => told.push(text),
        () => told.push(`not ${text}`),
      );
    const first = append("a");
    await expect.poll(() => syncs.length, { timeout: 30_000 }).toBe(1);
    const others = [append("b"), append("c")];
    expect(told).toEqual([]);
    expect(journal.segments().map(read)).toEqual([[]]);
    syncs[0]?.resolve();
    await first;
    expect(told).toEqual(["a"]);
    await expect.poll(() => syncs.length, { timeout: 30_000 }).toBe(2);
    syncs[1]?.reject(new Error("EIO"));
    await Promise.all(others);
    expect(told).toEqual(["a", "not b", "not c"]);
    const last = append("d");
    await expect.poll(() => syncs.length, { timeout: 30_000 }).toBe(3);
    syncs[2]?.resolve();
    await last;
    expect(journal.segments().map(read)).toEqual([["a"], ["d"]]);
    await journal.close();
  });

  test.each(["the folder's own", "a file's"])(
    "where %s entry is not on the disk nothing is told, until it is",
    async (entry) => {
      let isBroken = true;
      const root = newFolder();
      const syncFolder = async (folder: string): Promise<void> => {
        if (isBroken && (folder === root) === (entry === "the folder's own")) throw new Error("EIO");
      };
      const journal = createJournal(join(root, "j"), "j", { ...NODE_DISK, syncFolder });
      for (const text of ["a", "b"]) await expect(journal.append(text)).rejects.toThrow("EIO");
      expect(journal.segments()).toEqual([]);
      isBroken = false;
      await journal.append("c");
      expect(journal.segments().map(read)).toEqual([["c"]]);
      expect(readdirSync(join(root, "j")).filter((name) => name.endsWith(".journal"))).toHaveLength(1);
      await journal.close();
    },
  );

  test("an entry that is too large is refused, and the others are not", async () => {
    const journal = openJournal();
    const outcomes = await Promise.allSettled(["a", "x".repeat(1_100_000), "b"].map((text) => journal.append(text)));
    expect(outcomes).toMatchObject([{}, { reason: { code: "too-large" } }, {}]);
    expect(journal.segments().flatMap(read)).toEqual(["a", "b"]);
  });

  test("a full file is sealed, and no number is given twice, whatever was removed", async () => {
    const journal = openJournal();
    const large = "x".repeat(1_000_000);
    for (let i = 0; i < 18; i++) await journal.append(large);
    const [first, second] = journal.segments();
    expect([first?.isSealed, first?.id, second?.isSealed, second?.id]).toEqual([true, "j/1", false, "j/2"]);
    expect(journal.size()).toBe(18 * (1_000_000 + 10));
    expect(journal.segments().flatMap(read)).toHaveLength(18);
    if (!first) throw new Error("expected a segment");
    await journal.remove(first);
    for (let i = 0; i < 17; i++) await journal.append(large);
    expect(journal.segments().map(({ id }) => id)).toEqual(["j/2", "j/3"]);
  });
});

describe("a journal whose files somebody touches", () => {
  test("goes on in another file, where the old one is not to be written any more", async () => {
    const journal = openJournal();
    const first = await journal.append("a");
    expect(await journal.append("b")).toBe(first);
    await journal.seal(first);
    const second = await journal.append("c");
    expect([first.isSealed, second.isSealed]).toEqual([true, false]);
    expect(journal.segments().map(read)).toEqual([["a", "b"], ["c"]]);
  });

  test("is sealed behind what is being written, not under it", async () => {
    const syncs: (() => void)[] = [];
    const syncFile = (): Promise<void> => new Promise((resolve) => void syncs.push(resolve));
    const journal = createJournal(join(newFolder(), "j"), "j", { ...NODE_DISK, syncFile });
    const first = journal.append("a");
    await expect.poll(() => syncs.length, { timeout: 30_000 }).toBe(1);
    const [segment] = journal.segments();
    if (!segment) throw new Error("expected a segment");
    await journal.seal(segment);
    expect(segment.isSealed).toBe(false);
    syncs[0]?.();
    expect(await first).toBe(segment);
    expect(segment.isSealed).toBe(true);
    await journal.close();
  });

  test("makes its folder anew where it is gone, once and for each time", async () => {
    const folder = newFolder();
    const journal = openJournal(folder);
    for (const text of ["a", "b", "c"]) {
      const segment = await journal.append(text);
      expect(read(segment)).toEqual([text]);
      rmSync(join(folder, "j"), { recursive: true });
      await journal.drop(segment);
      expect(journal.segments()).toEqual([]);
    }
    await journal.append("d");
    // No other process takes it for left.
    expect(() => lockDirectory(join(folder, "j"))).toThrow("expected to be its only user");
  });
});

describe("parseEntries", () => {
  test("a line without its end is left for later; an empty stretch has nothing", () => {
    expect(parseEntries(Buffer.from(""))).toEqual({ entries: [], length: 0, broken: [] });
    expect(parseEntries(Buffer.from("00000000 "))).toEqual({ entries: [], length: 0, broken: [] });
  });

  test("lines that are not what was written are counted and left out", () => {
    const bytes = Buffer.from("no checksum\n\n00000000 \n12345678 changed\n");
    expect(parseEntries(bytes)).toEqual({
      entries: [{ text: "", end: 23 }],
      length: bytes.length,
      broken: [
        { text: "no checksum", end: 12 },
        { text: "", end: 13 },
        { text: "12345678 changed", end: 40 },
      ],
    });
  });
});
