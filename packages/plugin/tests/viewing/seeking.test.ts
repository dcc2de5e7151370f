import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRules } from "../../src/viewing/rules.ts";
import { parsePolicyOptions, type PolicyOptions } from "../../src/policy-options.ts";
import {
  decideSeek,
  EDGE,
  EDGE_OUT,
  findSpot,
  isPlayerStep,
  passBreaks,
  type SeekDecision,
  type SeekFacts,
  type Spot,
} from "../../src/viewing/seeking.ts";
import { createWatched } from "../../src/viewing/watched.ts";

/** Breaks of two ads of 10 s each, of content at these seconds of stream time. */
function placeSpots(starts: readonly number[], watched: readonly number[] = []): readonly Spot[] {
  return starts.map((start, index) => ({
    breakId: `break-${start}`,
    position: "mid",
    isLive: false,
    contentTime: start - index * 20,
    duration: 20,
    adCount: 2,
    watched: watched.includes(start),
    sinceLastBreak: undefined,
    start,
    end: start + 20,
    ads: [
      { start, end: start + 10 },
      { start: start + 10, end: start + 20 },
    ],
  }));
}

function decide(facts: Partial<SeekFacts>, options: PolicyOptions = {}): SeekDecision {
  const watched = createWatched(() => 0);
  const rules = createRules(parsePolicyOptions(options), watched, () => undefined);
  return decideSeek(
    { from: 0, to: 0, spots: placeSpots([100, 200]), playing: undefined, isTrickPlay: false, ...facts },
    rules,
  );
}

describe("decideSeek", () => {
  const rows: readonly {
    readonly title: string;
    readonly facts: Partial<SeekFacts>;
    readonly options?: PolicyOptions;
    readonly decision: Partial<SeekDecision>;
  }[] = [
    {
      title: "a seek within the content goes to its target",
      facts: { from: 10, to: 90 },
      decision: { target: 90, reason: undefined, queue: [] },
    },
    {
      title: "a seek forward over breaks plays the last of them first",
      facts: { from: 10, to: 300 },
      decision: { target: 200 + EDGE, reason: "snap-back", admitted: "break-200", queue: ["break-200"] },
    },
    {
      title: "a seek forward over breaks of which the last is watched goes to its target",
      facts: { from: 10, to: 300, spots: placeSpots([100, 200], [200]) },
      decision: { target: 300, reason: undefined, queue: [] },
    },
    {
      title: "a seek over an earlier watched break plays the unwatched last one",
      facts: { from: 10, to: 300, spots: placeSpots([100, 200], [100]) },
      decision: { target: 200 + EDGE, reason: "snap-back" },
    },
    {
      title: "a seek backward over breaks goes to its target",
      facts: { from: 300, to: 10 },
      decision: { target: 10, reason: undefined, queue: [] },
    },
    {
      title: "a seek forward into a break plays the ad hit from its start",
      facts: { from: 10, to: 115 },
      decision: { target: 110 + EDGE, reason: "ad-start", admitted: "break-100", queue: [] },
    },
    {
      title: "a seek backward into a break plays the ad hit from its start",
      facts: { from: 300, to: 205 },
      decision: { target: 200 + EDGE, reason: "ad-start", admitted: "break-200" },
    },
    {
      title: "a seek over one break into the next plays the ad hit alone",
      facts: { from: 10, to: 215 },
      decision: { target: 210 + EDGE, reason: "ad-start", queue: [] },
    },
    {
      title: "a seek into a watched break goes to its end",
      facts: { from: 10, to: 115, spots: placeSpots([100], [100]) },
      decision: { target: 120 + EDGE_OUT, reason: "watched", admitted: undefined },
    },
    {
      title: "a seek into a watched break that another one follows plays that one",
      facts: { from: 10, to: 115, spots: placeSpots([100, 120], [100]) },
      decision: { target: 120 + EDGE, admitted: "break-120" },
    },
    {
      title: "a seek into a watched break of live content goes to its end, although the break would play when reached",
      facts: { from: 300, to: 115, spots: placeSpots([100], [100]).map((spot) => ({ ...spot, isLive: true })) },
      decision: { target: 120 + EDGE_OUT, reason: "watched" },
    },
    {
      title: "a seek out of the break on screen goes to its target",
      facts: { from: 105, to: 150, playing: "break-100" },
      decision: { target: 150, reason: undefined, queue: [] },
    },
    {
      title: "a seek out of a break whose first frame is on screen goes to its target",
      facts: { from: 100.02, to: 150, playing: "break-100" },
      decision: { target: 150, reason: undefined, queue: [] },
    },
    {
      title: "a seek out of the break on screen over the next one plays that first",
      facts: { from: 105, to: 300, playing: "break-100" },
      decision: { target: 200 + EDGE, queue: ["break-200"] },
    },
    {
      title: "a seek within the ad on screen goes to its target",
      facts: { from: 102, to: 107, playing: "break-100", spots: placeSpots([100], [100]) },
      decision: { target: 107, reason: undefined, admitted: "break-100" },
    },
    {
      title: "a seek to another ad of the break on screen plays that from its start, watched or not",
      facts: { from: 102, to: 117, playing: "break-100", spots: placeSpots([100], [100]) },
      decision: { target: 110 + EDGE, reason: "ad-start", admitted: "break-100" },
    },
    {
      title: "in trick play a seek over breaks goes to its target, and they are noted",
      facts: { from: 10, to: 300, isTrickPlay: true },
      decision: { target: 300, leftOut: ["break-100", "break-200"], queue: [] },
    },
    {
      title: "in trick play a seek into a break goes to its end",
      facts: { from: 10, to: 205, isTrickPlay: true },
      decision: { target: 220 + EDGE_OUT, reason: "trick-play", leftOut: ["break-100", "break-200"] },
    },
    {
      title: "snapBack false: a seek over breaks goes to its target",
      facts: { from: 10, to: 300 },
      options: { snapBack: false },
      decision: { target: 300, reason: undefined },
    },
    {
      title: "keepInAds: a seek out of an ad is undone",
      facts: { from: 105, to: 300, playing: "break-100" },
      options: { keepInAds: true },
      decision: { target: 105, reason: "kept-in-ad", admitted: "break-100" },
    },
    {
      title: "keepInAds: a player that cannot play an ad gets past it",
      facts: { from: 105, to: 110.01, playing: "break-100" },
      options: { keepInAds: true },
      decision: { target: 110.01, reason: undefined },
    },
    {
      title: "keepInAds: content is sought freely",
      facts: { from: 10, to: 50 },
      options: { keepInAds: true },
      decision: { target: 50, reason: undefined },
    },
    {
      title: "selectAdBreaksToPlay: all of them, in the order that it gives",
      facts: { from: 10, to: 300 },
      options: { policy: { selectAdBreaksToPlay: ({ adBreaks }) => adBreaks } },
      decision: { target: 100 + EDGE, queue: ["break-100", "break-200"] },
    },
    {
      title: "selectAdBreaksToPlay: none of them",
      facts: { from: 10, to: 300 },
      options: { policy: { selectAdBreaksToPlay: () => [] } },
      decision: { target: 300, queue: [] },
    },
    {
      title: "selectPolicyForSeekIntoAd: play, from the target itself",
      facts: { from: 10, to: 115 },
      options: { policy: { selectPolicyForSeekIntoAd: () => "play" } },
      decision: { target: 115, reason: undefined, admitted: "break-100" },
    },
    {
      title: "selectPolicyForSeekIntoAd: play-from-ad-break-begin",
      facts: { from: 10, to: 115 },
      options: { policy: { selectPolicyForSeekIntoAd: () => "play-from-ad-break-begin" } },
      decision: { target: 100 + EDGE, reason: "ad-start" },
    },
    {
      title: "selectPolicyForSeekIntoAd: skip-to-next-ad-in-break",
      facts: { from: 10, to: 105 },
      options: { policy: { selectPolicyForSeekIntoAd: () => "skip-to-next-ad-in-break" } },
      decision: { target: 110 + EDGE, reason: "ad-start" },
    },
    {
      title: "selectPolicyForSeekIntoAd: skip-to-next-ad-in-break in the last ad ends the break",
      facts: { from: 10, to: 115 },
      options: { policy: { selectPolicyForSeekIntoAd: () => "skip-to-next-ad-in-break" } },
      decision: { target: 120 + EDGE_OUT, reason: "skipped", admitted: undefined },
    },
    {
      title: "selectPolicyForSeekIntoAd: skip-ad-break",
      facts: { from: 10, to: 105 },
      options: { policy: { selectPolicyForSeekIntoAd: () => "skip-ad-break" } },
      decision: { target: 120 + EDGE_OUT, reason: "skipped" },
    },
    {
      title: "selectPolicyForAdBreak: a break that is left out is neither sought into nor snapped back to",
      facts: { from: 10, to: 205 },
      options: { policy: { selectPolicyForAdBreak: () => "skip" } },
      decision: { target: 220 + EDGE_OUT, reason: "skipped" },
    },
  ];
  test.each(rows)("$title", ({ facts, options, decision }) => {
    expect(decide(facts, options)).toMatchObject(decision);
  });
});

describe("isPlayerStep", () => {
  test("a jump over a hole in the media is the player's, five seconds on are the viewer's", () => {
    expect(isPlayerStep(10, 10.4)).toBe(true);
    expect(isPlayerStep(10, 15)).toBe(false);
    expect(isPlayerStep(10, 9)).toBe(false);
  });
});

/** Up to six breaks, some of them one directly after the other, some of them watched. */
const spotLists = fc
  .array(
    fc.record({ gap: fc.oneof(fc.constant(0), fc.double({ min: 1, max: 300, noNaN: true })), seen: fc.boolean() }),
    {
      maxLength: 6,
    },
  )
  .map((items) => {
    let start = 0;
    const starts: { readonly start: number; readonly seen: boolean }[] = [];
    for (const { gap, seen } of items) {
      start += gap;
      starts.push({ start, seen });
      start += 20;
    }
    return placeSpots(
      starts.map((item) => item.start),
      starts.flatMap((item) => (item.seen ? [item.start] : [])),
    );
  });
const times = fc.double({ min: 0, max: 2000, noNaN: true });

describe("decideSeek, whatever the breaks", () => {
  test("never ends in a watched break", () => {
    fc.assert(
      fc.property(spotLists, times, times, fc.boolean(), (spots, from, to, isTrickPlay) => {
        const { target } = decide({ spots, from, to, isTrickPlay });
        expect(findSpot(spots, target)?.watched ?? false).toBe(false);
      }),
    );
  });

  test("takes a viewer who is sent somewhere no further: no loop", () => {
    fc.assert(
      fc.property(spotLists, times, times, (spots, from, to) => {
        const { target } = decide({ spots, from, to });
        const again = decide({ spots, from, to: target });
        expect(Math.abs(again.target - target)).toBeLessThan(0.05);
      }),
    );
  });

  test("never goes further than the viewer asked, but to get out of a break", () => {
    fc.assert(
      fc.property(spotLists, times, times, (spots, from, to) => {
        const { target } = decide({ spots, from, to });
        const into = findSpot(spots, to);
        expect(into !== undefined || target <= to).toBe(true);
      }),
    );
  });

  test("plays a break only where it is admitted", () => {
    fc.assert(
      fc.property(spotLists, times, times, (spots, from, to) => {
        const { target, admitted } = decide({ spots, from, to });
        expect(findSpot(spots, target)?.breakId).toBe(admitted);
      }),
    );
  });
});

describe("passBreaks", () => {
  test("leaves a chain of breaks behind, whatever their edges", () => {
    fc.assert(
      fc.property(spotLists, times, (spots, time) => {
        const { target } = passBreaks(time, spots, () => false);
        expect(findSpot(spots, target)).toBeUndefined();
        expect(target).toBeGreaterThanOrEqual(time);
      }),
    );
  });
});
