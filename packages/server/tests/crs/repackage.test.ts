import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CreativeStatus } from "../../src/crs/crs.ts";
import { selectCells } from "../matrix.ts";
import { findFaults, inspectLadder, type InspectedLadder, measureLoudness } from "./inspect-ladder.ts";
import { type MediaServer, startCrs, startMediaServer, type TestCrs } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

let media: MediaServer;
let crs: TestCrs;
beforeAll(async () => {
  media = await startMediaServer(testMedia);
  // A low table, so that small sources have rungs of it too.
  crs = await startCrs({ allow: [media], config: { rungs: [90] } });
});
afterAll(async () => {
  await crs.close();
  await media.close();
});

const repackage = (name: string, targetDuration?: number): Promise<CreativeStatus> =>
  crs.repackage(new URL(name, media.base), targetDuration);

async function inspect(status: CreativeStatus, targetDuration = 6): Promise<InspectedLadder> {
  const cut = status.packages.find((one) => one.targetDuration === targetDuration);
  if (!cut) throw new Error(`expected a package of ${targetDuration} s, got ${JSON.stringify(status)}`);
  return inspectLadder(join(crs.folder, "cdn/a", cut.path));
}

const resolutions = (ladder: InspectedLadder): readonly string[] =>
  ladder.renditions.map(({ segments: [first] }) => `${first?.video.width}x${first?.video.height}`);

describe("a creative becomes a correct ladder", () => {
  test("plain MP4: 25 fps, its own size on top, and three target durations from one encode", async () => {
    const status = await repackage("ordinary.mp4");
    expect(status).toMatchObject({ state: "ready", progress: 1, attempts: 0 });
    expect(status.packages).toMatchObject([{ targetDuration: 6, cdns: ["a", "b"] }]);
    const ladder = await inspect(status);
    expect(findFaults(ladder, { rate: "25/1", duration: 9 })).toEqual([]);
    expect(resolutions(ladder)).toEqual(["320x180", "226x126", "160x90"]);
    expect(ladder.renditions[0]?.durations).toEqual([6, 3]);
    for (const targetDuration of [4, 2]) {
      const again = await inspect(await repackage("ordinary.mp4", targetDuration), targetDuration);
      expect(findFaults(again, { targetDuration, rate: "25/1", duration: 9 })).toEqual([]);
    }
    expect(media.requests.filter((path) => path === "/ordinary.mp4")).toHaveLength(1);
  });

  test("23.976 fps stays 24000/1001, cut where the ladder's own clock says", async () => {
    const ladder = await inspect(await repackage("23976.mp4"));
    expect(findFaults(ladder, { rate: "24000/1001", duration: 13 })).toEqual([]);
    expect(ladder.renditions[0]?.attributes).toContain("FRAME-RATE=23.976");
    expect(ladder.renditions[0]?.durations.slice(0, 2)).toEqual([6.006, 6.006]);
  });

  test("a picture that is stored lying is stood up: 320x180 turned by 90° is 180x320", async () => {
    const ladder = await inspect(await repackage("rotated.mp4"));
    expect(findFaults(ladder, { rate: "25/1", duration: 5 })).toEqual([]);
    expect(resolutions(ladder)).toEqual(["180x320", "126x226", "90x160"]);
  });

  test("odd sizes become even, never larger", async () => {
    const ladder = await inspect(await repackage("odd.mp4"));
    expect(findFaults(ladder, { rate: "25/1", duration: 5 })).toEqual([]);
    expect(resolutions(ladder)[0]).toBe("212x120");
  });

  test("pixels that are not square become square", async () => {
    const ladder = await inspect(await repackage("wide-pixels.mp4"));
    expect(findFaults(ladder, { rate: "25/1", duration: 4 })).toEqual([]);
    expect(resolutions(ladder)[0]).toBe("262x144");
  });

  test("no sound: silence is added, as long as the picture", async () => {
    expect(findFaults(await inspect(await repackage("silent.mp4")), { rate: "25/1", duration: 7 })).toEqual([]);
  });

  test("5.1 becomes stereo", async () => {
    expect(findFaults(await inspect(await repackage("surround.mp4")), { rate: "30000/1001", duration: 5 })).toEqual([]);
  });

  // Other tests of this file have another rate, and both of these formats, already.
  test.each(
    selectCells(
      [
        ["60 fps stays 60 fps", "60fps.mp4", "60/1"],
        ["FLV", "flash.flv", "25/1"],
        ["WebM", "web.webm", "25/1"],
      ] as const,
      [],
    ),
  )("%s", async (_title, name, rate) => {
    expect(findFaults(await inspect(await repackage(name)), { rate, duration: 5 })).toEqual([]);
  });

  test("1 fps: each frame is shown as often as it takes, the last one too", async () => {
    expect(findFaults(await inspect(await repackage("slow.mp4")), { rate: "10/1", duration: 6 })).toEqual([]);
  });

  test("a fragmented MP4, whose header tells no duration", async () => {
    expect(findFaults(await inspect(await repackage("fragmented.mp4")), { rate: "25/1", duration: 7 })).toEqual([]);
  });

  test("a stream without a length: FLV and WebM as an encoder writes them into a pipe", async () => {
    for (const name of ["piped.flv", "piped.webm"]) {
      expect(findFaults(await inspect(await repackage(name)), { rate: "25/1", duration: 5 })).toEqual([]);
    }
  });

  test("sound that goes on after the last picture ends with it", async () => {
    expect(findFaults(await inspect(await repackage("long-sound.webm")), { rate: "25/1", duration: 3 })).toEqual([]);
  });

  test("sound that begins late is preceded by silence", async () => {
    expect(findFaults(await inspect(await repackage("late-sound.mp4")), { rate: "25/1", duration: 5 })).toEqual([]);
  });

  test("a loud ad is published at −24 LKFS", async () => {
    const status = await repackage("loud.mp4");
    const master = join(crs.folder, "cdn/a", status.packages[0]?.path ?? "");
    expect(await measureLoudness(master)).toBeCloseTo(-24, 0);
  });
});

describe("a creative that cannot be repackaged fails, with its reason, and is not tried for ever", () => {
  test.each([
    ["song.m4a", "no-video"],
    ["song.mp3", "unsupported"],
    ["truncated.mp4", "truncated"],
    ["headless.mp4", "truncated"],
    ["truncated.webm", "truncated"],
    ["long.mp4", "too-long"],
  ])("%s: %s", async (name, reason) => {
    const status = await repackage(name);
    expect(status).toMatchObject({ state: "failed", reason, attempts: 1, packages: [] });
    expect(Date.parse(status.retryAt ?? "")).toBeGreaterThan(Date.now() + 200_000);
    await repackage(name);
    expect(media.requests.filter((path) => path === `/${name}`)).toHaveLength(1);
  });
});

test("nothing is left behind in the work folder", async () => {
  await crs.crs.stop();
  expect(readdirSync(crs.config.workDir)).toEqual(["bin"]);
});
