import { expect, test } from "vitest";
import { backupSessionId, splitFailover } from "../../src/manifest/content/failover.ts";
import { manifestWorld, VOD } from "./manifest-world.ts";

const FAILOVER = [
  "#EXTM3U",
  "#EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=640x360",
  "a/low.m3u8",
  "#EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=640x360",
  "b/low.m3u8",
  "#EXT-X-STREAM-INF:BANDWIDTH=3000000,RESOLUTION=1280x720",
  "a/high.m3u8",
  "#EXT-X-STREAM-INF:BANDWIDTH=3000000,RESOLUTION=1280x720",
  "b/high.m3u8",
  '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,RESOLUTION=640x360,URI="a/low-i.m3u8"',
  '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90000,RESOLUTION=640x360,URI="b/low-i.m3u8"',
  "",
].join("\n");

test("ptfailover: primary and backup are sessions of their own, I-frame streams with the stream of their RESOLUTION", async () => {
  const { pages, start, get, media, store } = await manifestWorld();
  pages.set("/show/master.m3u8", FAILOVER);
  for (const path of ["a/low", "b/low"]) pages.set(`/show/${path}.m3u8`, VOD);
  const { addresses } = await start("z=1&live=false&ptfailover=true");
  const sessions = addresses.map((url) => new URL(url).pathname.split("/")[5] ?? "");
  const [primary = "", backup = ""] = sessions;
  expect(sessions).toEqual([primary, backup, primary, backup, primary, backup]);
  expect(backup).toBe(backupSessionId(primary));
  await get(addresses[0] ?? "");
  await get(addresses[1] ?? "");
  expect(media.map(({ state }) => [state.session.id, state.session.isBackup])).toEqual([
    [primary, false],
    [backup, true],
  ]);
  expect(await store.count()).toBe(2);
});

test("without ptfailover the same master is one session", async () => {
  const { pages, start } = await manifestWorld();
  pages.set("/show/master.m3u8", FAILOVER);
  const { addresses } = await start("z=1&live=false");
  expect(new Set(addresses.map((url) => new URL(url).pathname.split("/")[5])).size).toBe(1);
});

test("a backup session that was forgotten is a backup again", async () => {
  const { pages, start, get, media } = await manifestWorld({ maxSessions: 1 });
  pages.set("/show/master.m3u8", FAILOVER);
  pages.set("/show/b/low.m3u8", VOD);
  const { addresses } = await start("z=1&live=false&ptfailover=true");
  await start();
  await get(addresses[1] ?? "");
  expect(media.at(-1)?.state.session.isBackup).toBe(true);
});

test("the backup set knows the cookies that came with the master", async () => {
  const { pages, start, store } = await manifestWorld();
  pages.set("/show/master.m3u8", (_request, response) =>
    response.setHeader("set-cookie", "auth=1; Path=/").end(FAILOVER),
  );
  const { addresses } = await start("z=1&live=false&ptfailover=true");
  for (const url of addresses.slice(0, 2)) {
    const state = await store.load(new URL(url).pathname.split("/")[5] ?? "");
    expect(state?.cookies).toMatchObject([{ name: "auth", value: "1" }]);
  }
});

test("a 404 of the origin with X-Object-Too-Old passes, status and header", async () => {
  const { pages, start, get } = await manifestWorld();
  const { addresses } = await start("z=1&live=true");
  const url = addresses.find((address) => address.includes("/500/")) ?? "";
  pages.set("/show/low.m3u8", (_request, response) => response.writeHead(404, { "x-object-too-old": "true" }).end());
  const old = await get(url);
  expect([old.statusCode, old.headers["x-object-too-old"], old.json().error.code]).toEqual([
    404,
    "true",
    "content-too-old",
  ]);
  pages.delete("/show/low.m3u8");
  const gone = await get(url);
  expect([gone.statusCode, gone.headers["x-object-too-old"]]).toEqual([404, undefined]);
});

test("streams of one BANDWIDTH alone, and I-frame streams of no known RESOLUTION, are primary", () => {
  const stream = (bandwidth: string, resolution = ""): { bandwidth: string; resolution: string } => ({
    bandwidth,
    resolution,
  });
  expect(splitFailover([stream("1"), stream("2"), stream("1"), stream("1")], [stream("", "9x9")])).toEqual({
    variants: [false, false, true, true],
    iFrames: [false],
  });
  expect(splitFailover([], [])).toEqual({ variants: [], iFrames: [] });
});

test("the id of a backup set is a UUID", () => {
  expect(backupSessionId("x")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
