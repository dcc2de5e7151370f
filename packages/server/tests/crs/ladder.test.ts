import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { framesPerSecond, parseFrameRate, selectFrameRate } from "../../src/crs/frame-rate.ts";
import { planLadder, selectFirstRung } from "../../src/crs/ladder.ts";
import { levelFilters, parseLoudness } from "../../src/crs/loudness.ts";
import { averageBandwidthBps, peakBandwidthBps } from "../../src/crs/playlists.ts";

const TABLE = [1080, 720, 540, 360, 180];
const sizes = (width: number, height: number): readonly string[] =>
  planLadder({ width, height, frameRate: 25 }, TABLE).map((rung) => `${rung.width}x${rung.height}`);

describe("planLadder", () => {
  test("1080p gives 1080, 720, 540, 360 and one for links that are just good enough for sound", () => {
    expect(sizes(1920, 1080)).toEqual(["1920x1080", "1280x720", "960x540", "640x360", "320x180"]);
  });
  test("a source between two rungs of the table keeps its own size on top", () => {
    expect(sizes(1600, 900)).toEqual(["1600x900", "1280x720", "960x540", "640x360", "320x180"]);
  });
  test("360p still has two rungs below it", () => {
    expect(sizes(640, 360)).toEqual(["640x360", "452x254", "320x180"]);
  });
  test("a portrait is measured by its short side", () => {
    expect(sizes(720, 1280)).toEqual(["720x1280", "540x960", "360x640", "180x320"]);
  });
  test("a source below the table has two rungs below it all the same", () => {
    expect(sizes(240, 160)).toEqual(["240x160", "180x120", "134x90"]);
  });
  test("the lowest rung and the sound fit into 256 kbit/s, those above it are as good as their size", () => {
    const ladder = planLadder({ width: 1920, height: 1080, frameRate: 50 }, TABLE);
    expect(ladder.map((rung) => rung.maxKbps)).toEqual([8400, 4570, 2970, 1620, 100]);
  });
  test("the first that is made is the lowest of 360 pixels or more, or the best of a small source", () => {
    const first = (width: number, height: number) =>
      selectFirstRung(planLadder({ width, height, frameRate: 25 }, TABLE));
    expect(first(1920, 1080).name).toBe("360p");
    expect(first(720, 1280).name).toBe("360p");
    expect(first(320, 240).name).toBe("240p");
  });
  test("any picture: never larger than the source, even sizes, at least two rungs below it, each smaller than the one before", () => {
    fc.assert(
      fc.property(fc.integer({ min: 16, max: 4096 }), fc.integer({ min: 16, max: 2304 }), (width, height) => {
        const ladder = planLadder({ width, height, frameRate: 30 }, TABLE);
        expect(ladder.length).toBeGreaterThanOrEqual(3);
        for (const [index, rung] of ladder.entries()) {
          expect(rung.width).toBeLessThanOrEqual(width);
          expect(rung.height).toBeLessThanOrEqual(height);
          expect((rung.width % 2) + (rung.height % 2)).toBe(0);
          const above = ladder[index - 1] ?? { width: Number.POSITIVE_INFINITY, height: 1 };
          expect(rung.width * rung.height).toBeLessThan(above.width * above.height);
        }
        expect(new Set(ladder.map((rung) => rung.name)).size).toBe(ladder.length);
        expect(ladder[0]?.width).toBeGreaterThan(width - 2);
        expect(ladder[0]?.height).toBeGreaterThan(height - 2);
      }),
    );
  });
});

describe("selectFrameRate", () => {
  const select = (declared: string, average: string): string => {
    const [r, avg] = [parseFrameRate(declared), parseFrameRate(average)];
    if (!r || !avg) throw new Error("expected rates");
    const rate = selectFrameRate(r, avg);
    return `${rate.numerator}/${rate.denominator}`;
  };
  test("23.976 fps stays 24000/1001, also where a file can only say 2997/125", () => {
    expect(select("24000/1001", "24000/1001")).toBe("24000/1001");
    expect(select("2997/125", "2997/125")).toBe("24000/1001");
  });
  test("24 fps stays 24 and 12.5 stays 12.5", () => {
    expect(select("24/1", "24/1")).toBe("24/1");
    expect(select("25/2", "25/2")).toBe("25/2");
  });
  test("a variable rate becomes the standard rate that it fits under", () => {
    expect(select("90000/1", "27/1")).toBe("30000/1001");
    expect(select("1000/1", "60/1")).toBe("60000/1001");
  });
  test("120 fps is halved, 2 fps is multiplied: segments must be cut evenly", () => {
    expect(select("120/1", "120/1")).toBe("120/2");
    expect(select("2/1", "2/1")).toBe("10/1");
  });
  test("any rate ends between 10 and 60 fps", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 120_000 }), fc.integer({ min: 1, max: 1001 }), (numerator, denominator) => {
        const rate = { numerator, denominator };
        fc.pre(framesPerSecond(rate) <= 120);
        const fps = framesPerSecond(selectFrameRate(rate, rate));
        expect(fps).toBeGreaterThanOrEqual(10 - 1e-9);
        expect(fps).toBeLessThanOrEqual(60 + 1e-9);
      }),
    );
  });
  test("no rate is undefined", () => {
    expect(parseFrameRate("0/0")).toBeUndefined();
    expect(parseFrameRate(undefined)).toBeUndefined();
  });
});

describe("loudness", () => {
  const report = (integrated: string, peak: string): string =>
    `[Parsed_ebur128_2 @ 0x1] Summary:\n\n  Integrated loudness:\n    I:         ${integrated} LUFS\n    Threshold: -35.1 LUFS\n\n  Sample peak:\n    Peak:       ${peak} dBFS`;
  test("a loud ad is turned down by the difference, nothing else", () => {
    expect(levelFilters(parseLoudness(report("-14.3", "-0.2")), -24)).toEqual(["volume=-9.70dB"]);
  });
  test("a quiet one with high peaks is limited as well", () => {
    expect(levelFilters(parseLoudness(report("-30.0", "-3.0")), -24)).toEqual([
      "volume=6.00dB",
      "alimiter=level=false:limit=0.7943",
    ]);
  });
  test("silence is left alone, however ffmpeg spells it", () => {
    expect(levelFilters(parseLoudness(report("-70.0", "-inf")), -24)).toEqual([]);
    expect(levelFilters(parseLoudness(""), -24)).toEqual([]);
  });
});

describe("bandwidth", () => {
  const segment = (duration: number, kilobytes: number) => ({ uri: "x.ts", duration, bytes: kilobytes * 1000 });
  test("the peak is that of any run of segments between half and one and a half target durations", () => {
    expect(peakBandwidthBps([segment(6, 600), segment(6, 900), segment(1, 700)], 6)).toBe(Math.ceil((1600 * 8000) / 7));
  });
  test("an ad shorter than half a target duration has its average as peak", () => {
    expect(peakBandwidthBps([segment(2, 250)], 6)).toBe(1_000_000);
    expect(averageBandwidthBps([segment(2, 250)])).toBe(1_000_000);
  });
});
