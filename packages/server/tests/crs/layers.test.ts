/** A creative becomes playable in layers: something at once, the ladder after it. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { masterPath } from "@interlude/core";
import type { CreativeStatus, RepackageRequestInput } from "../../src/crs/crs.ts";
import type { Database } from "../../src/database/database.ts";
import { directoryStore } from "../../src/origin/store.ts";
import { findFaults, inspectLadder, measureLoudness } from "./inspect-ladder.ts";
import { type MediaServer, openTestDatabase, startCrs, startMediaServer, type TestCrs } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

let media: MediaServer;
let crs: TestCrs;
/** For tests that need another, one after the other. */
let database: Database;
beforeAll(async () => {
  media = await startMediaServer(testMedia);
  crs = await startCrs({ allow: [media] });
  database = await openTestDatabase();
});
afterAll(async () => {
  await crs.close();
  await database.close();
  await media.close();
});

const request = (name: string, change: Partial<RepackageRequestInput> = {}): RepackageRequestInput => ({
  zone: "1",
  creativeUrl: new URL(name, media.base).href,
  packaging: "hls",
  targetDuration: 6,
  ...change,
});

const isPlayable = ({ packages }: CreativeStatus): boolean => packages.some(({ cdns }) => cdns.includes("a"));
const isReady = ({ state }: CreativeStatus): boolean => state === "ready";

/** A master playlist on CDN a, and the media playlists that it names, as files. */
function readMaster(path: string): { readonly text: string; readonly playlists: readonly string[] } {
  const file = join(crs.folder, "cdn/a", path);
  const text = readFileSync(file, "utf8");
  const uris = text.split("\n").filter((line) => line.endsWith(".m3u8"));
  return { text, playlists: uris.map((uri) => join(dirname(file), uri)) };
}

function listSegments(playlist: string): readonly string[] {
  const uris = readFileSync(playlist, "utf8").split("\n");
  return uris.filter((line) => line !== "" && !line.startsWith("#")).map((uri) => join(dirname(playlist), uri));
}

/** Every picture of a file as it is shown: what was only copied shows the same. */
function hashPictures(file: string): string {
  const args = ["-v", "error", "-i", file, "-map", "0:v", "-fps_mode", "passthrough", "-f", "md5", "-"];
  return execFileSync("ffmpeg", ["-nostdin", ...args], { encoding: "utf8" });
}

describe("a source whose pictures every player takes", () => {
  test("plays as a remux first, with its own pictures; the ladder replaces the master, and what held the remux goes on playing", async () => {
    const { key } = await crs.crs.submit(request("remux/film.mp4"));
    const early = await crs.waitFor(key, isPlayable);
    expect(early).toMatchObject({ state: "transcoding", packages: [{ targetDuration: 6, isWhole: false }] });
    const path = early.packages[0]?.path ?? "";
    const first = readMaster(path);
    expect(first.playlists).toHaveLength(1);
    const playlist = first.playlists[0] ?? "";
    expect(readFileSync(playlist, "utf8")).toContain("#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n");
    expect(hashPictures(playlist)).toBe(hashPictures(testMedia("film.mp4")));
    expect(await measureLoudness(playlist)).toBeCloseTo(-24, 0);

    const ready = await crs.waitFor(key, isReady);
    expect(ready.packages).toMatchObject([{ targetDuration: 6, path, cdns: ["a", "b"], isWhole: true }]);
    const ladder = readMaster(path);
    expect(ladder.playlists.length).toBeGreaterThanOrEqual(3);
    expect(ladder.playlists).not.toContain(playlist);
    const inspected = await inspectLadder(join(crs.folder, "cdn/a", path));
    expect(findFaults(inspected, { rate: "25/1", duration: 7 })).toEqual([]);
    expect(listSegments(playlist).every((segment) => existsSync(segment))).toBe(true);
  });

  test("whose key frames are too far apart plays at the address for that, until the ladder is there", async () => {
    const { key } = await crs.crs.submit(request("long/long-gop.mp4"));
    const early = await crs.waitFor(key, isPlayable);
    expect(early.packages).toMatchObject([{ targetDuration: 0 }]);
    const path = masterPath("1", key, { packaging: "hls", targetDuration: 0 });
    expect(early.packages[0]?.path).toBe(path);
    const [playlist = ""] = readMaster(path).playlists;
    expect(readFileSync(playlist, "utf8")).toContain("#EXT-X-TARGETDURATION:9\n");
    expect(hashPictures(playlist)).toBe(hashPictures(testMedia("long-gop.mp4")));

    const ready = await crs.waitFor(key, isReady);
    expect(ready.packages).toMatchObject([{ targetDuration: 6, isWhole: true }]);
    expect(existsSync(join(crs.folder, "cdn/a", path))).toBe(false);
    expect(listSegments(playlist).every((segment) => existsSync(segment))).toBe(true);
  });
});

test("a source that must be decoded plays in its cheapest useful rendition first, which the ladder takes over as it is", async () => {
  const { key } = await crs.crs.submit(request("decode/web.webm"));
  const early = await crs.waitFor(key, isPlayable);
  expect(early.state).toBe("transcoding");
  const [first = ""] = readMaster(early.packages[0]?.path ?? "").playlists;
  const before = hashPictures(first);
  const ready = await crs.waitFor(key, isReady);
  const ladder = readMaster(ready.packages[0]?.path ?? "").playlists;
  expect(ladder.length).toBeGreaterThanOrEqual(3);
  expect(ladder.map(hashPictures)).toContain(before);
});

describe("who asks for something else while the ladder is made", () => {
  /** The ladder waits until `release`, as long ones take long. */
  async function startHeld(): Promise<{ readonly held: TestCrs; readonly release: () => void }> {
    const [program, gate] = [join(crs.folder, "held-ffmpeg"), join(crs.folder, "gate")];
    const wait = `until [ -e '${gate}' ]; do sleep 0.05; done`;
    writeFileSync(program, `#!/bin/sh\ncase "$*" in *libx264*) ${wait} ;; esac\nexec ffmpeg "$@"\n`, { mode: 0o700 });
    const held = await startCrs({ allow: [media], database, config: { ffmpegPath: program } });
    onTestFinished(async () => {
      rmSync(gate, { force: true });
      await held.close();
    });
    return { held, release: () => writeFileSync(gate, "") };
  }

  test.each([
    ["another target duration, or packaging", "film.mp4", [6, 6, 4]],
    ["another packaging, of key frames too far apart", "long-gop.mp4", [0, 0]],
  ])("%s, gets the first layer too, and one encode serves all", async (_title, name, early) => {
    const { held, release } = await startHeld();
    const asked = request(`meanwhile/${name}`);
    const { key } = await held.crs.submit(asked);
    await held.waitFor(key, isPlayable);
    await held.crs.submit({ ...asked, targetDuration: 4 });
    await held.crs.submit({ ...asked, packaging: "cmaf" });
    const all = await held.waitFor(key, ({ packages }) => packages.length === early.length);
    expect(all.state).toBe("transcoding");
    expect(all.packages.map(({ packaging, targetDuration }) => [packaging, targetDuration])).toEqual(
      early.map((targetDuration, index) => [index === 0 ? "cmaf" : "hls", targetDuration]),
    );
    expect(all.packages.some(({ isWhole }) => isWhole)).toBe(false);
    release();
    const ready = await held.waitFor(key, isReady);
    expect(ready.packages).toMatchObject([
      { packaging: "cmaf", targetDuration: 6, isWhole: true },
      { packaging: "hls", targetDuration: 6, isWhole: true },
      { packaging: "hls", targetDuration: 4, isWhole: true },
    ]);
    expect(media.requests.filter((path) => path === `/meanwhile/${name}`)).toHaveLength(1);
  });
});

test("a first layer that no CDN takes costs nothing but itself: the ladder is made and published", async () => {
  let isDown = true;
  const own = await startCrs({
    allow: [media],
    database,
    targets: (folder) => {
      const store = directoryStore("a", join(folder, "cdn/a"));
      const put: typeof store.put = (path, body) =>
        isDown ? Promise.reject(new Error("down")) : store.put(path, body);
      return [{ ...store, put }];
    },
  });
  own.crs.subscribe(({ state, progress }) => {
    if (state === "transcoding" && progress > 0.15) isDown = false;
  });
  const status = await own.repackage(new URL("down/film.mp4", media.base));
  expect(status).toMatchObject({ state: "ready", packages: [{ cdns: ["a"], isWhole: true }] });
  await own.close();
});

describe("what is asked for beside the ladder", () => {
  test("timed metadata: every package of the creative is cut again with it, from what is stored", async () => {
    const url = "tagged/film.mp4";
    const { key } = await crs.crs.submit(request(url));
    const plain = await crs.waitFor(key, isReady);
    await crs.crs.submit(request(url, { id3: true }));
    const tagged = await crs.waitFor(key, (status) => isReady(status) && status.updatedAt > plain.updatedAt);
    expect(tagged.packages).toMatchObject([{ targetDuration: 6, isWhole: true }]);
    const [playlist = ""] = readMaster(tagged.packages[0]?.path ?? "").playlists;
    expect(readFileSync(listSegments(playlist)[0] ?? "").includes(key)).toBe(true);
    expect(media.requests.filter((path) => path.startsWith("/tagged/"))).toHaveLength(1);
  });

  test("what is always made, by setting, is made with whatever is asked for", async () => {
    const own = await startCrs({ allow: [media], database, config: { always: ["cmaf"] } });
    const status = await own.repackage(new URL("always/short.mp4", media.base));
    expect(status.packages).toMatchObject([
      { packaging: "cmaf", targetDuration: 6, isWhole: true },
      { packaging: "hls", targetDuration: 6, isWhole: true },
    ]);
    await own.close();
  });

  test("DASH is not made here: that request fails, and what is made here is made all the same", async () => {
    const dash = await crs.crs.submit(request("dash/short.mp4", { packaging: "dash" }));
    expect(dash.status).toMatchObject({
      state: "failed",
      reason: "not-made-here",
      refused: [{ packaging: "dash", targetDuration: 6, reason: "not-made-here" }],
    });
    const { before, key } = await crs.crs.submit(request("dash/short.mp4"));
    expect(before).toBe("failed");
    const ready = await crs.waitFor(key, isReady);
    expect(ready.packages).toMatchObject([{ packaging: "hls", isWhole: true }]);
    const again = await crs.crs.submit(request("dash/short.mp4", { packaging: "dash", targetDuration: 4 }));
    expect(again.status).toMatchObject({ state: "ready", refused: [{ targetDuration: 6 }, { targetDuration: 4 }] });
  });
});
