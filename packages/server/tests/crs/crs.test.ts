import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { CreativeStatus, RepackageRequestInput } from "../../src/crs/crs.ts";
import { defaultCrsConfig } from "../../src/crs/crs-config.ts";
import type { PublishTarget } from "../../src/crs/publish-target.ts";
import { directoryStore } from "../../src/origin/store.ts";
import { NODE_COMPILE_CACHE } from "../cli/run-cli.ts";
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

/** Who wants to see a long encoding end before its time need not wait for the one after it. */
let isLongTaken = false;
function find(name: string): string {
  if (name !== "long-then-short.mp4") return testMedia(name);
  const source = isLongTaken ? "short.mp4" : "big.mp4";
  isLongTaken = true;
  return testMedia(source);
}

let media: MediaServer;
/** With the settings that it comes with; tests that need others start their own. */
let shared: TestCrs;
/** For these, one after the other. */
let database: Database;
beforeAll(async () => {
  media = await startMediaServer(find);
  shared = await startCrs({ allow: [media] });
  database = await openTestDatabase();
});
afterAll(async () => {
  await shared.close();
  await database.close();
  await media.close();
});

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function start(options: Partial<TestCrsOptions> = {}): Promise<TestCrs> {
  const crs = await startCrs({ allow: [media], database, ...options });
  open.push(crs);
  return crs;
}

/** Each test has its own spelling of the same file, hence its own creative. */
const address = (test: string, name = "short.mp4"): URL => new URL(`${test}/${name}`, media.base);
const request = (url: URL, targetDuration = 6): RepackageRequestInput => ({
  zone: "1",
  creativeUrl: url.href,
  packaging: "hls",
  targetDuration,
});
const downloads = (url: URL): number => media.requests.filter((path) => path === url.pathname).length;

describe("one creative, many requests", () => {
  test("200 at once cause one download and one encode, and one of them is told that it was the first", async () => {
    const crs = shared;
    const url = address("storm");
    const phases: string[] = [];
    const stop = crs.crs.subscribe(({ creativeUrl, state }) => {
      if (creativeUrl === url.href && phases.at(-1) !== state) phases.push(state);
    });
    const answers = await Promise.all(Array.from({ length: 200 }, () => crs.crs.submit(request(url))));
    expect(answers.filter(({ before }) => before === "absent")).toHaveLength(1);
    expect(new Set(answers.map(({ key }) => key)).size).toBe(1);
    const [first] = answers;
    await crs.waitFor(first?.key ?? "", ({ state }) => state === "ready");
    stop();
    expect(downloads(url)).toBe(1);
    expect(phases).toEqual(["queued", "fetching", "transcoding", "publishing", "ready"]);
  });

  test("progress goes from 0 to 1 and never back", async () => {
    const crs = shared;
    const seen: number[] = [];
    const url = address("progress", "plain.mp4");
    const stop = crs.crs.subscribe(({ creativeUrl, progress }) => {
      if (creativeUrl === url.href) seen.push(progress);
    });
    await crs.repackage(url);
    stop();
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect([seen[0], seen.at(-1)]).toEqual([0, 1]);
    expect(seen.filter((progress) => progress > 0.1 && progress < 0.9).length).toBeGreaterThan(0);
  });

  test("two packages that are asked for at the same time come from one encode", async () => {
    const crs = shared;
    const url = address("both");
    const [{ key }] = await Promise.all([crs.crs.submit(request(url, 6)), crs.crs.submit(request(url, 2))]);
    const status = await crs.waitFor(key, ({ state, packages }) => state === "ready" && packages.length === 2);
    expect(status.packages.map((one) => one.targetDuration)).toEqual([6, 2]);
    expect(downloads(url)).toBe(1);
  });
});

describe("a request that asks for what is not made", () => {
  test.each([
    [{ targetDuration: 5 }, "option-invalid"],
    [{ zone: "../1" }, "option-invalid"],
    [{ creativeUrl: "file:///etc/passwd" }, "url-malformed"],
  ])("%o is refused and leaves no row", async (wrong, code) => {
    const crs = shared;
    const before = await crs.crs.list({});
    await expect(crs.crs.submit({ ...request(address("wrong")), ...wrong })).rejects.toMatchObject({ code });
    expect(await crs.crs.list({})).toEqual(before);
  });
});

describe("CDNs", () => {
  const recorded = (target: PublishTarget, put: PublishTarget["put"]): PublishTarget => ({
    ...target,
    name: target.name,
    put,
  });

  test("a dead one does not keep the package from the other; it gets it when it is asked for later", async () => {
    let isDead = true;
    const crs = await start({
      targets: (folder) => {
        const b = directoryStore("b", join(folder, "cdn/b"));
        const put: PublishTarget["put"] = (path, body) =>
          isDead ? Promise.reject(new Error("connection refused")) : b.put(path, body);
        return [directoryStore("a", join(folder, "cdn/a")), recorded(b, put)];
      },
    });
    const url = address("dead");
    const status = await crs.repackage(url);
    expect(status).toMatchObject({ state: "ready", packages: [{ cdns: ["a"] }] });
    expect(existsSync(join(crs.folder, "cdn/b"))).toBe(false);

    isDead = false;
    expect((await crs.crs.submit(request(url))).status.state).toBe("ready");
    await crs.database.query("update creative_package set published_at = now() - interval '2 minutes'");
    await crs.crs.submit(request(url));
    const later = await crs.waitFor(status.key, ({ packages }) => packages[0]?.cdns.length === 2);
    expect(later.packages[0]?.cdns).toEqual(["a", "b"]);
    expect(downloads(url)).toBe(1);
    expect(crs.read("b", status.packages[0]?.path ?? "").toString()).toContain("#EXT-X-STREAM-INF");
  });

  test("one that never answers holds up neither the other nor the creative", async () => {
    const crs = await start({
      config: { publishTimeoutMs: 2000 },
      targets: (folder) => {
        const b = directoryStore("b", join(folder, "cdn/b"));
        return [recorded(b, () => new Promise(() => undefined)), directoryStore("a", join(folder, "cdn/a"))];
      },
    });
    const { key } = await crs.crs.submit(request(address("slow")));
    const status = await crs.waitFor(key, ({ state }) => state === "ready");
    expect(status.packages).toMatchObject([{ cdns: ["a"] }]);
  });

  test("of each layer segments come first, then media playlists, the master last and alone replaceable", async () => {
    const puts: { readonly path: string; readonly cacheControl: string }[] = [];
    const target: PublishTarget = {
      name: "a",
      put: async (path, _body, { cacheControl }) => void puts.push({ path, cacheControl }),
      remove: async () => undefined,
      removeFolder: async () => undefined,
    };
    const crs = await start({ targets: () => [target] });
    await crs.repackage(address("order", "film.mp4"));
    const isMaster = (path: string): boolean => /_[0-9a-f]{32}\.m3u8$/.test(path);
    const kinds = puts.map(({ path }) => (path.endsWith(".ts") ? "segment" : isMaster(path) ? "master" : "media"));
    expect(kinds.join(" ")).toMatch(/^((segment )+(media )+master ?){2}$/);
    const ages = (areMasters: boolean): readonly string[] =>
      puts.filter(({ path }) => isMaster(path) === areMasters).map(({ cacheControl }) => cacheControl);
    expect(new Set(ages(true))).toEqual(new Set(["public, max-age=5"]));
    expect(new Set(ages(false))).toEqual(new Set(["public, max-age=31536000, immutable"]));
  });

  test("when none takes it, nothing is called ready; it is tried again by itself, without another download", async () => {
    let faults = 0;
    const crs = await start({
      config: { retry: { maxAttempts: 4, permanentBackoff: 300, transientBackoff: 0.1 } },
      targets: (folder) => {
        const a = directoryStore("a", join(folder, "cdn/a"));
        const put: PublishTarget["put"] = (path, body) => {
          if (!path.endsWith(".m3u8") || faults >= 4) return a.put(path, body);
          faults++;
          return Promise.reject(new Error("disk full"));
        };
        return [recorded(a, put)];
      },
    });
    const url = address("full");
    const status = await crs.repackage(url);
    expect(status).toMatchObject({ state: "failed", reason: "publish-failed", packages: [] });
    expect(status.message).toContain("disk full");
    await crs.waitFor(status.key, ({ state }) => state === "ready");
    expect(downloads(url)).toBe(1);
  });
});

describe("failures", () => {
  test("an origin that is down for a moment is asked again without anybody's request", async () => {
    let asked = 0;
    const flaky = await startServer((_request, response) => {
      asked++;
      if (asked > 1) response.writeHead(302, { location: address("flaky").href });
      else response.writeHead(503);
      response.end();
    });
    open.push(flaky);
    const retry = { maxAttempts: 4, permanentBackoff: 300, transientBackoff: 0.1 };
    const crs = await start({ allow: [media, flaky], config: { retry } });
    const status = await crs.repackage(new URL("ad.mp4", flaky.base));
    expect(status).toMatchObject({ state: "failed", reason: "source-unavailable", attempts: 1 });
    expect(await crs.waitFor(status.key, ({ state }) => state === "ready")).toMatchObject({ attempts: 0 });
  });

  test("a creative that fails each time blocks itself and is then not even downloaded", async () => {
    const crs = await start({ config: { retry: { maxAttempts: 2, permanentBackoff: 0, transientBackoff: 0 } } });
    const url = address("blocked", "song.m4a");
    expect(await crs.repackage(url)).toMatchObject({ state: "failed", reason: "no-video" });
    const { key } = await crs.crs.submit(request(url));
    expect(await crs.waitFor(key, ({ state }) => state === "blocked")).toMatchObject({
      reason: "no-video",
      attempts: 2,
    });
    await expect(crs.crs.submit(request(url))).rejects.toMatchObject({ code: "creative-blocked", key });
    expect(downloads(url)).toBe(2);
  });

  test("a missing file and an address that must not be reached are told apart", async () => {
    const missing = await startServer((_request, response) => response.writeHead(404).end());
    const hidden = await startServer((_request, response) => response.end());
    open.push(missing, hidden);
    const crs = await start({ allow: [missing] });
    expect(await crs.repackage(new URL("x.mp4", missing.base))).toMatchObject({ reason: "source-missing" });
    expect(await crs.repackage(new URL("x.mp4", hidden.base))).toMatchObject({ reason: "address-refused" });
    expect(hidden.requests).toEqual([]);
  });

  test("a file above the cap is given up while it is downloaded", async () => {
    const { limits } = defaultCrsConfig("");
    const crs = await start({ config: { limits: { ...limits, maxBytes: 50_000 } } });
    expect(await crs.repackage(address("large"))).toMatchObject({ state: "failed", reason: "too-large" });
  });
});

describe("the queue", () => {
  test("holds so many and no more; what it refuses leaves no row", async () => {
    const hanging = await startServer(() => undefined);
    open.push(hanging);
    const crs = await start({ allow: [hanging], config: { queueLimit: 2 } });
    const submit = (name: string) => crs.crs.submit(request(new URL(name, hanging.base)));
    const { key } = await submit("1.mp4");
    await crs.waitFor(key, ({ state }) => state === "fetching");
    await submit("2.mp4");
    await submit("3.mp4");
    await expect(submit("4.mp4")).rejects.toMatchObject({ code: "queue-full" });
    expect((await crs.crs.list({ state: "queued" })).total).toBe(2);
    expect((await crs.crs.list({})).creatives).toHaveLength(3);
  });

  test("is worked off without being asked again", async () => {
    const crs = shared;
    const urls = ["q1", "q2"].map((name) => address(name));
    const answers = await Promise.all(urls.map((url) => crs.crs.submit(request(url))));
    const made = answers.map(({ key }) => crs.waitFor(key, ({ state }) => state === "ready"));
    expect((await Promise.all(made)).map(({ packages }) => packages.length)).toEqual([1, 1]);
  });
});

describe("forget", () => {
  test("makes a ready creative cold: no row, no stored encoding, no object on any CDN", async () => {
    const crs = shared;
    const url = address("cold");
    const { key, packages } = await crs.repackage(url);
    expect(await crs.crs.forget("1", key)).toBe(true);
    expect(await crs.crs.status("1", key)).toBeUndefined();
    for (const cdn of ["a", "b"]) {
      const folder = join(crs.folder, "cdn", cdn, packages[0]?.path ?? "", "..");
      expect(readdirSync(folder)).toEqual([]);
    }
    expect(readdirSync(join(crs.config.encodingDir, "1")).filter((name) => name.startsWith(key))).toEqual([]);
    expect((await crs.crs.submit(request(url))).before).toBe("absent");
    expect(await crs.crs.forget("1", "0".repeat(32))).toBe(false);
    await crs.crs.forget("1", key);
  });

  test("ends work in hand, and what it had made is not published afterwards", async () => {
    const crs = shared;
    const { key } = await crs.crs.submit(request(address("midway", "big.mp4")));
    await crs.waitFor(key, ({ state, progress }) => state === "transcoding" && progress > 0.06);
    const told: CreativeStatus[] = [];
    const stop = crs.crs.subscribe((status) => void told.push(status));
    expect(await crs.crs.forget("1", key)).toBe(true);
    stop();
    expect(told.at(-1)).toMatchObject({ key, state: "absent", progress: 0 });
    expect(readdirSync(crs.config.workDir)).toEqual(["bin"]);
    const left = readdirSync(join(crs.folder, "cdn"), { recursive: true, encoding: "utf8" });
    expect(left.filter((path) => path.includes(key))).toEqual([]);
  });
});

describe("a server that ends in the middle of a job", () => {
  let folder = "";
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("by SIGKILL: the next one on the same directory takes the job up again", async () => {
    folder = mkdtempSync(join(tmpdir(), "interlude-killed-"));
    const url = address("killed", "long-then-short.mp4");
    const script = fileURLToPath(new URL("./run-crs.ts", import.meta.url));
    const child = spawn(process.execPath, ["-C", "interlude-source", script, folder, url.href], {
      env: { ...process.env, NODE_COMPILE_CACHE },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    for await (const line of createInterface({ input: child.stdout })) {
      if (/^transcoding 0\.(0[6-9]|[1-9])/.test(line)) break;
    }
    child.kill("SIGKILL");
    await ended;
    const crs = await startCrs({ folder, allow: [media] });
    const [left] = (await crs.crs.list({})).creatives;
    const status = await crs.waitFor(left?.key ?? "", ({ state }) => state === "ready");
    expect(status.packages).toMatchObject([{ cdns: ["a", "b"] }]);
    expect(downloads(url)).toBe(2);
    await crs.close();
  });

  test("by being stopped: the job goes back to the queue and its attempt is not counted", async () => {
    folder = mkdtempSync(join(tmpdir(), "interlude-stopped-"));
    const first = await startCrs({ folder, allow: [media] });
    const { key } = await first.crs.submit(request(address("stopped", "big.mp4")));
    await first.waitFor(key, ({ state }) => state === "transcoding");
    await first.crs.stop();
    expect(await first.crs.status("1", key)).toMatchObject({ state: "queued", attempts: 0 });
    await first.close();
    const second = await startCrs({ folder, allow: [media] });
    expect(await second.waitFor(key, ({ state }) => state === "fetching")).toMatchObject({ attempts: 1 });
    await second.close();
  });
});
