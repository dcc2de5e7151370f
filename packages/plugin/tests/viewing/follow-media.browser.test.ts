import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createFakeWeb, formatVast, formatVmap, formatVod, HOST, ZONE } from "../fake-web.ts";
import { startViewing } from "../fake-viewing.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("keepInAds: who takes a faster rate into a post-roll has it back when the media ends in the ad", async () => {
  const vast = formatVast({ id: "one", type: "application/x-mpegURL", url: `${HOST}/ad/media.m3u8` });
  const web = createFakeWeb({
    "/v1/zones/1.json": ZONE,
    "/ads/vmap": { text: formatVmap([{ at: "end", id: "post", vast }]) },
    "/ad/media.m3u8": { text: formatVod(2, 4, "ad") },
  });
  const viewing = startViewing(web, { adTagUrl: "/ads/vmap", keepInAds: true }, { canBindLate: false });
  const playing = viewing.play(formatVod(5));
  await vi.dynamicImportSettled();
  await vi.advanceTimersByTimeAsync(2000);
  const text = await playing;
  const fragments = [...text.matchAll(/#EXTINF/g)].map((_, sn) => ({ sn, start: sn * 4, end: sn * 4 + 4 }));
  viewing.timeline.setDetails({ url: `${HOST}/content/720.m3u8`, live: false, startSN: 0, fragments });
  const video = document.createElement("video");
  Object.defineProperty(video, "paused", { value: false });
  const showAt = (time: number): void => {
    Object.defineProperty(video, "currentTime", { value: time, configurable: true });
    video.dispatchEvent(new Event("timeupdate"));
  };
  video.playbackRate = 1.5;
  viewing.parts.viewing.watch(video);
  for (const time of [19.5, 20.1, 20.4]) showAt(time);
  expect(video.playbackRate).toBe(1);
  video.dispatchEvent(new Event("ended"));
  expect(video.playbackRate).toBe(1.5);
  viewing.parts.viewing.watch(null);
});
