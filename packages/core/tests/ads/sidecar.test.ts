import { buildSidecar, type SidecarBreak, type SidecarCompanion } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { sidecarAd, sidecarBreak, sidecarInput } from "./sidecar-fixture.ts";

const readV1 = (breaks: readonly SidecarBreak[]): unknown => JSON.parse(buildSidecar("v1", sidecarInput(breaks)).body);
const readV2 = (breaks: readonly SidecarBreak[]): unknown => JSON.parse(buildSidecar("v2", sidecarInput(breaks)).body);
const auditude = (startTime: number, event: string, url: string) => ({ startTime, adSystems: "Auditude", event, url });

const COMPANION: SidecarCompanion = {
  id: "103",
  width: 300,
  height: 250,
  resourceType: "static",
  mimeType: "image/jpeg",
  resource: "https://cdn.example/103.jpg",
  clickThrough: "https://shop.example/103",
  trackers: [{ event: "creativeView", url: "https://t.example/103", time: undefined }],
};

describe("v1", () => {
  test("groups URLs by time, without event names, in the order of time", () => {
    const ads = [sidecarAd("b", 228, { trackers: [{ event: "start", url: "https://t.example/b", time: 0 }] })];
    const before = sidecarAd("a", 213, {
      trackers: [
        { event: "complete", url: "https://t.example/a-end", time: 15 },
        { event: "start", url: "https://t.example/a", time: 0 },
      ],
    });
    expect(readV1([{ ...sidecarBreak("2", 213, [...ads, before]), trackers: [] }])).toStrictEqual({
      start: 0,
      end: 362.508,
      adtracking: [
        { time: 213, trackingurls: [{ adsystem: "Auditude", url: "https://t.example/a" }] },
        {
          time: 228,
          trackingurls: [
            { adsystem: "Auditude", url: "https://t.example/b" },
            { adsystem: "Auditude", url: "https://t.example/a-end" },
          ],
        },
      ],
    });
  });

  test("leaves out what only the viewer causes, since every URL in it is requested when its time comes", () => {
    const body = JSON.stringify(readV1([sidecarBreak("0", 0, [sidecarAd("a", 0, { companions: [COMPANION] })])]));
    expect(body).toContain("e=thirdQuartile");
    expect(body).not.toMatch(/e=mute|e=click|e=error|t\.example\/103/);
  });
});

describe("v2", () => {
  test("has the members and spellings that Primetime clients read, and no others", () => {
    const ad = sidecarAd("a", 213, { companions: [COMPANION] });
    const url = (event: string): string => `https://t.example/a?e=${event}&t=[TIMESTAMP]`;
    expect(readV2([sidecarBreak("2", 213, [ad])])).toStrictEqual({
      startTime: 0,
      endTime: 362.508,
      pods: [
        {
          id: "2",
          startTime: 213,
          duration: 15,
          ads: [
            {
              id: "a",
              startTime: 213,
              duration: 15,
              companions: [
                {
                  id: "103",
                  width: 300,
                  height: 250,
                  resourceType: "static",
                  mimeType: "image/jpeg",
                  url: "https://cdn.example/103.jpg",
                  trackingUrls: [
                    auditude(213, "creativeView", "https://t.example/103"),
                    auditude(213, "clickThrough", "https://shop.example/103"),
                  ],
                },
              ],
              trackingUrls: [
                auditude(213, "impression", url("impression")),
                auditude(213, "start", url("start")),
                auditude(216.75, "first", url("firstQuartile")),
                auditude(220.5, "midpoint", url("midpoint")),
                auditude(224.25, "third", url("thirdQuartile")),
                auditude(228, "complete", url("complete")),
              ],
              videoClicks: [
                { adSystems: "Auditude", event: "clickThrough", url: "https://shop.example/" },
                { adSystems: "Auditude", event: "clickTracking", url: url("click") },
              ],
            },
          ],
          trackingUrls: [
            auditude(213, "start", "https://t.example/2?e=breakStart"),
            auditude(228, "complete", "https://t.example/2?e=breakEnd"),
          ],
        },
      ],
    });
  });

  test("writes videoClicks right after trackingUrls", () => {
    const ad = sidecarAd("a", 0, { trackers: [], clickThrough: undefined, clickTrackers: [] });
    const { body } = buildSidecar("v2", sidecarInput([sidecarBreak("2", 0, [ad])]));
    expect(body).toContain('"companions":[],"trackingUrls":[],"videoClicks":[]}]');
  });

  test("lists cues with scteTracking alone, those before the window with a negative offset", () => {
    const signals = [
      { startTime: 31.03, date: undefined, tagName: "EXT-X-SCTE35", attributes: { ID: "2", CUE: "/DA0" } },
      { startTime: -4.5, date: 1_700_000_000.5, tagName: "EXT-X-CUE", attributes: { ID: "1" } },
    ];
    const { body } = buildSidecar("v2", { ...sidecarInput([]), signals });
    expect(JSON.parse(body)).toStrictEqual({
      startTime: 0,
      endTime: 362.508,
      scte35: [
        { offset: -4.5, programDateTime: 1_700_000_000.5, tagName: "EXT-X-CUE", tagAttributes: { ID: "1" } },
        { offset: 31.03, programDateTime: 31.03, tagName: "EXT-X-SCTE35", tagAttributes: { ID: "2", CUE: "/DA0" } },
      ],
      pods: [],
    });
  });

  test("puts pods and ads in the order of their times, and cuts what sums of durations add", () => {
    const late = sidecarBreak("late", 0.1 + 0.2, [sidecarAd("y", 15.3), sidecarAd("x", 0.1 + 0.2)]);
    expect(readV2([late, sidecarBreak("left", -20, [sidecarAd("w", -20)])])).toMatchObject({
      pods: [
        { id: "left", startTime: -20, ads: [{ id: "w", startTime: -20 }] },
        { id: "late", startTime: 0.3, ads: [{ id: "x", startTime: 0.3 }, { id: "y" }] },
      ],
    });
  });

  test("lets complete be due when the spliced ad ends, whatever its VAST said", () => {
    const ad = sidecarAd("a", 100, { duration: 15.04 });
    const shorter = sidecarAd("b", 200, { duration: 14.96 });
    expect(readV2([sidecarBreak("0", 100, [ad, shorter])])).toMatchObject({
      pods: [
        {
          ads: [
            { trackingUrls: [{}, {}, {}, {}, {}, { event: "complete", startTime: 115.04 }] },
            { trackingUrls: [{}, {}, {}, {}, {}, { event: "complete", startTime: 214.96 }] },
          ],
        },
      ],
    });
  });

  test("says of each ad that is not there why, with its VAST error number", () => {
    const skipped = [
      { adId: "new", adSystem: "Other", creativeId: "c", reason: "new-creative" },
      { adId: undefined, adSystem: "", creativeId: undefined, reason: "policy" },
    ] as const;
    expect(readV2([{ ...sidecarBreak("0", 0, []), skipped }])).toMatchObject({
      pods: [
        {
          ads: [],
          skipped: [
            { adId: "new", adSystem: "Other", creativeId: "c", reason: "new-creative", vastError: 407 },
            { adSystem: "", reason: "policy" },
          ],
        },
      ],
    });
  });
});
