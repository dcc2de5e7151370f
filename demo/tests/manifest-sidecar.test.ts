import { describe, expect, test } from "vitest";
import { findAd } from "../src/manifest/playback.ts";
import { describePlaylist } from "../src/manifest/playlist-lines.ts";
import { listBreaks, locateSidecar, movePods, readSidecar, type SidecarPod } from "../src/manifest/sidecar.ts";
import { createTracker, extendSpan, seekSpan } from "../src/manifest/tracking.ts";

const url = (event: string, startTime: number) => ({
  startTime,
  adSystems: "x",
  event,
  url: `http://t/${event}?p=[ADPLAYHEAD]`,
});

/** A v2 sidecar: an ad of 10 s at 8 s, and an empty break at the end. */
const SIDECAR = {
  startTime: 0,
  endTime: 26,
  pods: [
    {
      id: "mid",
      startTime: 8,
      duration: 10,
      ads: [
        {
          id: "tea",
          startTime: 8,
          duration: 10,
          trackingUrls: [url("impression", 8), url("first", 10.5), url("third", 15.5), url("complete", 18)],
        },
      ],
      trackingUrls: [url("start", 8), url("complete", 18)],
    },
    {
      id: "post",
      startTime: 26,
      duration: 0,
      ads: [],
      trackingUrls: [],
      skipped: [{ adId: "soup", reason: "new-creative", vastError: 407 }],
    },
  ],
};
const pods: readonly SidecarPod[] = readSidecar(SIDECAR);

describe("the sidecar", () => {
  test("has its events by the names of VAST and VMAP", () => {
    expect(pods[0]?.ads[0]?.urls.map(({ event }) => event)).toEqual([
      "impression",
      "firstQuartile",
      "thirdQuartile",
      "complete",
    ]);
    expect(pods[0]?.urls.map(({ event }) => event)).toEqual(["breakStart", "breakEnd"]);
  });

  test.each([[undefined], [null], ["text"], [{ pods: 3 }], [{ pods: [] }]])("%j has no pods", (value) => {
    expect(readSidecar(value)).toEqual([]);
  });

  test("a reason that is not on the closed list is none", () => {
    expect(readSidecar({ pods: [{ skipped: [{ reason: "toString" }] }] })[0]?.reason).toBeUndefined();
  });

  test("becomes breaks on the timeline, placed with their ads or skipped with the reason", () => {
    expect(listBreaks(pods, 26)).toMatchObject([
      { breakId: "mid", position: "mid", state: "placed", contentTime: 8, startTime: 8, duration: 10 },
      { breakId: "post", position: "post", state: "skipped", reason: "new-creative", contentTime: 16, startTime: 26 },
    ]);
    expect(listBreaks(pods, undefined)[0]?.position).toBe("live");
  });

  test("tells the ad on screen by the clock", () => {
    expect(findAd(pods, 7.99)).toBeUndefined();
    expect(findAd(pods, 12)).toMatchObject({ adId: "tea", index: 0, adCount: 1, duration: 10, time: 4 });
    expect(findAd(pods, 18)).toBeUndefined();
  });
});

describe("live, a sidecar starts where its playlist does", () => {
  /** Segments of 4 s from `start` on, an ad of 4, 4 and 2 s after `before` of them. */
  const listed = (start: number, before: number) => {
    const durations = [...Array.from({ length: before }, () => 4), 4, 4, 2, 4, 4];
    return durations.map((duration, index) => {
      const earlier = durations.slice(0, index).reduce((total, one) => total + one, 0);
      return { start: start + earlier, duration, cc: index < before ? 0 : index < before + 3 ? 1 : 2 };
    });
  };

  test("at the first segment where its breaks begin at a discontinuity then", () => {
    expect(locateSidecar(pods, listed(100, 2))).toBe(100);
  });

  test("one segment on where the window has moved in between", () => {
    expect(locateSidecar(pods, listed(100, 3))).toBe(104);
  });

  test("at the first segment where no break tells", () => {
    expect(locateSidecar([], listed(100, 2))).toBe(100);
    expect(locateSidecar(pods, [])).toBe(0);
  });

  test("all its times move with it", () => {
    const [moved] = movePods(pods, 100);
    expect([moved?.startTime, moved?.ads[0]?.startTime, moved?.ads[0]?.urls[1]?.time, moved?.urls[1]?.time]).toEqual([
      108, 108, 110.5, 118,
    ]);
  });
});

describe("tracking", () => {
  const names = (from: number, to: number, tracker = createTracker("s")) =>
    tracker.collect(pods, { from, to }).map(({ event }) => event);

  test("what was played is due in its order, the break around its ads", () => {
    expect(names(0, 30)).toEqual([
      "breakStart",
      "impression",
      "firstQuartile",
      "thirdQuartile",
      "complete",
      "breakEnd",
    ]);
  });

  test("each is due once, also when it is played again and in the next sidecar", () => {
    const tracker = createTracker("s");
    expect(names(0, 9, tracker)).toEqual(["breakStart", "impression"]);
    expect(names(0, 11, tracker)).toEqual(["firstQuartile"]);
    expect(names(0, 11, tracker)).toEqual([]);
  });

  test("who jumps over the start of an ad owes no start", () => {
    expect(names(12, 16)).toEqual(["thirdQuartile"]);
  });

  test("two equal URLs of one ad are due twice", () => {
    const entry = { time: 1, event: "impression", url: "http://t/" };
    const twice = [
      { ...pods[0], id: "p", urls: [], ads: [{ id: "a", startTime: 1, duration: 1, urls: [entry, entry] }] },
    ];
    const pod = { startTime: 1, duration: 1, reason: undefined };
    expect(
      createTracker("s").collect(
        twice.map((one) => ({ ...one, ...pod })),
        { from: 0, to: 2 },
      ),
    ).toHaveLength(2);
  });

  test("a beacon has the seconds of its ad and of the content, and its macros are filled in", () => {
    const beacon = createTracker("s").collect(pods, { from: 15, to: 16 })[0];
    expect(beacon).toMatchObject({ event: "thirdQuartile", breakId: "mid", adId: "tea", time: 7.5, contentTime: 8 });
    expect(beacon?.url).toBe("http://t/third?p=00%3A00%3A07.500");
  });

  test("an address that is no http is not requested", () => {
    const [pod] = readSidecar({ pods: [{ trackingUrls: [{ event: "start", url: "javascript:alert(1)" }] }] });
    expect(createTracker("s").collect(pod ? [pod] : [], { from: 0, to: 1 })).toEqual([]);
  });

  test("a jump ends what was played in one go, a look a second later does not", () => {
    expect(extendSpan({ from: 0, to: 5 }, 6)).toEqual({ from: 0, to: 6 });
    expect(extendSpan({ from: 0, to: 5 }, 20), "a page that was busy").toEqual({ from: 0, to: 20 });
    expect(seekSpan({ from: 0, to: 5 }, 20)).toEqual({ from: 20, to: 20 });
    expect(seekSpan({ from: 0, to: 5 }, 5.5), "a player that steps over a hole").toEqual({ from: 0, to: 5.5 });
    expect(seekSpan({ from: 0, to: 5 }, 2)).toEqual({ from: 2, to: 2 });
  });
});

describe("what the server wrote", () => {
  const segment = (name: string) => `#EXTINF:4,\nhttp://x/${name}.ts\n`;
  const text = `#EXTM3U\n#EXT-X-TARGETDURATION:4\n${segment("c0")}${segment("c1")}#EXT-X-DISCONTINUITY\n${segment("a0")}#EXT-X-DISCONTINUITY\n${segment("c2")}${segment("c3")}${segment("c4")}#EXT-X-ENDLIST\n`;

  test("is shown around the break, ad lines marked, the rest counted", () => {
    const lines = describePlaylist(text, [{ breakId: "mid", startTime: 108, duration: 4 }], 100, "http://x");
    expect(lines.map(({ kind, text: line }) => `${kind} ${line}`)).toEqual([
      "head #EXTM3U",
      "head #EXT-X-TARGETDURATION:4",
      "gap … 1 segment of content",
      "content #EXTINF:4,",
      "content /c1.ts",
      "ad #EXT-X-DISCONTINUITY",
      "ad #EXTINF:4,",
      "ad /a0.ts",
      "content #EXT-X-DISCONTINUITY",
      "content #EXTINF:4,",
      "content /c2.ts",
      "gap … 2 segments of content",
      "head #EXT-X-ENDLIST",
    ]);
    expect(lines.filter(({ breakId }) => breakId === "mid")).toHaveLength(3);
  });

  test("without a break the beginning is shown", () => {
    const lines = describePlaylist(text, [], 0, "http://x");
    expect(lines.filter(({ kind }) => kind === "content")).toHaveLength(4);
    expect(lines.some(({ kind }) => kind === "ad")).toBe(false);
  });
});
