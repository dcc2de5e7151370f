import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createFakeWeb, formatVast, formatVod, HOST, ZONE } from "../fake-web.ts";
import { startViewing } from "../fake-viewing.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** An element that plays, as it says, and stands still at a time with media ahead of it; a seek goes where it is told. */
function createStill(time: number): HTMLVideoElement {
  const video = document.createElement("video");
  let [currentTime, frozen] = [time, time];
  Object.defineProperties(video, {
    paused: { value: false },
    duration: { value: 28 },
    buffered: { value: { length: 1, start: () => 0, end: () => 28 } },
    currentTime: {
      get: () => currentTime,
      // nudged, the picture stands still all the same
      set: (to: number) => {
        currentTime = to > frozen + 1 ? to : frozen;
        frozen = currentTime;
      },
    },
  });
  return video;
}

test("an ad whose picture stands still is told to the page as source-unreadable and is left: no playlist is at fault", async () => {
  const vast = formatVast({ id: "one", type: "application/x-mpegURL", url: `${HOST}/ad/media.m3u8` });
  const withReason = vast.replace("[ERRORCODE]", "[ERRORCODE]&reason=[INTERLUDE_REASON]");
  const web = createFakeWeb({
    "/v1/zones/1.json": ZONE,
    "/ads/vast": { text: withReason },
    "/ad/media.m3u8": { text: formatVod(2, 4, "ad") },
  });
  const viewing = startViewing(web, { adTagUrl: "/ads/vast" });
  const playing = viewing.play(formatVod(5));
  await vi.dynamicImportSettled();
  await vi.advanceTimersByTimeAsync(2000);
  const text = await playing;
  const fragments = [...text.matchAll(/#EXTINF/g)].map((_, sn) => ({ sn, start: sn * 4, end: sn * 4 + 4 }));
  viewing.timeline.setDetails({ url: `${HOST}/content/720.m3u8`, live: false, startSN: 0, fragments });

  const video = createStill(2);
  viewing.parts.viewing.watch(video);
  video.dispatchEvent(new Event("timeupdate"));
  video.dispatchEvent(new Event("playing"));
  await vi.advanceTimersByTimeAsync(5000);
  viewing.parts.viewing.watch(null);

  expect(viewing.skips).toMatchObject([{ breakId: "preroll", reason: "source-unreadable", vastError: 405 }]);
  expect(web.beacons.filter((url) => url.includes("/t/one/error"))).toEqual([
    expect.stringContaining("error=405&reason=source-unreadable"),
  ]);
  expect(viewing.errors).toEqual([]);
  expect(video.currentTime).toBeCloseTo(8.01, 6);
});
