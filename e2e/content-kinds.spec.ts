/**
 * Every kind of content with an ad at its start, in its middle or at its end: pixels say what was on screen, the sound says what was
 * heard, and the content goes on at the very next frame.
 *
 * @see DESIGN §6, packaging follows the content
 */
import { expect, type Page, test } from "@playwright/test";
import { selectCells } from "./matrix.ts";
import { ADS, type ContentKind, CONTENT_SOURCE, FILM_DURATION, FRAME_RATE } from "./plugin-catalog.ts";
import { type ExpectedRun, expectRuns, type HostName, openPlayer, playPast, waitForEvent } from "./plugin-page.ts";
import { heardTones, recordSound } from "./plugin-sound.ts";
import { startWorld, type World } from "./plugin-world.ts";

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
const HOSTS = ["hls.js", "hls.light"] as const;
const ALL: readonly Cell[] = KINDS.flatMap((kind) =>
  HOSTS.flatMap((host) => (["pre", "mid", "post"] as const).map((position) => ({ kind, position, host }))),
);
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

for (const cell of selectCells(ALL, ALL.filter(isShort))) {
  const { kind, position, host } = cell;
  test(`${kind} in ${host}: a ${position}-roll is seen and heard whole, and no frame of the film is lost or shown twice`, async ({
    page,
  }) => {
    const { runs, tones } = await playPlace(page, cell);
    await expectRuns(page, runs);
    expect((await heardTones(page)).map(({ tone }) => tone)).toEqual(tones);
  });
}

test("audio-only: the ad is heard in the middle of the sound, which goes on where it was left", async ({ page }) => {
  await playPlace(page, { kind: "audio-only", position: "mid", host: "hls.js" });
  const [before, ad, after] = await heardTones(page);
  expect([before?.tone, ad?.tone, after?.tone]).toEqual(["film", "ad", "film"]);
  expect(before?.to).toBeCloseTo(BREAK, 0);
  expect(ad?.to).toBeCloseTo(BREAK + AD.duration, 0);
  await waitForEvent(page, "adbreakcomplete", { breakId: "mid", watched: true });
});
