/**
 * The published shapes in pages that use nothing of this repository but the files of the package: the host-free entry as ES modules, in
 * Shaka Player by two lines of a response filter, and the one file for a script tag, beside hls.js.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { build } from "tsdown";
import { recordFrames } from "./frames.ts";
import { ADS, CONTENT_SOURCE, FRAME_RATE } from "./plugin-catalog.ts";
import { expectRuns, playPast } from "./plugin-page.ts";
import { startWorld, type World } from "./plugin-world.ts";

const ROOT = join(import.meta.dirname, "..");
const PLAYERS: Readonly<Record<string, string>> = {
  "shaka-player.js": "shaka-player/dist/shaka-player.compiled.js",
  "hls.js": "hls.js/dist/hls.min.js",
};

let world: World;
test.beforeAll(async () => {
  world = await startWorld();
  const script = (path: string, body: string): string => world.answer(path, { body, type: "text/javascript" });
  for (const [name, path] of Object.entries(PLAYERS))
    script(`/lib/${name}`, await readFile(join(ROOT, "node_modules", path), "utf8"));
  const config = join(ROOT, "packages/plugin/tsdown.config.ts");
  for (const { chunks } of await build({ config, write: false, clean: false, dts: false, logLevel: "silent" })) {
    for (const chunk of chunks) {
      if (chunk.type !== "chunk") continue;
      script(
        chunk.fileName === "interlude.min.js" ? "/lib/interlude.min.js" : `/lib/interlude/${chunk.fileName}`,
        chunk.code,
      );
    }
  }
  for (const file of ["master.m3u8", "180.m3u8", "360.m3u8"]) {
    const text = await (await fetch(new URL(file, world.contentUrl("ts")))).text();
    const body = text.replaceAll(/^(?!#)(?=.*\.ts$)/gm, "/media/ts/");
    world.answer(`/content/${file}`, { body, type: "application/vnd.apple.mpegurl" });
  }
});
test.afterAll(() => world.close());

const AD = ADS.a;

/** Plays the pre-roll and a second of the film; the frames recorded since the page was there. */
async function playExample(page: Page, name: string): Promise<void> {
  world.answer("/page/", { body: await readFile(join(ROOT, "e2e/examples", name), "utf8"), type: "text/html" });
  world.answerVast("/ads/vast", { ad: "a", id: name });
  await page.goto(world.pageUrl.href);
  await recordFrames(page);
  await playPast(page, AD.duration + 1);
}

async function expectPreRoll(page: Page, name: string): Promise<void> {
  await expectRuns(page, [
    { source: AD.source, to: AD.duration * FRAME_RATE - 1 },
    { source: CONTENT_SOURCE, from: 0 },
  ]);
  const quartiles = ["start", "firstQuartile", "midpoint", "thirdQuartile", "complete"];
  const events = (): readonly string[] => world.beacons(name).map(({ event }) => event);
  await expect.poll(events).toContain("complete");
  expect(events().filter((event) => quartiles.includes(event))).toEqual(quartiles);
  expect(events().filter((event) => event === "impression")).toHaveLength(1);
}

test("an MP4 ad whose copy is on the CDN is a pre-roll in Shaka Player, frame by frame, and is tracked", async ({
  page,
}) => {
  await playExample(page, "shaka.html");
  await expectPreRoll(page, "shaka.html");
});

test("a page with two script tags has it too", async ({ page }) => {
  await playExample(page, "script-tag.html");
  await expectPreRoll(page, "script-tag.html");
  expect(await page.evaluate("Object.keys(interlude)")).toEqual(expect.arrayContaining(["createAdInsertion"]));
});
