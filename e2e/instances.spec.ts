/**
 * Several instances on one PostgreSQL: any of them answers any request of any session, and the one that dies in mid-playback takes
 * nothing with it. The ad server never gives the same pod twice, so that two decisions about one break would be seen.
 */
import { createServer, request } from "node:http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import pg from "pg";
import { type Balanced, startBalanced } from "./balancer.ts";
import { type Client, openClient } from "./clients.ts";
import type { Run } from "./frames.ts";
import { type MediaOrigin, startOrigin } from "./media-origin.ts";
import { readPlaylist } from "./playlist-reader.ts";
import type { InterludeServer } from "./server.ts";
import { FRAME_RATE, makeFilm } from "./strip-media.ts";

const CONTENT = 1;
const ADS = [
  { id: "long", source: 8, duration: 6 },
  { id: "short", source: 9, duration: 4 },
] as const;
const AVAIL = 12;
const POD = 10;

let folder: string;
let origin: MediaOrigin;
let adServer: { readonly url: URL; readonly close: () => void };
let balanced: Balanced | undefined;

test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interlude-instances-"));
  for (const { id, source, duration } of ADS) await makeFilm(join(folder, id), source, duration);
  origin = await startOrigin(folder);
  adServer = await startAdServer();
  const zones = join(folder, "zones.json");
  const tags = { adTagUrl: new URL("/vod", adServer.url).href, availTagUrl: new URL("/avail", adServer.url).href };
  const zone = { zone: "1", manifest: { contentOrigins: ["self"], ...tags } };
  await writeFile(zones, JSON.stringify({ version: 1, zones: [zone] }));
  balanced = await startBalanced({
    INTERLUDE_ZONES: zones,
    INTERLUDE_FETCH_ALLOW_PRIVATE: `${origin.url.host},${adServer.url.host}`,
    INTERLUDE_CRS: "off",
  });
});
test.afterAll(async () => {
  await balanced?.close();
  adServer.close();
  await origin.close();
  await rm(folder, { recursive: true, force: true });
});

/** Answers both ads, the one first and the other first by turns, each time under new ids. */
async function startAdServer(): Promise<typeof adServer> {
  let answered = 0;
  const server = createServer((_request, response) => {
    answered += 1;
    const pod = answered % 2 === 0 ? ADS : ADS.toReversed();
    const ads = pod.map(({ id, duration }, index) => {
      const url = new URL(`/${id}/master.m3u8?${answered}`, origin.url).href;
      const file = `<MediaFile delivery="streaming" type="application/x-mpegURL" width="640" height="360">${url}</MediaFile>`;
      const linear = `<Linear><Duration>00:00:0${duration}</Duration><MediaFiles>${file}</MediaFiles></Linear>`;
      const creative = `<Creatives><Creative>${linear}</Creative></Creatives>`;
      return `<Ad id="${id}-${answered}" sequence="${index + 1}"><InLine><AdSystem>e2e</AdSystem><AdTitle>${id}</AdTitle><Impression/>${creative}</InLine></Ad>`;
    });
    response.end(`<VAST version="4.2">${ads.join("")}</VAST>`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { url: new URL(`http://127.0.0.1:${port}/`), close: () => server.close() };
}

function bootstrapUrl({ url }: Balanced, content: URL, kind: "live" | "vod"): URL {
  const name = Buffer.from(content.href).toString("base64url");
  const bootstrap = new URL(`/auditude/variant/e2e/${name}.m3u8`, url);
  bootstrap.search = String(new URLSearchParams({ u: "1", z: "1", live: String(kind === "live") }));
  return bootstrap;
}

/** Asks one instance for what the viewer would ask nginx for. */
function ask(instance: InterludeServer, url: URL): Promise<{ readonly location: string; readonly text: string }> {
  const { hostname, port } = instance.url;
  return new Promise((resolve, reject) => {
    request({ hostname, port, path: url.pathname + url.search, headers: { host: url.host } }, async (response) => {
      let text = "";
      for await (const chunk of response.setEncoding("utf8")) text += String(chunk);
      resolve({ location: response.headers.location ?? "", text });
    })
      .once("error", reject)
      .end();
  });
}

/** Film and segment of every segment, without the rendition. */
function nameSegments(text: string): readonly string[] {
  return readPlaylist(text).segments.map(({ uri }) =>
    uri.replace(/^.*\/(\w+)\/(?:180_|360_|360\/|720\/)(\d+)\.ts$/, "$1 $2"),
  );
}

const listMedia = (master: string): readonly URL[] =>
  [...master.matchAll(/^http\S+\/auditude\/(?:live|vod)\/\S+$/gm)].map(([url]) => new URL(url));

test("a session that one instance opened gets the same ads from another one", async () => {
  test.skip(!balanced, "nginx or PostgreSQL is not installed");
  if (!balanced) return;
  const [first, second] = balanced.instances;
  const content = new URL("/media/content/master.m3u8", balanced.url);
  const { location } = await ask(first, bootstrapUrl(balanced, content, "vod"));
  const [low, high] = listMedia((await ask(second, new URL(location))).text);
  if (!low || !high) throw new Error("expected a master playlist of two renditions");
  const one = nameSegments((await ask(first, low)).text);
  const other = nameSegments((await ask(second, high)).text);
  expect(one.slice(0, 5).toSorted()).toEqual(["long 00000", "long 00001", "long 00002", "short 00000", "short 00001"]);
  expect(other).toEqual(one);
  expect(nameSegments((await ask(second, low)).text)).toEqual(one);
});

test("an instance is killed in the middle of a break, and the viewer notices nothing", async ({ browser }) => {
  test.skip(!balanced, "nginx or PostgreSQL is not installed");
  if (!balanced) return;
  const { url, instances } = balanced;
  const start = Math.floor(Date.now() / 1000) - 600;
  // The avail begins a few seconds from now.
  const channel = { start: String(start), every: "3600", offset: "608", length: String(AVAIL), window: "8" };
  const content = new URL(`/live/master.m3u8?${String(new URLSearchParams(channel))}`, url);
  const client = await openClient(browser, origin, "hls.js", bootstrapUrl(balanced, content, "live"));
  const answers = followPlaylists(client);

  const decider = await test.step("one instance decides the break", async () => {
    await expect.poll(() => answers.some(({ text }) => isStitched(text)), { timeout: 40_000 }).toBe(true);
    return answers.find(({ text }) => isStitched(text))?.instance;
  });
  const dead = instances.find((instance) => instance.url.host === decider);
  const survivor = instances.find((instance) => instance !== dead);
  if (!dead || !survivor) throw new Error(`expected one of the two instances, got ${decider}`);
  expect(new Set(answers.map(({ instance }) => instance)).size, "instances that answered").toBe(2);

  await test.step("it is killed while its ads are played", async () => {
    await expect.poll(async () => (await client.runs()).length, { timeout: 40_000 }).toBeGreaterThan(1);
    await dead.stop("SIGKILL");
  });
  const before = answers.length;
  await expect.poll(async () => (await client.runs())[3]?.frames.length ?? 0, { timeout: 40_000 }).toBeGreaterThan(50);

  expectWatched(await client.runs());
  const frames = await client.frames();
  const gaps = frames.map(({ displayTime }, i) => displayTime - (frames[i - 1]?.displayTime ?? displayTime));
  expect(Math.max(...gaps), "milliseconds without a new frame").toBeLessThan(1000);
  expect((await client.errors()).filter((error) => error.includes("fatal"))).toEqual([]);
  const playlists = client.responses.filter(({ url: address }) => new URL(address).pathname.endsWith(".m3u8"));
  expect(playlists.filter(({ status }) => status !== 200 && status !== 302)).toEqual([]);
  expect(answers.slice(before).map(({ instance }) => instance)).toContain(survivor.url.host);
  expect(answers.slice(before).map(({ instance }) => instance)).not.toContain(dead.url.host);
  await expectOneDecision(client, balanced.databaseUrl);
  await client.close();
});

interface PlaylistAnswer {
  readonly text: string;
  /** Host and port of the one that answered, behind those that did not. */
  readonly instance: string;
}

/** Media playlists, from now on. */
function followPlaylists({ page }: Client): readonly PlaylistAnswer[] {
  const answers: PlaylistAnswer[] = [];
  page.on("response", async (response) => {
    if (!new URL(response.url()).pathname.startsWith("/auditude/live/")) return;
    const instance = (await response.headerValue("x-instance"))?.split(", ").at(-1) ?? "";
    // A page that was closed meanwhile has no text any more.
    const text = await response.text().catch(() => "");
    answers.push({ text, instance });
  });
  return answers;
}

function isStitched(text: string): boolean {
  return ADS.some(({ id }) => text.includes(`/${id}/`));
}

/** Content, both ads whole, content again: the same film, without what they replaced. */
function expectWatched(runs: readonly Run[]): void {
  expect(runs.map(({ source }) => source).toSorted()).toEqual([CONTENT, CONTENT, ...ADS.map(({ source }) => source)]);
  expect([runs[0]?.source, runs[3]?.source]).toEqual([CONTENT, CONTENT]);
  for (const { source, duration } of ADS) {
    const frames = runs.find((run) => run.source === source)?.frames;
    expect(frames?.[0]?.frame).toBeLessThan(FRAME_RATE / 4);
    expect(frames?.at(-1)?.frame).toBeGreaterThan((duration - 0.25) * FRAME_RATE);
  }
  const [last, next] = [runs[0]?.frames.at(-1)?.frame ?? 0, runs[3]?.frames[0]?.frame ?? 0];
  const film = 60 * FRAME_RATE;
  const replaced = ((((next - last) % film) + film) % film) / FRAME_RATE;
  expect(Math.abs(replaced - POD), "seconds of content that the pod replaced").toBeLessThanOrEqual(2.25);
}

/** One row in the database, and one segment per media sequence number, whichever instance listed it in whichever rendition. */
async function expectOneDecision(client: Client, databaseUrl: string): Promise<void> {
  const media = client.responses.filter(({ url, text }) => text && new URL(url).pathname.startsWith("/auditude/live/"));
  const session = new URL(media[0]?.url ?? "").pathname.split("/")[5];
  const master = client.responses.find(
    ({ url, text }) => text && new URL(url).pathname.startsWith("/auditude/variant/"),
  );
  const others = await Promise.all(listMedia(master?.text ?? "").map(async (url) => (await fetch(url)).text()));
  expect(others.length, "renditions").toBe(2);
  for (const text of others) expect(isStitched(text)).toBe(true);

  const named = new Map<number, Set<string>>();
  for (const text of [...media.map((response) => response.text), ...others]) {
    const { mediaSequence } = readPlaylist(text);
    for (const [index, name] of nameSegments(text).entries()) {
      const number = mediaSequence + index;
      named.set(number, (named.get(number) ?? new Set()).add(name));
    }
  }
  expect([...named].filter(([, names]) => names.size !== 1)).toEqual([]);

  const database = new pg.Client(databaseUrl);
  await database.connect();
  try {
    const sql =
      "select decision->'ads'->0->>'adId' as ad from session_break where session = $1 and decision is not null";
    const { rows } = await database.query(sql, [session]);
    expect(rows).toEqual([{ ad: expect.stringMatching(/^(?:long|short)-\d+$/) }]);
  } finally {
    await database.end();
  }
}
