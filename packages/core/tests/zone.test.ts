import {
  type Creative,
  type JitPorts,
  type MediaFile,
  normaliseCreativeUrl,
  parseZoneDocument,
  resolveCreative,
} from "@interlude/core";
import { describe, expect, test } from "vitest";

const BASE = new URL("https://host.example/v1/zones/1.json");
const DOCUMENT = { zone: "1", cdns: { a: "https://cdn.example/" }, defaultCdn: "a" };

function mediaFile(url: string, type: string): MediaFile {
  const unset = { id: undefined, width: undefined, height: undefined, bitrateKbps: undefined, codec: undefined };
  return { url, type, delivery: "progressive", ...unset, apiFramework: undefined, fileSize: undefined };
}

describe("the rules of a zone", () => {
  test.each([
    ["eq", ["v.cdn.example"], true],
    ["eq", ["cdn.example"], false],
    ["ne", ["cdn.example"], true],
    ["ne", ["other.example", "v.cdn.example"], false],
    ["co", ["nothing", "cdn"], true],
    ["co", ["nothing"], false],
    ["nc", ["nothing"], true],
    ["nc", ["nothing", "cdn"], false],
    ["sw", ["v."], true],
    ["sw", ["cdn."], false],
    ["ew", [".example"], true],
    ["ew", ["cdn"], false],
  ])("match the host by six operators: %s %j", (matches, values, isMatch) => {
    const rule = { host: { matches, values }, find: "[?]expire=\\d+", replace: "" };
    const { normalise } = parseZoneDocument({ ...DOCUMENT, normalise: [rule] }, BASE);
    const url = "https://v.cdn.example/spot.mp4";
    expect(normaliseCreativeUrl(`${url}?expire=17`, normalise)).toBe(isMatch ? url : `${url}?expire=17`);
  });

  test("apply in their order, each to the result of the one before", () => {
    const host = { matches: "co", values: ["example"] };
    const normalise = [
      { host, find: "/v(\\d)/", replace: "/version-$1/" },
      { host, find: "version-", replace: "" },
    ];
    const zone = parseZoneDocument({ ...DOCUMENT, normalise }, BASE);
    expect(normaliseCreativeUrl("https://a.example/v3/x.mp4", zone.normalise)).toBe("https://a.example/3/x.mp4");
  });

  test("say which types of media files come first, and which are not used", async () => {
    const creative: Creative = {
      id: "c",
      adId: undefined,
      universalAdIds: [],
      duration: 10,
      skipOffset: undefined,
      mediaFiles: [
        mediaFile("https://ads.example/a.m3u8", "application/x-mpegurl"),
        mediaFile("https://ads.example/a.webm", "video/webm"),
        mediaFile("https://ads.example/a.mp4", "video/mp4"),
      ],
      mezzanines: [],
      interactiveOnly: false,
      adParameters: undefined,
      trackers: [],
      clickThrough: undefined,
      clickTrackers: [],
      icons: [],
    };
    const ask = async (mediaTypes: readonly string[]): Promise<readonly string[]> => {
      const asked: string[] = [];
      const ports: JitPorts = {
        probe: async () => "miss",
        requestRepackage: async ({ creativeUrl, key }) => {
          asked.push(creativeUrl);
          return { outcome: "accepted", state: "absent", key };
        },
      };
      const zone = parseZoneDocument({ ...DOCUMENT, mediaTypes }, BASE);
      const needs = { packaging: "hls", targetDuration: 6, isLive: false } as const;
      await resolveCreative(creative, { zone, cdnBase: new URL("https://cdn.example/"), needs }, ports);
      return asked;
    };
    expect(await ask([])).toEqual([]);
    expect(await ask(["video/webm", "video/mp4"])).toEqual(["https://ads.example/a.webm"]);
    expect(await ask(["VIDEO/MP4", "application/x-mpegurl"])).toEqual(["https://ads.example/a.mp4"]);
  });
});
