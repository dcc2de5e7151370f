import type { PlacedBreak } from "@interlude/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { BreakEntry } from "../../src/ads/break-entry.ts";
import { createLateBinding, type LateBinding } from "../../src/hosts/hls-late-binding.ts";
import type { Vod } from "../../src/content/vod.ts";
import { planAlone } from "../../src/ads/planned-break.ts";
import type { EngineDetails, EngineFragment } from "../../src/hosts/hls-engine.ts";
import { createTimeline } from "../../src/viewing/timeline.ts";
import { createFakeEngine, createFragment, type FakeEngine, listFragments } from "../fake-engine.ts";

const DETAILS = listFragments(
  "https://site.example/720.m3u8",
  Array.from({ length: 15 }, () => 4),
);

/** A media element paused in the middle of a film of 60 s, with the buffer around its playhead; 0: none. */
function createMedia(currentTime: number, readyState = 4, bufferedEnd = 12): HTMLMediaElement {
  const buffered: TimeRanges = { length: bufferedEnd > 0 ? 1 : 0, start: () => 0, end: () => bufferedEnd };
  // the plugin reads no more of it than this
  const known = { readyState, duration: 60, HAVE_CURRENT_DATA: 2, playbackRate: 1 } as const;
  const media: Partial<HTMLMediaElement> = { ...known, currentTime, buffered };
  return Object.assign(Object.create(null), media);
}

interface Bound {
  readonly late: LateBinding;
  readonly engine: FakeEngine;
  /** What `bindLate` was asked, as answers to "may a break start at this time". */
  readonly asked: readonly boolean[];
  readonly load: (upTo: number, end?: "buffered") => void;
  /** Where what is loaded became another thing. */
  readonly reloads: readonly number[];
  readonly seeks: readonly (readonly [from: number, to: number])[];
}

interface Break {
  contentTime: number;
  isReady: boolean;
  entry?: BreakEntry;
}

/** The film with an ad in its first segment, as after a pre-roll: it lists one discontinuity before all else. */
function listAfterAd(): EngineDetails {
  const fragments = DETAILS.fragments.map((one) => {
    const { sn, level, type, start, end, duration } = one;
    return { ...one, sn, level, type, start, end, duration, cc: start < 4 ? 0 : 1 };
  });
  return { ...DETAILS, fragments };
}

/** Seconds by which a break of the film moves what follows it. */
const AD = 8;

function bind(breaks: Break[], media: HTMLMediaElement | null, details = DETAILS): Bound {
  const engine = createFakeEngine(details, media);
  const timeline = createTimeline();
  timeline.setDetails(details);
  const asked: boolean[] = [];
  const reloads: number[] = [];
  const seeks: (readonly [from: number, to: number])[] = [];
  const bound: number[] = [];
  const vod: Vod = {
    entries: () => [],
    stitch: () => Promise.reject(new Error("not asked here")),
    advance: () => undefined,
    undecided: () => breaks,
    findAwaited: (from, to) => breaks.find(({ contentTime }) => contentTime >= from && contentTime <= to)?.entry,
    bindLate: (canPlace) => {
      const ready = breaks.filter(({ isReady }) => isReady);
      const before = bound.length;
      const placed = ready.map(({ contentTime }) => {
        const added = bound.length - before;
        const canBind = canPlace(placeBreak(contentTime, added));
        if (canBind) bound.push(contentTime);
        return canBind;
      });
      asked.push(...placed);
      for (const item of ready) breaks.splice(breaks.indexOf(item), 1);
      return placed.includes(true);
    },
  };
  const late = createLateBinding({
    engine,
    vod: () => vod,
    targetDuration: () => 4,
    startBudgetMs: 1500,
    toContentTime: (time) => time,
    toStreamTime: (time) => time + (bound.some((at) => at < time) ? AD : 0),
    startOf: timeline.startOf,
    onReload: (time) => reloads.push(time),
    onSeekReady: (from, to) => seeks.push([from, to]),
  });
  const load = (upTo: number, end?: "buffered"): void => {
    for (const fragment of details.fragments.filter((item) => item.end <= upTo)) {
      late.onFragmentLoading(fragment);
      late.onFragmentLoaded(fragment);
      if (end === "buffered") late.onFragmentBuffered(fragment);
    }
  };
  return { late, engine, asked, load, reloads, seeks };
}

/** Of a segment and an ad of two segments, behind others that are new as well. */
function placeBreak(contentTime: number, added: number): PlacedBreak {
  const place = { startTime: contentTime + added * AD, duration: AD, firstMediaSequence: contentTime / 4 + added * 2 };
  return {
    breakId: "b",
    contentTime,
    ...place,
    ads: [{ breakId: "b", adId: "0", index: 0, ...place, segmentCount: 2 }],
  };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** As hls.js lists it beside pictures. */
function asSound(fragment: EngineFragment): EngineFragment {
  const { sn, level, cc, start, end, duration } = fragment;
  return { ...fragment, type: "audio", sn, level, cc, start, end, duration };
}

function createEntry(): BreakEntry {
  return {
    planned: planAlone("b", { seconds: 20 }, { kind: "none" }),
    time: 20,
    status: "pending",
    reason: undefined,
    ads: [],
    refused: new Set(),
  };
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

  test("leaves the playlists alone when the place of the break is loaded and nearly there", () => {
    const { late, engine, asked, load } = bind([{ contentTime: 8, isReady: true }], createMedia(5.5));
    load(12);
    late.check();
    expect(asked).toEqual([false]);
    expect(engine.calls).not.toContain("stopLoad");
  });

  test("what was loaded behind the place of a break goes where its first segment can still come in time", () => {
    const { late, engine, asked, reloads, load } = bind([{ contentTime: 8, isReady: true }], createMedia(4.5));
    load(12);
    late.check();
    expect(asked).toEqual([true]);
    expect(engine.calls.filter((call) => call.startsWith("hlsBufferFlushing"))).toHaveLength(1);
    expect(reloads).toEqual([8]);
  });

  test("it is placed by its number: content that is shorter than its playlist says does not stay in the ad's place", () => {
    const real = listFragments(
      DETAILS.url,
      Array.from({ length: 15 }, () => 3.75),
    );
    const { late, engine, reloads, load } = bind([{ contentTime: 32, isReady: true }], createMedia(22, 4, 37.5), real);
    load(37.5, "buffered");
    late.check();
    expect(reloads).toEqual([30]);
    expect(engine.calls).toContain('hlsBufferFlushing {"startOffset":30,"endOffset":null,"type":null}');
  });

  test("what other levels list, which nobody has loaded, does not say where the ad's place is", () => {
    const { late, engine, load } = bind([{ contentTime: 8, isReady: true }], createMedia(4.5));
    const other = listFragments(
      "https://site.example/360.m3u8",
      Array.from({ length: 15 }, () => 4.1),
    );
    Object.assign(engine, { levels: [...engine.levels, { details: other }] });
    load(12);
    late.check();
    expect(engine.calls).toContain('hlsBufferFlushing {"startOffset":8,"endOffset":null,"type":null}');
  });

  test("a fragment that was begun and never came does not stand in the way of later breaks", () => {
    const { late, asked, load } = bind([{ contentTime: 20, isReady: true }], createMedia(2));
    load(12);
    const ad = { ...createFragment(3, 12, 4), type: "main", sn: 3, level: 0, cc: 1, start: 12, end: 16, duration: 4 };
    late.onFragmentLoading(ad);
    late.onChange(ad);
    late.check();
    expect(asked).toEqual([true]);
  });

  test("a fragment of a later discontinuity that was loaded, read or not, does", () => {
    const { late, asked, load } = bind([{ contentTime: 20, isReady: true }], createMedia(2));
    load(12);
    const ad = { ...createFragment(3, 12, 4), type: "main", sn: 3, level: 0, cc: 1, start: 12, end: 16, duration: 4 };
    late.onFragmentLoading(ad);
    late.onFragmentLoaded(ad);
    late.onChange(ad);
    late.check();
    expect(asked).toEqual([false]);
  });

  test("of several breaks at once, those behind the first are bound wherever they come to lie, the post-roll too", () => {
    const breaks = [20, 28, 52, 60].map((contentTime) => ({ contentTime, isReady: true }));
    const { late, asked, reloads, load } = bind(breaks, createMedia(2, 4, 60), listAfterAd());
    load(60);
    late.check();
    expect(asked).toEqual([true, true, true, true]);
    expect(reloads).toEqual([20]);
  });

  test("nothing is bound while the playlists of another break are on their way", () => {
    const breaks = [{ contentTime: 20, isReady: true }];
    const { late, asked, load } = bind(breaks, createMedia(2));
    load(12);
    late.check();
    breaks.push({ contentTime: 40, isReady: true });
    late.check();
    expect(asked).toEqual([true]);
    expect(breaks).toHaveLength(1);
  });

  test("a fragment that is told of after it was thrown away is not taken for loaded", () => {
    const { late, engine, load } = bind([{ contentTime: 8, isReady: true }], createMedia(4.5, 4, 8));
    load(12);
    late.check();
    late.onFragmentBuffered(createFragment(2, 8, 4));
    late.reload(4.5);
    expect(engine.calls.filter((call) => call.startsWith("hlsBufferFlushing"))).toHaveLength(1);
  });

  describe("what is loaded stays where an ad in its place could cost the viewer more than it brings", () => {
    const attempt = (change: (bound: Bound, media: HTMLMediaElement) => void): readonly boolean[] => {
      const media = createMedia(2);
      const bound = bind([{ contentTime: 8, isReady: true }], media);
      change(bound, media);
      bound.load(12);
      bound.late.check();
      return bound.asked;
    };
    const setNetwork = ({ engine }: Bound, bandwidthEstimate: number): void => {
      Object.assign(engine, { levels: [{ ...engine.levels[0], bitrate: 4e6 }], loadLevel: 0, bandwidthEstimate });
    };

    test("and the player says beforehand how late a break may come", () => {
      const noticeOf = (change: (bound: Bound, media: HTMLMediaElement) => void): number => {
        const media = createMedia(2);
        const bound = bind([], media);
        change(bound, media);
        return bound.late.notice();
      };
      expect(noticeOf(() => undefined)).toBe(3);
      expect(noticeOf((_bound, media) => Object.assign(media, { playbackRate: 2 }))).toBe(6);
      expect(noticeOf((bound) => setNetwork(bound, 3e6))).toBe(8);
      expect(noticeOf(({ engine }) => Object.assign(engine, { subtitleTrack: 0 }))).toBe(Infinity);
      expect(noticeOf(({ engine }) => engine.pauseBuffering())).toBe(Infinity);
    });

    test("while the browser is offline", () => {
      vi.stubGlobal("navigator", { onLine: false });
      expect(attempt(() => undefined)).toEqual([false]);
    });

    test("while the page has paused loading", () => {
      expect(attempt(({ engine }) => engine.pauseBuffering())).toEqual([false]);
    });

    test("while subtitles are loaded, whose cues hls.js would leave where they were", () => {
      expect(attempt(({ engine }) => Object.assign(engine, { subtitleTrack: 0 }))).toEqual([false]);
      expect(attempt(({ engine }) => Object.assign(engine, { subtitleTrack: -1 }))).toEqual([true]);
    });

    test("where playback gets there sooner, since it is fast", () => {
      expect(attempt((_bound, media) => Object.assign(media, { playbackRate: 2 }))).toEqual([true]);
      expect(attempt((_bound, media) => Object.assign(media, { playbackRate: 2.5 }))).toEqual([false]);
      expect(attempt((_bound, media) => Object.assign(media, { playbackRate: 0.5 }))).toEqual([true]);
    });

    test("where the network needs too long for the ad's first segment", () => {
      // a segment of 4 s at 4 Mbit/s, half as long again for caution, 6 s before the break
      expect(attempt((bound) => setNetwork(bound, 4.1e6))).toEqual([true]);
      expect(attempt((bound) => setNetwork(bound, 3.9e6))).toEqual([false]);
      expect(attempt((bound) => setNetwork(bound, Number.NaN))).toEqual([true]);
    });
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
    load(12, "buffered");
    late.check();
    expect(engine.calls).toEqual(["pauseBuffering", "resumeBuffering"]);
  });

  test("loading goes on too after a seek back, when what was loaded before the seek is of no use", () => {
    const { late, engine, load } = bind([{ contentTime: 12, isReady: false }], createMedia(7, 4, 12));
    late.onFragmentBuffered(createFragment(10, 40, 4));
    load(12, "buffered");
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

  describe("with sound apart from the pictures", () => {
    const start = (media: HTMLMediaElement): Bound => {
      const bound = bind([{ contentTime: 8, isReady: false }], media);
      Object.assign(bound.engine, { allAudioTracks: [{ details: DETAILS, url: "https://site.example/sound.m3u8" }] });
      return bound;
    };

    test("loading pauses only when both are under way up to the break, or there would be nothing to see", () => {
      const { late, engine } = start(createMedia(0, 0, 0));
      late.onFragmentLoading(createFragment(1, 4, 4));
      expect(engine.calls).toEqual([]);
      late.onFragmentLoading(asSound(createFragment(1, 4, 4)));
      expect(engine.calls).toEqual(["pauseBuffering"]);
    });

    test("what is loaded before hls.js has sought to where playback begins is not taken for too little", () => {
      const { late, engine } = start(createMedia(0, 1, 0));
      for (const fragment of [createFragment(1, 4, 4), asSound(createFragment(1, 4, 4))]) {
        late.onFragmentLoading(fragment);
        late.onFragmentBuffered(fragment);
      }
      late.check();
      expect(engine.bufferingEnabled).toBe(false);
    });

    test("a start that is not got over with ends the pause within the start budget", () => {
      const { late, engine } = start(createMedia(0, 0, 0));
      late.onFragmentLoading(createFragment(1, 4, 4));
      late.onFragmentLoading(asSound(createFragment(1, 4, 4)));
      late.check();
      expect(engine.bufferingEnabled).toBe(false);
      vi.advanceTimersByTime(1500);
      expect(engine.bufferingEnabled).toBe(true);
    });

    test("hls.js is made to forget its own copies of the tracks before it loads on", () => {
      const { late, engine, load } = bind([{ contentTime: 20, isReady: true }], createMedia(2));
      Object.assign(engine, { audioTracks: [{ url: "https://site.example/sound.m3u8" }] });
      load(12);
      late.check();
      const names = engine.calls.map((call) => call.split(" ")[0]);
      expect(names).toEqual(["stopLoad", "hlsAudioTracksUpdated", "startLoad"]);
    });

    test("pictures that are loaded further than the sound do not cost the break its place", () => {
      const media = createMedia(2, 4, 8);
      const breaks = [{ contentTime: 8, isReady: true }];
      const { late, engine, asked, load, reloads } = bind(breaks, media);
      Object.assign(engine, { allAudioTracks: [{ url: "https://site.example/sound.m3u8" }] });
      load(12);
      late.onFragmentLoaded(asSound(createFragment(1, 4, 4)));
      late.onFragmentBuffered(asSound(createFragment(1, 4, 4)));
      late.check();
      expect(asked).toEqual([true]);
      expect(reloads).toEqual([8]);
      expect(engine.calls[0]).toMatch(/^hlsBufferFlushing \{"startOffset":8/);
    });
  });

  test("what is loaded for a seek, but not where it goes, is still under way", () => {
    const media = createMedia(9, 4, 12);
    const { late, engine } = bind([{ contentTime: 16, isReady: false }], media);
    Object.assign(media, { seeking: true });
    late.check();
    late.onFragmentLoading(createFragment(3, 12, 4));
    late.check();
    expect(engine.bufferingEnabled).toBe(false);
  });

  test("what is under way counts as ahead of the viewer, because it comes all the same, for the start budget", () => {
    const { late, engine, load } = bind([{ contentTime: 12, isReady: false }], createMedia(7, 4, 8));
    load(8);
    late.onFragmentLoading(createFragment(2, 8, 4));
    late.check();
    expect(engine.bufferingEnabled).toBe(false);
    vi.advanceTimersByTime(1500);
    expect(engine.bufferingEnabled).toBe(true);
  });

  test.each(["error", "level switch", "media taken away"] as const)("a pause ends with: %s", (cause) => {
    const { late, engine, load } = bind([{ contentTime: 12, isReady: false }], createMedia(2));
    load(12);
    expect(engine.bufferingEnabled).toBe(false);
    if (cause === "error") late.onChange(createFragment(2, 8, 4));
    else if (cause === "level switch") late.onChange();
    else late.forget();
    expect(engine.bufferingEnabled).toBe(true);
  });

  test("after a seek ahead and back, a break before what was loaded there is bound, and that is thrown away", () => {
    const { late, engine, asked, load } = bind([{ contentTime: 20, isReady: true }], createMedia(7));
    load(12);
    const far = createFragment(10, 40, 4);
    late.onFragmentLoading(far);
    late.onFragmentLoaded(far);
    late.check();
    expect(asked).toEqual([true]);
    expect(engine.calls).toEqual([
      'hlsBufferFlushing {"startOffset":20,"endOffset":null,"type":null}',
      "stopLoad",
      "startLoad 7",
    ]);
  });

  describe("a seek over a break that is not decided", () => {
    const seekOver = (entry = createEntry()): Bound & { readonly entry: BreakEntry; readonly item: Break } => {
      const media = createMedia(2);
      const item = { contentTime: 20, isReady: false, entry };
      const bound = bind([item], media);
      bound.load(12);
      Object.assign(media, { currentTime: 40, seeking: true, readyState: 1 });
      bound.late.check();
      bound.late.onSeek(2, 40);
      return { ...bound, entry, item };
    };

    test("waits for it, and goes on where the same content is then, as a seek that policies decide on", () => {
      const { late, engine, entry, item, seeks, asked } = seekOver();
      expect(engine.calls).toEqual(["pauseBuffering"]);
      Object.assign(entry, { status: "ready" });
      Object.assign(item, { isReady: true });
      late.check();
      expect(asked).toEqual([true]);
      expect(engine.bufferingEnabled).toBe(true);
      Object.assign(engine.levels[0] ?? {}, { details: DETAILS });
      late.onDetails();
      expect(seeks).toEqual([[2, 40 + AD]]);
    });

    test("goes on without it after the start budget", () => {
      const { engine, seeks } = seekOver();
      vi.advanceTimersByTime(1500);
      expect(engine.calls).toEqual(["pauseBuffering", "resumeBuffering"]);
      expect(seeks).toEqual([]);
    });

    test("goes on at once when no ad comes", () => {
      const { late, engine, entry, seeks } = seekOver();
      Object.assign(entry, { status: "skipped" });
      late.check();
      expect(engine.calls).toEqual(["pauseBuffering", "resumeBuffering"]);
      expect(seeks).toEqual([]);
    });
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
