/** What is left on disk and on the CDNs when things end otherwise than they began: nothing that nobody names. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createCrs, type Crs } from "../../src/crs/crs.ts";
import { defaultCrsConfig } from "../../src/crs/crs-config.ts";
import { publishTo } from "../../src/crs/publish.ts";
import type { PublishTarget } from "../../src/crs/publish-target.ts";
import { type Database, openDatabase } from "../../src/database/database.ts";
import { createGuardedFetch } from "../../src/guarded-fetch.ts";
import { directoryStore } from "../../src/origin/store.ts";
import { placeDatabase } from "../database/new-database.ts";
import {
  type MediaServer,
  openTestDatabase,
  startCrs,
  startMediaServer,
  type TestCrs,
  type TestCrsOptions,
} from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

let media: MediaServer;
let shared: Database;
beforeAll(async () => {
  media = await startMediaServer(testMedia);
  shared = await openTestDatabase();
});
afterAll(async () => {
  await shared.close();
  await media.close();
});

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function start(options: Partial<TestCrsOptions> = {}): Promise<TestCrs> {
  const crs = await startCrs({ allow: [media], database: shared, ...options });
  open.push(crs);
  return crs;
}

const request = (name: string) => ({
  zone: "1",
  creativeUrl: new URL(`${name}/short.mp4`, media.base).href,
  packaging: "hls" as const,
  targetDuration: 6,
});

/** All files below a folder, hidden ones too. */
function listFiles(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

/** Another instance on the same rows and CDNs, which has no worker of its own: it can only be asked. */
function askedOnly({ database, folder, config }: TestCrs): Crs {
  const targets = ["a", "b"].map((name) => directoryStore(name, join(folder, "cdn", name)));
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const fetch = createGuardedFetch({ allowPrivate: [] });
  return createCrs({ database, fetch, targets, normaliseRules: () => [], config, log });
}

/** One CDN, on which the first upload of what `isHeld` says waits for `release`; `held` tells that it does. */
function heldTarget(isHeld: (path: string) => boolean) {
  const arrival = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  let isFirst = true;
  const targets = (folder: string): readonly PublishTarget[] => {
    const store = directoryStore("a", join(folder, "cdn/a"));
    const put: PublishTarget["put"] = async (path, body) => {
      if (isFirst && isHeld(path)) {
        isFirst = false;
        arrival.resolve();
        await gate.promise;
      }
      await store.put(path, body);
    };
    return [{ ...store, put }];
  };
  return { targets, held: arrival.promise, release: gate.resolve };
}

describe("a creative that another instance forgets", () => {
  test("while it is encoded: its encoding is not kept", async () => {
    const crs = await start();
    const { key } = await crs.crs.submit(request("encoded"));
    await crs.waitFor(key, ({ state }) => state === "transcoding");
    expect(await askedOnly(crs).forget("1", key)).toBe(true);
    // The next one is begun when the one before has ended.
    await crs.repackage(new URL("after-encoded/short.mp4", media.base));
    expect(readdirSync(join(crs.config.encodingDir, "1")).filter((name) => name.startsWith(key))).toEqual([]);
  });

  test("while its master is brought to a CDN: it does not stay there", async () => {
    const { targets, held, release } = heldTarget((path) => /_[0-9a-f]{32}\.m3u8$/.test(path));
    const crs = await start({ targets });
    const { key } = await crs.crs.submit(request("zombie"));
    await held;
    expect(await askedOnly(crs).forget("1", key)).toBe(true);
    release();
    await crs.repackage(new URL("after-zombie/short.mp4", media.base));
    expect(listFiles(join(crs.folder, "cdn/a/1", key.slice(0, 3)))).toEqual([]);
  });
});

test("a creative that is asked for again while it is being forgotten is made, and stays", async () => {
  const { targets, held, release } = heldTarget((path) => path.endsWith(".ts"));
  const crs = await start({ config: { concurrency: 2 }, targets });
  const { key } = await crs.crs.submit(request("again"));
  await held;
  const forgotten = crs.crs.forget("1", key);
  expect((await crs.crs.submit(request("again"))).before).toBe("absent");
  await crs.waitFor(key, ({ state }) => state === "ready" || state === "failed");
  release();
  expect(await forgotten).toBe(true);
  const status = await crs.crs.status("1", key);
  expect(status).toMatchObject({ state: "ready", packages: [{ cdns: ["a"] }] });
  expect(crs.read("a", status?.packages[0]?.path ?? "").toString()).toContain("#EXT-X-STREAM-INF");
  await crs.crs.stop();
  expect(readdirSync(crs.config.workDir)).toEqual(["bin"]);
});

describe("an upload that fails", () => {
  let folder = "";
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const rendition = { name: "180p", width: 320, height: 180, codec: "avc1.64000d", bandwidthBps: 1000 };
  const segments = Array.from({ length: 20 }, (_, i) => ({ uri: `${i}.ts`, duration: 2, bytes: 1 }));
  const publish = (target: PublishTarget, timeoutMs = 1000) => {
    folder = mkdtempSync(join(tmpdir(), "interlude-upload-"));
    mkdirSync(join(folder, "180p"));
    for (const { uri } of segments) writeFileSync(join(folder, "180p", uri), "x");
    const frameRate = { numerator: 25, denominator: 1 };
    const tracks = [{ name: "180p", kind: "muxed", rendition, segments }] as const;
    const what = { cut: { folder, targetDuration: 2, tracks }, frameRate, masterPath: "1/m.m3u8" };
    const options = { signal: new AbortController().signal, timeoutMs, onProgress: () => undefined };
    return publishTo(target, { ...what, version: "v1" }, options);
  };
  const failing = (isFailing: (path: string) => boolean) => {
    const puts: string[] = [];
    const removed: string[] = [];
    const target: PublishTarget = {
      name: "a",
      put: async (path) => {
        puts.push(path);
        if (isFailing(path)) throw new Error("disk full");
      },
      remove: async () => undefined,
      removeFolder: async (path) => void removed.push(path),
    };
    return { target, puts, removed };
  };

  test("is given up at once, and what there is of it is removed", async () => {
    const { target, puts, removed } = failing((path) => path.endsWith("/3.ts"));
    await expect(publish(target)).rejects.toThrow("disk full");
    expect(new Set(puts).size).toBeLessThan(10);
    expect(removed).toEqual(["1/m/v1"]);
  });

  test("with the master may have succeeded all the same: the media that it names stays", async () => {
    const { target, removed } = failing((path) => path === "1/m.m3u8");
    await expect(publish(target)).rejects.toThrow("disk full");
    expect(removed).toEqual([]);
  });

  test("by taking too long is told to end before its object is put again", async () => {
    const { target, removed } = failing(() => false);
    let running = 0;
    let most = 0;
    const put: PublishTarget["put"] = async (_path, _body, { signal }) => {
      most = Math.max(most, ++running);
      const told = Promise.withResolvers<void>();
      signal?.addEventListener("abort", () => told.resolve());
      await told.promise;
      running--;
      throw signal?.reason;
    };
    await expect(publish({ ...target, put }, 20)).rejects.toThrow("expected an end within 20 ms");
    expect([running, most, removed]).toEqual([0, 4, ["1/m/v1"]]);
  });
});

test("an instance that starts beside others leaves them the programs through which they start ffmpeg", async () => {
  const folder = mkdtempSync(join(tmpdir(), "interlude-beside-"));
  const config = defaultCrsConfig(folder);
  const [programs, dead] = [join(config.workDir, "bin"), join(config.workDir, "dead-1")];
  for (const path of [programs, dead]) mkdirSync(path, { recursive: true });
  writeFileSync(join(programs, "run-ffmpeg-of-another.sh"), "");
  for (const path of [programs, dead]) utimesSync(path, 0, 0);

  await placeDatabase(join(folder, "database"));
  const database = await openDatabase({ directory: join(folder, "database") });
  const external = { ...database, isEmbedded: false };
  const targets = [directoryStore("a", join(folder, "cdn/a"))];
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const fetch = createGuardedFetch({ allowPrivate: [] });
  const crs = createCrs({ database: external, fetch, targets, normaliseRules: () => [], config, log });
  await crs.start();
  expect(readdirSync(config.workDir)).toEqual(["bin"]);
  expect(readdirSync(programs)).toContain("run-ffmpeg-of-another.sh");
  await crs.stop();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});
