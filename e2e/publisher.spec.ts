/** The publisher's site: its catalogue, where a visitor was in a film, links to any state, and how the bootstrap URL comes to be. */
import { expect, type Page, test } from "@playwright/test";
import catalog from "../demo/catalog.json" with { type: "json" };
import { readTexts } from "./contrast.ts";
import { CONTENT_SOURCE, expectStep, playPast, seek, sourceOf, watch } from "./demo-page.ts";
import { groupRuns, recordFrames, shownFrames } from "./frames.ts";
import { selectCells } from "./matrix.ts";
import { type InterludeServer, startInterlude } from "./server.ts";

let server: InterludeServer;
test.beforeAll(async () => {
  server = await startInterlude();
});
test.afterAll(() => server.stop());

const FRAME_RATE = 25;
/** Second of the film at which the asset “evening” begins. */
const EVENING = 28;

async function open(page: Page, query: string): Promise<void> {
  await page.goto(new URL(`/${query}`, server.url).href);
}

function asset(page: Page, id: string) {
  return page.locator(`#assets [data-asset="${id}"]`);
}

test("a visitor finds a film in the catalogue, leaves it, and goes on where they were", async ({ page }) => {
  await open(page, "");
  await expect(page.getByRole("heading", { name: "The publisher’s catalogue" })).toBeVisible();
  await expect(page.locator("#assets li")).toHaveCount(catalog.contents.length);
  await expect(asset(page, "morning")).toHaveText(/Until noon.*One ad in it.*HLS/);
  await expect
    .poll(() =>
      page.locator("#assets img").evaluateAll((all) => {
        return all.every((image) => image instanceof HTMLImageElement && image.naturalWidth === 1280);
      }),
    )
    .toBe(true);

  await test.step("by keyboard, and sees what its ad came as", async () => {
    await asset(page, "morning").getByRole("link").focus();
    await page.keyboard.press("Enter");
    await expect(page.locator("#choices [value=hls]")).toBeChecked();
    await watch(page);
    await expect(page.locator("#breaks [data-break=mid]")).toHaveAttribute("data-state", "placed");
    await playPast(page, 0.5);
    await seek(page, 12.2);
    await playPast(page, 12.4);
  });
  await test.step("the catalogue knows the second", async () => {
    await page.getByRole("link", { name: "Catalogue" }).click();
    await expect(asset(page, "morning")).toHaveAttribute("data-position", /^1[23]$/);
    await expect(asset(page, "morning")).toContainText(/Resume at 0:1[23]/);
    await expect(asset(page, "vod")).toHaveAttribute("data-position", "0");
  });
  await test.step("and the film goes on there, with no frame of another place before", async () => {
    await asset(page, "morning").getByRole("link").click();
    await recordFrames(page);
    await page.getByRole("button", { name: /Resume at 0:1[23]/ }).click();
    await playPast(page, 13.5);
    const [run, ...more] = groupRuns(await shownFrames(page));
    expect(run?.source).toBe(CONTENT_SOURCE);
    expect(run?.frames[0]?.frame).toBeGreaterThanOrEqual(12 * FRAME_RATE);
    expect(more).toEqual([]);
  });
});

test("a link brings back asset, workflow, ad, CDN, policy and second, in either workflow", async ({ page }) => {
  const query = "?content=evening&creative=hls&cdn=b&policy=free&t=12";
  const chosen = ["content=evening", "creative=hls", "cdn=b", "policy=free"];
  await open(page, query);
  await page.locator("#watch").waitFor();
  const checked = await page.locator("#choices input:checked").evaluateAll((all) => {
    return all.map((input) => (input instanceof HTMLInputElement ? `${input.name}=${input.value}` : ""));
  });
  expect(checked.toSorted()).toEqual(chosen.toSorted());
  await expect(page.locator("#time")).toContainText("0:12");

  await test.step("the page offers the very link that led to it", async () => {
    await page.locator("#share summary").click();
    await page.locator("#share-time").check();
    await expect(page.locator("#share-link")).toHaveValue(new URL(`/${query}`, server.url).href);
  });
  await test.step("the other workflow plays the same from the same second, behind the pre-roll", async () => {
    await page.locator("#tab-server").click();
    await page.locator("video").evaluate((video: HTMLVideoElement) => (video.muted = true));
    await page.getByRole("button", { name: "Play from 0:12" }).click();
    await playPast(page, 0.3);
    await seek(page, 9);
    await recordFrames(page);
    await playPast(page, 22.5);
    const [preRoll, film, ...more] = groupRuns(await shownFrames(page)).filter(({ frames }) => frames.length > 1);
    expect(preRoll?.source).toBe(sourceOf("hls"));
    expect(film?.source).toBe(CONTENT_SOURCE);
    expect(film?.frames[0]?.frame).toBeGreaterThan((EVENING + 12) * FRAME_RATE - FRAME_RATE / 4);
    expect(more).toEqual([]);
    await expect(page.locator("#beacons [data-event=complete]")).toHaveCount(1);
  });
});

for (const [policy, state, source] of [
  ["usual", "ad", sourceOf("hls")],
  ["free", "content", CONTENT_SOURCE],
] as const) {
  test(`policy ${policy}: who jumps over the ad sees ${state} next`, async ({ page }) => {
    await open(page, `?content=morning&creative=hls&policy=${policy}`);
    await watch(page);
    await expect(page.locator("#breaks [data-break=mid]")).toHaveAttribute("data-state", "placed");
    await playPast(page, 0.5);
    await page.locator("video").evaluate((video: HTMLVideoElement) => (video.currentTime = 31));
    if (policy === "free") await playPast(page, 31.2);
    await expect(page.locator("#player")).toHaveAttribute("data-state", state);
    await recordFrames(page);
    // what was on screen at the jump may be the first
    await expect.poll(async () => groupRuns(await shownFrames(page)).at(-1)?.source).toBe(source);
  });
}

test("the bootstrap URL is made before one's eyes of what is chosen, and is what the player then asks for", async ({
  page,
}) => {
  await open(page, "?content=vod&workflow=server");
  const url = page.locator("#bootstrap-url");
  const contentOf = async (): Promise<string> => {
    const path = new URL((await url.textContent()) ?? "").pathname;
    return new URL(Buffer.from(path.split("/").at(-1)?.replace(".m3u8", "") ?? "", "base64url").toString()).pathname;
  };
  await expect(url).toContainText("/auditude/variant/vod/");
  expect(await contentOf()).toBe("/media/content/master.m3u8");
  await page.getByRole("radio", { name: "Morning" }).check({ force: true });
  await page.getByRole("radio", { name: "HLS" }).check({ force: true });
  await expect(url.locator("[data-kind=asset].fresh").or(url.locator("[data-kind=ads].fresh")).first()).toBeAttached();
  await expect(url.locator("[data-kind=asset]")).toHaveText(["morning", "u=morning"]);
  await expect(url.locator("[data-kind=zone]")).toHaveText("z=1");
  await expect(url.locator("[data-kind=ads]")).toHaveText(["schedule=mid", "li=hls"]);
  expect(await contentOf()).toBe("/media/morning/master.m3u8");
  const shown = await url.textContent();
  const asked = page.waitForRequest((request) => request.url().includes("/auditude/variant/morning/"));
  await watch(page);
  expect((await asked).url()).toBe(shown);
  await expectStep(page, 8, "done");
});

test("an address of no asset is the catalogue, which says so", async ({ page }) => {
  await open(page, "?content=%3Cb%3Egone");
  await expect(page.locator("#catalogue-note")).toContainText("“<b>gone”, which is not in the catalogue");
  await expect(page.locator("#assets li")).toHaveCount(catalog.contents.length);
});

const LOOKS = [375, 1440].flatMap((width) =>
  (["light", "dark"] as const).map((colorScheme) => ({ width, colorScheme })),
);
const FEW_LOOKS = LOOKS.filter(({ width, colorScheme }) => (width === 375) === (colorScheme === "dark"));

for (const { width, colorScheme } of selectCells(LOOKS, FEW_LOOKS)) {
  test(`the catalogue at ${width} px, ${colorScheme}: nothing overflows and every text can be read`, async ({
    browser,
  }) => {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
    await open(page, "");
    await expect(page.locator("#assets li")).toHaveCount(catalog.contents.length);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    const { count, faint } = await readTexts(page, "main *:not(.picture *, .still *)");
    expect(count).toBeGreaterThan(2 * catalog.contents.length);
    expect(faint).toEqual([]);
    await page.close();
  });
}
