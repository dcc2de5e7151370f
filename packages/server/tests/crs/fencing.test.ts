/** One creative, several that want to write about it: jobs, turns, instances. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createCrs, type CreativeStatus, type Crs, type RepackageRequestInput } from "../../src/crs/crs.ts";
import { defaultCrsConfig } from "../../src/crs/crs-config.ts";
import * as store from "../../src/crs/creative-store.ts";
import { leaseRow } from "../../src/crs/leased-row.ts";
import type { PublishTarget } from "../../src/crs/publish-target.ts";
import type { Database } from "../../src/database/database.ts";
import { createGuardedFetch } from "../../src/guarded-fetch.ts";
import { directoryStore } from "../../src/origin/store.ts";
import { openTestDatabase, startCrs, startServer, type TestCrs, type TestCrsOptions } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

interface Started {
  readonly crs: TestCrs;
  readonly request: RepackageRequestInput;
}

/** @param status of the answer to a request for the source */
async function start(options: Partial<TestCrsOptions> = {}, status = (): number => 200): Promise<Started> {
  const media = await startServer((_request, response) => {
    const code = status();
    response.writeHead(code).end(code === 200 ? readFileSync(testMedia("short.mp4")) : undefined);
  });
  const crs = await startCrs({ allow: [media], database, ...options });
  onTestFinished(async () => {
    await crs.close();
    await media.close();
  });
  const creativeUrl = new URL("spot.mp4", media.base).href;
  return { crs, request: { zone: "1", creativeUrl, packaging: "hls", targetDuration: 6 } };
}

describe("a creative whose source is down for a while", () => {
  test("is begun at once by a retry, however long its next attempt is away", async () => {
    const statuses = [503, 200];
    const retry = { maxAttempts: 3, permanentBackoff: 600, transientBackoff: 600 };
    const { crs, request } = await start({ config: { retry } }, () => statuses.shift() ?? 200);
    const { key } = await crs.crs.submit(request);
    await crs.waitFor(key, ({ state }) => state === "failed");
    expect(await crs.crs.retry("1", key)).toMatchObject({ state: "queued" });
    await crs.waitFor(key, ({ state }) => state === "ready");
  });
});

test("a creative that is forgotten and asked for again is never taken up under a lease that was given before", async () => {
  const { crs, request } = await start();
  const leases: unknown[] = [];
  for (const _ of [1, 2]) {
    const { key } = await crs.repackage(new URL(request.creativeUrl));
    leases.push(...(await crs.database.query("select lease from creative")));
    await crs.crs.forget("1", key);
  }
  expect(leases).toEqual([{ lease: 1 }, { lease: 2 }]);
});

test("a worker that finds its creative forgotten when it saves its progress is told to end", async () => {
  const { crs, request } = await start();
  const { key } = await crs.repackage(new URL(request.creativeUrl));
  const record = await store.find(crs.database, { zone: "1", key });
  if (record === undefined) throw new Error("expected a row");
  await crs.crs.forget("1", key);
  const told = Promise.withResolvers<Error>();
  const deps = { database: crs.database, config: crs.config, log: noLog, announce: () => undefined };
  leaseRow(record, { progress: 0 }, deps, told.resolve).onProgress(0.5);
  expect((await told.promise).name).toBe("LeaseLost");
});

test("the master of a turn that another process has taken over does not take the place of the newer one", async () => {
  const { targets, held, release, released } = heldTarget((path) => path.endsWith(".ts"));
  const { crs, request } = await start({ targets });
  const beside = await startBeside(crs, request, targets(crs.folder));
  const { key } = await crs.crs.submit(request);
  await held;
  await askedOnly(crs, targets(crs.folder)).forget("1", key);
  const made = Promise.race([crs.crs, beside].map((one) => becomesReady(one, key)));
  await crs.crs.submit(request);
  const path = (await made).packages[0]?.path ?? "";
  const master = crs.read("a", path).toString();
  release();
  await released;
  expect(crs.read("a", path).toString()).toBe(master);
  expect(await crs.crs.status("1", key)).toMatchObject({ state: "ready", packages: [{ cdns: ["a"], isWhole: true }] });
});

test("a creative that is made again while what is left of it is removed from its CDNs is brought there once more", async () => {
  const arrival = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const { crs, request } = await start({
    targets: (folder) => {
      const origin = directoryStore("a", join(folder, "cdn/a"));
      const remove: PublishTarget["remove"] = async (path) => {
        arrival.resolve();
        await gate.promise;
        await origin.remove(path);
      };
      return [{ ...origin, remove }];
    },
  });
  const { key } = await crs.repackage(new URL(request.creativeUrl));
  const forgotten = crs.crs.forget("1", key);
  await arrival.promise;
  const made = becomesReady(crs.crs, key);
  await crs.crs.submit(request);
  await made;
  gate.resolve();
  expect(await forgotten).toBe(true);
  const whole = await crs.waitFor(key, ({ state, packages }) => state === "ready" && packages[0]?.isWhole === true);
  const master = crs.read("a", whole.packages[0]?.path ?? "").toString();
  expect(master).toContain("#EXT-X-STREAM-INF");
  const media = master.split("\n").find((line) => line.endsWith(".m3u8")) ?? "";
  expect(crs.read("a", join(whole.packages[0]?.path ?? "", "..", media)).toString()).toContain("#EXT-X-ENDLIST");
});

test("what a slow upload brings to a CDN that another process has taken the creative from is removed again", async () => {
  const gate = Promise.withResolvers<void>();
  const noted = Promise.withResolvers<void>();
  const targets = (folder: string): readonly PublishTarget[] => {
    const [origin, slow] = [directoryStore("a", join(folder, "cdn/a")), directoryStore("b", join(folder, "cdn/b"))];
    const put: PublishTarget["put"] = async (path, body) => {
      await gate.promise;
      await slow.put(path, body);
    };
    const removeFolder: PublishTarget["removeFolder"] = async (path) => {
      await slow.removeFolder(path);
      // Not only what an upload that was given up has left.
      if (/_[0-9a-f]{32}$/.test(path)) noted.resolve();
    };
    return [origin, { ...slow, put, removeFolder }];
  };
  const { crs, request } = await start({ targets });
  const { key, packages } = await crs.repackage(new URL(request.creativeUrl));
  expect(packages).toMatchObject([{ cdns: ["a"] }]);
  const stores = ["a", "b"].map((name) => directoryStore(name, join(crs.folder, "cdn", name)));
  expect(await askedOnly(crs, stores).purge("1", key, "b")).toMatchObject({ packages: [{ cdns: ["a"] }] });
  crs.crs.subscribe((status) => {
    if (status.packages[0]?.cdns.includes("b")) noted.resolve();
  });
  gate.resolve();
  await noted.promise;
  expect(existsSync(join(crs.folder, "cdn/b", packages[0]?.path ?? ""))).toBe(false);
  expect(await crs.crs.status("1", key)).toMatchObject({ state: "ready", packages: [{ cdns: ["a"] }] });
});

const noLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

function becomesReady(crs: Crs, key: string): Promise<CreativeStatus> {
  return new Promise((resolve) => {
    const stop = crs.subscribe((status) => {
      if (status.key !== key || status.state !== "ready") return;
      stop();
      resolve(status);
    });
  });
}

/** One CDN, on which the first upload of what `isHeld` says waits for `release`; what it was for has an end with `released`. */
function heldTarget(isHeld: (path: string) => boolean) {
  const arrival = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const isMaster = (path: string): boolean => /_[0-9a-f]{32}\.m3u8$/.test(path);
  let state: "before" | "held" | "released" = "before";
  const targets = (folder: string): readonly PublishTarget[] => {
    const origin = directoryStore("a", join(folder, "cdn/a"));
    const put: PublishTarget["put"] = async (path, body) => {
      if (state === "before" && isHeld(path)) {
        state = "held";
        arrival.resolve();
        await gate.promise;
        state = "released";
      }
      await origin.put(path, body);
      if (state === "released" && isMaster(path)) end.resolve();
    };
    const removeFolder: PublishTarget["removeFolder"] = async (path) => {
      await origin.removeFolder(path);
      if (state === "released") end.resolve();
    };
    return [{ ...origin, put, removeFolder }];
  };
  return { targets, held: arrival.promise, release: gate.resolve, released: end.promise };
}

/** Another instance on the same rows and CDNs, with a folder of its own. */
function createBeside(crs: TestCrs, targets: readonly PublishTarget[], allowPrivate: readonly string[]): Crs {
  const config = defaultCrsConfig(join(crs.folder, "beside"));
  const fetch = createGuardedFetch({ allowPrivate });
  return createCrs({ database: crs.database, fetch, targets, normaliseRules: () => [], config, log: noLog });
}

/** One that has no worker: it can only be asked. */
function askedOnly(crs: TestCrs, targets: readonly PublishTarget[]): Crs {
  return createBeside(crs, targets, []);
}

/** One that works. */
async function startBeside(
  crs: TestCrs,
  request: RepackageRequestInput,
  targets: readonly PublishTarget[],
): Promise<Crs> {
  const beside = createBeside(crs, targets, [new URL(request.creativeUrl).host]);
  await beside.start();
  onTestFinished(() => beside.stop());
  return beside;
}
