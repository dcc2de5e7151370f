import { describe, expect, test } from "vitest";
import { isLowLatency, readFacts, withoutReloads } from "../../src/content/content.ts";
import { createLowLatency } from "../../src/content/low-latency.ts";
import { planAlone } from "../../src/ads/planned-break.ts";

const HEAD = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:10\n";
const CONTROL =
  "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24,PART-HOLD-BACK=1\n#EXT-X-PART-INF:PART-TARGET=0.333\n";
const BREAK = "#EXT-X-CUE-OUT:8\n#EXTINF:4,\nc13.ts\n#EXTINF:4,\nc14.ts\n#EXT-X-CUE-IN\n";
const PART =
  '#EXTINF:4,\nc15.ts\n#EXT-X-PART:DURATION=0.333,URI="c16.0.mp4"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="c16.1.mp4"\n';
const WHOLE = `${HEAD}${CONTROL}#EXTINF:4,\nc10.ts\n#EXTINF:4,\nc11.ts\n#EXTINF:4,\nc12.ts\n${BREAK}${PART}`;
/** RFC 8216bis §6.2.5.1: the first two segments are left out. */
const DELTA = `${HEAD}${CONTROL}#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXTINF:4,\nc12.ts\n${BREAK}${PART}`;

describe("low-latency content", () => {
  test("plays byte for byte, delta updates included, and each of its avails is skipped once", async () => {
    const skipped: [string, string][] = [];
    const live = createLowLatency({
      planAvail: ({ breakId }) => planAlone(breakId, "start", { kind: "none" }),
      skipBreak: ({ planned }, reason) => skipped.push([planned.breakId, reason]),
    });
    for (const text of [WHOLE, DELTA, WHOLE]) {
      const content = { url: new URL("https://s.example/live.m3u8"), bandwidthBps: undefined, kind: "main" } as const;
      expect((await live.stitch({ text, content, trackKey: "level 0" }, readFacts(text))).text).toBe(text);
    }
    expect(skipped).toHaveLength(1);
    expect(skipped[0]?.[1]).toBe("policy");
  });

  test("is told by its parts, or by a delta update", () => {
    const plain = `${HEAD}#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n#EXTINF:4,\nc10.ts\n`;
    expect([WHOLE, DELTA, plain].map((text) => isLowLatency(readFacts(text)))).toEqual([true, true, false]);
  });
});

describe("withoutReloads", () => {
  test("a live playlist without parts is asked for whole, and keeps its distance from the edge", () => {
    const text = `${HEAD}#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=12\n#EXTINF:4,\nc10.ts\n`;
    expect(withoutReloads(text)).toBe(text.replace("CAN-BLOCK", "X-NO-BLOCK"));
    expect(withoutReloads(HEAD)).toBe(HEAD);
  });
});
