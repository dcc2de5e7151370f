import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CreativeStatus } from "../../src/crs/crs.ts";
import { inspectLadder, type InspectedLadder, measureLoudness } from "./inspect-ladder.ts";
import { type MediaServer, startCrs, startMediaServer, type TestCrs } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

let media: MediaServer;
let crs: TestCrs;
beforeAll(async () => {
  media = await startMediaServer(testMedia);
  crs = await startCrs({ allow: [media] });
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

/** What every ladder must be, whatever it was made from. */
function expectCorrect(
  ladder: InspectedLadder,
  expected: { targetDuration?: number; rate: string; duration: number },
): void {
  const { targetDuration = 6, rate, duration } = expected;
  const [numerator = 0, denominator = 1] = rate.split("/").map(Number);
  const frame = denominator / numerator;
  expect(ladder.renditions.length).toBeGreaterThanOrEqual(3);
  expect(ladder.master).toMatch(/^#EXTM3U\n#EXT-X-VERSION:3\n/);
  const [best] = ladder.renditions;
  for (const rendition of ladder.renditions) {
    expect(rendition.attributes).toMatch(
      /BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="avc1\.6400[0-9a-f]{2},mp4a\.40\.2",RESOLUTION=\d+x\d+,FRAME-RATE=[\d.]+$/,
    );
    const tags = new Set(rendition.playlist.split("\n").flatMap((line) => /^#EXT[^:]*/.exec(line)?.[0] ?? []));
    expect(tags).toEqual(
      new Set([
        "#EXTM3U",
        "#EXT-X-VERSION",
        "#EXT-X-TARGETDURATION",
        "#EXT-X-MEDIA-SEQUENCE",
        "#EXT-X-PLAYLIST-TYPE",
        "#EXTINF",
        "#EXT-X-ENDLIST",
      ]),
    );
    expect(rendition.playlist).toContain(`#EXT-X-TARGETDURATION:${targetDuration}\n`);
    expect(rendition.durations).toEqual(best?.durations);
    let time = 0;
    for (const [index, segment] of rendition.segments.entries()) {
      const length = rendition.durations[index] ?? 0;
      expect(segment.startsWithKey).toBe(true);
      expect(segment.video.start).toBeCloseTo(time, 3);
      expect(Math.abs(segment.audio.start - segment.video.start)).toBeLessThan(0.15);
      expect(Math.round(length)).toBeLessThanOrEqual(targetDuration);
      const isLast = index === rendition.segments.length - 1;
      if (!isLast) expect(Math.abs(length - targetDuration)).toBeLessThanOrEqual(frame + 1e-6);
      expect(segment.video).toMatchObject({ codec: "h264", pixelAspect: "1:1", rate });
      expect(segment.audio).toMatchObject({ codec: "aac", sampleRate: "48000", channels: 2 });
      expect(segment.video.packets).toBe(Math.round(length / frame));
      time += length;
      if (index === 0) expect([segment.video.start, segment.audio.start]).toEqual([0, 0]);
      if (isLast) expect(Math.abs(segment.audio.end - segment.video.end)).toBeLessThan(frame);
    }
    expect(Math.abs(time - duration)).toBeLessThanOrEqual(frame * 1.5);
  }
}

const resolutions = (ladder: InspectedLadder): readonly string[] =>
  ladder.renditions.map(({ segments: [first] }) => `${first?.video.width}x${first?.video.height}`);

describe("a creative becomes a correct ladder", () => {
  test("plain MP4: 25 fps, its own size on top, and three target durations from one encode", async () => {
    const status = await repackage("plain.mp4");
    expect(status).toMatchObject({ state: "ready", progress: 1, attempts: 0 });
    expect(status.packages).toMatchObject([{ targetDuration: 6, cdns: ["a", "b"] }]);
    const ladder = await inspect(status);
    expectCorrect(ladder, { rate: "25/1", duration: 9 });
    expect(resolutions(ladder)).toEqual(["640x360", "426x240", "256x144"]);
    expect(ladder.renditions[0]?.durations).toEqual([6, 3]);
    for (const targetDuration of [4, 2]) {
      const again = await inspect(await repackage("plain.mp4", targetDuration), targetDuration);
      expectCorrect(again, { targetDuration, rate: "25/1", duration: 9 });
    }
    expect(media.requests.filter((path) => path === "/plain.mp4")).toHaveLength(1);
  });

  test("23.976 fps stays 24000/1001, cut where the ladder's own clock says", async () => {
    const ladder = await inspect(await repackage("23976.mp4"));
    expectCorrect(ladder, { rate: "24000/1001", duration: 13 });
    expect(ladder.renditions[0]?.attributes).toContain("FRAME-RATE=23.976");
    expect(ladder.renditions[0]?.durations.slice(0, 2)).toEqual([6.006, 6.006]);
  });

  test("60 fps stays 60 fps", async () => {
    expectCorrect(await inspect(await repackage("60fps.mp4", 4), 4), { targetDuration: 4, rate: "60/1", duration: 5 });
  });

  test("a picture that is stored lying is stood up: 640x360 turned by 90° is 360x640", async () => {
    const ladder = await inspect(await repackage("rotated.mp4"));
    expectCorrect(ladder, { rate: "25/1", duration: 5 });
    expect(resolutions(ladder)).toEqual(["360x640", "240x426", "144x256"]);
  });

  test("odd sizes become even, never larger", async () => {
    const ladder = await inspect(await repackage("odd.mp4"));
    expectCorrect(ladder, { rate: "25/1", duration: 5 });
    expect(resolutions(ladder)[0]).toBe("426x240");
  });

  test("pixels that are not square become square", async () => {
    const ladder = await inspect(await repackage("wide-pixels.mp4"));
    expectCorrect(ladder, { rate: "25/1", duration: 4 });
    expect(resolutions(ladder)[0]).toBe("524x288");
  });

  test("no sound: silence is added, as long as the picture", async () => {
    expectCorrect(await inspect(await repackage("silent.mp4")), { rate: "25/1", duration: 7 });
  });

  test("5.1 becomes stereo", async () => {
    expectCorrect(await inspect(await repackage("surround.mp4")), { rate: "30000/1001", duration: 5 });
  });

  test("FLV", async () => {
    expectCorrect(await inspect(await repackage("flash.flv")), { rate: "25/1", duration: 5 });
  });

  test("WebM", async () => {
    expectCorrect(await inspect(await repackage("web.webm")), { rate: "25/1", duration: 5 });
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
