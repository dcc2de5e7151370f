/**
 * What the page makes for an ad belongs to the player that lists it: a page that ends the insertion alone goes on seeing the ad and the
 * content behind it, and a player that is taken away leaves nothing behind.
 */
import { expect, test } from "@playwright/test";
import { selectCells } from "../matrix.ts";
import { countLeaks } from "../plugin/leaks.ts";
import { addPlayer, errors, events, type HostName, openPage, openPlayer, playPast } from "../plugin/page.ts";
import { startWorld, type World } from "../plugin/world.ts";
import { answerCold, expectWhole } from "./cold.ts";
import { COLD_CREATIVES, type ColdCreative, CREATIVE_DURATION } from "./creatives.ts";

// each has a world of its own
test.describe.configure({ mode: "parallel" });

let world: World;
test.beforeEach(async () => {
  world = await startWorld();
});
test.afterEach(() => world.close());

function findCreative(name: string): ColdCreative {
  const creative = COLD_CREATIVES.find(({ file }) => file === name);
  if (!creative) throw new Error(`${name}: expected a row of the table, got none`);
  return creative;
}

const creative = findCreative("01-pyramid.mp4");
const options = { firstEncounter: ["remux", "skip"] } as const;

for (const host of selectCells<HostName>(["hls.js", "vhs", "videojs-hls.js"], ["hls.js"])) {
  test(`${host}: the insertion ends in the ad, which plays on whole, and the content after it`, async ({ page }) => {
    const { adTagUrl } = await answerCold(world, creative);
    // what is loaded ahead would be there without the insertion
    const hlsConfig = { maxBufferLength: 2, maxMaxBufferLength: 2 };
    await openPlayer(page, world, { host, options: { ...options, adTagUrl }, hlsConfig, autoplay: false });
    await page.evaluate(
      ({ from, rate }) => {
        const [player] = window.interludePlayers ?? [];
        if (!player) throw new Error("expected a player, got none");
        const { video, insertion } = player;
        const end = (): void => {
          if (video.currentTime < from) return;
          for (const type of TYPES) video.removeEventListener(type, end);
          insertion?.destroy();
        };
        const TYPES = ["loadeddata", "timeupdate"];
        for (const type of TYPES) video.addEventListener(type, end);
        video.defaultPlaybackRate = rate;
        video.playbackRate = rate;
        return video.play();
      },
      // VHS loads all of the ad as soon as it can
      { from: host === "vhs" ? 0 : 1, rate: 2 },
    );
    await playPast(page, CREATIVE_DURATION + 0.5);
    expect(
      (await events(page)).filter(({ name }) => name === "adcomplete"),
      "the insertion has ended",
    ).toEqual([]);
    expect((await errors(page)).filter((error) => error.includes("fatal"))).toEqual([]);
    await expectWhole(page, creative);
  });
}

for (const first of selectCells(["player", "insertion"] as const, [])) {
  test(`destroyed in the ad, the ${first} first: no worker, listener, timer, request or object URL is left`, async ({
    page,
  }) => {
    const leaks = await countLeaks(page);
    await openPage(page, world);
    await addPlayer(page, world, { options: "none" });
    await playPast(page, 0.2);
    await page.evaluate(() => window.interludePlayers?.pop()?.destroy());
    await leaks.setBase();
    const { adTagUrl } = await answerCold(world, creative);
    await addPlayer(page, world, { options: { ...options, adTagUrl } });
    await playPast(page, 1);
    await page.evaluate((order) => window.interludePlayers?.[0]?.destroy(order), first);
    const left = Object.entries(await leaks.open());
    expect(left.filter(([name]) => !/^request \/(?:page|track)\//.test(name))).toEqual([]);
    await expect.poll(() => page.workers()).toEqual([]);
  });
}
