/**
 * `wait` alone fills: each of the thirty creatives is a mid-roll that is asked for 15 seconds ahead or more, at its first encounter, with a
 * real CRS behind it whose first layer its break waits for. Several breaks share a film, which goes on at its next picture after each.
 *
 * @see DESIGN §4 step 4
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { groupRuns, type Run, shownFrames } from "../frames.ts";
import { selectCells } from "../matrix.ts";
import { CONTENT_SOURCE, FRAME_RATE, SEGMENT } from "../plugin/catalog.ts";
import { errors, events, openPlayer, playPast, seekTo, waitForEvent } from "../plugin/page.ts";
import { startWorld, type World } from "../plugin/world.ts";
import { type InterludeServer, startInterlude } from "../server.ts";
import { answerCreative, expectWholeRun } from "./cold.ts";
import { COLD_CREATIVES, type ColdCreative, CREATIVE_DURATION, CREATIVE_SOURCE } from "./creatives.ts";

/** Seconds. */
const AHEAD = 15;
/** Seconds of the film: of the mid-rolls, each behind a segment of its own. */
const TIMES = [18, 20] as const;
const FILMS: readonly (readonly ColdCreative[])[] = COLD_CREATIVES.flatMap((_, index) =>
  index % TIMES.length === 0 ? [COLD_CREATIVES.slice(index, index + TIMES.length)] : [],
);

let world: World;
let server: InterludeServer;
let folder: string;
test.beforeAll(async () => {
  world = await startWorld();
  folder = await mkdtemp(join(tmpdir(), "interlude-wait-"));
  const zones = join(folder, "zones.json");
  const zone = { zone: "1", targetDurations: [SEGMENT], creativeHosts: [world.url.hostname] };
  await writeFile(zones, JSON.stringify({ version: 1, zones: [zone] }));
  server = await startInterlude({
    INTERLUDE_ZONES: zones,
    INTERLUDE_FETCH_ALLOW_PRIVATE: world.url.host,
    // what comes behind the first layers would take the processor from the next film's
    INTERLUDE_CRS_RUNGS: "180",
  });
});
test.afterAll(async () => {
  await server.stop();
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

for (const creatives of selectCells(FILMS, [])) {
  const names = creatives.map(({ file }) => file.slice(0, 2)).join(", ");
  test(`mid-rolls ${names} wait for their copies, and are played whole where they belong`, async ({ page }) => {
    const breaks = await Promise.all(creatives.map((creative, index) => planBreak(creative, TIMES[index])));
    const at = (path: string): string => new URL(path, server.url).href;
    await openPlayer(page, world, {
      options: {
        zoneUrl: at("/v1/zones/1.json"),
        repackageUrl: at("/ads/repackage"),
        breaks,
        firstEncounter: ["wait", "skip"],
      },
    });
    await waitForEvent(page, "adencounter", { step: "wait", outcome: "ready" }, creatives.length);
    await expectAskedAhead(page, creatives.length);
    await seekTo(page, TIMES[0] - 0.5);
    await waitForEvent(page, "adbreakcomplete", {}, creatives.length);
    await playPast(page, (TIMES[creatives.length - 1] ?? 0) + creatives.length * CREATIVE_DURATION + 1);
    await expectFilm(page, creatives);
    expect((await errors(page)).filter((error) => error.includes("fatal"))).toEqual([]);
    for (const { id } of breaks) {
      const sent = world.beacons(id).map(({ event }) => event);
      expect(sent.filter((event) => ["impression", "complete", "error"].includes(event))).toEqual([
        "impression",
        "complete",
      ]);
    }
  });
}

async function planBreak(creative: ColdCreative, time = 0): Promise<{ id: string; time: number; adTagUrl: string }> {
  const id = creative.file.replace(/\W.*/, "");
  const { adTagUrl } = await answerCreative(world, creative, id);
  return { id, time, adTagUrl };
}

/** The ad server was asked for all of them when the first was still as far away. */
async function expectAskedAhead(page: Page, count: number): Promise<void> {
  const asked = (await events(page)).filter(({ name, event }) => name === "workflowstep" && event["step"] === 1);
  expect(asked).toHaveLength(count);
  for (const { streamTime } of asked) expect(TIMES[0] - streamTime).toBeGreaterThanOrEqual(AHEAD);
}

/** From where the viewer has sought: the film up to each break, its ad, the film's next picture. */
async function expectFilm(page: Page, creatives: readonly ColdCreative[]): Promise<void> {
  const shown = groupRuns(await shownFrames(page)).filter(({ frames }) => frames.length > 1);
  const expected = [CONTENT_SOURCE, ...creatives.flatMap(() => [CREATIVE_SOURCE, CONTENT_SOURCE])];
  expect(shown.map(({ source }) => source)).toEqual(expected);
  for (const [index, creative] of creatives.entries()) {
    const [before, ad, after] = shown.slice(index * 2);
    if (!before || !ad || !after) throw new Error(`${creative.file}: expected it between two runs of the film`);
    expectWholeRun(ad, creative);
    expectCut(before, after, TIMES[index] ?? 0);
  }
}

/** Pictures that a loaded machine may not compose. */
const EDGE = FRAME_RATE / 4;

function expectCut(before: Run, after: Run, time: number): void {
  const [last = -Infinity, first = Infinity] = [before.frames.at(-1)?.frame, after.frames[0]?.frame];
  const cut = time * FRAME_RATE;
  expect(cut - 1 - last, `last picture before ${time} s`).toBeGreaterThanOrEqual(0);
  expect(cut - 1 - last, `last picture before ${time} s`).toBeLessThanOrEqual(EDGE);
  expect(first - cut, `first picture after ${time} s`).toBeGreaterThanOrEqual(0);
  expect(first - cut, `first picture after ${time} s`).toBeLessThanOrEqual(EDGE);
}
