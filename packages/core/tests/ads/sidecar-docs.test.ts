import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  buildSidecar,
  formatAdFragment,
  formatMarker,
  formatPodFragment,
  parseMarker,
  type SidecarInput,
} from "@interlude/core";
import { expect, test } from "vitest";

/** One 10-second ad at 8 s; another one was new. */
const EXAMPLE: SidecarInput = {
  startTime: 0,
  endTime: 26,
  signals: [{ startTime: 8, date: undefined, tagName: "EXT-X-CUE-OUT", attributes: { DURATION: "20", ID: "mid-1" } }],
  breaks: [
    {
      breakId: "mid-1",
      startTime: 8,
      duration: 10,
      trackers: [
        { event: "breakStart", url: "https://t.example/break?e=start", time: undefined },
        { event: "breakEnd", url: "https://t.example/break?e=end", time: undefined },
      ],
      skipped: [{ adId: "ad-2", adSystem: "Example Ads", creativeId: "c-2", reason: "new-creative" }],
      ads: [
        {
          adId: "ad-1",
          adSystem: "Example Ads",
          title: "Tea & biscuits",
          creativeId: "c-1",
          sequence: 1,
          startTime: 8,
          duration: 10,
          playlistUrl: "https://cdn.example/c-1.m3u8",
          trackers: [
            { event: "impression", url: "https://t.example/ad-1?e=impression&cb=[CACHEBUSTING]", time: 0 },
            { event: "firstQuartile", url: "https://t.example/ad-1?e=25", time: 2.5 },
            { event: "complete", url: "https://t.example/ad-1?e=100", time: 10 },
          ],
          errors: [],
          clickThrough: "https://shop.example/",
          clickTrackers: [],
          companions: [],
          wrapperAdIds: [],
        },
      ],
    },
  ],
};

/** The code blocks of docs/tracking.md under a heading. */
function blockUnder(heading: string): string {
  const text = readFileSync(join(import.meta.dirname, "../../../../docs/tracking.md"), "utf8");
  const section = text.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  return /^```\w*\n([^]*?)^```$/m.exec(section)?.[1] ?? "";
}

test.each([
  ["v1", "JSON v1"],
  ["v2", "JSON v2"],
  ["v3", "JSON v3"],
] as const)("the manual's example of %s is what is written", (version, heading) => {
  expect(JSON.parse(blockUnder(heading))).toStrictEqual(JSON.parse(buildSidecar(version, EXAMPLE).body));
});

test("the manual's example of VMAP is what is written, but for white space", () => {
  const bare = (xml: string): string => xml.replace(/>\s+/g, ">").replace(/\s+/g, " ").trim();
  expect(bare(blockUnder("VMAP"))).toBe(bare(buildSidecar("vmap", EXAMPLE).body));
});

test("the manual's example of EXT-X-MARKER is what is written", () => {
  const [entry] = EXAMPLE.breaks;
  const [ad] = entry?.ads ?? [];
  if (!entry || !ad) throw new Error("expected a break with an ad");
  const lines = blockUnder("EXT-X-MARKER")
    .split("\n")
    .filter((line) => line.startsWith("#EXT-X-MARKER"));
  const pod = formatPodFragment(entry);
  const data = [pod, formatAdFragment({ ...ad, startTime: 0 }), pod];
  const expected = [
    { id: "mid-1-begin", type: "PodBegin", duration: 10, count: 1, breakDuration: 10 },
    { id: "mid-1-ad-0", type: "AdBegin", duration: 10 },
    { id: "mid-1-end", type: "PodEnd", duration: 0, offset: 2 },
  ] as const;
  expect(lines.map((line) => parseMarker(line.replaceAll("…", "")))).toMatchObject(expected);
  const starts = expected.map((marker, index) => {
    return /DATA="(.{12})/.exec(formatMarker({ ...marker, data: data[index] }))?.[1];
  });
  expect(lines.map((line) => /DATA="([^…]+)…"/.exec(line)?.[1])).toEqual(starts);
});
