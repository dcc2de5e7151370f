import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Answer, createFakeWeb, formatVast, formatVod, HOST, ZONE } from "../fake-web.ts";
import { startViewing, type Viewing } from "../fake-viewing.ts";
import type { AdInsertionOptions } from "../../src/options.ts";

const ADS: Readonly<Record<string, Answer>> = {
  "/v1/zones/1.json": ZONE,
  "/ads/vast": { text: formatVast({ id: "one", type: "application/x-mpegURL", url: `${HOST}/ad/media.m3u8` }) },
  "/ad/media.m3u8": { text: formatVod(2, 4, "ad") },
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function begin(options: Partial<AdInsertionOptions>, master = "#EXTM3U\n"): Viewing {
  const viewing = startViewing(createFakeWeb(ADS), { adTagUrl: "/ads/vast", ...options });
  viewing.playMaster(master);
  return viewing;
}

async function play(viewing: Viewing, text: string): Promise<string> {
  const playing = viewing.play(text);
  await vi.dynamicImportSettled();
  await vi.advanceTimersByTimeAsync(10);
  await vi.dynamicImportSettled();
  await vi.advanceTimersByTimeAsync(4000);
  return playing;
}

/** The URIs, without their folders. */
function uris(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => (line.endsWith(".ts") ? [line.replace(/.*\//, "")] : []));
}

/** Eight segments of 4 s. */
const LIVE = `#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n${Array.from(
  { length: 8 },
  (_, index) => `#EXTINF:4,\nlive-${index}.ts\n`,
).join("")}`;

describe("content that wants to begin elsewhere than at its start", () => {
  test("begins with the pre-roll all the same", async () => {
    const own = formatVod(15).replace("#EXTM3U\n", "#EXTM3U\n#EXT-X-START:TIME-OFFSET=30\n");
    const text = await play(begin({}), own);
    expect(uris(text).slice(0, 3)).toEqual(["ad-0.ts", "ad-1.ts", "content-0.ts"]);
    expect(text).not.toContain("EXT-X-START");
  });

  test("live, by the master playlist, has its pre-roll there", async () => {
    const viewing = begin({ live: true, livePreroll: true }, "#EXTM3U\n#EXT-X-START:TIME-OFFSET=-24\n");
    const text = await play(viewing, LIVE);
    expect(uris(text).slice(0, 5)).toEqual(["live-0.ts", "live-1.ts", "ad-0.ts", "ad-1.ts", "live-4.ts"]);
    expect(text).toContain("#EXT-X-START:TIME-OFFSET=8,");
  });
});
