/** What operators do beside asking: block, retry, take from one CDN, look for. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RepackageRequestInput } from "../../src/crs/crs.ts";
import { type MediaServer, startCrs, startServer, type TestCrs } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";
import { readFileSync } from "node:fs";

/** Answers 404 for every name in it. */
const missing = new Set<string>();
let media: MediaServer;
let crs: TestCrs;
beforeAll(async () => {
  media = await startServer((request, response) => {
    const path = request.url ?? "";
    if (path.startsWith("/hanging/")) return;
    if (missing.has(path.split("/")[1] ?? "")) response.writeHead(404).end();
    else response.end(readFileSync(testMedia("short.mp4")));
  });
  const retry = { maxAttempts: 1, permanentBackoff: 300, transientBackoff: 15 };
  crs = await startCrs({ allow: [media], config: { retry } });
});
afterAll(async () => {
  await crs.close();
  await media.close();
});

const request = (name: string, more: Partial<RepackageRequestInput> = {}): RepackageRequestInput => ({
  zone: "1",
  creativeUrl: new URL(`${name}/short.mp4`, media.base).href,
  packaging: "hls",
  targetDuration: 6,
  ...more,
});
const isAnyOf =
  (...states: readonly string[]) =>
  ({ state }: { readonly state: string }): boolean =>
    states.includes(state);
const block = (
  kind: "host" | "url" | "ad-system" | "ad-id" | "creative-id" | "creative",
  value: string,
  zone?: string,
) => crs.crs.blocks.add({ kind, value, reason: "a test", ...(zone !== undefined && { zone }) });

describe("the block list", () => {
  test.each([
    ["host", "127.0.0.1", {}],
    ["url", "  http://127.0.0.1:PORT/by-url/short.mp4#part", {}],
    ["ad-system", "Bad Ads", { adSystem: "Bad Ads" }],
    ["ad-id", "A-1", { adId: "A-1" }],
    ["creative-id", "C-1", { creativeId: "C-1" }],
  ] as const)(
    "refuses a creative by its %s, shows it as blocked, and lets it pass when the entry is gone",
    async (...row) => {
      const [kind, value, names] = row;
      const { entry } = await block(kind, value.replace("PORT", media.base.port));
      const asked = request(`by-${kind}`, names);
      await expect(crs.crs.submit(asked)).rejects.toMatchObject({
        code: "creative-blocked",
        message: expect.stringContaining(`its ${kind} ${JSON.stringify(entry.value)} is on the block list: a test`),
      });
      const [shown] = (await crs.crs.list({ url: `/by-${kind}/` })).creatives;
      expect(shown).toMatchObject({ state: "blocked", reason: "block-listed" });
      expect(media.requests.filter((path) => path.startsWith(`/by-${kind}/`))).toEqual([]);
      expect(await crs.crs.blocks.remove(entry.id)).toBe(true);
      const { key, before, status } = await crs.crs.submit(asked);
      expect([before, status.state]).toEqual(["absent", "queued"]);
      await crs.crs.forget("1", key);
    },
  );

  test("holds for what waits already: a creative that was blocked since is not fetched", async () => {
    const { key: first } = await crs.crs.submit(request("hanging"));
    await crs.waitFor(first, isAnyOf("fetching"));
    const { key } = await crs.crs.submit(request("waiting", { adSystem: "Blocked later" }));
    const { entry } = await block("ad-system", "Blocked later");
    await crs.crs.forget("1", first);
    expect(await crs.waitFor(key, isAnyOf("blocked", "ready"))).toMatchObject({
      state: "blocked",
      reason: "block-listed",
    });
    expect(media.requests.filter((path) => path.startsWith("/waiting/"))).toEqual([]);
    await crs.crs.blocks.remove(entry.id);
    expect((await crs.crs.submit(request("waiting"))).before).toBe("absent");
    await crs.crs.forget("1", key);
  });

  test("an entry for one zone holds in that zone, and one for a host with a dot holds below it", async () => {
    const names = ["http://ads.example/a.mp4", "http://cdn.ads.example/a.mp4", "http://bads.example/a.mp4"];
    const { entry } = await block("host", ".ADS.example", "2");
    expect(entry).toMatchObject({ zone: "2", value: ".ads.example" });
    const ask = async (zone: string, creativeUrl: string): Promise<string> =>
      crs.crs.submit(request("", { zone, creativeUrl })).then(
        () => "taken",
        (error: Error) => error.name,
      );
    expect(await Promise.all(names.map((url) => ask("2", url)))).toEqual([
      "CreativeBlocked",
      "CreativeBlocked",
      "taken",
    ]);
    expect(await ask("1", names[0] ?? "")).toBe("taken");
    await crs.crs.blocks.remove(entry.id);
  });

  test("an operator's entry takes the place of the service's own, which a retry would take away", async () => {
    missing.add("taken-over");
    const { key } = await crs.repackage(new URL("taken-over/short.mp4", media.base));
    const [automatic] = (await crs.crs.blocks.list({ kind: "creative" })).entries;
    expect(automatic).toMatchObject({ value: key, isAutomatic: true });
    const { entry, isNew } = await block("creative", key, "1");
    expect([entry, isNew]).toEqual([{ ...automatic, isAutomatic: false, reason: "a test" }, false]);
    await expect(crs.crs.retry("1", key)).rejects.toMatchObject({ code: "creative-blocked" });
    expect((await crs.crs.blocks.list({ kind: "creative" })).entries).toEqual([entry]);
    await crs.crs.blocks.remove(entry.id);
    await crs.crs.forget("1", key);
  });

  test("an equal entry is added once; values that are none are refused by name", async () => {
    const long = `http://ads.example/${"x".repeat(8000)}`;
    const first = await block("url", long);
    expect(await block("url", long)).toEqual({ entry: first.entry, isNew: false });
    expect((await crs.crs.blocks.list({ kind: "url" })).total).toBe(1);
    await crs.crs.blocks.remove(first.entry.id);
    await expect(block("host", "ads.example/path")).rejects.toThrow("value: expected a host such as ads.example");
    await expect(block("creative", "abc", "1")).rejects.toThrow("value: expected a creative's key");
    await expect(block("url", "ads")).rejects.toMatchObject({ code: "url-malformed" });
  });
});

describe("a creative that is broken for good", () => {
  test("blocks itself; when its entry is taken away it is made", async () => {
    missing.add("broken");
    const { key } = await crs.crs.submit(request("broken"));
    expect(await crs.waitFor(key, isAnyOf("blocked"))).toMatchObject({ reason: "source-missing" });
    const [entry] = (await crs.crs.blocks.list({ kind: "creative" })).entries;
    expect(entry).toMatchObject({ zone: "1", value: key, isAutomatic: true, reason: "source-missing" });
    await expect(crs.crs.submit(request("broken"))).rejects.toMatchObject({ code: "creative-blocked", key });
    missing.delete("broken");
    expect(await crs.crs.blocks.remove(entry?.id ?? "")).toBe(true);
    expect(await crs.waitFor(key, isAnyOf("transcoding", "blocked"))).toMatchObject({ state: "transcoding" });
    expect((await crs.crs.blocks.list({ kind: "creative" })).total).toBe(0);
    await crs.crs.forget("1", key);
  });

  test("is made by a retry, which takes its entry away; one that is ready has nothing to retry", async () => {
    missing.add("retried");
    const { key } = await crs.crs.submit(request("retried"));
    await crs.waitFor(key, isAnyOf("blocked"));
    missing.delete("retried");
    expect(await crs.crs.retry("1", key)).toMatchObject({ state: "queued", attempts: 0 });
    await crs.waitFor(key, isAnyOf("ready"));
    expect((await crs.crs.blocks.list({ kind: "creative" })).total).toBe(0);
    await expect(crs.crs.retry("1", key)).rejects.toMatchObject({
      code: "wrong-state",
      message: expect.stringContaining("expected it failed or blocked, with a package of it asked for, got ready"),
    });
    expect(await crs.crs.retry("1", "f".repeat(32))).toBeUndefined();
  });

  test("is not retried against an operator's entry, and forgets its own with itself", async () => {
    missing.add("stubborn");
    const { key } = await crs.crs.submit(request("stubborn", { adSystem: "Stubborn" }));
    await crs.waitFor(key, isAnyOf("blocked"));
    const { entry } = await block("ad-system", "Stubborn");
    await expect(crs.crs.retry("1", key)).rejects.toMatchObject({ code: "creative-blocked" });
    await crs.crs.blocks.remove(entry.id);
    expect(await crs.crs.forget("1", key)).toBe(true);
    expect((await crs.crs.blocks.list({ kind: "creative" })).total).toBe(0);
    missing.delete("stubborn");
    expect((await crs.crs.submit(request("stubborn"))).status.state).toBe("queued");
    await crs.crs.forget("1", key);
  });
});

test("a creative that is taken from one CDN stays away until it is asked for again; then it comes from the stored ladder", async () => {
  const made = await crs.repackage(new URL("purged/short.mp4", media.base));
  const path = made.packages[0]?.path ?? "";
  const isOn = (cdn: string): boolean => existsSync(join(crs.folder, "cdn", cdn, path));
  expect([isOn("a"), isOn("b")]).toEqual([true, true]);
  const purged = await crs.crs.purge("1", made.key, "b");
  expect(purged).toMatchObject({ state: "ready", packages: [{ cdns: ["a"] }] });
  expect([isOn("a"), isOn("b")]).toEqual([true, false]);
  expect(existsSync(join(crs.folder, "cdn/b", path.replace(".m3u8", "")))).toBe(false);
  await crs.crs.lookAfter();
  expect([(await crs.crs.status("1", made.key))?.state, isOn("b")]).toEqual(["ready", false]);

  expect(await crs.crs.submit(request("purged"))).toMatchObject({ before: "ready", status: { state: "queued" } });
  expect(await crs.waitFor(made.key, isAnyOf("ready"))).toMatchObject({ packages: [{ cdns: ["a", "b"] }] });
  expect(isOn("b")).toBe(true);
  expect(media.requests.filter((asked) => asked.startsWith("/purged/"))).toHaveLength(1);
  await expect(crs.crs.purge("1", made.key, "c")).rejects.toMatchObject({ code: "not-found" });
});

test("creatives are found by zone, state and a part of their URL, and counted", async () => {
  missing.add("found");
  const { key } = await crs.repackage(new URL("found/short.mp4?x=100%25_", media.base));
  const find = async (filter: Parameters<typeof crs.crs.list>[0]): Promise<readonly string[]> => {
    const { creatives, total } = await crs.crs.list(filter);
    expect(total).toBe(creatives.length);
    return creatives.map((one) => one.key);
  };
  expect(await find({ url: "found/short.mp4?x=100%25_" })).toEqual([key]);
  expect(await find({ url: "found/", state: "blocked", zone: "1" })).toEqual([key]);
  expect(await find({ url: "found/", state: "failed" })).toEqual([]);
  expect(await find({ url: "found/", zone: "2" })).toEqual([]);
});
