import { describe, expect, test } from "vitest";
import { createLateBinding, type LateBinding } from "../../src/hosts/hls-late-binding.ts";
import type { Vod } from "../../src/content/vod.ts";
import { createFakeEngine, createFragment, type FakeEngine, listFragments } from "../fake-engine.ts";

const DETAILS = listFragments(
  "https://site.example/720.m3u8",
  Array.from({ length: 15 }, () => 4),
);

/** A media element paused in the middle of a film of 60 s, with the buffer around its playhead. */
function createMedia(currentTime: number, readyState = 4, bufferedEnd = 12): HTMLMediaElement {
  const buffered: TimeRanges = { length: 1, start: () => 0, end: () => bufferedEnd };
  // the plugin reads no more of it than this
  const media: Partial<HTMLMediaElement> = { currentTime, readyState, duration: 60, HAVE_CURRENT_DATA: 2, buffered };
  return Object.assign(Object.create(null), media);
}

interface Bound {
  readonly late: LateBinding;
  readonly engine: FakeEngine;
  /** What `bindLate` was asked, as answers to "may a break start at this time". */
  readonly asked: readonly boolean[];
  readonly load: (upTo: number) => void;
}

function bind(breaks: { contentTime: number; isReady: boolean }[], media: HTMLMediaElement): Bound {
  const engine = createFakeEngine(DETAILS, media);
  const asked: boolean[] = [];
  const vod: Vod = {
    entries: () => [],
    stitch: () => Promise.reject(new Error("not asked here")),
    advance: () => undefined,
    undecided: () => breaks,
    bindLate: (canPlace) => {
      const ready = breaks.filter(({ isReady }) => isReady);
      const placed = ready.map(({ contentTime }) =>
        canPlace({ breakId: "b", contentTime, startTime: contentTime, duration: 8, firstMediaSequence: 0, ads: [] }),
      );
      asked.push(...placed);
      for (const item of ready) breaks.splice(breaks.indexOf(item), 1);
      return placed.includes(true);
    },
  };
  const late = createLateBinding({
    engine,
    vod: () => vod,
    targetDuration: () => 4,
    toStreamTime: (time) => time,
    onReload: () => undefined,
  });
  const load = (upTo: number): void => {
    for (const fragment of DETAILS.fragments.filter(({ end }) => end <= upTo)) {
      late.onFragmentLoading(fragment);
      late.onFragmentLoaded(fragment);
    }
  };
  return { late, engine, asked, load };
}

describe("createLateBinding", () => {
  test("has every playlist asked for again while the break lies beyond what is loaded", () => {
    const { late, engine, asked, load } = bind([{ contentTime: 20, isReady: true }], createMedia(2));
    load(12);
    late.check();
    expect(asked).toEqual([true]);
    expect(engine.calls).toEqual(["stopLoad", "startLoad 2"]);
    expect([engine.levels[0]?.details, engine.allAudioTracks[0]?.details]).toEqual([undefined, undefined]);
  });

  test("leaves the playlists alone when the place of the break is loaded", () => {
    const { late, engine, asked, load } = bind([{ contentTime: 8, isReady: true }], createMedia(2));
    load(12);
    late.check();
    expect(asked).toEqual([false]);
    expect(engine.calls).not.toContain("stopLoad");
  });

  test("a break at the very edge of what is loaded is still bound", () => {
    const { late, asked, load } = bind([{ contentTime: 12, isReady: true }], createMedia(2));
    load(12);
    late.check();
    expect(asked).toEqual([true]);
  });

  test("a player that has the last segment gets no break any more", () => {
    const { late, asked, load } = bind([{ contentTime: 60, isReady: true }], createMedia(50));
    load(60);
    late.check();
    expect(asked).toEqual([false]);
  });

  test("nothing is bound before the first frame is there", () => {
    const { late, asked, load } = bind([{ contentTime: 20, isReady: true }], createMedia(0, 1));
    load(4);
    late.check();
    expect(asked).toEqual([]);
  });

  test("a break that is far off waits for the others, so that playlists are asked for once", () => {
    const breaks = [
      { contentTime: 32, isReady: true },
      { contentTime: 48, isReady: false },
    ];
    const { late, asked, load } = bind(breaks, createMedia(2));
    load(12);
    late.check();
    expect(asked).toEqual([]);
    load(24);
    late.check();
    expect(asked).toEqual([true]);
  });

  test("loading pauses in front of an undecided break while the viewer has enough ahead", () => {
    const breaks = [{ contentTime: 12, isReady: false }];
    const { late, engine, load } = bind(breaks, createMedia(2));
    load(12);
    expect(engine.calls).toEqual(["pauseBuffering"]);
    late.check();
    expect(engine.bufferingEnabled).toBe(false);
  });

  test("loading goes on, and the break is given up to chance, when the viewer runs short", () => {
    const { late, engine, load } = bind([{ contentTime: 12, isReady: false }], createMedia(7));
    load(12);
    late.check();
    expect(engine.calls).toEqual(["pauseBuffering", "resumeBuffering"]);
  });

  test("loading goes on too after a seek back, when what was loaded before the seek is of no use", () => {
    const { late, engine, load } = bind([{ contentTime: 12, isReady: false }], createMedia(7, 4, 12));
    late.onFragmentLoaded(createFragment(10, 40, 4));
    load(12);
    late.check();
    expect(engine.calls).toEqual(["pauseBuffering", "resumeBuffering"]);
  });

  test("loading goes on where the viewer has sought to, away from the break that it waits for", () => {
    const media = createMedia(7, 1, 12);
    const { late, engine, load } = bind([{ contentTime: 12, isReady: false }], media);
    load(12);
    Object.assign(media, { currentTime: 40, seeking: true });
    late.check();
    expect(engine.calls).toEqual(["pauseBuffering", "resumeBuffering"]);
  });

  test("loading that the host has paused itself stays paused", () => {
    const { late, engine, load } = bind([{ contentTime: 12, isReady: false }], createMedia(7));
    engine.pauseBuffering();
    load(12);
    late.check();
    late.release();
    expect(engine.calls).toEqual(["pauseBuffering"]);
  });
});
