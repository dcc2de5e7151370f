import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AdInsertionOptions } from "../../src/options.ts";
import { type Answer, createFakeWeb, formatVast, formatVmap, formatVod, HOST, ZONE } from "../fake-web.ts";
import { startViewing, type Viewing, type ViewingPlayer } from "../fake-viewing.ts";

/** Sixty seconds. */
const CONTENT = formatVod(15);
const VAST = formatVast({ id: "one", type: "application/x-mpegURL", url: `${HOST}/ad/media.m3u8` });
const PAIR = formatVast(
  { id: "one", sequence: 1, type: "application/x-mpegURL", url: `${HOST}/ad/media.m3u8` },
  { id: "two", sequence: 2, type: "application/x-mpegURL", url: `${HOST}/ad/media.m3u8` },
);
const ANSWERS: Readonly<Record<string, Answer>> = {
  "/v1/zones/1.json": ZONE,
  "/ads/vast": { text: VAST },
  "/ad/media.m3u8": { text: formatVod(2, 4, "ad") },
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Played {
  readonly viewing: Viewing;
  readonly beacons: readonly string[];
  readonly text: string;
  /** Of the ad server, without the session. */
  readonly asked: () => readonly string[];
  /** Content and stream time of each break. */
  readonly places: () => readonly (readonly [id: string, contentTime: number, startTime: number])[];
}

async function play(
  options: Partial<AdInsertionOptions>,
  answers: Readonly<Record<string, Answer>> = {},
  content = CONTENT,
  player: ViewingPlayer = {},
): Promise<Played> {
  const web = createFakeWeb({ ...ANSWERS, ...answers });
  const viewing = startViewing(web, options, player);
  const playing = viewing.play(content);
  await vi.dynamicImportSettled();
  await vi.advanceTimersByTimeAsync(10);
  await vi.dynamicImportSettled();
  await vi.advanceTimersByTimeAsync(2000);
  const text = await playing;
  return {
    viewing,
    beacons: web.beacons,
    text,
    asked: () =>
      web.requests
        .filter((request) => request.includes("/ads/"))
        .map((request) => request.replace(/session=viewer-1&?/, "")),
    places: () =>
      viewing.timeline.breaks().map(({ breakId, contentTime, startTime }) => [breakId, contentTime, startTime]),
  };
}

/** The URIs, without their folders. */
function uris(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => (line.endsWith(".ts") ? [line.replace(/.*\//, "")] : []));
}

/** The content with lines before segments, by their number. */
function withLines(lines: Readonly<Record<number, string>>): string {
  let segment = 0;
  return CONTENT.replaceAll(/^#EXTINF/gm, (line) => {
    const before = lines[segment++];
    return before === undefined ? line : `${before}\n${line}`;
  });
}

const CUED = withLines({
  2: "#EXT-X-ASSET:CAID=0x10,GENRE=news%20&%20talk\n#EXT-X-CUE-OUT:ID=first,DURATION=8",
  4: "#EXT-X-CUE-IN:ID=first",
  8: '#EXT-X-CUE:TYPE="SpliceOut",ID="second",TIME=32,DURATION=12',
});
const ALL_AT_ONCE = { lookAhead: false } as const;

describe("a VMAP", () => {
  const vmap = (...breaks: Parameters<typeof formatVmap>[0]): Readonly<Record<string, Answer>> => ({
    "/ads/vmap": { text: formatVmap(breaks) },
  });
  const options = { adTagUrl: "/ads/vmap", ...ALL_AT_ONCE };

  test("places breaks by start, end, time, share and the number of a cue", async () => {
    const breaks = ["start", "end", "00:00:20.100", "75%", "#2"].map((at) => ({ at, id: at, vast: VAST }));
    const { places } = await play(options, vmap(...breaks), CUED);
    expect(places()).toEqual([
      ["start", 0, 0],
      ["00:00:20.100", 20, 28],
      ["#2", 32, 48],
      ["75%", 44, 68],
      ["end", 60, 92],
    ]);
  });

  test("a break of a cue that the content does not have is left out", async () => {
    const { text, viewing } = await play(options, vmap({ at: "#3", id: "third", vast: VAST }), CUED);
    expect(text).toBe(CUED);
    expect(viewing.skips).toMatchObject([{ breakId: "third", reason: "policy", vastError: undefined }]);
  });

  test("repeatAfter repeats a break up to the end of the content, each time under a name of its own", async () => {
    const repeated = formatVmap([{ at: "00:00:08", id: "every", tag: `${HOST}/ads/vast` }]).replace(
      "<vmap:AdBreak ",
      '<vmap:AdBreak repeatAfter="00:00:20" ',
    );
    const { places, asked } = await play(options, { "/ads/vmap": { text: repeated } });
    expect(places().map(([id, time]) => [id, time])).toEqual([
      ["every", 8],
      ["every@2", 28],
      ["every@3", 48],
    ]);
    expect(asked()).toContain("GET /ads/vast?break=every%403");
  });

  test("repeatAfter of a moment makes no flood", async () => {
    const flood = formatVmap([{ at: "00:00:01", id: "x", tag: `${HOST}/ads/none` }]).replace(
      "<vmap:AdBreak ",
      '<vmap:AdBreak repeatAfter="00:00:00.001" ',
    );
    const { viewing } = await play({ adTagUrl: "/ads/vmap" }, { "/ads/vmap": { text: flood } });
    expect(viewing.session.entries().length).toBeLessThanOrEqual(500);
  });

  test("breaks at one time come one after the other", async () => {
    const breaks = ["a", "b"].map((id) => ({ at: "00:00:20", id, vast: VAST }));
    expect((await play(options, vmap(...breaks))).places()).toEqual([
      ["a", 20, 20],
      ["b", 20, 28],
    ]);
  });
});

describe("the page's own list", () => {
  test("may carry VAST and HLS addresses", async () => {
    const breaks = [
      { id: "vast", time: 8, vast: VAST },
      { id: "hls", time: "end", hlsUrls: ["/ad/media.m3u8", "/ad/media.m3u8"] },
    ] as const;
    const { places, text, viewing } = await play({ breaks, ...ALL_AT_ONCE });
    expect(places()).toEqual([
      ["vast", 8, 8],
      ["hls", 60, 68],
    ]);
    expect(uris(text).slice(-4)).toEqual(["ad-0.ts", "ad-1.ts", "ad-0.ts", "ad-1.ts"]);
    expect(viewing.skips).toEqual([]);
  });
});

describe("cues in VOD", () => {
  const options = { signaling: "manifest-cues", adTagUrl: "/ads/vast", ...ALL_AT_ONCE } as const;

  test("count for nothing where the ad server places the breaks", async () => {
    const { text, places } = await play({ adTagUrl: "/ads/vast" }, {}, CUED);
    expect(places().map(([id]) => id)).toEqual(["preroll"]);
    expect(uris(text).filter((uri) => uri.startsWith("content"))).toHaveLength(15);
  });

  test("give way to their ads, up to their return or for their length; a pre-roll is inserted", async () => {
    const { text, asked } = await play(options, {}, CUED);
    expect(uris(text)).toEqual(
      ["ad-0", "ad-1", "content-0", "content-1", "ad-0", "ad-1", "content-4", "content-5", "content-6", "content-7"]
        .concat(["ad-0", "ad-1", "content-11", "content-12", "content-13", "content-14"])
        .map((name) => `${name}.ts`),
    );
    expect(asked()).toEqual([
      "GET /ads/vast?break=preroll",
      "GET /ads/vast?break=first&duration=8",
      "GET /ads/vast?break=second&duration=12",
    ]);
  });

  test("content time goes over what gave way, and comes back to the same place", async () => {
    const { viewing } = await play(options, {}, CUED);
    const { toContentTime, toStreamTime } = viewing.parts;
    // the pre-roll, the first content, the first avail's ads, what follows
    expect([4, 10, 20, 25].map(toContentTime)).toEqual([0, 2, 8, 17]);
    expect([2, 12, 17].map(toStreamTime)).toEqual([10, 24, 25]);
  });

  test("stay content where no ad comes", async () => {
    const { text, viewing } = await play(options, { "/ads/vast": { text: '<VAST version="4.2"/>' } }, CUED);
    expect(text).toBe(CUED);
    expect(viewing.skips.map(({ breakId, reason }) => [breakId, reason])).toEqual([
      ["preroll", "no-ads"],
      ["first", "no-ads"],
      ["second", "no-ads"],
    ]);
  });

  test("of another dialect than cueFormat names are none", async () => {
    const { asked } = await play({ ...options, cueFormat: "DPISimple" }, {}, CUED);
    expect(asked()).toEqual(["GET /ads/vast?break=preroll", "GET /ads/vast?break=second&duration=12"]);
  });

  test("hand the attributes of their EXT-X-ASSET to the tag", async () => {
    const { asked } = await play({ ...options, adTagUrl: "/ads/vast?id=[#CAID]&genre=[#GENRE]&no=[#OTHER]" }, {}, CUED);
    expect(asked()[1]).toBe("GET /ads/vast?id=16&genre=news%2520%26%2520talk&no=&break=first&duration=8");
  });

  test("ads that their avail has no room for are left out", async () => {
    const { viewing, text } = await play(options, { "/ads/vast": { text: PAIR } }, CUED);
    expect(uris(text).filter((uri) => uri.startsWith("ad"))).toHaveLength(4 + 2 + 2);
    expect(viewing.skips.map(({ breakId, adId, reason }) => [breakId, adId, reason])).toEqual([
      ["first", "two", "break-duration-exceeded"],
      ["second", "two", "break-duration-exceeded"],
    ]);
  });

  test("a break within an avail that gives way is dropped, with its reason", async () => {
    const { viewing, places } = await play({ ...options, breaks: [{ id: "own", time: 12, vast: VAST }] }, {}, CUED);
    expect(places().map(([id]) => id)).toEqual(["preroll", "first", "second"]);
    expect(viewing.skips[0]).toMatchObject({
      breakId: "own",
      reason: "policy",
      message: "break own: it starts within break first",
    });
  });
});

describe("time ranges", () => {
  const ranges = [
    { begin: 8, end: 16, replacementDuration: 9 },
    { begin: 40, end: 60, replacementDuration: 0 },
  ];

  test("delete: the content goes, the map's breaks stay where they were meant", async () => {
    const vmap = formatVmap([
      { at: "00:00:12", id: "inside", vast: VAST },
      { at: "00:00:20", id: "after", vast: VAST },
    ]);
    const options = { adTagUrl: "/ads/vmap", timeRanges: { type: "delete", ranges }, ...ALL_AT_ONCE } as const;
    const { text, viewing } = await play(options, { "/ads/vmap": { text: vmap } });
    expect(uris(text)).toEqual(
      ["content-0", "content-1", "ad-0", "ad-1", "content-4", "ad-0", "ad-1", "content-5", "content-6", "content-7"]
        .concat(["content-8", "content-9"])
        .map((name) => `${name}.ts`),
    );
    expect(viewing.parts.breaks().map(({ breakId }) => breakId)).toEqual(["inside", "after"]);
    expect(viewing.parts.toContentTime(18)).toBe(18);
  });

  test("delete: a returning viewer begins where the content lies now", async () => {
    const { text } = await play({ timeRanges: { type: "delete", ranges }, startContentTime: 36 });
    expect(text).toContain("#EXT-X-START:TIME-OFFSET=28.000,PRECISE=YES");
  });

  test("delete: no ad tag is needed", async () => {
    const { text } = await play({ timeRanges: { type: "delete", ranges } });
    expect(uris(text)).toHaveLength(15 - 2 - 5);
  });

  test("replace: a break stands for each, as long as it says; 0 s: none", async () => {
    const options = { adTagUrl: "/ads/vast", timeRanges: { type: "replace", ranges }, ...ALL_AT_ONCE } as const;
    const { text, asked, places } = await play(options, { "/ads/vast": { text: PAIR } });
    expect(asked()).toEqual(["GET /ads/vast?break=range-1&duration=9"]);
    expect(uris(text)).toEqual(
      ["content-0", "content-1", "ad-0", "ad-1", "content-4", "content-5", "content-6", "content-7", "content-8"]
        .concat(["content-9"])
        .map((name) => `${name}.ts`),
    );
    expect(places().map(([id, time]) => [id, time])).toEqual([
      ["range-1", 8],
      ["removed-1", 8],
      ["removed-2", 40],
    ]);
  });

  test("replace: the content goes also where no ad comes", async () => {
    const options = { adTagUrl: "/ads/none", timeRanges: { type: "replace", ranges } } as const;
    expect(uris((await play(options)).text)).toHaveLength(15 - 2 - 5);
  });

  test("mark: they are told, and nobody is asked for ads", async () => {
    const breaks = [{ time: "start", vast: VAST }] as const;
    const { text, asked, viewing } = await play({
      adTagUrl: "/ads/vast",
      breaks,
      timeRanges: { type: "mark", ranges },
    });
    expect(text).toBe(CONTENT);
    expect(asked()).toEqual([]);
    const told: number[] = [];
    viewing.on("rangestart", ({ index }) => told.push(index));
    for (const time of [7, 9, 50]) viewing.session.advance(time);
    expect(told).toEqual([0, 1]);
  });
});

test("signaling custom-ranges asks for no map", async () => {
  const { asked, text } = await play({ adTagUrl: "/ads/vast", signaling: "custom-ranges" }, {}, CUED);
  expect([asked(), text]).toEqual([[], CUED]);
});

describe("resolving ahead of the viewer", () => {
  const at = (...times: readonly string[]): Readonly<Record<string, Answer>> => ({
    "/ads/vmap": { text: formatVmap(times.map((time) => ({ at: time, id: time.slice(-2), tag: `${HOST}/ads/vast` }))) },
  });
  const options = { adTagUrl: "/ads/vmap" } as const;
  const breaksOf = ({ asked }: Played): readonly string[] =>
    asked().flatMap((request) => request.match(/(?<=break=)\d+/) ?? []);

  test("asks at the start for the breaks of its first ten seconds alone", async () => {
    expect(breaksOf(await play(options, at("00:00:09", "00:00:11", "00:00:40")))).toEqual(["09"]);
  });

  test("asks for a break 5 s, the buffer and a target duration before it", async () => {
    const played = await play(options, at("00:00:40"), CONTENT, { bufferAhead: () => 12 });
    played.viewing.session.advance(40 - 5 - 12 - 4 - 0.1);
    expect(breaksOf(played)).toEqual([]);
    played.viewing.session.advance(40 - 5 - 12 - 4);
    await vi.advanceTimersByTimeAsync(10);
    expect(breaksOf(played)).toEqual(["40"]);
    expect(played.viewing.session.vod()?.undecided()).toEqual([{ contentTime: 40, isReady: true }]);
    expect(played.viewing.lateChanges()).toBe(1);
  });

  test("asks once, however often the viewer comes by", async () => {
    const played = await play(options, at("00:00:40"));
    for (const time of [38, 39, 10, 39]) played.viewing.session.advance(time);
    await vi.advanceTimersByTimeAsync(10);
    expect(breaksOf(played)).toEqual(["40"]);
  });

  test("a seek asks for the nearest break that it goes over", async () => {
    const played = await play(options, at("00:00:20", "00:00:30", "00:00:59"));
    played.viewing.session.advance(1);
    played.viewing.session.advance(45);
    await vi.advanceTimersByTimeAsync(10);
    expect(breaksOf(played)).toEqual(["30"]);
  });

  test("a returning viewer has the breaks there asked for, not those of the beginning", async () => {
    const startContentTime = 30;
    expect(breaksOf(await play({ ...options, startContentTime }, at("00:00:08", "00:00:36", "00:00:55")))).toEqual([
      "36",
    ]);
  });

  test("lookAhead says how far, false means all at once", async () => {
    const near = await play({ ...options, lookAhead: 30 }, at("00:00:33", "00:00:35"));
    expect(breaksOf(near)).toEqual(["33"]);
    expect(breaksOf(await play({ ...options, lookAhead: false }, at("00:00:33", "00:00:50")))).toEqual(["33", "50"]);
  });

  test("a player that asks for its playlist once gets every break with it", async () => {
    const { text } = await play(options, at("00:00:40", "00:00:52"), CONTENT, { canBindLate: false });
    expect(uris(text).filter((uri) => uri.startsWith("ad"))).toHaveLength(4);
  });

  test("the start does not wait for a break that is not asked for yet", async () => {
    const web = createFakeWeb({ ...ANSWERS, ...at("00:00:40") });
    const viewing = startViewing(web, options);
    const playing = viewing.play(CONTENT);
    await vi.advanceTimersByTimeAsync(1);
    expect(await playing).toBe(CONTENT);
  });
});

describe("the next break in a request to a relay", () => {
  const RELAY = `${HOST}/ads/vast?zone=1`;
  const map = (tags: Readonly<Record<string, string>>): Readonly<Record<string, Answer>> => ({
    "/ads/vmap": {
      text: formatVmap(Object.entries(tags).map(([at, tag]) => ({ at: `00:00:${at}`, id: at, tag }))),
    },
  });
  const options = { adTagUrl: "/ads/vmap" } as const;
  const askedFor = async (
    tags: Readonly<Record<string, string>>,
    more: Partial<AdInsertionOptions> = {},
    player: ViewingPlayer = {},
  ): Promise<readonly string[]> => {
    const played = await play({ ...options, ...more }, map(tags), CONTENT, player);
    for (const time of [5, 20, 40, 55]) {
      played.viewing.session.advance(time);
      await vi.advanceTimersByTimeAsync(10);
    }
    return played.asked().flatMap((request) => request.match(/(?<=&)break=.*/) ?? []);
  };

  test("is named where it will be asked for within the minute for which a relay keeps an answer", async () => {
    expect(await askedFor({ "09": RELAY, 25: RELAY, 59: RELAY })).toEqual([
      "break=09&prefetch=break%3D25",
      "break=25",
      "break=59",
    ]);
  });

  test("is the one after those that are asked for together", async () => {
    expect(await askedFor({ "05": RELAY, "09": RELAY, 22: RELAY })).toEqual([
      "break=05",
      "break=09&prefetch=break%3D22",
      "break=22",
    ]);
  });

  test("is not named where all are asked for at once", async () => {
    const tags = { "09": RELAY, 25: RELAY };
    const each = ["break=09", "break=25"];
    expect((await askedFor(tags, ALL_AT_ONCE)).toSorted()).toEqual(each);
    expect((await askedFor(tags, {}, { canBindLate: false })).toSorted()).toEqual(each);
  });

  test.each([
    ["it has a tag of its own", RELAY, `${RELAY}&x=1`],
    ["the tag is of no relay", `${HOST}/ads/vast?z=1`, `${HOST}/ads/vast?z=1`],
    ["the tag names a line item", `${RELAY}&li=one`, `${RELAY}&li=one`],
    ["the tag has a macro, which will have another value", `${RELAY}&at=[TIMESTAMP]`, `${RELAY}&at=[TIMESTAMP]`],
  ])("is not named where %s", async (_why, tag, next) => {
    const asked = await askedFor({ "09": tag, 25: next });
    expect([asked.length, asked.filter((request) => request.includes("prefetch"))]).toEqual([2, []]);
  });

  test("a macro against caches is no reason to leave it out", async () => {
    const tag = `${RELAY}&cb=[CACHEBUSTING]`;
    expect((await askedFor({ "09": tag, 25: tag }))[0]).toBe("break=09&prefetch=break%3D25");
  });

  test("of cues, its length is named too, and the room of the break before counts as time", async () => {
    const first = async (segment: number): Promise<string | undefined> => {
      const cues = withLines({
        2: "#EXT-X-CUE-OUT:ID=one,DURATION=8",
        4: "#EXT-X-CUE-IN:ID=one",
        [segment]: "#EXT-X-CUE-OUT:ID=two,DURATION=4",
        [segment + 1]: "#EXT-X-CUE-IN:ID=two",
      });
      const { asked } = await play({ adTagUrl: RELAY, signaling: "manifest-cues" }, {}, cues);
      return asked().find((request) => request.includes("duration="));
    };
    expect(await first(12)).toMatch(/&duration=8&prefetch=break%3D[\w-]+%26duration%3D4$/);
    expect(await first(13)).toMatch(/&duration=8$/);
  });
});

test("a break of the ad tag and one of the page's own that have one name are two breaks", async () => {
  const { viewing } = await play(
    { adTagUrl: "/ads/vmap", breaks: [{ id: "break-1", time: 20, adTagUrl: "/ads/vast" }] },
    { "/ads/vmap": { text: formatVmap([{ at: "start", id: "break-1", vast: VAST }]) } },
  );
  expect(viewing.session.entries().map(({ planned }) => planned.breakId)).toEqual(["break-1", "break-1-2"]);
});

test("two ads of one pod that share their error URL fail twice", async () => {
  const url = `${HOST}/error?number=[ERRORCODE]`;
  const ads = ["one", "two"].map((id, index) =>
    formatVast({ id, sequence: index + 1, type: "video/3gpp" }).replace(/<Error>.*<\/Error>/, `<Error>${url}</Error>`),
  );
  const vast = ads
    .join("")
    .replaceAll(/<\/VAST><VAST[^>]*>/g, "")
    .replaceAll(/ id="(?:one|two)"/g, "");
  const { viewing, beacons } = await play({ adTagUrl: "/ads/vast" }, { "/ads/vast": { text: vast } });
  expect(viewing.skips.map(({ vastError }) => vastError)).toEqual([403, 403]);
  expect(beacons.filter((sent) => sent.includes("/error"))).toHaveLength(2);
});

describe("one break", () => {
  const pod = (count: number): Required<AdInsertionOptions>["breaks"] => {
    const ads = Array.from({ length: count }, (_, index) => ({
      id: `ad-${index}`,
      sequence: index + 1,
      type: "application/x-mpegURL" as const,
      url: `${HOST}/ad/media.m3u8`,
    }));
    return [{ id: "pre", time: "start", vast: formatVast(...ads) }];
  };
  const skipped = ({ viewing }: Played): readonly (readonly [string | undefined, string])[] =>
    viewing.skips.map(({ adId, reason }) => [adId, reason]);

  test("has ten ads at the most, where the page says nothing else", async () => {
    const played = await play({ breaks: pod(12) });
    expect(uris(played.text).filter((uri) => uri.startsWith("ad"))).toHaveLength(10 * 2);
    expect(skipped(played)).toEqual([
      ["ad-10", "break-duration-exceeded"],
      ["ad-11", "break-duration-exceeded"],
    ]);
  });

  test("has as many ads as the page says, and lasts no longer", async () => {
    expect(skipped(await play({ breaks: pod(2), maxAds: 1 }))).toEqual([["ad-1", "break-duration-exceeded"]]);
    expect(skipped(await play({ breaks: pod(2), maxBreakDuration: 12 }))).toEqual([
      ["ad-1", "break-duration-exceeded"],
    ]);
    expect(skipped(await play({ breaks: pod(2), maxBreakDuration: 16 }))).toEqual([]);
  });

  test("asks for none of the ads that it has no room for by their number", async () => {
    const [one, two] = ["one", "two"].map((id, index) => ({
      id,
      sequence: index + 1,
      type: "application/x-mpegURL" as const,
      url: `${HOST}/ad/${id === "one" ? "media" : id}.m3u8`,
    }));
    if (!one || !two) throw new Error("expected two ads");
    // whoever asks for the second finds that it is not there
    const played = await play({ breaks: [{ id: "pre", time: "start", vast: formatVast(one, two) }], maxAds: 1 });
    expect(skipped(played)).toEqual([["two", "break-duration-exceeded"]]);
  });

  test("lasts as long as its own cue says", async () => {
    const options = { adTagUrl: "/ads/vast", signaling: "manifest-cues", maxBreakDuration: 1 } as const;
    const { places } = await play({ ...options, ...ALL_AT_ONCE }, {}, CUED);
    expect(places().map(([id]) => id)).toEqual(["first", "second"]);
  });
});
