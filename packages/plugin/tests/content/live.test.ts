import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Answer, createFakeWeb, formatVast, formatVod, HOST, ZONE } from "../fake-web.ts";
import { startViewing, type Viewing } from "../fake-viewing.ts";

/** A live window of `count` segments of 4 s; an avail of 8 s begins at each media sequence number in `avails`. */
function formatLive(first: number, count: number, avails: readonly number[]): string {
  const segments = Array.from({ length: count }, (_, index) => {
    const sn = first + index;
    const cue = avails.includes(sn) ? `#EXT-X-CUE-OUT:8.000\n` : avails.includes(sn - 2) ? "#EXT-X-CUE-IN\n" : "";
    return `${cue}#EXTINF:4.000000,\nlive-${sn}.ts\n`;
  });
  return `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:${first}\n${segments.join("")}`;
}

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

function watch(answers: Readonly<Record<string, Answer>>): {
  readonly viewing: Viewing;
  readonly refresh: (
    first: number,
    count: number,
    avails: readonly number[],
    track?: string,
  ) => Promise<readonly string[]>;
  readonly requests: readonly string[];
} {
  const web = createFakeWeb(answers);
  const viewing = startViewing(web, { adTagUrl: "/ads/vast", live: true });
  return {
    viewing,
    requests: web.requests,
    refresh: async (first, count, avails, track = "720") => {
      const text = await viewing.play(formatLive(first, count, avails), { track });
      await vi.advanceTimersByTimeAsync(4000);
      return text.split("\n").filter((line) => line.endsWith(".ts"));
    },
  };
}

describe("an avail of a live stream", () => {
  test("is asked for when its cue comes, by its id and length, and takes the place of the content", async () => {
    const { refresh, requests } = watch(ADS);
    await refresh(0, 8, [8]);
    await refresh(1, 8, [8]);
    expect(requests.filter((request) => request.includes("/ads/"))).toEqual([
      "GET /ads/vast?session=viewer-1&break=cue-8&duration=8",
    ]);
    const shown = await refresh(3, 9, [8]);
    expect(shown.map((uri) => uri.replace(/.*\//, ""))).toEqual([
      "live-3.ts",
      "live-4.ts",
      "live-5.ts",
      "live-6.ts",
      "live-7.ts",
      "ad-0.ts",
      "ad-1.ts",
      "live-10.ts",
      "live-11.ts",
    ]);
  });

  test("all levels show the same ads at the same place, also one that is asked for later", async () => {
    const { refresh } = watch(ADS);
    await refresh(1, 8, [8]);
    const high = await refresh(3, 9, [8], "720");
    const low = await refresh(3, 9, [8], "360");
    expect(low).toEqual(high);
  });

  test("is held back while it is undecided, and then content for its whole length", async () => {
    const answers = { ...ADS, "/ads/vast": { until: new Promise<never>(() => undefined) } };
    const { refresh, viewing } = watch(answers);
    await refresh(0, 8, [8]);
    const held = await refresh(1, 8, [8]);
    expect(held.at(-1)).toBe("live-7.ts");
    const shown = await refresh(2, 9, [8]);
    expect(shown.slice(-3)).toEqual(["live-8.ts", "live-9.ts", "live-10.ts"]);
    expect(viewing.skips).toMatchObject([{ breakId: "cue-8", reason: "ads-timeout", vastError: 301 }]);
    expect(await refresh(3, 9, [8])).toContain("live-9.ts");
  });

  test("that comes too late to be held back stays content although its ads come after all", async () => {
    const late = new Promise((resolve) => setTimeout(resolve, 10_000));
    const { refresh } = watch({ ...ADS, "/ads/vast": { ...ADS["/ads/vast"], until: late } });
    await refresh(1, 8, [8]);
    await refresh(2, 8, [8]);
    await refresh(3, 8, [8]);
    await refresh(4, 8, [8]);
    expect((await refresh(5, 8, [8])).join()).not.toContain("ad-0");
  });

  test("that is running when the viewer comes is content, and the ad server is not asked", async () => {
    const { refresh, requests } = watch(ADS);
    expect(await refresh(7, 8, [8])).toContain("live-8.ts");
    expect(requests.filter((request) => request.includes("/ads/"))).toEqual([]);
  });

  test("without an ad is content", async () => {
    const { refresh, viewing } = watch({ ...ADS, "/ads/vast": { text: '<VAST version="4.2"/>' } });
    await refresh(1, 8, [8]);
    expect(await refresh(3, 9, [8])).toContain("live-8.ts");
    expect(viewing.skips).toMatchObject([{ breakId: "cue-8", reason: "no-ads" }]);
  });
});

describe("live content without avails", () => {
  test("is handed on as it came, whatever the ad tag says", async () => {
    const web = createFakeWeb(ADS);
    const viewing = startViewing(web, { adTagUrl: "/ads/vast" });
    const text = formatLive(0, 8, []);
    expect(await viewing.play(text)).toBe(text);
    await vi.advanceTimersByTimeAsync(2000);
    expect(viewing.skips).toEqual([]);
  });
});
