/** The demo's page of first encounters: three ways to meet one creative that is really new, and what comes of each. */
import { expect, type Page, test } from "@playwright/test";
import { readTexts } from "./contrast.ts";
import { CONTENT_SOURCE, playPast, sourceOf } from "./demo-page.ts";
import { groupRuns, recordFrames, shownFrames } from "./frames.ts";
import { type InterludeServer, startInterlude } from "./server.ts";

let server: InterludeServer;
test.beforeAll(async () => {
  server = await startInterlude();
});
test.afterAll(() => server.stop());

const PLAYED = /^Played (\d+) ms after the ad response\.$/;
const SKIPPED = /^Skipped: [a-z-]+; the film went on\. This impression is lost\.$/;

function result(page: Page, row: string, column: number) {
  return page.getByRole("row", { name: row }).getByRole("cell").nth(column);
}

/** Presses a button, waits for what becomes of the ad, and for a picture after it. @returns what is said, and which film is on screen */
async function meet(page: Page, name: "Skip" | "Wait" | "Remux", press: () => Promise<void>) {
  await recordFrames(page);
  await press();
  await expect(page.getByRole("radio", { name })).toBeChecked();
  const said = page.locator("#encounter-now");
  await expect(said).toHaveText(new RegExp(`${PLAYED.source}|${SKIPPED.source}`), { timeout: 15_000 });
  await playPast(page, 0.5);
  const text = (await said.textContent()) ?? "";
  const sources = groupRuns(await shownFrames(page)).map(({ source }) => source);
  return { text, source: sources.at(-1), isPlayed: PLAYED.test(text) };
}

test("a creative that nobody has met is skipped, waited for or made in the page, and the viewer sees which", async ({
  page,
}) => {
  const orders: string[] = [];
  page.on("request", (request) => {
    if (!request.url().endsWith("/ads/repackage")) return;
    orders.push(/\?encounter=[\w-]+/.exec(request.postData() ?? "")?.[0] ?? "");
  });
  await page.setViewportSize({ width: 375, height: 800 });
  await page.goto(server.url.href);
  await page.getByRole("link", { name: "Meet a new ad" }).click();
  await expect(page.getByRole("radio", { name: "Skip" })).toBeChecked();
  await expect(page.locator("#player")).toHaveAttribute("data-state", "idle");
  await page.locator("video").evaluate((video: HTMLVideoElement) => (video.muted = true));
  const ad = sourceOf("mp4");

  await test.step("skip: the film is on screen, and the impression is lost", async () => {
    const { text, source } = await meet(page, "Skip", () => page.getByRole("radio", { name: "Skip" }).click());
    expect(text).toBe("Skipped: new-creative; the film went on. This impression is lost.");
    expect(source).toBe(CONTENT_SOURCE);
    await expect(page.locator("#encounter-clock")).toHaveText("no frame");
    await expect(page.locator("#total-fill")).toHaveText("0 %");
  });

  let played = 1;
  await test.step("wait, chosen by keyboard: the copy is on screen, or it is said why not", async () => {
    const { source, isPlayed } = await meet(page, "Wait", async () => {
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("Enter");
    });
    expect(source).toBe(isPlayed ? ad : CONTENT_SOURCE);
    await expect(result(page, "Reason", 1)).toHaveText(isPlayed ? "–" : /^[a-z-]+$/);
    if (isPlayed) played += 1;
  });

  await test.step("remux: the ad itself is on screen, after so many milliseconds", async () => {
    const { text, source } = await meet(page, "Remux", () => page.getByRole("radio", { name: "Remux" }).click());
    const [, ms = "none"] = PLAYED.exec(text) ?? [];
    expect(source).toBe(ad);
    await expect(page.locator("#encounter-clock")).toHaveText(`${ms} ms`);
    await expect(page.locator("#encounter-next")).toContainText("this impression would have been lost");
    await expect(result(page, "First frame", 2)).toHaveText(`${ms} ms`);
  });

  await test.step("the results stand side by side and are summed up, each of a creative of its own", async () => {
    await expect(result(page, "Impression", 0)).toHaveText("lost");
    await expect(result(page, "Impression", 2)).toHaveText("saved");
    await expect(page.locator("#total-offered")).toHaveText("3");
    await expect(page.locator("#total-saved")).toHaveText(String(played));
    expect(new Set(orders).size).toBe(3);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
    expect((await readTexts(page, "main *:not(.picture *)")).faint).toEqual([]);
  });

  await test.step("the link brings the choice back, and nothing plays before it is pressed", async () => {
    const link = await page.getByRole("textbox", { name: "Link to this choice" }).inputValue();
    expect(link).toBe(new URL("/?encounter=remux", server.url).href);
    await page.goto(link);
    await expect(page.getByRole("radio", { name: "Remux" })).toBeChecked();
    await expect(page.locator("#encounter-clock")).toHaveText("–");
    await expect(page.locator("#player")).toHaveAttribute("data-state", "idle");
  });
});
