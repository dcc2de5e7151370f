/**
 * No impression lost to format: thirty creatives that are MP4, each at its first encounter, with CRS switched off altogether. Each plays as
 * a pre-roll of VOD content in hls.js, whole, and the content goes on at its first picture; or it is one of the named exceptions, skipped
 * with its reason while the content plays.
 *
 * @see DESIGN §4 step 4
 */
import { expect, test } from "@playwright/test";
import { errors, events, openPlayer, playPast, waitForEvent } from "../plugin/page.ts";
import { startWorld, type World } from "../plugin/world.ts";
import { answerCold, COLD_AD, expectAccounted, expectContentAlone, expectWhole } from "./cold.ts";
import { COLD_CREATIVES, CREATIVE_DURATION } from "./creatives.ts";

// each has a world of its own
test.describe.configure({ mode: "parallel" });

/** Seconds of the content that have to be seen. */
const SEEN = 0.5;

let world: World;
test.beforeEach(async () => {
  world = await startWorld();
});
test.afterEach(() => world.close());

test("at most three of the thirty are exceptions", () => {
  expect(COLD_CREATIVES).toHaveLength(30);
  expect(COLD_CREATIVES.filter(({ refusal }) => refusal === undefined).length).toBeGreaterThanOrEqual(27);
});

for (const creative of COLD_CREATIVES.filter(({ refusal }) => refusal === undefined)) {
  test(`${creative.file} plays whole as a cold pre-roll, and the content after it`, async ({ page }) => {
    const { adTagUrl, creativeUrl } = await answerCold(world, creative);
    await openPlayer(page, world, { options: { adTagUrl, firstEncounter: ["remux", "skip"] } });
    const encounter = await waitForEvent(page, "adencounter");
    expect(encounter.event).toMatchObject({ adId: COLD_AD, creativeUrl, step: "remux", outcome: "ready" });
    await playPast(page, CREATIVE_DURATION + SEEN);
    await expectWhole(page, creative);
    await expectAccounted(page, world);
    expect((await errors(page)).filter((error) => error.includes("fatal"))).toEqual([]);
    const asked = world.requests.filter(({ method, path }) => method === "POST" && path === "/ads/repackage");
    expect(asked, "it is asked for all the same").toHaveLength(1);
  });
}

for (const creative of COLD_CREATIVES.filter(({ refusal }) => refusal !== undefined)) {
  test(`${creative.file} is skipped as ${creative.refusal}, and the content plays`, async ({ page }) => {
    const { adTagUrl } = await answerCold(world, creative);
    await openPlayer(page, world, { options: { adTagUrl, firstEncounter: ["remux", "skip"] } });
    await waitForEvent(page, "adskip", { adId: COLD_AD, reason: creative.refusal });
    await playPast(page, 1.5);
    await expectContentAlone(page);
    await expectAccounted(page, world);
    expect((await events(page)).filter(({ name }) => name === "error")).toEqual([]);
  });
}
