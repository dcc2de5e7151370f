import { type Ad, type Creative, parseVast, type PlacedBreak, readXml } from "@interlude/core";
import { parseXml } from "@interlude/server/xml";
import { describe, expect, test } from "vitest";
import { createMacroFiller } from "../../src/ads/macro-values.ts";
import { createBeaconSender } from "../../src/viewing/beacons.ts";
import { createEmitter } from "../../src/events.ts";
import type { ReadyAd } from "../../src/insertion.ts";
import { createPlayback, type Playback } from "../../src/viewing/playback.ts";
import type { BreakEntry } from "../../src/ads/break-entry.ts";
import { createTimeline, toContentTime } from "../../src/viewing/timeline.ts";
import { listFragments } from "../fake-engine.ts";
import { formatVast } from "../fake-web.ts";

const FILLER = createMacroFiller({
  session: "viewer-1",
  macros: {},
  consentTimeoutMs: 500,
  player: () => undefined,
  media: () => null,
  contentUrl: () => undefined,
  start: () => undefined,
});
const PLAYLIST = "https://site.example/720.m3u8";

function readAd(id: string): { readonly ad: Ad; readonly creative: Creative } {
  const [found] = parseVast(readXml(formatVast({ id }), parseXml)).ads;
  const creative = found?.ad.creatives[0];
  if (!found || !creative) throw new Error("expected an ad with a creative");
  return { ad: found.ad, creative };
}

interface Watching extends Playback {
  readonly events: readonly string[];
  readonly beacons: readonly string[];
  /** Plays frames of 40 ms from one time to another. */
  readonly playTo: (time: number) => void;
  readonly seekTo: (time: number) => void;
  readonly hide: () => void;
}

/** 8 s of content, a mid-roll of two ads of 8 s, 8 s of content; segments of 4 s. */
function watch(): Watching {
  const events: string[] = [];
  const beacons: string[] = [];
  const timeline = createTimeline();
  const placedAd = (index: number): PlacedBreak["ads"][number] => ({
    breakId: "mid",
    adId: String(index),
    index,
    startTime: 8 + index * 8,
    duration: 8,
    firstMediaSequence: 2 + index * 2,
    segmentCount: 2,
  });
  const placed = { breakId: "mid", contentTime: 8, startTime: 8, duration: 16, firstMediaSequence: 2 };
  timeline.setDetails(
    listFragments(
      PLAYLIST,
      Array.from({ length: 8 }, () => 4),
    ),
  );
  timeline.setBreaks(PLAYLIST, [{ ...placed, ads: [placedAd(0), placedAd(1)] }], true);
  const ready = (id: string): ReadyAd => ({
    ...readAd(id),
    mediaUrl: `https://cdn.example/${id}.m3u8`,
    renditions: [],
    duration: 8,
  });
  const entry: BreakEntry = {
    planned: {
      breakId: "mid",
      position: "mid",
      timeOffset: { seconds: 8 },
      source: { kind: "result", result: { ads: [], failures: [] } },
      allowMultipleAds: true,
      followRedirects: true,
      breakStart: ["https://site.example/t/break/breakStart?"],
      breakEnd: ["https://site.example/t/break/breakEnd?"],
      errors: [],
    },
    time: 8,
    status: "placed",
    reason: undefined,
    ads: [ready("one"), ready("two")],
    refused: new Set(),
  };
  const { emit, on } = createEmitter();
  on("adbreakstart", ({ breakId, adCount }) => events.push(`breakstart ${breakId} ${adCount}`));
  on("adstart", ({ adId }) => events.push(`start ${adId}`));
  on("adcomplete", ({ adId }) => events.push(`complete ${adId}`));
  on("adbreakcomplete", ({ breakId, watched }) =>
    events.push(`breakcomplete ${breakId} ${watched ? "watched" : "left"}`),
  );
  const sender = createBeaconSender({
    filler: FILLER,
    sendBeacon: (url) => beacons.push(url.replace(/.*\/t\/(\w+\/\w+).*at=(.*)|.*\/t\/(\w+\/\w+).*/, "$1$3 $2").trim()),
    emit,
    knownBreaks: () => new Set(["mid"]),
  });
  let wall = 0;
  let time = 0;
  let isShown = true;
  const playback = createPlayback({
    timeline,
    emit,
    beacons: sender,
    entries: () => [entry],
    toContentTime: (at) => toContentTime(timeline, at),
    now: () => wall,
  });
  return {
    ...playback,
    events,
    beacons,
    playTo: (end) => {
      for (; time < end; time += 0.04, wall += 40) playback.show(time, 1, isShown);
    },
    seekTo: (target) => {
      playback.seek();
      time = target;
    },
    hide: () => {
      isShown = !isShown;
    },
  };
}

describe("createPlayback", () => {
  test("tells break and ads in order, and fires each beacon once at its second", async () => {
    const watching = watch();
    await Promise.resolve();
    watching.playTo(32);
    expect(watching.events).toEqual([
      "breakstart mid 2",
      "start one",
      "complete one",
      "start two",
      "complete two",
      "breakcomplete mid watched",
    ]);
    const ad = (id: string): readonly string[] => [
      `${id}/impression 00%3A00%3A00.000`,
      `${id}/start 00%3A00%3A00.000`,
      `${id}/firstQuartile 00%3A00%3A02.000`,
      `${id}/midpoint 00%3A00%3A04.000`,
      `${id}/thirdQuartile 00%3A00%3A06.000`,
      `${id}/complete 00%3A00%3A08.000`,
    ];
    expect(watching.beacons).toEqual(["break/breakStart", ...ad("one"), ...ad("two"), "break/breakEnd"]);
  });

  test("an ad that is seen again owes no beacon again, but the page is told", async () => {
    const watching = watch();
    await Promise.resolve();
    watching.playTo(32);
    const fired = watching.beacons.length;
    watching.seekTo(8);
    watching.playTo(32);
    expect(watching.beacons).toHaveLength(fired);
    expect(watching.events.filter((event) => event === "start one")).toHaveLength(2);
  });

  test("a quartile that the viewer has sought over is not reported, and neither is the end", async () => {
    const watching = watch();
    await Promise.resolve();
    watching.playTo(9);
    watching.seekTo(13);
    watching.playTo(13.5);
    watching.seekTo(26);
    watching.playTo(32);
    expect(watching.beacons).toEqual([
      "break/breakStart",
      "one/impression 00%3A00%3A00.000",
      "one/start 00%3A00%3A00.000",
      "break/breakEnd",
    ]);
    expect(watching.events).toEqual(["breakstart mid 2", "start one", "breakcomplete mid left"]);
  });

  test("an ad that is entered in its middle counts its impression, and only what is played after", async () => {
    const watching = watch();
    await Promise.resolve();
    watching.seekTo(21);
    watching.playTo(32);
    expect(watching.beacons).toEqual([
      "break/breakStart",
      "two/impression 00%3A00%3A00.000",
      "two/start 00%3A00%3A00.000",
      "two/thirdQuartile 00%3A00%3A06.000",
      "two/complete 00%3A00%3A08.000",
      "break/breakEnd",
    ]);
    expect(watching.events.at(-1)).toBe("breakcomplete mid left");
  });

  test("a hole that the player jumps over is playing on", async () => {
    const watching = watch();
    await Promise.resolve();
    watching.playTo(15.8);
    watching.seekTo(16.1);
    watching.playTo(17);
    expect(watching.events).toContain("complete one");
  });

  test("no ad starts in a page that nobody sees, and one that has started goes on", async () => {
    const watching = watch();
    await Promise.resolve();
    watching.playTo(9);
    watching.hide();
    watching.playTo(20);
    expect(watching.events).toEqual(["breakstart mid 2", "start one", "complete one", "breakcomplete mid watched"]);
    expect(watching.beacons).not.toContain("two/impression 00%3A00%3A00.000");
  });

  test("an ad at the very end of the stream is complete when the media ends", async () => {
    const watching = watch();
    await Promise.resolve();
    watching.seekTo(16);
    watching.playTo(23.9);
    watching.end();
    expect(watching.events).toContain("complete two");
  });

  test("a break that is running when the player goes away completes", async () => {
    const watching = watch();
    await Promise.resolve();
    watching.playTo(9);
    watching.stop();
    expect(watching.events).toEqual(["breakstart mid 2", "start one", "breakcomplete mid left"]);
  });
});
