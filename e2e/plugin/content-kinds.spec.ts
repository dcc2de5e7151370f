/**
 * Every kind of content with an ad at its start, in its middle or at its end: pixels say what was on screen, the sound says what was
 * heard, and the content goes on at the very next frame.
 *
 * @see DESIGN §6, packaging follows the content
 */
import { expect, type Page, test } from "@playwright/test";
import { recordFrames } from "../frames.ts";
import { coverPairs, selectCells } from "../matrix.ts";
import { ADS, type ContentKind, CONTENT_SOURCE, FILM_DURATION, FRAME_RATE, SEGMENT } from "./catalog.ts";
import { errors, type ExpectedRun, expectRuns, openPlayer, playPast, seekTo, waitForEvent } from "./page.ts";
import { type HostName, HOSTS } from "./player-events.ts";
import { canHear, heardTones, recordSound } from "./sound.ts";
import { startWorld, type World } from "./world.ts";

let world: World;
test.beforeEach(async () => {
  world = await startWorld();
});
test.afterEach(() => world.close());

const AD = ADS.a;
const LAST_AD_FRAME = AD.duration * FRAME_RATE - 1;
/** Seconds of content. */
const BREAK = 8;

type Position = "pre" | "mid" | "post";

/** When the break is, where playback begins, how far it goes, and what is on screen and heard meanwhile. */
interface Place {
  readonly at: string;
  readonly from: number;
  readonly until: number;
  readonly runs: readonly ExpectedRun[];
  readonly tones: readonly string[];
}

const WHOLE_AD: ExpectedRun = { source: AD.source, from: 0, to: LAST_AD_FRAME };
const RESUMED = BREAK * FRAME_RATE;

const PLACES: Readonly<Record<Position, Place>> = {
  pre: {
    at: "start",
    from: 0,
    until: AD.duration + 1,
    runs: [WHOLE_AD, { source: CONTENT_SOURCE, from: 0 }],
    tones: ["ad", "film"],
  },
  mid: {
    at: `00:00:0${BREAK}`,
    from: BREAK - 3.5,
    until: BREAK + AD.duration + 0.8,
    runs: [{ source: CONTENT_SOURCE, to: RESUMED - 1 }, WHOLE_AD, { source: CONTENT_SOURCE, from: RESUMED }],
    tones: ["film", "ad", "film"],
  },
  post: {
    at: "end",
    from: FILM_DURATION - 5.5,
    until: FILM_DURATION + AD.duration - 0.1,
    runs: [{ source: CONTENT_SOURCE, to: FILM_DURATION * FRAME_RATE - 1 }, WHOLE_AD],
    tones: ["film", "ad"],
  },
};

interface Cell {
  readonly kind: ContentKind;
  readonly position: Position;
  readonly host: HostName;
}

const KINDS = ["ts", "ts-alt-audio", "cmaf", "ts-and-audio-only", "aes", "subtitles"] as const;
const ALL: readonly Cell[] = KINDS.flatMap((kind) =>
  HOSTS.flatMap((host) => (["pre", "mid", "post"] as const).map((position) => ({ kind, position, host }))),
);
/** The light build has no tracks of sound. */
const isPlayable = ({ kind, host }: Cell): boolean =>
  host !== "hls.light" || (kind !== "ts-alt-audio" && kind !== "cmaf");
const isShort = ({ kind, position, host }: Cell): boolean =>
  host === "hls.js" && (position === "mid" || (position === "pre" && kind === "ts"));

async function playPlace(page: Page, { kind, position, host }: Cell): Promise<Place> {
  const place = PLACES[position];
  const adTagUrl = world.answerVmap("/ads/vmap", [{ at: place.at, id: position, ads: ["a"] }]);
  const hlsConfig = { startPosition: place.from };
  await openPlayer(page, world, { host, content: kind, muted: false, options: { adTagUrl }, hlsConfig });
  await recordSound(page);
  await playPast(page, place.until);
  return place;
}

for (const cell of selectCells(coverPairs(ALL.filter(isPlayable)), ALL.filter(isShort))) {
  const { kind, position, host } = cell;
  test(`${kind} in ${host}: a ${position}-roll is seen and heard whole, and no frame of the film is lost or shown twice`, async ({
    page,
  }) => {
    const { runs, tones } = await playPlace(page, cell);
    await expectRuns(page, runs);
    if (canHear(page)) expect((await heardTones(page)).map(({ tone }) => tone)).toEqual(tones);
    // a player that meets a hole in the sound seeks over it, and over pictures
    expect((await errors(page)).filter((error) => error.includes("bufferSeekOverHole"))).toEqual([]);
  });
}

const NOTHING_HEARD = "Firefox plays no sound without an audio device";

test("audio-only: the ad is heard in the middle of the sound, which goes on where it was left", async ({ page }) => {
  test.skip(!canHear(page), NOTHING_HEARD);
  await playPlace(page, { kind: "audio-only", position: "mid", host: "hls.js" });
  const [before, ad, after] = await heardTones(page);
  expect([before?.tone, ad?.tone, after?.tone]).toEqual(["film", "ad", "film"]);
  expect(before?.to).toBeCloseTo(BREAK, 0);
  expect(ad?.to).toBeCloseTo(BREAK + AD.duration, 0);
  await waitForEvent(page, "adbreakcomplete", { breakId: "mid", watched: true });
});

test("fmp4-muxed: the film plays through where no ad of its packaging can be put in line", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/vmap", [{ at: "start", id: "pre", ads: ["a"] }]);
  await openPlayer(page, world, { host: "hls.light", content: "fmp4-muxed", options: { adTagUrl } });
  await waitForEvent(page, "adskip", { breakId: "pre", reason: "no-variant-match" });
  await playPast(page, 1);
  await expectRuns(page, [{ source: CONTENT_SOURCE, from: 0 }]);
});

test("ts-alt-audio: the language is switched before a break and in it, and the ad has its own sound", async ({
  page,
}) => {
  test.skip(!canHear(page), NOTHING_HEARD);
  const adTagUrl = world.answerVmap("/ads/vmap", [{ at: PLACES.mid.at, id: "mid", ads: ["a"] }]);
  const hlsConfig = { startPosition: PLACES.mid.from };
  await openPlayer(page, world, { content: "ts-alt-audio", muted: false, options: { adTagUrl }, hlsConfig });
  await recordSound(page);
  await playPast(page, PLACES.mid.from + 0.5);
  await setAudioTrack(page, 1);
  await playPast(page, BREAK + 1);
  await setAudioTrack(page, 0);
  await playPast(page, BREAK + AD.duration + 1);
  expect((await heardTones(page)).map(({ tone }) => tone)).toEqual(["film", "french", "ad", "film"]);
});

async function setAudioTrack(page: Page, track: number): Promise<void> {
  await page.evaluate((index) => {
    const hls = window.interludePlayers?.[0]?.hls;
    if (hls) hls.audioTrack = index;
  }, track);
}

test("subtitles: cues are in step before and after the break, and none is shown in the ad", async ({ page }) => {
  const adTagUrl = world.answerVmap("/ads/vmap", [{ at: PLACES.mid.at, id: "mid", ads: ["a"] }]);
  const hlsConfig = { startPosition: PLACES.mid.from };
  await openPlayer(page, world, { content: "subtitles", options: { adTagUrl }, hlsConfig });
  await page.evaluate(() => {
    const [player] = window.interludePlayers ?? [];
    if (!player?.hls) throw new Error("expected hls.js");
    player.hls.subtitleTrack = 0;
    player.hls.subtitleDisplay = true;
    const sample = (): void => {
      const active = Array.from(player.video.textTracks, (track) => Array.from(track.activeCues ?? [])).flat();
      const texts = active.map((cue) => (cue instanceof VTTCue ? cue.text : ""));
      (window.interludeCues ??= []).push({ time: player.video.currentTime, texts });
    };
    setInterval(sample, 50);
  });
  await playPast(page, BREAK + AD.duration + 2);
  const samples = await page.evaluate(() => window.interludeCues ?? []);
  // a cue is told as active a little after its time
  const settled = samples.filter(({ time }) => time > PLACES.mid.from + 1 && time % 1 > 0.4 && time % 1 < 0.95);
  for (const { time, texts } of settled) {
    const isAd = time > BREAK && time < BREAK + AD.duration;
    const second = Math.floor(time < BREAK ? time : time - AD.duration);
    expect(texts, `at ${time} s`).toEqual(isAd ? [] : [`second ${second}`]);
  }
  expect(settled.some(({ time }) => time > BREAK + AD.duration)).toBe(true);
});

declare global {
  interface Window {
    interludeCues?: { readonly time: number; readonly texts: readonly string[] }[];
  }
}

/** Segments that are listed when the viewer comes; the next one begins an avail. */
const LISTED = 7;
const AVAIL = LISTED * SEGMENT;

/** Live content gives its own time for an ad. */
const REPLACED: readonly ExpectedRun[] = [
  { source: CONTENT_SOURCE, to: AVAIL * FRAME_RATE - 1 },
  WHOLE_AD,
  { source: CONTENT_SOURCE, from: (AVAIL + AD.duration) * FRAME_RATE },
];

for (const kind of ["event", "live"] as const) {
  test(`${kind}: an avail is filled, and a viewer who goes back over it sees the same ad again`, async ({ page }) => {
    world.setCues([{ first: LISTED, count: AD.duration / SEGMENT }]);
    world.list(kind, LISTED + 0.9);
    const options = { adTagUrl: world.answerVast("/ads/vast", "a"), live: true };
    await openPlayer(page, world, { content: kind, options });
    await playPast(page, 0.1);
    world.run(kind);
    await playPast(page, AVAIL + AD.duration + 0.8);
    await expectRuns(page, REPLACED);
    await seekTo(page, AVAIL - 1);
    await recordFrames(page);
    await playPast(page, AVAIL + AD.duration + 0.8);
    await expectRuns(page, REPLACED);
  });
}

test("low-latency: playlists reach the player byte for byte, and their avails are told as skipped", async ({
  page,
}) => {
  const sent: Promise<string>[] = [];
  page.on("response", (response) => {
    if (response.url().includes("/low-latency/180.m3u8")) sent.push(response.text());
  });
  world.setCues([{ first: 4, count: 2 }]);
  world.run("low-latency");
  await openPlayer(page, world, {
    content: "low-latency",
    options: { adTagUrl: world.answerVast("/ads/vast", "a"), live: true },
  });
  await waitForEvent(page, "adskip", { reason: "policy" });
  await page.waitForFunction(() => (window.interludePlayers?.[0]?.playlists.length ?? 0) > 4);
  const player = await page.evaluate(() => window.interludePlayers?.[0]?.playlists ?? []);
  const wire = await Promise.all(sent);
  for (const text of player) expect(wire).toContain(text);
  expect(world.requests.some(({ path }) => /180_\d+\.m4s$/.test(path))).toBe(true);
});
