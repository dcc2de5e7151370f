/** The publisher's page at a phone's and a desk's width, in light and dark, by keyboard alone. */
import { expect, test } from "@playwright/test";
import { readTexts } from "./contrast.ts";
import { expectStep, openDemo } from "./demo-page.ts";
import { coverPairs, selectCells } from "./matrix.ts";
import { type InterludeServer, startInterlude } from "./server.ts";

let server: InterludeServer;
test.beforeAll(async () => {
  server = await startInterlude();
});
test.afterAll(() => server.stop());

const LOOKS = [375, 1440].flatMap((width) =>
  (["light", "dark"] as const).flatMap((colorScheme) =>
    (["player", "server"] as const).map((workflow) => ({ width, colorScheme, workflow })),
  ),
);

for (const { width, colorScheme, workflow } of selectCells(LOOKS, coverPairs(LOOKS))) {
  test(`at ${width} px, ${colorScheme}, tab ${workflow}: nothing overflows and every text can be read`, async ({
    browser,
  }) => {
    // colours are those at rest, not on their way
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme, reducedMotion: "reduce" });
    await openDemo(page, server.url, { creative: "hls", workflow });
    await page.locator("#watch").click();
    await (workflow === "player" ? expectStep(page, 3, "done", { part: "a" }) : expectStep(page, 8, "done"));
    if (workflow === "server") await expect(page.locator("#breaks [data-state=placed]")).toHaveCount(3);
    await page.locator("details").evaluateAll((all) => all.forEach((one) => one.setAttribute("open", "")));
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    const { count, faint } = await readTexts(page, "main *:not(.picture *, .still *)");
    expect(count).toBeGreaterThan(20);
    expect(faint).toEqual([]);
    await page.close();
  });
}

test("the whole workflow can be chosen and started by keyboard, and every control says what it is", async ({
  page,
}) => {
  await openDemo(page, server.url, { creative: "mp4" });
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("button, input, a[href], [role=slider], progress")]
      .filter((element) => element.checkVisibility())
      .filter((element) => {
        const label = element.getAttribute("aria-label") ?? element.getAttribute("aria-labelledby");
        const labels = element instanceof HTMLInputElement ? [...(element.labels ?? [])] : [];
        return !label && !element.textContent?.trim() && labels.every((one) => !one.textContent?.trim());
      })
      .map((element) => element.outerHTML.slice(0, 100)),
  );
  expect(nameless).toEqual([]);

  const focused = (): Promise<string> =>
    page.evaluate(() => document.activeElement?.id || (document.activeElement?.getAttribute("name") ?? ""));
  const visited: string[] = [];
  for (let i = 0; i < 30 && (await focused()) !== "watch"; i++) {
    await page.keyboard.press("Tab");
    visited.push(await focused());
    if (visited.at(-1) === "more-summary") await page.keyboard.press("Enter");
  }
  expect(visited).toEqual(expect.arrayContaining(["content", "creative", "cdn", "policy", "timeline", "watch"]));
  const outline = await page.evaluate(() => {
    const style = document.activeElement && getComputedStyle(document.activeElement);
    return style ? `${style.outlineStyle} ${style.boxShadow}` : "";
  });
  expect(outline).not.toBe("none none");
  await page.keyboard.press("Enter");
  await expectStep(page, 4, "done", { part: "b" });
});
