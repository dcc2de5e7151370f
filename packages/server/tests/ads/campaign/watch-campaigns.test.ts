import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { NO_CAMPAIGNS } from "../../../src/ads/campaign/campaign.ts";
import { watchCampaigns } from "../../../src/ads/campaign/watch-campaigns.ts";

function named(id: string): string {
  return JSON.stringify({ version: 1, lineItems: [{ id, ads: [] }] });
}

/** A watched file, read once already; `next` resolves when it was read again. */
async function watched() {
  const folder = mkdtempSync(join(tmpdir(), "interlude-campaigns-"));
  const file = join(folder, "campaigns.json");
  writeFileSync(file, named("first"));
  const log: string[] = [];
  let told = (): void => undefined;
  const next = (): Promise<void> => new Promise((resolve) => (told = resolve));
  const source = watchCampaigns({
    file,
    initial: NO_CAMPAIGNS,
    zones: ["1"],
    now: Date.now,
    log: {
      info: (message) => log.push(message),
      warn: (message) => log.push(`warn: ${message}`),
      error: (message) => log.push(`error: ${message}`),
    },
    intervalMs: 5,
    onRead: () => told(),
  });
  onTestFinished(() => {
    source.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await next();
  return { folder, file, log, next, source, ids: () => [...source.current().lineItems.keys()] };
}

describe("watchCampaigns", () => {
  test("a file that names a zone that the server does not have, or not yet, is in force, and the log says where", async () => {
    const { file, log, next, source, ids } = await watched();
    const read = next();
    writeFileSync(file, JSON.stringify({ version: 1, lineItems: [{ id: "second", zones: ["1", "one"], ads: [] }] }));
    await read;
    expect([ids(), source.status().state]).toEqual([["second"], "current"]);
    expect(log.filter((line) => line.startsWith("warn"))).toEqual([
      expect.stringContaining('line 1: lineItems[0].zones[1]: expected one of 1, got "one"'),
    ]);
  });

  test("a file that is written over is in force, and so is one that an editor renames into its place", async () => {
    const { folder, file, next, ids } = await watched();
    expect(ids()).toEqual(["first"]);
    let read = next();
    writeFileSync(file, named("second"));
    await read;
    expect(ids()).toEqual(["second"]);
    for (const id of ["third", "fourth"]) {
      read = next();
      writeFileSync(join(folder, "new"), named(id));
      renameSync(join(folder, "new"), file);
      await read;
      expect(ids()).toEqual([id]);
    }
  });

  test("a link that is turned to another folder is followed, as configuration of containers is mounted", async () => {
    const { folder, file, next, ids } = await watched();
    writeFileSync(join(folder, "a"), named("in-a"));
    writeFileSync(join(folder, "b"), named("in-b"));
    for (const target of ["a", "b"]) {
      const read = next();
      symlinkSync(join(folder, target), join(folder, "link"));
      renameSync(join(folder, "link"), file);
      await read;
      expect(ids()).toEqual([`in-${target}`]);
    }
  });

  test("a broken file leaves the campaigns before in force and says what is wrong; a mended one is in force", async () => {
    const { file, log, next, source, ids } = await watched();
    let read = next();
    writeFileSync(file, `{\n"version": 2 }`);
    await read;
    expect([ids(), source.status().state]).toEqual([["first"], "outdated"]);
    expect(log.at(-1)).toBe(
      `error: campaigns: the ones before stay in force: ${file}, line 2: version: expected 1, got 2`,
    );
    expect(source.status().complaint).toContain("line 2: version");
    read = next();
    writeFileSync(file, named("mended"));
    await read;
    expect([ids(), source.status().state, source.status().complaint]).toEqual([["mended"], "current", undefined]);
  });

  test("a file that is removed leaves the campaigns before in force", async () => {
    const { file, next, source, ids } = await watched();
    const read = next();
    rmSync(file);
    await read;
    expect([ids(), source.status().state]).toEqual([["first"], "outdated"]);
  });
});
