import { describe, expect, test } from "vitest";
import { type OpportunityOptions, parseOpportunityOptions } from "../src/opportunity-options.ts";

type Options = Parameters<typeof parseOpportunityOptions>[0];
const parse = (options: Options): ReturnType<typeof parseOpportunityOptions> =>
  parseOpportunityOptions(options, "https://site.example/page/");

describe("time ranges", () => {
  test("are sorted; those that overlap are one, with the replacement of the earliest", () => {
    const ranges = [
      { begin: 30, end: 50, replacementDuration: 5 },
      { begin: 0, end: 15, replacementDuration: 25 },
      { begin: 60, end: 70 },
      { begin: 10, end: 40, replacementDuration: 1 },
    ];
    expect(parse({ timeRanges: { type: "replace", ranges } }).timeRanges?.ranges).toEqual([
      { begin: 0, end: 50, replacementDuration: 25 },
      { begin: 60, end: 70 },
    ]);
  });

  test("that only touch stay apart", () => {
    const ranges = [
      { begin: 0, end: 15 },
      { begin: 15, end: 20 },
    ];
    expect(parse({ timeRanges: { type: "mark", ranges } }).timeRanges?.ranges).toEqual(ranges);
  });
});

describe("a break of the page's list", () => {
  test("has a name of its own", () => {
    const breaks = [
      { id: "mid", time: 10 },
      { id: "mid", time: 20 },
    ];
    expect(() => parse({ breaks })).toThrow('breaks[1].id: expected a name of its own, got "mid"');
  });

  test("carries its VAST, its HLS addresses or its tag, in this order", () => {
    const sources = [
      { vast: "<VAST/>", hlsUrls: ["/a.m3u8"], adTagUrl: "/ads" },
      { hlsUrls: ["/a.m3u8"], adTagUrl: "/ads" },
      { adTagUrl: "/ads" },
      {},
    ];
    const { breaks } = parse({ breaks: sources.map((source) => ({ time: 1, ...source })) });
    expect(breaks.map(({ ads }) => ads?.kind)).toEqual(["vast", "hls", "tag", undefined]);
  });

  test("has of its HLS addresses the first 30, as of the ads of a VAST document", () => {
    const hlsUrls = Array.from({ length: 10_000 }, (_, index) => (index < 30 ? `/${index}.m3u8` : "data:x"));
    const [found] = parse({ breaks: [{ time: 1, hlsUrls }] }).breaks;
    expect(found?.ads?.kind === "hls" && found.ads.urls.map(({ pathname }) => pathname)).toEqual(hlsUrls.slice(0, 30));
  });

  test("is named by its place in the list where it has no name", () => {
    const { breaks } = parse({ breaks: [{ time: "start" }, { id: "own", time: 1 }, { time: "end" }] });
    expect(breaks.map(({ id }) => id)).toEqual(["break-1", "own", "break-3"]);
  });
});

test("a live pre-roll without ads of its own is asked for by the ad tag", () => {
  const { livePreroll } = parse({ livePreroll: true, adTagUrl: "/ads" });
  expect(livePreroll).toEqual({ ads: { kind: "tag", url: new URL("https://site.example/ads") } });
});

const WRONG: readonly (readonly [name: string, options: object])[] = [
  ["signaling", { signaling: "cues" }],
  ["lookAhead", { lookAhead: -1 }],
  ["lookAhead", { lookAhead: true }],
  ["maxAds", { maxAds: 0 }],
  ["maxBreakDuration", { maxBreakDuration: Infinity }],
  ["livePreroll.adTagUrl", { livePreroll: { adTagUrl: "ftp://x" } }],
  ["breaks[0].time", { breaks: [{ time: -1 }] }],
  ["breaks[0].hlsUrls[1]", { breaks: [{ time: 1, hlsUrls: ["/a.m3u8", "data:x"] }] }],
  ["timeRanges.type", { timeRanges: { type: "remove", ranges: [] } }],
  ["timeRanges.ranges[0].end", { timeRanges: { type: "delete", ranges: [{ begin: 5, end: 5 }] } }],
  ["timeRanges.ranges[0].begin", { timeRanges: { type: "delete", ranges: [{ begin: Number.NaN, end: 5 }] } }],
  [
    "timeRanges.ranges[0].replacementDuration",
    { timeRanges: { type: "replace", ranges: [{ begin: 0, end: 5, replacementDuration: -1 }] } },
  ],
];

test.each(WRONG)("%s is refused by name in %j", (name, options: OpportunityOptions) => {
  expect(() => parse(options)).toThrow(
    expect.objectContaining({ code: "option-invalid", message: expect.stringContaining(`${name}: expected`) }),
  );
});
