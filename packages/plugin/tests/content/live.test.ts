import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Answer, createFakeWeb, formatVast, formatVod, HOST, ZONE } from "../fake-web.ts";
import type { AdInsertionOptions } from "../../src/options.ts";
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

function watch(
  answers: Readonly<Record<string, Answer>>,
  options: Partial<AdInsertionOptions> = {},
): {
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
  const viewing = startViewing(web, { adTagUrl: "/ads/vast", live: true, ...options });
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

/** A window with a date on each segment, from lines before segments by their media sequence number. */
function formatDated(first: number, count: number, lines: Readonly<Record<number, string>>): string {
  const segments = Array.from({ length: count }, (_, index) => {
    const sn = first + index;
    const date = new Date(Date.UTC(2026, 0, 1) + sn * 4000).toISOString();
    const cue = lines[sn];
    return `${cue === undefined ? "" : `${cue}\n`}#EXT-X-PROGRAM-DATE-TIME:${date}\n#EXTINF:4.000000,\nlive-${sn}.ts\n`;
  });
  return `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:${first}\n${segments.join("")}`;
}

function uris(text: string): readonly string[] {
  return text
    .split("\n")
    .flatMap((line) => (line.endsWith(".ts") ? [line.replace(/.*\//, "").replace(".ts", "")] : []));
}

async function show(
  viewing: Viewing,
  text: string,
  track = "720",
): Promise<{ readonly text: string; readonly uris: readonly string[] }> {
  const shown = await settlePlay(viewing, text, track);
  await vi.advanceTimersByTimeAsync(4000);
  return { text: shown, uris: uris(shown) };
}

async function settlePlay(viewing: Viewing, text: string, track: string): Promise<string> {
  const playing = viewing.play(text, { track });
  await vi.dynamicImportSettled();
  await vi.advanceTimersByTimeAsync(1500);
  return playing;
}

describe("a viewer who comes to live content", () => {
  const asked = (requests: readonly string[]): readonly string[] =>
    requests.filter((request) => request.includes("/ads/"));

  test("sees a pre-roll before the live point where the page wants one, once, and the player is told to start there", async () => {
    const { viewing, requests } = watch(ADS, { livePreroll: true });
    const first = await show(viewing, formatDated(0, 8, {}));
    expect(first.uris).toEqual(["live-0", "live-1", "live-2", "live-3", "live-4", "ad-0", "ad-1", "live-7"]);
    expect(first.text).toMatch(/#EXT-X-START:TIME-OFFSET=20/);
    const second = await show(viewing, formatDated(1, 8, {}));
    expect(second.uris.slice(4)).toEqual(["ad-0", "ad-1", "live-7", "live-8"]);
    expect(asked(requests)).toEqual(["GET /ads/vast?session=viewer-1&break=preroll"]);
    expect(viewing.session.entries()).toMatchObject([
      { planned: { breakId: "preroll", position: "pre" }, status: "placed" },
    ]);
  });

  test("waits for the pre-roll no longer than the start budget", async () => {
    const answers = { ...ADS, "/ads/vast": { until: new Promise<never>(() => undefined) } };
    const { viewing } = watch(answers, { livePreroll: true, startBudgetMs: 1000 });
    const text = formatDated(0, 8, {});
    expect((await show(viewing, text)).text).toBe(text);
    expect(viewing.skips).toMatchObject([{ breakId: "preroll", reason: "ads-timeout", vastError: 301 }]);
  });

  test.each([
    ["the playlist", "#EXT-X-START:TIME-OFFSET=4.0", undefined],
    ["the playlist, from its end", "#EXT-X-START:TIME-OFFSET=-28,PRECISE=YES", undefined],
    ["the page", "", 4],
  ])(
    "behind the edge, where %s has him begin, meets an avail that is listed already",
    async (_who, start, liveStart) => {
      const web = createFakeWeb(ADS);
      const viewing = startViewing(web, { adTagUrl: "/ads/vast", live: true }, { liveStart: () => liveStart });
      const list = (first: number, count: number): string =>
        formatDated(first, count, { 3: "#EXT-X-CUE-OUT:8.000", 5: "#EXT-X-CUE-IN" }).replace(
          "#EXTM3U",
          `#EXTM3U\n${start}`,
        );
      await show(viewing, list(0, 8));
      expect((await show(viewing, list(0, 9))).uris.slice(0, 6)).toEqual([
        "live-0",
        "live-1",
        "live-2",
        "ad-0",
        "ad-1",
        "live-5",
      ]);
      expect(viewing.skips).toEqual([]);
    },
  );

  test("with little in the buffer yet has time for an avail that is far ahead: another level asks a moment later", async () => {
    const web = createFakeWeb(ADS);
    const player = { liveStart: () => 4, bufferAhead: () => 2 };
    const viewing = startViewing(web, { adTagUrl: "/ads/vast", live: true }, player);
    const text = formatDated(0, 8, { 6: "#EXT-X-CUE-OUT:8.000" });
    const playing = ["720", "360"].map((track) => viewing.play(text, { track }));
    await vi.advanceTimersByTimeAsync(4000);
    await Promise.all(playing);
    expect((await show(viewing, formatDated(0, 9, { 6: "#EXT-X-CUE-OUT:8.000" }))).uris).toContain("ad-0");
    expect(viewing.skips).toEqual([]);
  });

  test("in the middle of an avail sees its break from the beginning where the page wants it, and no pre-roll", async () => {
    const { viewing, requests } = watch(ADS, { livePreroll: true, partialBreaks: true });
    const shown = await show(viewing, formatDated(0, 8, { 4: "#EXT-X-CUE-OUT:ID=x,DURATION=16" }));
    expect(shown.uris.slice(3)).toEqual(["live-3", "ad-0", "ad-1", "live-6", "live-7"]);
    expect(shown.text).toMatch(/#EXT-X-START:TIME-OFFSET=16/);
    expect(asked(requests)).toEqual(["GET /ads/vast?session=viewer-1&break=x&duration=16"]);
  });
});

describe("an early return", () => {
  const VAST = formatVast(
    { id: "one", sequence: 1, type: "application/x-mpegURL", url: `${HOST}/ad/media.m3u8` },
    { id: "two", sequence: 2, type: "application/x-mpegURL", url: `${HOST}/ad/media.m3u8` },
  );

  test("ends the pod where the content comes back, in all tracks; the ads after it are told `early-return`", async () => {
    const { viewing } = watch({ ...ADS, "/ads/vast": { text: VAST } });
    const out = { 8: "#EXT-X-CUE-OUT:ID=x,DURATION=16" };
    await show(viewing, formatDated(1, 8, out));
    await show(viewing, formatDated(2, 8, out));
    const back = { ...out, 10: "#EXT-X-CUE-IN:ID=x" };
    const high = await show(viewing, formatDated(4, 9, back));
    const low = await show(viewing, formatDated(4, 9, back), "360");
    expect(high.uris).toEqual([
      "live-4",
      "live-5",
      "live-6",
      "live-7",
      "ad-0",
      "ad-1",
      "live-10",
      "live-11",
      "live-12",
    ]);
    expect(low.uris).toEqual(high.uris);
    expect(viewing.skips).toMatchObject([{ breakId: "x", adId: "two", reason: "early-return", vastError: undefined }]);
  });
});

describe("cues of live content", () => {
  const CUES = { 8: "#EXT-X-ASSET:CAID=0x10\n#EXT-X-CUE-OUT:ID=x,DURATION=8", 10: "#EXT-X-CUE-IN:ID=x" };

  test("hand their attributes to the tag", async () => {
    const { viewing, requests } = watch(ADS, { adTagUrl: "/ads/vast?caid=[#CAID]" });
    await show(viewing, formatDated(1, 8, CUES));
    expect(requests).toContain("GET /ads/vast?caid=16&session=viewer-1&break=x&duration=8");
  });

  test.each([
    ["another dialect", { cueFormat: "DPISimple" }],
    ["signaling server-map", { signaling: "server-map" }],
    ["signaling custom-ranges", { signaling: "custom-ranges" }],
    ["marked ranges", { timeRanges: { type: "mark", ranges: [{ begin: 0, end: 5 }] } }],
  ] as const)("count for nothing with %s", async (_what, options) => {
    const { viewing, requests } = watch(ADS, options);
    const text = formatDated(1, 9, CUES);
    expect((await show(viewing, text)).text).toBe(text);
    expect(requests.filter((request) => request.includes("/ads/"))).toEqual([]);
  });

  test("are offered to the resolvers, without any ad tag", async () => {
    const resolve = vi.fn<() => { readonly hlsUrls: readonly string[] }>(() => ({ hlsUrls: ["/ad/media.m3u8"] }));
    const web = createFakeWeb(ADS);
    const viewing = startViewing(web, { live: true, resolvers: [{ canResolve: ({ id }) => id === "x", resolve }] });
    await show(viewing, formatDated(1, 8, CUES));
    expect((await show(viewing, formatDated(3, 9, CUES))).uris).toContain("ad-0");
    expect(resolve).toHaveBeenCalledWith(
      expect.objectContaining({
        id: "x",
        position: "live",
        contentTime: undefined,
        duration: 8,
        attributes: { CAID: "16" },
      }),
      expect.anything(),
    );
  });

  test("an id that is used for hundreds of breaks names each of them once", async () => {
    const { viewing, requests } = watch(ADS);
    const count = 130;
    for (let index = 0; index < count; index++)
      await show(viewing, formatDated(1 + 900 * index, 8, { [6 + 900 * index]: "#EXT-X-CUE-OUT:ID=7,DURATION=8" }));
    const asked = requests.filter((request) => request.includes("break=7"));
    expect(asked).toHaveLength(count);
    expect(new Set(asked).size).toBe(count);
  });

  test("an id that is used again hours later is another break", async () => {
    const { viewing, requests } = watch(ADS);
    await show(viewing, formatDated(1, 8, CUES));
    await show(viewing, formatDated(901, 8, { 908: "#EXT-X-CUE-OUT:ID=x,DURATION=8" }));
    expect(requests.filter((request) => request.includes("break=x"))).toHaveLength(2);
    expect(viewing.session.entries().map(({ planned }) => planned.breakId)).toEqual(["x", "x@2"]);
  });
});
