/**
 * The manifest server's workflow on VOD: a pre-roll, a pod in the middle and a post-roll, watched to the end by hls.js, video.js,
 * Shaka Player, ffmpeg and two parsers. The steps are those of the founding text.
 */
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { type Client, openClient, PLAYERS } from "./clients.ts";
import { callApi, creativeUrl, followCrs } from "./demo-page.ts";
import { formatFrameRuns, startFfmpegClient } from "./ffmpeg-client.ts";
import { CONTENT, LONG_AD, type ManifestSite, nameSegment, SHORT_AD, startManifestSite } from "./manifest-server.ts";
import { checkRun } from "./playlist-checker.ts";
import { recordPlaylists } from "./playlist-recorder.ts";
import { FRAME_RATE, makeFilm, RUNGS, SEGMENT } from "./strip-media.ts";

/** Seconds. */
const DURATION = 8;
const MID_ROLL = 4;
const MP4_SOURCE = 3;

const AD_EVENTS = ["impression", "creativeView", "start", "firstQuartile", "midpoint", "thirdQuartile", "complete"];

/** Version 1; seconds of the stitched timeline. */
interface Sidecar {
  readonly adtracking: readonly { readonly time: number; readonly trackingurls: readonly { readonly url: string }[] }[];
}

let site: ManifestSite;
test.beforeAll(async () => {
  site = await startManifestSite();
  await makeFilm(join(site.folder, "film"), CONTENT, DURATION);
});
test.afterAll(() => site.close());

const frames = (source: number, from: number, to: number): string =>
  `${source} ${from * FRAME_RATE}-${Math.round(to * FRAME_RATE) - 1}`;
const [LONG, SHORT] = [LONG_AD, SHORT_AD].map(({ source, duration }) => frames(source, 0, duration));
const SHOWN = [LONG, frames(CONTENT, 0, MID_ROLL), LONG, SHORT, frames(CONTENT, MID_ROLL, DURATION), LONG];

/** All of each film, but for half a second where it begins and ends: players trim a few frames where two films meet. */
async function expectWatched(client: Client): Promise<void> {
  const runs = await client.runs();
  const wanted = SHOWN.map((run = "") => run.split(/[ -]/).map(Number));
  expect.soft(runs.map(({ source }) => source)).toEqual(wanted.map(([source]) => source));
  for (const [index, [, from = 0, to = 0]] of wanted.entries()) {
    const numbers = runs[index]?.frames.map(({ frame }) => frame) ?? [];
    expect.soft(Math.abs((numbers[0] ?? -1) - from), `first frame of part ${index}`).toBeLessThan(FRAME_RATE / 2);
    expect.soft(Math.abs((numbers.at(-1) ?? -1) - to), `last frame of part ${index}`).toBeLessThan(FRAME_RATE / 2);
    expect.soft(numbers, `no frame of part ${index} comes again`).toEqual(numbers.toSorted((a, b) => a - b));
  }
  expect.soft(await client.errors()).toEqual([]);
  expect.soft(client.responses.filter(({ status }) => status >= 400)).toEqual([]);
}

async function waitForEnd({ page }: Client): Promise<void> {
  await page.waitForFunction(() => document.querySelector("video")?.ended, undefined, { timeout: 90_000 });
}

test("pre-roll, mid-roll and post-roll are in one timeline, and every player shows all of it", async ({ browser }) => {
  const url = await test.step("1. The publisher sends the content URL and information for the ad server", () =>
    site.bootstrap("/film/master.m3u8"));
  await test.step("2, 3 and 5. The client asks the bootstrap URL, and is redirected to the master of its session", async () => {
    const answer = await fetch(url, { redirect: "manual" });
    expect(answer.status).toBe(302);
    const { pathname } = new URL(answer.headers.get("location") ?? "", url);
    expect(pathname).toMatch(/^\/auditude\/variant\/e2e\/[\w-]+\/[\w-]+\.m3u8$/);
  });
  const master =
    await test.step("5. With pttrackingmode=simple it gets the master's address in a JSON object", async () => {
      const answer = await fetch(site.bootstrap("/film/master.m3u8", { pttrackingmode: "simple" }));
      const body: unknown = await answer.json();
      expect(body).toEqual({ "Master-M3U8": expect.stringContaining("/auditude/variant/e2e/") });
      return new URL(Object.values(Object(body)).map(String)[0] ?? "");
    });
  const clients: Client[] = [];
  await test.step("6. The client chooses a stream in the master and plays it", async () => {
    const query = {
      "hls.js": url,
      "video.js": site.bootstrap("/film/master.m3u8", { pttrackingmode: "sstm" }),
      shaka: master,
    };
    for (const name of PLAYERS) clients.push(await openClient(browser, site.origin, name, query[name]));
    for (const client of clients) await waitForEnd(client);
  });
  for (const client of clients) {
    await test.step(`4, 7, 8 and 9. ${client.name} plays the content with the ads stitched in`, () =>
      expectWatched(client));
  }
  await test.step("9. With sstm each tracking URL was asked for once, in order, though the player knows of none", async () => {
    const body = await callApi(site.server, "GET", "/report/beacons?format=json");
    const noted: readonly Readonly<Record<string, string>>[] = JSON.parse(body).beacons;
    const beacons = noted.filter(({ signature }) => signature !== "own");
    expect(beacons.map(({ ad, event }) => `${ad} ${event}`)).toEqual(
      [["long"], ["long", "short"], ["long"]].flatMap((ads) => [
        " breakStart",
        ...ads.flatMap((ad) => AD_EVENTS.map((event) => `${ad} ${event}`)),
        " breakEnd",
      ]),
    );
  });
  await test.step("9. With simple the sidecar of the stream that plays has them, each at its time", async () => {
    const shaka = clients.find(({ name }) => name === "shaka");
    const stream = shaka?.responses.findLast(({ url: asked }) => new URL(asked).pathname.startsWith("/auditude/vod/"));
    const answer = await fetch(`${stream?.url}&pttrackingposition=0`);
    const { adtracking }: Sidecar = JSON.parse(await answer.text());
    const timesOf = (event: string): readonly number[] =>
      adtracking.flatMap(({ time, trackingurls }) =>
        trackingurls.filter(({ url: due }) => due.includes(`/track/${event}?`)).map(() => time),
      );
    expect(timesOf("impression")).toEqual([0, 8, 12, 19.4]);
    expect(timesOf("complete")).toEqual([4, 12, 15.4, 23.4]);
  });
  for (const client of clients) await client.close();
  expect(site.origin.missing).toEqual([]);
});

test("ffmpeg reads every frame to the end, and two independent readers find the same ads in every rendition", async () => {
  const recorder = await recordPlaylists(site.bootstrap("/film/master.m3u8"));
  await expect.poll(() => recorder.renditions().map(({ refreshes }) => refreshes.length >= 2)).toEqual([true, true]);
  await recorder.stop();
  const { faults, shown } = checkRun({ renditions: recorder.renditions(), nameSegment, segmentDuration: SEGMENT });
  expect(recorder.failures).toEqual([]);
  // Inserted ads move the content behind them.
  expect(faults.filter((fault) => !fault.endsWith(" beside its place"))).toEqual([]);
  expect([...shown.keys()].toSorted()).toEqual([...RUNGS]);
  for (const segments of shown.values()) {
    const total = segments.reduce((sum, { duration }) => sum + duration, 0);
    expect(total).toBeCloseTo(DURATION + 3 * LONG_AD.duration + SHORT_AD.duration, 3);
  }
  const read = await startFfmpegClient(site.bootstrap("/film/master.m3u8")).ended;
  expect(formatFrameRuns(read.frames)).toEqual(SHOWN);
  expect(read.complaints).toEqual([]);
});

test("an ad that is an MP4 is seen by its first viewer, whose playlist waits for a copy that plays, and by the next one", async () => {
  const content = "/film/master.m3u8";
  const watch = async (): Promise<readonly string[]> => {
    const { frames: read, complaints } = await startFfmpegClient(site.bootstrap(content, { z: "2" })).ended;
    expect(complaints).toEqual([]);
    return formatFrameRuns(read);
  };
  const withMp4 = [frames(MP4_SOURCE, 0, 10), frames(CONTENT, 0, MID_ROLL), LONG, frames(CONTENT, MID_ROLL, DURATION)];
  const crs = await followCrs(site.server);
  await test.step("7. The ad is no HLS: it goes to CRS, and the playlist waits for the first layer", async () => {
    expect(await watch()).toEqual(withMp4);
    const metrics = await callApi(site.server, "GET", "/metrics");
    expect(metrics).toContain('interlude_first_encounters_total{step="wait",outcome="played"} 1\n');
  });
  await test.step("7. CRS converts it", async () => {
    const creative = `${new URL(creativeUrl(site.server, "mp4")).pathname} ready`;
    await expect.poll(crs.states, { timeout: 60_000 }).toContain(creative);
    crs.end();
    const { creatives } = JSON.parse(await callApi(site.server, "GET", "/v1/creatives?zone=2"));
    expect(creatives).toHaveLength(1);
  });
  await test.step("8. The next viewer gets content and both ads", async () => {
    await expect.poll(watch, { timeout: 20_000 }).toEqual(withMp4);
  });
});
