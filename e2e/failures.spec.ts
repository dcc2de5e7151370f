/** No ad failure ever costs content: whatever fails, the film plays from its first frame, and the reason is told. */
import { expect, type Page, test } from "@playwright/test";
import { CONTENT_SOURCE, openDemo, playPast, watch } from "./demo-page.ts";
import { selectCells } from "./matrix.ts";
import { groupRuns, recordFrames, shownFrames } from "./frames.ts";
import { type InterludeServer, startInterlude } from "./server.ts";

let server: InterludeServer;
test.beforeAll(async () => {
  server = await startInterlude({ INTERLUDE_CRS: "off" });
});
test.afterAll(() => server.stop());

const HUGE_VAST = `<VAST version="4.2">${"<!-- padding -->".repeat(700_000)}</VAST>`;

const FAILURES: readonly {
  readonly what: string;
  readonly reason: string;
  readonly force: (page: Page) => Promise<unknown>;
}[] = [
  {
    what: "the ad server is down",
    reason: "ads-timeout",
    force: (page) => page.route("**/ads/vmap*", (route) => route.abort("connectionrefused")),
  },
  {
    what: "the ad server answers 500",
    reason: "ads-timeout",
    force: (page) => page.route("**/ads/vmap*", (route) => route.fulfill({ status: 500, body: "oops" })),
  },
  {
    what: "the ad server answers HTML",
    reason: "vast-malformed",
    force: (page) =>
      page.route("**/ads/vmap*", (route) => route.fulfill({ contentType: "text/html", body: "<html><p>Welcome" })),
  },
  {
    what: "the ad server answers broken XML",
    reason: "vast-malformed",
    force: (page) =>
      page.route("**/ads/vmap*", (route) =>
        route.fulfill({ contentType: "text/xml", body: '<VAST version="4.2"><Ad><InLine>' }),
      ),
  },
  {
    what: "the ad server answers 10 MB",
    reason: "vast-malformed",
    force: (page) => page.route("**/ads/vmap*", (route) => route.fulfill({ contentType: "text/xml", body: HUGE_VAST })),
  },
  {
    what: "the CDN answers 500",
    reason: "cdn-error",
    force: (page) => page.route("**/cdn/**", (route) => route.fulfill({ status: 500, body: "oops" })),
  },
  {
    what: "the CDN does not answer",
    reason: "cdn-error",
    force: (page) => page.route("**/cdn/**", (route) => route.abort("connectionreset")),
  },
  { what: "CRS is down", reason: "repackage-unavailable", force: async () => undefined },
  {
    what: "the zone document is gone",
    reason: "",
    force: (page) => page.route("**/v1/zones/**", (route) => route.fulfill({ status: 404, body: "{}" })),
  },
];

/** One for each reason. */
const FEW = [...Map.groupBy(FAILURES, ({ reason }) => reason).values()].flatMap((failures) => failures.slice(0, 1));

for (const { what, reason, force } of selectCells(FAILURES, FEW)) {
  test(`${what}: the film plays and the reason says why`, async ({ page }) => {
    await force(page);
    await openDemo(page, server.url, { creative: "mp4" });
    await recordFrames(page);
    await watch(page);
    await playPast(page, 1.5);
    const [film, ...more] = groupRuns(await shownFrames(page));
    expect(film?.source).toBe(CONTENT_SOURCE);
    expect(film?.frames[0]?.frame).toBeLessThan(10);
    expect(more).toEqual([]);
    if (reason) await expect(page.locator(`#breaks [data-reason="${reason}"]`).first()).toBeVisible();
    else await expect(page.locator("#story")).toContainText("zone document");
  });
}
