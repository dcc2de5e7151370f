/** What is done about creatives that nobody asks for just now. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { directoryStore } from "../../src/origin/store.ts";
import { placeDatabase } from "../database/new-database.ts";
import { openTestDatabase, startCrs, startServer, type TestCrs, type TestCrsOptions } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

let shared: Database;
beforeAll(async () => {
  shared = await openTestDatabase();
});
afterAll(() => shared.close());

/** The file that is served, or none; answers conditional requests as RFC 9110 §13 has it. */
let source: string | undefined;
/** Statuses of all answers, in order. */
const answered: number[] = [];
const serve = (request: IncomingMessage, response: ServerResponse): void => {
  const body = source === undefined ? undefined : readFileSync(testMedia(source));
  const etag = body && `"${createHash("sha256").update(body).digest("hex").slice(0, 16)}"`;
  const status = body === undefined ? 404 : request.headers["if-none-match"] === etag ? 304 : 200;
  answered.push(status);
  response.writeHead(status, { ...(etag && { etag }) }).end(status === 200 ? body : undefined);
};

async function start(options: Partial<TestCrsOptions>): Promise<{ readonly crs: TestCrs; readonly url: URL }> {
  source = "short.mp4";
  answered.length = 0;
  const media = await startServer(serve);
  const crs = await startCrs({ allow: [media], ...(options.folder === undefined && { database: shared }), ...options });
  onTestFinished(async () => {
    await crs.close();
    await media.close();
  });
  return { crs, url: new URL("spot.mp4", media.base) };
}

function listMedia(crs: TestCrs, cdn: string): readonly string[] {
  const files = readdirSync(join(crs.folder, "cdn", cdn), { recursive: true, encoding: "utf8" });
  return files.filter((file) => file.endsWith(".ts")).toSorted();
}

/** Has the caretaker look, and waits for what it had done. */
async function look(crs: TestCrs, key: string) {
  await crs.crs.lookAfter();
  return crs.waitFor(key, ({ state }) => state === "ready" || state === "failed");
}

test("a source is looked at again: unchanged it costs one conditional request, changed it becomes a new version, gone it costs nothing", async () => {
  const { crs, url } = await start({ config: { revalidateMs: 1 } });
  const { key, packages } = await crs.repackage(url);
  const master = packages[0]?.path ?? "";
  const first = { master: crs.read("a", master), media: listMedia(crs, "a") };
  answered.length = 0;

  expect(await look(crs, key)).toMatchObject({ state: "ready" });
  expect(answered).toEqual([304]);
  expect(crs.read("a", master)).toEqual(first.master);
  expect(listMedia(crs, "a")).toEqual(first.media);

  source = "late-sound.mp4";
  expect(await look(crs, key)).toMatchObject({ state: "ready", packages: [{ cdns: ["a", "b"], isWhole: true }] });
  expect(answered.slice(1).every((status) => status === 200)).toBe(true);
  const second = { master: crs.read("a", master), media: listMedia(crs, "a") };
  expect(second.master).not.toEqual(first.master);
  expect(first.media.every((file) => second.media.includes(file))).toBe(true);
  expect(second.media.length).toBeGreaterThan(first.media.length);
  const folder = join(crs.folder, "cdn/a", master, "..");
  const named = second.master
    .toString()
    .split("\n")
    .filter((line) => line.endsWith(".m3u8"));
  expect(named.length).toBeGreaterThan(0);
  for (const path of named) {
    expect(existsSync(join(folder, path))).toBe(true);
    expect(first.master.toString()).not.toContain(path);
  }

  source = undefined;
  answered.length = 0;
  expect(await look(crs, key)).toMatchObject({ state: "ready", packages: [{ cdns: ["a", "b"] }] });
  expect(answered).toEqual([404]);
  expect(crs.read("a", master)).toEqual(second.master);
});

test("what a CDN did not take is brought there later, and only while somebody asks for it", async () => {
  let isDown = true;
  const targets = (folder: string) => {
    const [a, b] = ["a", "b"].map((name) => directoryStore(name, join(folder, "cdn", name)));
    if (!a || !b) throw new Error("expected two");
    const put: typeof b.put = async (...args) => {
      if (isDown) throw new Error("b is down");
      return b.put(...args);
    };
    return [a, { ...b, put }];
  };
  const { crs, url } = await start({ targets });
  const { key, packages } = await crs.repackage(url);
  expect(packages).toMatchObject([{ cdns: ["a"] }]);
  isDown = false;
  const master = join(crs.folder, "cdn/b", packages[0]?.path ?? "");

  await look(crs, key);
  expect(existsSync(master)).toBe(false);
  await crs.database.query("update creative_package set published_at = now() - interval '1 hour'");
  await crs.database.query("update creative set asked_at = now() - interval '31 days'");
  await look(crs, key);
  expect(existsSync(master)).toBe(false);
  await crs.database.query("update creative set asked_at = now()");
  expect(await look(crs, key)).toMatchObject({ state: "ready", packages: [{ cdns: ["a", "b"] }] });
  expect(statSync(master).size).toBeGreaterThan(0);
  expect(answered).toEqual([200]);
});

test("creatives that lost their jobs get new ones, however many they are", async () => {
  const { crs } = await start({ config: { concurrency: 0, queueLimit: 1000 } });
  await crs.database.query(
    `insert into creative (zone, key, creative_url, state, updated_at)
     select '1', lpad(to_hex(n), 32, '0'), 'http://ads.example/' || n, 'queued', now() - interval '1 hour'
     from generate_series(1, 450) n`,
  );
  await crs.crs.lookAfter();
  const jobs = await crs.database.boss.findJobs<{ readonly key: string }>("repackage", {});
  expect(new Set(jobs.map(({ data }) => data.key)).size).toBe(450);
  await crs.crs.lookAfter();
  expect(await crs.database.boss.findJobs("repackage", {})).toHaveLength(450);
});

test("a creative that cannot be looked after keeps neither the server from starting nor the others from new jobs", async () => {
  const errors: object[] = [];
  const log = { info: () => undefined, warn: () => undefined, error: (fields: object) => errors.push(fields) };
  const folder = mkdtempSync(join(tmpdir(), "interlude-caretaker-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  await placeDatabase(join(folder, "database"));
  const database = await openDatabase({ directory: join(folder, "database") });
  await database.query(
    `insert into creative (zone, key, creative_url, state, job_id)
     values ('1', 'a', 'http://ads.example/a', 'queued', 'no uuid'), ('1', 'b', 'http://ads.example/b', 'queued', null)`,
  );
  await database.close();
  const { crs } = await start({ folder, config: { concurrency: 0 }, log });
  const jobs = await crs.database.boss.findJobs<{ readonly key: string }>("repackage", {});
  expect(jobs.map(({ data }) => data.key)).toEqual(["b"]);
  expect(errors).toMatchObject([{ creative: "1/a" }]);
});
