/** What a request changes, and what it leaves alone. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { find } from "../../src/crs/creative-store.ts";
import { saveLife } from "../../src/crs/life-change.ts";
import type { RepackageRequestInput } from "../../src/crs/crs.ts";
import type { Database } from "../../src/database/database.ts";
import {
  type MediaServer,
  openTestDatabase,
  startCrs,
  startMediaServer,
  startServer,
  type TestCrs,
  type TestCrsOptions,
} from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

let media: MediaServer;
let hanging: MediaServer;
let shared: Database;
beforeAll(async () => {
  shared = await openTestDatabase();
  media = await startMediaServer(testMedia);
  hanging = await startServer(() => undefined);
});
afterAll(async () => {
  await shared.close();
  await media.close();
  await hanging.close();
});

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function start(config: TestCrsOptions["config"] = {}): Promise<TestCrs> {
  const crs = await startCrs({ allow: [media, hanging], database: shared, config });
  open.push(crs);
  return crs;
}

const request = (url: URL, more: Partial<RepackageRequestInput> = {}): RepackageRequestInput => ({
  zone: "1",
  creativeUrl: url.href,
  packaging: "hls",
  targetDuration: 6,
  ...more,
});

describe("a full queue", () => {
  test("refuses what is to be made, and lets a ready creative be whose source alone is to be looked at", async () => {
    const { crs, repackage, waitFor } = await start({ queueLimit: 1, revalidateMs: 1 });
    const url = new URL("stale/short.mp4", media.base);
    const made = await repackage(url);
    const { key } = await crs.submit(request(new URL("1.mp4", hanging.base)));
    await waitFor(key, ({ state }) => state === "fetching");
    await crs.submit(request(new URL("2.mp4", hanging.base)));

    expect(await crs.submit(request(url))).toMatchObject({ before: "ready", status: { state: "ready" } });
    await expect(crs.submit(request(url, { targetDuration: 4 }))).rejects.toMatchObject({ code: "queue-full" });
    expect(await crs.status("1", made.key)).toMatchObject({ state: "ready", packages: made.packages });
  });
});

test("a life that no row takes is an error: nothing follows from it", async () => {
  const { crs, config, database } = await start({ concurrency: 0 });
  const { key } = await crs.submit(request(new URL("http://ads.example/a.mp4")));
  const found = await find(database, { zone: "1", key });
  if (found === undefined) throw new Error("expected a row");
  const life = { state: "blocked", attempts: 1, reason: "truncated" } as const;
  const other = { ...found, lease: found.lease + 1 };
  const saved = database.transaction((tx) => saveLife(tx, other, life, {}, { config, webhooks: undefined }));
  await expect(saved).rejects.toThrow(`creative 1/${key}: expected its row under lease ${other.lease}, got none`);
  expect((await crs.blocks.list({})).total).toBe(0);
});

describe("a request from a page", () => {
  const url = new URL("http://ads.example/a.mp4");
  const fromPage = (more: Partial<RepackageRequestInput> = {}) => request(url, { ...more, isFromPage: true });
  const refused = { name: "CreativeBlocked", code: "creative-blocked" };

  test("for what is blocked and was never made is refused, and leaves no row and nothing to tell", async () => {
    const webhook = { url: hanging.base, secret: "s", timeoutMs: 1000, retryLimit: 0, retryDelay: 1 };
    const { crs, database } = await start({ concurrency: 0, webhook });
    const told = async (): Promise<number> =>
      (await database.query("select id from pgboss.job where name = 'webhook'")).length;
    await crs.blocks.add({ kind: "host", value: "ads.example", reason: "a test" });
    await expect(crs.submit(fromPage())).rejects.toMatchObject(refused);
    expect([(await crs.list({})).total, await told()]).toEqual([0, 0]);
    await expect(crs.submit(request(url))).rejects.toMatchObject(refused);
    expect([(await crs.list({ state: "blocked" })).total, await told()]).toEqual([1, 1]);
  });

  test("has its names looked up and not kept: they stand against nobody else's request", async () => {
    const { crs, database } = await start({ concurrency: 0 });
    const names = async (): Promise<unknown> =>
      database.query("select ad_system, ad_id, creative_id from creative where creative_url = $1", [url.href]);
    await crs.submit(fromPage({ adSystem: "S", adId: "A", creativeId: "C" }));
    expect(await names()).toEqual([{ ad_system: null, ad_id: null, creative_id: null }]);
    await crs.blocks.add({ kind: "ad-id", value: "A", reason: "a test" });
    await expect(crs.submit(fromPage({ adId: "A" }))).rejects.toMatchObject(refused);
    await crs.submit(fromPage({ adId: "B" }));
    expect(await names()).toEqual([{ ad_system: null, ad_id: null, creative_id: null }]);
  });

  test("does not lift a block by leaving out, or replacing, the name that is blocked", async () => {
    const { crs } = await start({ concurrency: 0 });
    await crs.blocks.add({ kind: "ad-id", value: "A", reason: "a test" });
    await expect(crs.submit(request(url, { adId: "A" }))).rejects.toMatchObject(refused);
    for (const more of [{}, { adId: "B" }]) {
      await expect(crs.submit(fromPage(more))).rejects.toMatchObject(refused);
    }
    expect((await crs.list({})).creatives).toMatchObject([{ state: "blocked" }]);
    expect(await crs.submit(request(url, { adId: "B" }))).toMatchObject({
      before: "absent",
      status: { state: "queued" },
    });
  });
});
