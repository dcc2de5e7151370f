import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createJournal, type Journal, type Segment } from "../../src/tracking/journal.ts";
import { parseEntries } from "../../src/tracking/journal-entry.ts";

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

  test("a full file is sealed, and no number is given twice, whatever was removed", async () => {
    const journal = openJournal();
    const large = "x".repeat(1_000_000);
    for (let i = 0; i < 18; i++) await journal.append(large);
    const [first, second] = journal.segments();
    expect([first?.isSealed, first?.id, second?.isSealed, second?.id]).toEqual([true, "j/1", false, "j/2"]);
    expect(journal.size()).toBe(18 * (1_000_000 + 10));
    expect(journal.segments().flatMap(read)).toHaveLength(18);
  });
});

describe("parseEntries", () => {
  test("a line without its end is left for later; an empty stretch has nothing", () => {
    expect(parseEntries(Buffer.from(""))).toEqual({ entries: [], length: 0, broken: 0 });
    expect(parseEntries(Buffer.from("00000000 "))).toEqual({ entries: [], length: 0, broken: 0 });
  });

  test("lines that are not what was written are counted and left out", () => {
    const bytes = Buffer.from("no checksum\n\n00000000 \n12345678 changed\n");
    expect(parseEntries(bytes)).toMatchObject({ entries: [{ text: "" }], length: bytes.length, broken: 3 });
  });
});
