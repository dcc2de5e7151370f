import { describe, expect, test } from "vitest";
import type { Emit, SeekAdjustedEvent } from "../../src/events.ts";
import { parsePolicyOptions, type PolicyOptions } from "../../src/policy-options.ts";
import { toContentTime, toStreamTime } from "../../src/viewing/content-time.ts";
import { createRules } from "../../src/viewing/rules.ts";
import { findSpot, type Spot } from "../../src/viewing/seeking.ts";
import type { SteeredMedia } from "../../src/viewing/playhead.ts";
import { createSteering } from "../../src/viewing/steering.ts";
import type { StartGoal } from "../../src/viewing/turns.ts";
import { createWatched } from "../../src/viewing/watched.ts";

const FRAME = 0.04;
const RESUMED = { isOwn: false, begun: undefined } as const;

interface Watching {
  /** What was on screen, in turn: a break, or `content`. */
  readonly shown: readonly string[];
  readonly seeks: readonly SeekAdjustedEvent[];
  readonly time: () => number;
  /** Plays on for so many seconds of the clock. */
  readonly play: (seconds: number) => void;
  readonly seek: (to: number) => void;
  /** The player begins at a place, before its first frame. */
  readonly begin: (at: number) => void;
  /** A seek of the plugin's own. */
  readonly jump: (to: number) => void;
  readonly setRate: (rate: number) => void;
  readonly rate: () => number;
  /** The element is followed no more. */
  readonly release: () => void;
  /** The player starts over at a place, as after an error. */
  readonly restart: (at: number) => void;
  /** For how many seconds of the clock a break, or the content, was seen. */
  readonly seenOf: (breakId: string) => number;
}

/** 1000 s of stream time with breaks; a media element that seeks at once and shows each frame. */
function watch(
  places: readonly (readonly [id: string, start: number, end: number])[],
  options: PolicyOptions = {},
  goal?: StartGoal,
): Watching {
  const settings = parsePolicyOptions(options);
  const seeks: SeekAdjustedEvent[] = [];
  const shown: string[] = [];
  const seen = new Map<string, number>();
  const emit: Emit = (_name, event) => {
    if ("reason" in event && "target" in event) seeks.push(event);
  };
  let wall = 0;
  let time = 0;
  let rate = 1;
  let pending = 0;
  let isRateChanged = false;
  let playing: string | undefined;
  const watched = createWatched(() => wall);
  const media: SteeredMedia = {
    seeking: false,
    seekable: { length: 1, start: () => 0, end: () => 1000 },
    paused: false,
    duration: 1000,
    get currentTime() {
      return time;
    },
    set currentTime(value) {
      time = value;
      pending += 1;
    },
    get playbackRate() {
      return rate;
    },
    set playbackRate(value) {
      rate = value;
      isRateChanged = true;
    },
  };
  const spots = (): readonly Spot[] =>
    places.map(([breakId, start, end]) => ({
      breakId,
      position: start === 0 ? "pre" : "mid",
      isLive: false,
      contentTime: toContentTime(start, spans),
      duration: end - start,
      adCount: 1,
      watched: watched.has(breakId),
      sinceLastBreak: watched.sinceLastBreak(),
      start,
      end,
      ads: [{ start, end }],
    }));
  const spans = places.map(([, start, end]) => ({ start, end }));
  const enter = (id: string | undefined): void => {
    if (playing !== undefined && playing !== id) watched.end(playing, true);
    if (id !== undefined && id !== playing) watched.begin(id, "on-begin");
    playing = id;
  };
  const steering = createSteering({
    spots,
    rules: createRules(settings, watched, emit),
    watched,
    trickPlayRate: settings.trickPlayRate,
    isLive: () => false,
    playing: () => playing,
    toContentTime: (at) => toContentTime(at, spans),
    toStreamTime: (at) => toStreamTime(at, spans),
    startGoal: () =>
      goal ?? (settings.startContentTime ? { ...RESUMED, contentTime: settings.startContentTime } : undefined),
    onFinish: () => enter(undefined),
    emit,
    now: () => wall,
  });
  const settle = (): void => {
    for (let count = 0; pending > 0; pending -= 1, count += 1) {
      expect(count).toBeLessThan(20);
      steering.onSeeking(media);
      steering.onSeeked();
    }
    if (isRateChanged) steering.onRateChange(media);
    isRateChanged = false;
  };
  const showFrame = (): void => {
    const at = time;
    if (steering.onFrame(media, at, true)) {
      const id = findSpot(spots(), at)?.breakId;
      enter(id);
      const what = id ?? "content";
      if (shown.at(-1) !== what) shown.push(what);
      seen.set(what, (seen.get(what) ?? 0) + FRAME);
    }
    settle();
  };
  return {
    shown,
    seeks,
    time: () => time,
    play: (seconds) => {
      for (const end = wall + seconds * 1000; wall < end; wall += FRAME * 1000) {
        showFrame();
        time += FRAME * rate;
      }
    },
    seek: (to) => {
      media.currentTime = to;
      settle();
    },
    begin: (at) => {
      time = at;
    },
    jump: (to) => {
      steering.move(media, to);
      settle();
    },
    setRate: (value) => {
      media.playbackRate = value;
      settle();
    },
    rate: () => rate,
    release: () => steering.release(media),
    restart: (at) => {
      steering.onEmptied();
      media.currentTime = at;
      settle();
    },
    seenOf: (breakId) => seen.get(breakId) ?? 0,
  };
}

const MIDS = [
  ["one", 100, 110],
  ["two", 200, 210],
] as const;

describe("createSteering", () => {
  test("a break that is reached plays, and is passed over when it is reached again", () => {
    const watching = watch(MIDS);
    watching.seek(98);
    watching.play(15);
    watching.seek(97);
    watching.play(5);
    expect(watching.shown).toEqual(["content", "one", "content"]);
    expect(watching.seenOf("one")).toBeCloseTo(10, 0);
    expect(watching.seeks).toMatchObject([{ reason: "watched", to: 100 }]);
    expect(watching.seeks[0]?.target).toBeCloseTo(110.1, 6);
  });

  test("a viewer who has sought over a break sees it and then what was sought for", () => {
    const watching = watch(MIDS);
    watching.play(3);
    watching.seek(150);
    watching.play(15);
    expect(watching.shown).toEqual(["content", "one", "content"]);
    expect(watching.seeks.map(({ reason }) => reason)).toEqual(["snap-back", "return"]);
    expect(watching.seeks[1]?.target).toBeCloseTo(150, 6);
    // 15 s, of which the break took its 10
    expect(watching.time()).toBeCloseTo(155, 0);
  });

  test("dragging a slider over a break does not get past it", () => {
    const watching = watch(MIDS);
    watching.play(3);
    for (let to = 20; to <= 150; to += 5) {
      watching.seek(to);
      watching.play(0.2);
    }
    watching.play(15);
    expect(watching.seenOf("one")).toBeGreaterThan(9);
    expect(watching.seeks.at(-1)).toMatchObject({ reason: "return" });
    expect(watching.seeks.at(-1)?.target).toBeCloseTo(150, 6);
  });

  test("a seek in the ad that played for a while leaves it, and nothing comes back", () => {
    const watching = watch(MIDS);
    watching.play(3);
    watching.seek(150);
    watching.play(4);
    watching.seek(160);
    watching.play(10);
    expect(watching.seenOf("one")).toBeCloseTo(4, 0);
    expect(watching.time()).toBeCloseTo(170, 0);
  });

  test("a seek within the ad keeps the way on to what was sought for", () => {
    const watching = watch(MIDS);
    watching.play(3);
    watching.seek(150);
    watching.play(4);
    watching.seek(107);
    watching.play(5);
    expect(watching.seeks.at(-1)).toMatchObject({ reason: "return" });
    expect(watching.time()).toBeGreaterThan(150);
  });

  test("all the breaks that a selector wants play one after the other", () => {
    const watching = watch(MIDS, { policy: { selectAdBreaksToPlay: ({ adBreaks }) => adBreaks } });
    watching.play(3);
    watching.seek(300);
    watching.play(25);
    expect(watching.shown).toEqual(["content", "one", "two", "content"]);
    expect(watching.time()).toBeGreaterThan(300);
  });

  test("a player's step over a hole is no seek", () => {
    const watching = watch(MIDS);
    watching.seek(98);
    watching.play(4);
    watching.seek(watching.time() + 0.6);
    watching.play(1);
    expect(watching.seeks).toEqual([]);
  });

  test("a jump of the plugin's own, as over a broken ad, is no seek of the viewer's", () => {
    const watching = watch(MIDS);
    watching.play(3);
    watching.jump(150);
    watching.play(2);
    expect(watching.seeks).toEqual([]);
    expect(watching.shown).toEqual(["content"]);
    expect(watching.time()).toBeGreaterThan(151);
  });

  test("a player that starts over goes back to its place, whatever lies between", () => {
    const watching = watch(MIDS);
    watching.play(3);
    watching.restart(150);
    watching.play(2);
    expect(watching.seeks).toEqual([]);
    expect(watching.shown).toEqual(["content"]);
  });

  test("a player that starts over in the middle of an ad goes on with it", () => {
    const watching = watch(MIDS);
    watching.seek(98);
    watching.play(6);
    watching.restart(104.5);
    watching.play(3);
    expect(watching.seeks).toEqual([]);
    expect(watching.shown).toEqual(["content", "one"]);
  });

  test("trick play shows no ad; the last one left out plays when normal play resumes", () => {
    const watching = watch(MIDS);
    watching.seek(90);
    watching.play(1);
    watching.setRate(8);
    watching.play(20);
    expect(watching.shown).toEqual(["content"]);
    const resumedAt = watching.time();
    watching.setRate(1);
    watching.play(12);
    expect(watching.shown).toEqual(["content", "two", "content"]);
    expect(watching.seeks.at(-1)?.target).toBeCloseTo(resumedAt, 1);
  });

  test("a little faster is not trick play", () => {
    const watching = watch(MIDS);
    watching.seek(98);
    watching.setRate(2);
    watching.play(10);
    expect(watching.shown).toEqual(["content", "one", "content"]);
  });

  test("keepInAds: neither a seek nor a faster rate gets past an ad", () => {
    const watching = watch(MIDS, { keepInAds: true });
    watching.seek(98);
    watching.play(4);
    watching.seek(150);
    watching.setRate(16);
    watching.play(9);
    expect(watching.seenOf("one")).toBeGreaterThan(9);
    expect(watching.time()).toBeLessThan(112);
  });

  test("keepInAds: a faster rate that was set before the ad waits for its end", () => {
    const watching = watch(MIDS, { keepInAds: true });
    watching.seek(98);
    watching.setRate(1.5);
    watching.play(5);
    expect(watching.rate()).toBe(1);
    watching.setRate(2);
    expect(watching.rate()).toBe(1);
    watching.play(8);
    expect(watching.shown).toEqual(["content", "one", "content"]);
    expect(watching.seenOf("one")).toBeGreaterThan(9.8);
    expect(watching.rate()).toBe(1.5);
  });

  test("keepInAds: a slower rate that the viewer takes in the ad stays his", () => {
    const watching = watch(MIDS, { keepInAds: true });
    watching.seek(98);
    watching.setRate(1.5);
    watching.play(4);
    watching.setRate(0.5);
    watching.play(30);
    expect(watching.shown).toEqual(["content", "one", "content"]);
    expect(watching.rate()).toBe(0.5);
  });

  test("keepInAds: who is let go in an ad has his rate back", () => {
    const watching = watch(MIDS, { keepInAds: true });
    watching.seek(98);
    watching.setRate(1.5);
    watching.play(4);
    watching.release();
    expect(watching.rate()).toBe(1.5);
  });

  test("noAdsWithin: no frame of a break that comes too soon is shown", () => {
    const watching = watch(
      [
        ["one", 100, 110],
        ["two", 112, 120],
      ],
      { noAdsWithin: 60 },
    );
    watching.seek(98);
    watching.play(16);
    expect(watching.seenOf("two")).toBe(0);
    expect(watching.seeks).toMatchObject([{ reason: "skipped", to: 112 }]);
  });

  test("startContentTime: the pre-roll first, then the place; no break in between", () => {
    const watching = watch(
      [
        ["pre", 0, 5],
        ["one", 105, 115],
      ],
      { startContentTime: 300 },
    );
    watching.play(8);
    expect(watching.shown).toEqual(["pre", "content"]);
    expect(watching.seeks).toMatchObject([{ reason: "resume" }]);
    expect(watching.seeks[0]?.target).toBeCloseTo(315, 6);
    watching.seek(104);
    watching.play(3);
    expect(watching.shown).toEqual(["pre", "content", "one"]);
  });

  test("startContentTime: a player that began elsewhere is taken there with its first frame", () => {
    const watching = watch(MIDS, { startContentTime: 300 });
    watching.play(3);
    expect(watching.shown).toEqual(["content"]);
    expect(watching.time()).toBeGreaterThan(320);
  });

  const own = { contentTime: 30, isOwn: true, begun: undefined } as const;
  const withPreRoll = [
    ["pre", 0, 5],
    ["one", 105, 115],
  ] as const;

  test("behind the pre-roll it goes on where the content wants to begin", () => {
    const watching = watch(withPreRoll, {}, own);
    watching.play(8);
    expect(watching.shown).toEqual(["pre", "content"]);
    expect(watching.seeks).toMatchObject([{ reason: "resume" }]);
    expect(watching.seeks[0]?.target).toBeCloseTo(35, 6);
  });

  test("a player that the master playlist has begin behind the pre-roll is taken back to it", () => {
    const watching = watch(withPreRoll, {}, { ...own, begun: 30 });
    watching.begin(30);
    watching.play(8);
    expect(watching.shown).toEqual(["pre", "content"]);
    expect(watching.seeks.map(({ reason }) => reason)).toEqual(["ad-start", "resume"]);
    expect(watching.time()).toBeCloseTo(38, 0);
  });

  test("a player that begins in the middle of the pre-roll is taken to its start", () => {
    const watching = watch(withPreRoll, {}, { ...own, contentTime: 3, begun: 3 });
    watching.begin(3);
    watching.play(6);
    expect(watching.seenOf("pre")).toBeCloseTo(5, 0);
  });

  test("a player that begins where the page wants it stays there", () => {
    const watching = watch(withPreRoll, {}, { ...own, begun: 30 });
    watching.begin(60);
    watching.play(3);
    expect(watching.seeks).toEqual([]);
  });

  test("without a pre-roll the player sees to the content's start", () => {
    const watching = watch(MIDS, {}, own);
    watching.begin(30);
    watching.play(3);
    expect(watching.seeks).toEqual([]);
  });

  test("a break that the playhead cannot be taken past plays: no loop", () => {
    const stuck = watch([["stuck", 2, 1000]], { policy: { selectPolicyForAdBreak: () => "skip" } });
    stuck.play(10);
    expect(stuck.seeks.length).toBeLessThan(10);
  });
});
