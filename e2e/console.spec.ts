/** The operators' console: a creative as it is made, what viewers did and did not see, and who watches. */
import { expect, type Page, test } from "@playwright/test";
import { encodeBase64Url } from "../demo/src/manifest/bootstrap.ts";
import { BROWSER } from "../packages/server/tests/tracking/browser.ts";
import { signQuery } from "../packages/server/tests/tracking/sign-query.ts";
import { readTexts } from "./contrast.ts";
import { callApi, creativeUrl } from "./demo-page.ts";
import { selectCells } from "./matrix.ts";
import { type InterludeServer, startInterlude } from "./server.ts";

test.describe.configure({ mode: "serial" });

const TICKET_SECRET = "a-secret-for-the-console-alone";

let server: InterludeServer;
test.beforeAll(async () => {
  server = await startInterlude({ INTERLUDE_CRS_RUNGS: "180", INTERLUDE_TICKET_SECRET: TICKET_SECRET });
});
test.afterAll(() => server.stop());

const PAGES = ["", "creatives", "losses", "first-encounter", "funnel", "sessions", "configuration"] as const;

async function openConsole(page: Page, hash = ""): Promise<void> {
  await page.goto(new URL(`/console/#token=${server.token}`, server.url).href);
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  if (hash !== "") await goTo(page, hash);
}

async function goTo(page: Page, hash: string): Promise<void> {
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
  // The server makes who asks for many reports in a few seconds wait for five.
  await expect(page.locator(".waiting")).toHaveCount(0, { timeout: 15_000 });
}

/** A viewer's beacons for one ad. */
async function sendBeacons(session: string, ad: string, events: readonly string[], more = ""): Promise<void> {
  for (const event of events) {
    const query = `zone=1&session=${session}&break=pre&position=1&ad=${ad}&creative=c-${ad}${more}`;
    const url = new URL(`/track/${event}?${signQuery(event, query, TICKET_SECRET)}`, server.url);
    const answer = await fetch(url, { headers: BROWSER });
    expect(answer.ok).toBe(true);
  }
}

test("nobody comes in without the token; the link's token leaves the address and stays with the tab", async ({
  page,
}) => {
  await page.goto(new URL("/console", server.url).href);
  await page.getByLabel("API token").fill("not-the-token");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toHaveText("The server did not take this token.");
  await page.getByLabel("API token").fill(server.token);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  await page.getByRole("button", { name: "Leave" }).click();
  await expect(page.getByLabel("API token")).toHaveValue("");

  await openConsole(page);
  expect(page.url()).not.toContain(server.token);
  await page.reload();
  await expect(page.getByText("Live sessions")).toBeVisible();
});

test("every page says so where there is nothing yet", async ({ page }) => {
  await openConsole(page);
  const nothing = {
    creatives: "No creative yet",
    losses: "Nothing was lost in this time.",
    "first-encounter": "No ad was shown or lost to its format in this time.",
    funnel: "No player has reported anything in this time.",
    sessions: "Nobody watches at this moment.",
  };
  for (const [name, text] of Object.entries(nothing)) {
    await goTo(page, `#/${name}`);
    await expect(page.getByText(text).first()).toBeVisible();
  }
});

test("a creative appears when it is asked for, moves on as it is made, shows its ladder and plays", async ({
  page,
}) => {
  await openConsole(page, "#/creatives");
  await expect(page.getByText("No creative yet")).toBeVisible();
  const item = { zone: "1", creativeUrl: creativeUrl(server, "mp4"), packaging: "hls", targetDuration: 4 };
  await callApi(server, "POST", "/v1/repackage", { items: [item] });
  const row = page.locator(".creatives > li");
  await expect(row.locator(".badge progress")).toBeVisible();
  await expect(row.locator("[data-state=ready]")).toBeVisible({ timeout: 60_000 });
  const width = (): Promise<number> => row.locator("img").evaluate((image: HTMLImageElement) => image.naturalWidth);
  await expect.poll(width).toBeGreaterThan(100);

  await row.getByRole("link").click();
  const ladder = page.getByRole("region", { name: "Ladder" });
  await expect(ladder.getByRole("rowheader", { name: "180p" })).toBeVisible();
  await page.getByRole("button", { name: "Play mp4.mp4" }).click();
  await page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 0.2);
});

test("forgetting a creative is asked for twice, and takes it from the list of another operator", async ({
  page,
  browser,
}) => {
  const other = await browser.newPage();
  await openConsole(other, "#/creatives");
  await openConsole(page, "#/creatives");
  await page.locator(".creatives a").click();
  await page.getByRole("button", { name: "Forget" }).click();
  await page.getByRole("button", { name: "Keep it" }).click();
  await page.getByRole("button", { name: "Forget" }).click();
  await expect(page.getByRole("alert")).toContainText("on every CDN?");
  await page.getByRole("button", { name: "Forget" }).click();
  await expect(other.getByText("No creative yet")).toBeVisible();
  await expect(page.getByText("No creative yet")).toBeVisible();
  await other.close();
});

test("what viewers saw and what was lost is counted, drawn and in tables", async ({ page }) => {
  const watched = ["impression", "start", "firstQuartile", "midpoint", "thirdQuartile", "complete"];
  await sendBeacons("one", "tea", watched);
  await sendBeacons("two", "tea", watched.slice(0, 3));
  await sendBeacons("one", "rain", ["error"], "&error=407&reason=new-creative");
  await sendBeacons("two", "rain", ["error"], "&error=401&reason=cdn-error");

  await openConsole(page, "#/funnel");
  const steps = page.locator(".funnel li");
  await expect(steps.filter({ hasText: "Impressions" }).locator("strong")).toHaveText("2");
  await expect(steps.filter({ hasText: "Complete" }).locator("strong")).toHaveText("1");
  await expect(steps.filter({ hasText: "Midpoint" })).toContainText("50 %");

  await page.getByRole("link", { name: "Losses" }).click();
  await expect(page.getByRole("img", { name: /^Lost impressions over time/ })).toBeVisible();
  await page.getByText("As a table").click();
  const hours = page.getByRole("region", { name: "Lost impressions over time" });
  await expect(hours.getByRole("columnheader")).toHaveText(["Hour", "cdn-error", "new-creative"]);
  await expect(hours.getByRole("row").last().getByRole("cell")).toHaveText(["1", "1"]);
  const isDrawn = (canvas: HTMLCanvasElement): boolean =>
    canvas
      .getContext("2d")
      ?.getImageData(0, 0, canvas.width, canvas.height)
      .data.some((value) => value !== 0) ?? false;
  await expect.poll(() => page.locator("canvas").evaluate(isDrawn)).toBe(true);
  await expect(page.getByRole("region", { name: "Lost impressions by creative" })).toContainText("c-rain");
  await page.getByLabel("All skips").check();
  await expect(page.getByRole("img", { name: /^Skips over time/ })).toBeVisible();
  expect(page.url()).toMatch(/#\/losses\?of=skips$/);

  await page.getByRole("link", { name: "First encounter" }).click();
  await expect(page.locator(".tiles > div", { hasText: "Fill in spite of format" })).toContainText("66.7 %");
});

test("a session shows what was decided for its breaks; the configuration shows no secret", async ({ page }) => {
  const content = encodeBase64Url(new URL("/media/content/master.m3u8", server.url).href);
  const query = "z=1&ptcdn=a&live=false&schedule=pre-mid-post&li=hls";
  const master = await fetch(new URL(`/auditude/variant/film/${content}.m3u8?${query}`, server.url));
  const media = (await master.text()).split("\n").find((line) => line !== "" && !line.startsWith("#")) ?? "";
  expect((await fetch(new URL(media, master.url))).ok).toBe(true);

  await openConsole(page, "#/sessions");
  await page.getByRole("link", { name: "film" }).click();
  await expect(page.getByRole("heading", { name: /^Before the content/ })).toBeVisible();
  await expect(page.locator(".decisions [data-tone=good]").first()).toBeVisible();

  await page.getByRole("link", { name: "Configuration" }).click();
  await page.getByLabel("Find").fill("api_token");
  const settings = page.getByRole("region", { name: "Settings" });
  await expect(settings.getByRole("row")).toHaveCount(2);
  await expect(settings.getByText("not set")).toBeVisible();
  await page.getByLabel("Find").fill("");
  await page.getByLabel("Set by the environment only").check();
  await expect(settings.getByRole("rowheader", { name: "PORT" })).toBeVisible();
  expect(await page.locator("body").innerText()).not.toContain(server.token);
});

const LOOKS = [375, 1440].flatMap((width) =>
  (["light", "dark"] as const).map((colorScheme) => ({ width, colorScheme })),
);

/** CSS pixels: a scrollbar beside the page takes some of the window's, and no text may need what it takes. */
function measureWidths(page: Page): Promise<{ readonly window: number; readonly overflow: number }> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return { window: innerWidth, overflow: scrollWidth - clientWidth };
  });
}

for (const { width, colorScheme } of selectCells(
  LOOKS,
  LOOKS.filter(({ width: wide, colorScheme: scheme }) => (wide === 375) === (scheme === "dark")),
)) {
  test(`at ${width} px, ${colorScheme}: nothing overflows and every text can be read`, async ({ browser }) => {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
    await openConsole(page);
    for (const name of PAGES) {
      await goTo(page, `#/${name}`);
      await page.locator("details").evaluateAll((all) => all.forEach((one) => one.setAttribute("open", "")));
      expect(await measureWidths(page), name).toEqual({ window: width, overflow: 0 });
      const { count, faint } = await readTexts(page, "body *");
      expect(count).toBeGreaterThan(10);
      expect([name, faint]).toEqual([name, []]);
    }
    await page.close();
  });
}

test("all pages are reached by keyboard, each begins where the keyboard goes on, and every control has a name", async ({
  page,
}) => {
  await openConsole(page);
  for (const name of ["Creatives", "Losses", "Configuration"]) {
    const link = page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name });
    for (let presses = 0; presses < 40 && !(await link.evaluate((one) => one === document.activeElement)); presses++) {
      await page.keyboard.press("Shift+Tab");
    }
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
    await expect(page.getByRole("main")).toBeFocused();
    await expect(page.locator(".waiting")).toHaveCount(0);
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>("button, input, select, a[href], progress, [role=region], canvas")]
        .filter((element) => element.checkVisibility())
        .filter((element) => {
          const labels =
            element instanceof HTMLInputElement || element instanceof HTMLSelectElement ? element.labels : [];
          const names = [...(labels ?? [])].map((label) => label.textContent);
          return ![element.getAttribute("aria-label"), element.textContent, ...names].some((text) => text?.trim());
        })
        .map((element) => element.outerHTML.slice(0, 100)),
    );
    expect(nameless).toEqual([]);
  }
});
