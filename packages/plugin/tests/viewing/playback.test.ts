import { type Ad, type Creative, parseVast, type PlacedBreak, readXml } from "@interlude/core";
import { parseXml } from "@interlude/server/xml";
import { describe, expect, test } from "vitest";
import { createMacroFiller } from "../../src/ads/macro-values.ts";
import { createBeaconSender } from "../../src/viewing/beacons.ts";
import { createEmitter, type Emitter } from "../../src/events.ts";
import type { ReadyAd } from "../../src/insertion.ts";
import { createPlayback, type Playback } from "../../src/viewing/playback.ts";
import type { BreakEntry } from "../../src/ads/break-entry.ts";
import { toContentTime } from "../../src/viewing/content-time.ts";
import { describeSpans } from "../../src/viewing/spots.ts";
import { createTimeline } from "../../src/viewing/timeline.ts";
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
  const track = (event: string): string => `https://site.example/t/${id}/${event}?error=[ERRORCODE]&at=[ADPLAYHEAD]`;
  const trackers = USER_EVENTS.map((event) => ({ event, url: track(event), offset: undefined }));
  return {
    ad: found.ad,
    creative: {
      ...creative,
      trackers: [...creative.trackers, ...trackers],
      clickTrackers: [track("click"), track("click")],
      clickThrough: "https://shop.example/?at=[CLICKPOS]&from=[ADPLAYHEAD]",
    },
  };
}

const USER_EVENTS = ["mute", "unmute", "pause", "resume", "rewind", "fullscreen", "playerExpand", "exitFullscreen"];

interface Watching extends Playback {
  readonly events: readonly string[];
  readonly on: Emitter["on"];
  readonly beacons: readonly string[];
  /** Plays frames of 40 ms from one time to another. */
  readonly playTo: (time: number) => void;
  readonly seekTo: (time: number) => void;
  readonly hide: () => void;
  /** As the insertion's `destroy` does. */
  readonly destroy: () => void;
}

/** 8 s of content, a mid-roll of two ads of 8 s, 8 s of content; segments of 4 s. @param first more of the first ad */
async function watch(first: Partial<ReadyAd> = {}): Promise<Watching> {
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
    ads: [{ ...ready("one"), ...first }, ready("two")],
    refused: new Set(),
  };
  const { emit, on } = createEmitter();
  on("adbreakstart", ({ breakId, adCount }) => events.push(`breakstart ${breakId} ${adCount}`));
  on("adstart", ({ adId }) => events.push(`start ${adId}`));
  on("adclick", ({ adId, url }) => events.push(`click ${adId} ${url}`));
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
  // an emitter holds back what is told in the turn in which it is made
  await Promise.resolve();
  const playback = createPlayback({
    timeline,
    emit,
    beacons: sender,
    entries: () => [entry],
    toContentTime: (at) => toContentTime(at, describeSpans(timeline.breaks(), timeline)),
    now: () => wall,
  });
  return {
    ...playback,
    events,
    on,
    beacons,
    playTo: (end) => {
      for (; time < end; time += 0.04, wall += 40) playback.show(time, 1, isShown);
    },
    seekTo: (target) => {
      playback.seek();
      time = target;
    },
    destroy: () => {
      playback.stop();
      sender.end();
    },
    hide: () => {
      isShown = !isShown;
    },
  };
}

describe("createPlayback", () => {
  test("tells break and ads in order, and fires each beacon once at its second", async () => {
    const watching = await watch();
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

  test("an ad that was had at its first encounter tells with its impression how", async () => {
    const impressions = ["https://site.example/t/one/saved?at=[INTERLUDE_ENCOUNTER]"];
    for (const encounter of ["remux", "wait"] as const) {
      const watching = await watch({ ad: { ...readAd("one").ad, impressions }, encounter });
      watching.playTo(9);
      expect(watching.beacons).toContain(`one/saved ${encounter}`);
    }
    const watching = await watch({ ad: { ...readAd("one").ad, impressions } });
    watching.playTo(9);
    expect(watching.beacons).toContain("one/saved");
  });

  test("an ad that is seen again owes no beacon again, but the page is told", async () => {
    const watching = await watch();
    watching.playTo(32);
    const fired = watching.beacons.length;
    watching.seekTo(8);
    watching.playTo(32);
    expect(watching.beacons).toHaveLength(fired);
    expect(watching.events.filter((event) => event === "start one")).toHaveLength(2);
  });

  test("a quartile that the viewer has sought over is not reported, and neither is the end", async () => {
    const watching = await watch();
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
    const watching = await watch();
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
    const watching = await watch();
    watching.playTo(15.8);
    watching.seekTo(16.1);
    watching.playTo(17);
    expect(watching.events).toContain("complete one");
  });

  test("no ad starts in a page that nobody sees, and one that has started goes on", async () => {
    const watching = await watch();
    watching.playTo(9);
    watching.hide();
    watching.playTo(20);
    expect(watching.events).toEqual(["breakstart mid 2", "start one", "complete one", "breakcomplete mid watched"]);
    expect(watching.beacons).not.toContain("two/impression 00%3A00%3A00.000");
  });

  test("a page that comes back from the background in an ad has seen it whole", async () => {
    const watching = await watch();
    watching.playTo(9);
    watching.show(9.05, 1, false);
    watching.playTo(25);
    expect(watching.events.at(-1)).toBe("breakcomplete mid watched");
  });

  test("an ad at the very end of the stream is complete when the media ends", async () => {
    const watching = await watch();
    watching.seekTo(16);
    watching.playTo(23.9);
    watching.end();
    expect(watching.events).toContain("complete two");
  });

  test("a break that is running when the player goes away completes", async () => {
    const watching = await watch();
    watching.playTo(9);
    watching.stop();
    expect(watching.events).toEqual(["breakstart mid 2", "start one", "breakcomplete mid left"]);
  });
});

describe("a listener that takes the player away", () => {
  test.each(["adbreakstart", "adstart", "beacon"] as const)("at %s ends the break that has begun", async (name) => {
    const watching = await watch();
    watching.on(name, () => watching.stop());
    watching.seekTo(8);
    watching.playTo(8.02);
    const breaks = watching.events.filter((event) => event.startsWith("break"));
    expect(breaks).toEqual(["breakstart mid 2", "breakcomplete mid left"]);
    expect(watching.events.at(-1)).toBe("breakcomplete mid left");
  });

  test.each(["adbreakstart", "adstart", "beacon"] as const)(
    "at %s has sent what the first frame owes, in order, and then the end of the break alone",
    async (name) => {
      const watching = await watch();
      const forget = watching.on(name, () => {
        forget();
        watching.destroy();
      });
      watching.seekTo(8);
      watching.playTo(32);
      expect(watching.beacons).toEqual([
        "break/breakStart",
        "one/impression 00%3A00%3A00.000",
        "one/start 00%3A00%3A00.000",
        "break/breakEnd",
      ]);
    },
  );

  test("at the end of an ad ends the break once, and the next ad does not start", async () => {
    const watching = await watch();
    watching.on("adcomplete", () => watching.stop());
    watching.playTo(16);
    expect(watching.events).toEqual(["breakstart mid 2", "start one"]);
    watching.seekTo(16);
    watching.playTo(16.02);
    expect(watching.events).toEqual(["breakstart mid 2", "start one", "complete one", "breakcomplete mid left"]);
  });

  test("at the end of a break does not end it again", async () => {
    const watching = await watch();
    watching.on("adbreakcomplete", () => watching.stop());
    watching.playTo(32);
    expect(watching.events.filter((event) => event.startsWith("breakcomplete"))).toEqual(["breakcomplete mid watched"]);
  });
});

/** The beacons that playing alone does not owe. */
function actions({ beacons }: Watching): readonly string[] {
  return beacons.filter((beacon) => [...USER_EVENTS, "click"].some((event) => beacon.includes(`/${event} `)));
}

describe("what the viewer does", () => {
  test("is told each time, at its second of the ad, by VAST 4's name too", async () => {
    const watching = await watch();
    watching.playTo(9);
    watching.act("mute");
    watching.playTo(10);
    watching.act("unmute");
    watching.act("fullscreen");
    watching.playTo(11);
    watching.act("mute");
    expect(actions(watching)).toEqual([
      "one/mute 00%3A00%3A01.000",
      "one/unmute 00%3A00%3A02.000",
      "one/fullscreen 00%3A00%3A02.000",
      "one/playerExpand 00%3A00%3A02.000",
      "one/mute 00%3A00%3A03.000",
    ]);
  });

  test("is nobody's business in the content", async () => {
    const watching = await watch();
    watching.playTo(4);
    watching.act("mute");
    watching.playTo(30);
    watching.act("unmute");
    expect(actions(watching)).toEqual([]);
  });

  test("an ad that was not paused is not resumed", async () => {
    const watching = await watch();
    watching.playTo(9);
    watching.act("resume");
    watching.playTo(10);
    watching.act("pause");
    watching.act("resume");
    watching.playTo(17);
    watching.act("resume");
    expect(actions(watching)).toEqual(["one/pause 00%3A00%3A02.000", "one/resume 00%3A00%3A02.000"]);
  });

  test("going back within an ad is a rewind, and the quartiles behind it are not told again", async () => {
    const watching = await watch();
    watching.playTo(13);
    watching.seekTo(9);
    watching.playTo(25);
    expect(actions(watching)).toEqual(["one/rewind 00%3A00%3A05.000"]);
    expect(watching.beacons.filter((beacon) => beacon.startsWith("one/midpoint"))).toHaveLength(1);
    expect(watching.beacons).toContain("one/complete 00%3A00%3A08.000");
  });

  test("in an ad that was watched to its end before owes nothing more", async () => {
    const watching = await watch();
    watching.playTo(32);
    watching.seekTo(9);
    watching.playTo(10);
    watching.act("mute");
    watching.act("pause");
    expect(actions(watching)).toEqual([]);
  });
});

describe("a click", () => {
  test("fires every click tracker each time, tells the page, and leads where the ad leads", async () => {
    const watching = await watch();
    watching.playTo(10);
    expect(watching.click([12.4, 30])?.href).toBe("https://shop.example/?at=12,30&from=00%3A00%3A02.000");
    watching.click(undefined);
    expect(actions(watching)).toEqual(Array.from({ length: 4 }, () => "one/click 00%3A00%3A02.000"));
    expect(watching.events.at(-1)).toBe("click one https://shop.example/?at=-1&from=00%3A00%3A02.000");
  });

  test("in the content is none", async () => {
    const watching = await watch();
    watching.playTo(4);
    expect(watching.click([1, 1])).toBeUndefined();
    expect(watching.beacons).toEqual([]);
  });
});
