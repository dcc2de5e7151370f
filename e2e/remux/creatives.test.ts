/** The thirty creatives are what their table says: each row is held against its file. */
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { COLD_CREATIVES, CREATIVE_DURATION } from "./creatives.ts";
import { readFacts } from "./facts.ts";
import { makeColdCreatives } from "./make-creatives.ts";

const MINUTES = 60_000;

describe("the table of creatives", () => {
  test("has thirty rows, no two alike in layout, key frames, profile and sound", () => {
    const rows = COLD_CREATIVES.map(({ layout, gop, profile, audio }) =>
      JSON.stringify({ layout, gop, profile, audio }),
    );
    expect(new Set(rows).size).toBe(30);
    expect(new Set(COLD_CREATIVES.map(({ file }) => file)).size).toBe(30);
  });

  test("has six rows by another muxer than ffmpeg's, and 27 that can be played without repackaging", () => {
    expect(COLD_CREATIVES.filter(({ muxer }) => muxer === "GStreamer").length).toBeGreaterThanOrEqual(6);
    expect(COLD_CREATIVES.filter(({ refusal }) => refusal === undefined).length).toBeGreaterThanOrEqual(27);
  });
});

describe("a creative's file", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await makeColdCreatives();
  }, 5 * MINUTES);

  test.for(COLD_CREATIVES)("$file is as its row says", async (row) => {
    const facts = await readFacts(join(folder, row.file));
    const { layout, profile, reorder, width, height, audio } = row;
    expect(facts).toMatchObject({ layout, profile, reorder, width, height });
    expect(facts.audio).toEqual(audio);
    expect(facts.isInterlaced).toBe(row.isInterlaced === true);
    expect(facts.hasLeadingPictures).toBe(row.isOpenGop === true);
    const frame = 1 / row.frameRate;
    const [first = NaN, second = CREATIVE_DURATION] = facts.keyTimes;
    expect(first).toBe(0);
    expect(Math.abs(second - row.gop)).toBeLessThan(0.75 * frame);
    expect(Math.abs(facts.duration - CREATIVE_DURATION)).toBeLessThan(2 * frame);
    // ffmpeg lets the first picture of a fragmented file begin earlier, by what the sound's encoder puts before the sound
    const steps = facts.times
      .slice(1)
      .map((time, index) => Math.floor((time - (facts.times[index] ?? 0)) / frame + 0.4));
    expect([...new Set(steps)].toSorted()).toEqual(row.isVariable ? [1, 2] : [1]);
    const soundEnd = row.audio ? CREATIVE_DURATION + (row.soundTail ?? 0) : 0;
    expect(Math.abs(facts.soundEnd - soundEnd)).toBeLessThan(0.1);
  });
});
