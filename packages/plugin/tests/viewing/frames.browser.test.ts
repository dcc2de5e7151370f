import { afterEach, describe, expect, test } from "vitest";
import { watchFrames, watchStalls } from "../../src/viewing/frames.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

interface Shown {
  readonly video: HTMLVideoElement;
  readonly frames: readonly (readonly [time: number, isShown: boolean])[];
  /** Frames that are asked for. */
  readonly asked: () => number;
  /** A frame reaches the screen, where one was asked for. */
  readonly show: (mediaTime: number) => void;
  readonly setNeed: (isNeeded: boolean) => void;
}

/** A video element whose frames come by hand. */
function watchVideo(): Shown {
  const video = document.createElement("video");
  const asked: VideoFrameRequestCallback[] = [];
  let isNeeded = true;
  Object.defineProperties(video, {
    videoWidth: { value: 320 },
    currentTime: { value: 5 },
    requestVideoFrameCallback: { value: (callback: VideoFrameRequestCallback) => asked.push(callback) },
    cancelVideoFrameCallback: { value: (handle: number) => asked.splice(handle - 1, 1) },
  });
  const frames: (readonly [number, boolean])[] = [];
  const onFrame = (time: number, isShown: boolean): void => void frames.push([time, isShown]);
  stops.push(watchFrames(video, { onFrame, onEnded: () => undefined, isNeeded: () => isNeeded }));
  const metadata = { presentationTime: 0, expectedDisplayTime: 0, width: 320, height: 180, presentedFrames: 1 };
  return {
    video,
    frames,
    asked: () => asked.length,
    show: (mediaTime) => asked.shift()?.(0, { ...metadata, mediaTime }),
    setNeed: (value) => {
      isNeeded = value;
    },
  };
}

describe("watchFrames", () => {
  test("asks for each frame while frames are needed, and for none after that", () => {
    const { asked, show, setNeed, frames } = watchVideo();
    show(1);
    setNeed(false);
    show(1.04);
    expect([asked(), frames]).toEqual([
      0,
      [
        [1, true],
        [1.04, true],
      ],
    ]);
  });

  test("tells of the playhead meanwhile, and asks again as soon as a frame is needed", () => {
    const { video, asked, show, setNeed, frames } = watchVideo();
    setNeed(false);
    show(1);
    video.dispatchEvent(new Event("timeupdate"));
    expect([asked(), frames.at(-1)]).toEqual([0, [5, false]]);
    setNeed(true);
    video.dispatchEvent(new Event("timeupdate"));
    video.dispatchEvent(new Event("seeking"));
    expect([asked(), frames.length]).toEqual([1, 2]);
  });

  test("tells of the playhead alone in a page that nobody sees, though frames may come", () => {
    const { video, asked, show, frames } = watchVideo();
    Object.defineProperty(document, "hidden", { configurable: true, value: true });
    stops.push(() => Reflect.deleteProperty(document, "hidden"));
    show(4.98);
    video.dispatchEvent(new Event("timeupdate"));
    expect([asked(), frames]).toEqual([1, [[5, false]]]);
  });

  test("asks for nothing once it is stopped", () => {
    const { video, asked } = watchVideo();
    stops.pop()?.();
    video.dispatchEvent(new Event("seeking"));
    expect(asked()).toBe(0);
  });
});

describe("watchStalls", () => {
  test("has no timer while the picture is paused", () => {
    const video = document.createElement("video");
    let isPaused = true;
    Object.defineProperty(video, "paused", { get: () => isPaused });
    const timers = new Set<number>();
    const { setInterval: set, clearInterval: clear } = window;
    Object.assign(window, {
      setInterval: (...rest: Parameters<typeof set>) => {
        const id = Number(set(...rest));
        timers.add(id);
        return id;
      },
      clearInterval: (id: number) => {
        timers.delete(id);
        clear(id);
      },
    });
    stops.push(() => Object.assign(window, { setInterval: set, clearInterval: clear }));
    const stop = watchStalls(
      video,
      () => 0,
      () => undefined,
    );
    expect(timers.size).toBe(0);
    isPaused = false;
    video.dispatchEvent(new Event("play"));
    video.dispatchEvent(new Event("playing"));
    expect(timers.size).toBe(1);
    video.dispatchEvent(new Event("pause"));
    expect(timers.size).toBe(0);
    video.dispatchEvent(new Event("playing"));
    stop();
    expect(timers.size).toBe(0);
  });
});
