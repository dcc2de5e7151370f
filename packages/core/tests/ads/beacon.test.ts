import { buildPod, listBeacons, parseVast, type ScheduledBeacon, scheduleBeacons } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { read, readFixture } from "./read-fixture.ts";

function schedule(trackers: string, duration: number, isFirst?: boolean): readonly ScheduledBeacon[] {
  const text = `<VAST><Ad><InLine><Impression>https://t.example/impression</Impression><Creatives><Creative><Linear>
    <TrackingEvents>${trackers}</TrackingEvents></Linear></Creative></Creatives></InLine></Ad></VAST>`;
  const [found] = parseVast(read(text)).ads;
  const [creative] = found?.ad.creatives ?? [];
  if (!found || !creative) throw new Error("no creative");
  return scheduleBeacons(found.ad, creative, duration, isFirst);
}

const tracking = (event: string, offset = ""): string =>
  `<Tracking event="${event}" ${offset && `offset="${offset}"`}>https://t.example/${event}/${offset.length}</Tracking>`;

describe("scheduleBeacons", () => {
  test("reports impression, creative view and start at once, quartiles in between, completion at the end", () => {
    const all = ["complete", "thirdQuartile", "midpoint", "firstQuartile", "start", "creativeView", "loaded"];
    expect(schedule(all.map((event) => tracking(event)).join(""), 10).map(({ event, time }) => [event, time])).toEqual([
      ["impression", 0],
      ["loaded", 0],
      ["creativeView", 0],
      ["start", 0],
      ["firstQuartile", 2.5],
      ["midpoint", 5],
      ["thirdQuartile", 7.5],
      ["complete", 10],
    ]);
  });

  test("reports progress at its offset or share, and not what lies beyond the end or has no offset", () => {
    const progress = ["00:00:03.5", "80%", "00:00:11", ""].map((offset) => tracking("progress", offset)).join("");
    expect(schedule(tracking("midpoint") + progress, 10, false).map(({ event, time }) => [event, time])).toEqual([
      ["progress", 3.5],
      ["midpoint", 5],
      ["progress", 8],
    ]);
  });

  test("leaves out what the viewer does", () => {
    expect(schedule(["mute", "pause", "skip", "close"].map((event) => tracking(event)).join(""), 10, false)).toEqual(
      [],
    );
  });

  test("gives events the standard's spelling, whatever the document's", () => {
    expect(schedule(tracking("FIRSTQUARTILE"), 8, false)).toEqual([
      { event: "firstQuartile", url: "https://t.example/FIRSTQUARTILE/0", time: 2 },
    ]);
  });

  test("reports an ad's impressions with its first creative alone", () => {
    expect(schedule("", 10)).toEqual([{ event: "impression", url: "https://t.example/impression", time: 0 }]);
    expect(schedule("", 10, false)).toEqual([]);
  });
});

describe("listBeacons", () => {
  test("gives every URL of what the viewer does, whatever the document's spelling", () => {
    const [found] = parseVast(
      read(`<VAST><Ad><InLine><Creatives><Creative><Linear><TrackingEvents>${tracking("mute")}${tracking("MUTE", "1")}
        ${tracking("unmute")}</TrackingEvents></Linear></Creative></Creatives></InLine></Ad></VAST>`),
    ).ads;
    const [creative] = found?.ad.creatives ?? [];
    expect(creative && listBeacons(creative, "mute")).toEqual(["https://t.example/mute/0", "https://t.example/MUTE/1"]);
  });
});

describe("buildPod", () => {
  const ads = parseVast(readFixture("pod.xml")).ads.map(({ ad }) => ad);

  test("orders the pod by sequence and keeps stand-alone ads as stand-ins", () => {
    const { pod, standIns } = buildPod(ads);
    expect([pod.map(({ id }) => id), standIns.map(({ id }) => id)]).toEqual([["first", "second"], ["stand-in"]]);
  });

  test("plays the first of several stand-alone ads, the others stand in", () => {
    const alone = ads.map((ad) => ({ ...ad, sequence: undefined }));
    expect(buildPod(alone)).toEqual({ pod: alone.slice(0, 1), standIns: alone.slice(1) });
  });

  test("is empty without ads", () => {
    expect(buildPod([])).toEqual({ pod: [], standIns: [] });
  });
});
