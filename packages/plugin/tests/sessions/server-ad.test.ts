import { type SidecarAd, scheduleBeacons } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { toReadyAd } from "../../src/sessions/server-ad.ts";

const AD: SidecarAd = {
  adId: "one",
  adSystem: "",
  title: "",
  creativeId: undefined,
  sequence: 1,
  startTime: 8,
  duration: 8,
  playlistUrl: "",
  trackers: [],
  errors: [],
  clickThrough: undefined,
  clickTrackers: [],
  companions: [],
  wrapperAdIds: [],
};

/** What is due in the ad when its media lasts so long. */
function listDue(trackers: SidecarAd["trackers"], duration: number): readonly (readonly [string, number])[] {
  const ready = toReadyAd({ ...AD, trackers });
  const due = ready.schedule?.(duration) ?? scheduleBeacons(ready.ad, ready.creative, duration);
  return due.map(({ event, time }) => [event, time]);
}

const url = "https://site.example/t";

describe("toReadyAd", () => {
  test("an event at its share of the ad is due there in media that is a little shorter", () => {
    const trackers = [
      { event: "impression", url, time: 0 },
      { event: "midpoint", url, time: 4 },
      { event: "complete", url, time: 8 },
    ];
    expect(listDue(trackers, 7.96)).toEqual([
      ["impression", 0],
      ["midpoint", 3.98],
      ["complete", 7.96],
    ]);
  });

  test("an event at a time of its own keeps its name and its time, in order with the others", () => {
    const trackers = [
      { event: "complete", url, time: undefined },
      { event: "midpoint", url, time: 6.5 },
      { event: "impression", url, time: 2 },
      { event: "viewable", url, time: 1 },
    ];
    expect(listDue(trackers, 8)).toEqual([
      ["viewable", 1],
      ["impression", 2],
      ["midpoint", 6.5],
      ["complete", 8],
    ]);
  });

  test("what is due at the end is due at the end of the media", () => {
    expect(listDue([{ event: "progress", url, time: 8 }], 7.96)).toEqual([["progress", 7.96]]);
  });
});
