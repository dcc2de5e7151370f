/** The example of docs/plugin/autoplay.md, in a browser that lets no page start with sound. */
import { expect, test } from "@playwright/test";
import { answerExamples, openExample } from "./examples.ts";
import { playPast } from "./page.ts";
import { startWorld, type World } from "./world.ts";

test.use({
  launchOptions: async ({ browserName }, use, { project }) => {
    const ofFirefox = { firefoxUserPrefs: { "media.autoplay.default": 1, "media.autoplay.blocking_policy": 2 } };
    const ofChromium = { args: ["--autoplay-policy=document-user-activation-required"] };
    await use({ ...project.use.launchOptions, ...(browserName === "firefox" ? ofFirefox : ofChromium) });
  },
});

let world: World;
test.beforeAll(async () => {
  world = await startWorld();
  await answerExamples(world);
});
test.afterAll(() => world.close());

test("the page starts muted, the pre-roll counts when it is seen, and a button brings the sound", async ({ page }) => {
  await openExample(page, world, "autoplay");
  await playPast(page, 0.5);
  const isMuted = (): Promise<boolean> => page.locator("video").evaluate((video: HTMLVideoElement) => video.muted);
  expect(await isMuted()).toBe(true);
  expect(world.beacons("a").filter(({ event }) => event === "impression")).toHaveLength(1);
  await page.getByRole("button", { name: "Sound on" }).click();
  expect(await isMuted()).toBe(false);
});
