/**
 * The manifest server's workflow on a live stream that ffmpeg produces meanwhile: hls.js, video.js, Shaka Player, ffmpeg and two
 * parsers watch mid-rolls enter, cross and leave the window, all on one stream. The steps are those of the founding text.
 */
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { type Client, openClient, PLAYERS, waitForBreaks } from "./clients.ts";
import { type FfmpegReading, formatFrameRuns, startFfmpegClient } from "./ffmpeg-client.ts";
import type { Run } from "./frames.ts";
import { addCues, type ChannelBreak, type LiveChannel, listBreaks, startChannel, WINDOW } from "./live-channel.ts";
import { CONTENT, LONG_AD, type ManifestSite, nameSegment, SHORT_AD, startManifestSite } from "./manifest-server.ts";
import { selectCells } from "./matrix.ts";
import { type CheckedRun, checkRun } from "./playlist-checker.ts";
import { recordPlaylists } from "./playlist-recorder.ts";
import { FRAME_RATE, RUNGS, SEGMENT } from "./strip-media.ts";

/** Segments from the last one that is listed to the first break, when it is announced. */
const NOTICE = 2;
/**
 * What a viewer sees in each break, one after the other: a pod of 7.4 s in place of 8 s, then its first ad alone in place of 6 s (all of it
 * would be too long), then the pod again.
 */
const FEW = [[LONG_AD, SHORT_AD], [LONG_AD]];
const PODS = selectCells([...FEW, [LONG_AD, SHORT_AD]], FEW);
const PER_SEGMENT = SEGMENT * FRAME_RATE;

/** Announced when everybody watches, and no more than are looked at. */
let breaks: readonly ChannelBreak[] = [];

let site: ManifestSite;
let channel: LiveChannel;
test.beforeAll(async () => {
  site = await startManifestSite((path, text) => (path.startsWith("/live/") ? addCues(text, breaks) : text));
  channel = await startChannel(join(site.folder, "live"), CONTENT);
  await channel.waitFor(WINDOW);
});
test.afterAll(async () => {
  await channel.close();
  await site.close();
});

/** One part of what a viewer saw: whole ads, content from one frame to another. */
interface Part {
  readonly source: number;
  readonly from: number;
  readonly to: number;
}

/** What the playlists say that a viewer sees, from the first window on: content comes back at the boundary nearest to each pod's end. */
function expectParts(): readonly Part[] {
  const whole = ({ source, duration }: typeof LONG_AD | typeof SHORT_AD): Part => {
    return { source, from: 0, to: Math.round(duration * FRAME_RATE) - 1 };
  };
  let [from, early] = [0, 0];
  const parts = PODS.flatMap((pod, index) => {
    const first = breaks[index]?.first ?? 0;
    const before = { source: CONTENT, from, to: first * PER_SEGMENT - 1 };
    const time = pod.reduce((sum, { duration }) => sum + duration, early);
    const replaced = Math.round(time / SEGMENT);
    [from, early] = [(first + replaced) * PER_SEGMENT, time - replaced * SEGMENT];
    return [before, ...pod.map(whole)];
  });
  return [...parts, { source: CONTENT, from, to: Number.POSITIVE_INFINITY }];
}

/** A busy machine composes fewer frames, and players trim a few where two films meet: a second, half a segment, at each edge is free. */
function expectRuns(runs: readonly Run[], parts: readonly Part[]): void {
  expect.soft(runs.map(({ source }) => source)).toEqual(parts.map(({ source }) => source));
  for (const [index, { source, from, to }] of parts.entries()) {
    const frames = runs[index]?.frames ?? [];
    const again = frames.filter(({ frame }, at) => frame < (frames[at - 1]?.frame ?? 0)).map(({ frame }) => frame);
    expect.soft(again, `frames of part ${index} (${source}) that come again`).toEqual([]);
    const [first, last] = [frames[0]?.frame ?? -1, frames.at(-1)?.frame ?? -1];
    expect.soft(first, `first frame of part ${index} (${source})`).toBeGreaterThanOrEqual(from);
    if (index > 0) expect.soft(first, `first frame of part ${index} (${source})`).toBeLessThan(from + FRAME_RATE);
    if (to === Number.POSITIVE_INFINITY) continue;
    expect.soft(last, `last frame of part ${index} (${source})`).toBeLessThanOrEqual(to);
    expect.soft(last, `last frame of part ${index} (${source})`).toBeGreaterThan(to - FRAME_RATE);
  }
}

async function expectWatched(client: Client): Promise<void> {
  const parts = expectParts();
  expectRuns((await client.runs()).slice(0, parts.length), parts);
  const frames = await client.frames();
  const gaps = frames.map(({ displayTime }, i) => displayTime - (frames[i - 1]?.displayTime ?? displayTime));
  expect.soft(Math.max(...gaps), "milliseconds without a new frame").toBeLessThan(1000);
  expect.soft(await client.errors()).toEqual([]);
  expect.soft(client.responses.filter(({ status }) => status >= 400)).toEqual([]);
  const media = Map.groupBy(
    client.responses.filter(({ url, text }) => text !== "" && new URL(url).pathname.startsWith("/auditude/live/")),
    ({ url }) => url,
  );
  const renditions = [...media].map(([url, refreshes]) => ({
    name: new URL(url).pathname.split("/")[4] ?? "",
    refreshes,
  }));
  const { faults } = checkRun({ renditions, nameSegment, segmentDuration: SEGMENT });
  expect.soft(faults.filter((fault) => !fault.includes("were never listed"))).toEqual([]);
}

/** ffmpeg shows every frame of what it reads; only where it began is free. */
function expectRead({ frames, complaints }: FfmpegReading): void {
  const runs = formatFrameRuns(frames);
  const [first, ...rest] = expectParts().map(({ source, from, to }) => `${source} ${from}-${to}`);
  expect.soft(runs[0]?.replace(/ \d+-/, " 0-")).toBe(first);
  expect.soft(runs.slice(1, rest.length)).toEqual(rest.slice(0, -1));
  expect.soft(runs[rest.length]).toMatch(new RegExp(`^${rest.at(-1)?.replace("Infinity", "\\d+")}$`));
  expect.soft(complaints).toEqual([]);
}

/** The whole of each part is listed in every rendition, segment by segment. */
function expectListed({ faults, shown }: CheckedRun): void {
  expect.soft(faults).toEqual([]);
  const ids = new Map<number, string>([LONG_AD, SHORT_AD].map(({ id, source }) => [source, id]));
  for (const segments of shown.values()) {
    const start = segments[0]?.index ?? 0;
    const expected = expectParts().flatMap(({ source, from, to }) => {
      const id = ids.get(source) ?? "content";
      const [first, last] = [Math.max(from / PER_SEGMENT, id === "content" ? start : 0), Math.floor(to / PER_SEGMENT)];
      const end = Math.min(last, segments.at(-1)?.index ?? 0);
      return Array.from({ length: end - first + 1 }, (_, index) => `${id} ${first + index}`);
    });
    expect.soft(segments.map(({ id, index }) => `${id} ${index}`).slice(0, expected.length)).toEqual(expected);
  }
}

test("mid-rolls enter, cross and leave the window of a live stream, and every client shows them", async ({
  browser,
}) => {
  const url = await test.step("1. The publisher sends the content URL and information for the ad server", () =>
    site.bootstrap("/live/master.m3u8"));
  await test.step("2, 3 and 5. The client asks the bootstrap URL, and is redirected to the master of its session", async () => {
    const answer = await fetch(url, { redirect: "manual" });
    expect(answer.status).toBe(302);
    expect(new URL(answer.headers.get("location") ?? "", url).pathname).toMatch(
      /^\/auditude\/variant\/e2e\/[\w-]+\/[\w-]+\.m3u8$/,
    );
  });
  const own = (): URL => site.bootstrap("/live/master.m3u8");
  const recorder = await recordPlaylists(own(), channel.edge);
  const ffmpeg = startFfmpegClient(own());
  const clients: Client[] = [];
  await test.step("6. The client chooses a stream in the master and plays it", async () => {
    for (const name of PLAYERS) clients.push(await openClient(browser, site.origin, name, own()));
    for (const client of clients) await expect.poll(async () => (await client.frames()).length).toBeGreaterThan(0);
    for (const { page } of clients) await page.waitForFunction(() => window.interludeFrames?.length);
    await expect.poll(ffmpeg.count, { timeout: 30_000 }).toBeGreaterThan(0);
    expect(
      recorder
        .renditions()
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual([...RUNGS]);
  });
  await test.step("4, 7 and 8. Breaks in the content are filled with the ad server's ads and stitched in", async () => {
    breaks = listBreaks(Math.max(...(await Promise.all(RUNGS.map(channel.edge)))) + NOTICE, PODS.length);
    await waitForBreaks(clients, PODS.length, CONTENT, 120_000);
    // Until the last of these breaks has left the window
    const last = breaks.at(-1);
    await channel.waitFor((last?.first ?? 0) + (last?.count ?? 0) + WINDOW);
  });
  await recorder.stop();
  const read = await ffmpeg.stop();

  await test.step("8. Every refresh of every rendition keeps the rules, to two independent readers", () => {
    expect(recorder.failures).toEqual([]);
    expectListed(checkRun({ renditions: recorder.renditions(), nameSegment, segmentDuration: SEGMENT }));
  });
  for (const client of clients) {
    await test.step(`9. ${client.name} plays the content with the ads in it`, () => expectWatched(client));
  }
  await test.step("9. ffmpeg reads every frame of content and ads, in order", () => expectRead(read));
  for (const client of clients) await client.close();
  expect(site.origin.missing).toEqual([]);
  expect(channel.log).toEqual([]);
});
