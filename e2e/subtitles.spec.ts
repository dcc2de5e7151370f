/**
 * Subtitles at a break, in players that know nothing of ads: a cue that spans a mid-roll is shown before it and again after it, at
 * the right time, and none is shown during the ad.
 *
 * @see primetime.md §1.11; docs/decisions/0014-subtitles-at-a-break.md
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@playwright/test";
import { type ContentPlaylist, type MediaPlaylist, parseMediaPlaylist, stitchVod } from "@interlude/core";
import type { FastifyInstance } from "fastify";
import { createGuardedFetch } from "../packages/server/src/guarded-fetch.ts";
import { createSigner } from "../packages/server/src/manifest/signature.ts";
import {
  BLANK_WEBVTT_PATH,
  createSubtitleClipper,
  WEBVTT_PURPOSE,
} from "../packages/server/src/manifest/subtitles/webvtt.ts";
import { webVttRoutes } from "../packages/server/src/manifest/subtitles/webvtt-routes.ts";
import { createByteFetch, createWebVttSource } from "../packages/server/src/manifest/subtitles/webvtt-source.ts";
import { createMediaApp, playSubtitles } from "./subtitles-page.ts";
import { selectCells } from "./matrix.ts";

const run = promisify(execFile);
const SEGMENT = 2;
const CONTENT_DURATION = 12;
const AD_DURATION = 4;
const BREAK = 6;
/** Of the first picture as ffmpeg's TS muxer sets it, seconds: what tells a clip by the media's clock from one by the playlist's. */
const FIRST_PTS = 1.48;
const CUES = [
  [1, 11, "spans the break"],
  [2, 3, "before"],
  [8, 9, "after"],
] as const;

let folder = "";
let app: FastifyInstance;
let origin = "";
const outcomes: string[] = [];

test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "interlude-subtitles-"));
  await makeTs("content", CONTENT_DURATION, 440);
  await makeTs("ad", AD_DURATION, 880);
  app = createMediaApp(folder);
  const texts: Record<string, string> = {};
  app.get<{ Params: { name: string } }>("/stitched/:name", (request, reply) =>
    reply.type("application/vnd.apple.mpegurl").send(texts[request.params.name]),
  );
  const signer = createSigner("secret", WEBVTT_PURPOSE);
  // The port is known when the server listens, and then no more routes may be added.
  const allowPrivate: string[] = [];
  const fetchBytes = createByteFetch((url, options) => createGuardedFetch({ allowPrivate })(url, options));
  const source = createWebVttSource({
    fetchBytes,
    now: Date.now,
    onFailure: (_url, error) => outcomes.push(String(error)),
  });
  const readCookie = async (): Promise<undefined> => undefined;
  await app.register(webVttRoutes, { ...source, signer, readCookie, count: (outcome) => outcomes.push(outcome) });
  origin = await app.listen({ port: 0, host: "127.0.0.1" });
  allowPrivate.push(new URL(origin).host);
  for (const name of Object.keys(SUBTITLES)) Object.assign(texts, await stitch(name));
});
test.afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

async function makeTs(name: string, duration: number, tone: number): Promise<void> {
  await mkdir(join(folder, name));
  const inputs = [
    "-f",
    "lavfi",
    "-i",
    `testsrc2=s=320x180:r=25:d=${duration}`,
    "-f",
    "lavfi",
    "-i",
    `sine=${tone}:r=48000:d=${duration}`,
  ];
  const codecs = [
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-pix_fmt",
    "yuv420p",
    "-g",
    "50",
    "-sc_threshold",
    "0",
    "-c:a",
    "aac",
  ];
  const hls = ["-f", "hls", "-hls_time", String(SEGMENT), "-hls_playlist_type", "vod", "media.m3u8"];
  await run("ffmpeg", ["-nostdin", "-v", "error", "-y", ...inputs, ...codecs, ...hls], { cwd: join(folder, name) });
}

/** How content carries its subtitles: seconds per segment, what its header says, and what its clock shows when the programme begins. */
const SUBTITLES: Readonly<
  Record<string, { readonly segment: number; readonly header: string; readonly start: number }>
> = {
  "segments with X-TIMESTAMP-MAP": {
    segment: 6,
    header: `X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:${FIRST_PTS * 90_000}\n`,
    start: 0,
  },
  "one file for the whole programme": { segment: CONTENT_DURATION, header: "", start: FIRST_PTS },
};

/** Each segment holds all cues that are shown during it, with all of their time (RFC 8216 §3.5). */
async function writeSubtitles(name: string): Promise<MediaPlaylist> {
  const { segment = 1, header = "", start = 0 } = SUBTITLES[name] ?? {};
  const time = (seconds: number): string => `00:${(seconds + start).toFixed(3).padStart(6, "0")}`;
  const lines = ["#EXTM3U", "#EXT-X-VERSION:3", `#EXT-X-TARGETDURATION:${segment}`];
  for (let at = 0; at < CONTENT_DURATION; at += segment) {
    const cues = CUES.filter(([from, to]) => from < at + segment && to > at);
    const blocks = cues.map(([from, to, text]) => `${time(from)} --> ${time(to)}\n${text}\n`);
    const file = `${segment}-${start}-${at}.vtt`;
    await writeFile(join(folder, file), [`WEBVTT\n${header}`, ...blocks].join("\n"));
    lines.push(`#EXTINF:${segment}.000,`, `${origin}/media/${file}`);
  }
  return parseMediaPlaylist([...lines, "#EXT-X-ENDLIST", ""].join("\n"));
}

async function readMedia(name: string): Promise<MediaPlaylist> {
  const text = await readFile(join(folder, name, "media.m3u8"), "utf8");
  return parseMediaPlaylist(text.replaceAll(/^(?!#)(?=.)/gm, `${origin}/media/${name}/`));
}

async function stitch(name: string): Promise<Readonly<Record<string, string>>> {
  const [subtitles, media, ad] = await Promise.all([writeSubtitles(name), readMedia("content"), readMedia("ad")]);
  const url = new URL(origin);
  const rendition = { bandwidthBps: 500_000, url, playlist: ad };
  const ads = [{ adId: "ad", renditions: [rendition] }];
  const pods = [0, BREAK].map((time) => ({ breakId: `at ${time}`, ads, time }));
  const place = (kind: ContentPlaylist["kind"]): ContentPlaylist => ({ url, bandwidthBps: 500_000, kind });
  const signer = createSigner("secret", WEBVTT_PURPOSE);
  const clipSubtitle = createSubtitleClipper({ sessionId: "s", signer, baseUrl: url, subtitles, media });
  const options = { reference: media, clipSubtitle, blankSubtitleUri: `${origin}${BLANK_WEBVTT_PATH}` };
  const master = [
    "#EXTM3U",
    `#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,URI="${name}.vtt.m3u8"`,
    '#EXT-X-STREAM-INF:BANDWIDTH=500000,CODECS="avc1.42c00d,mp4a.40.2",SUBTITLES="s"',
    `${name}.video.m3u8`,
    "",
  ];
  return {
    [`${name}.m3u8`]: master.join("\n"),
    [`${name}.video.m3u8`]: stitchVod(media, place("main"), pods, options).text,
    [`${name}.vtt.m3u8`]: stitchVod(subtitles, place("subtitles"), pods, options).text,
  };
}

/** Players part by how they place sound and pictures that do not start together, twice over with each ad. */
const TOLERANCE = 0.3;
/** Where the content plays in the stitched programme: a pre-roll, the first half, a mid-roll, the second half. */
const [FIRST_HALF, MID_ROLL, SECOND_HALF] = [AD_DURATION, AD_DURATION + BREAK, 2 * AD_DURATION + BREAK];
const EXPECTED = [
  { start: FIRST_HALF + 1, end: MID_ROLL, text: "spans the break" },
  { start: FIRST_HALF + 2, end: FIRST_HALF + 3, text: "before" },
  { start: SECOND_HALF, end: SECOND_HALF + 5, text: "spans the break" },
  { start: SECOND_HALF + 2, end: SECOND_HALF + 3, text: "after" },
];

const [SEGMENTED = "", WHOLE = ""] = Object.keys(SUBTITLES);
const CELLS = (["hls.js", "video.js", "shaka"] as const).flatMap((player) =>
  Object.keys(SUBTITLES).map((name) => ({ player, name })),
);
/** Either kind of subtitles, in two players. */
const FEW = [
  { player: "hls.js", name: SEGMENTED },
  { player: "video.js", name: WHOLE },
] as const;

for (const { player, name } of selectCells(CELLS, FEW)) {
  test(`${player}, ${name}: a cue that spans a mid-roll is shown before and after it, and none during ads`, async ({
    page,
  }) => {
    const shown = await playSubtitles(page, player, origin, `stitched/${encodeURIComponent(name)}.m3u8`);
    expect(shown.errors).toEqual([]);
    expect(outcomes.filter((outcome) => outcome !== "clipped")).toEqual([]);

    const cues = shown.cues.filter(({ text }) => text !== "");
    expect(cues.map(({ text }) => text)).toEqual(EXPECTED.map(({ text }) => text));
    for (const [index, { start, end }] of EXPECTED.entries()) {
      expect(Math.abs((cues[index]?.start ?? 0) - start)).toBeLessThan(TOLERANCE);
      expect(Math.abs((cues[index]?.end ?? 0) - end)).toBeLessThan(TOLERANCE);
    }

    const textsIn = (from: number, to: number): readonly string[] =>
      shown.samples
        .filter(({ time }) => time > from + TOLERANCE && time < to - TOLERANCE)
        .map(({ texts }) => texts.filter((text) => text !== "").join());
    expect(new Set(textsIn(0, FIRST_HALF))).toEqual(new Set([""]));
    expect(new Set(textsIn(FIRST_HALF + 3, MID_ROLL))).toEqual(new Set(["spans the break"]));
    expect(new Set(textsIn(MID_ROLL, SECOND_HALF))).toEqual(new Set([""]));
    expect(new Set(textsIn(SECOND_HALF, SECOND_HALF + 2))).toEqual(new Set(["spans the break"]));
  });
}
