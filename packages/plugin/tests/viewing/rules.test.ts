import { describe, expect, test } from "vitest";
import type { AdInsertionEvents } from "../../src/events.ts";
import { parsePolicyOptions, type PolicyOptions } from "../../src/policy-options.ts";
import { createRules, type Rules } from "../../src/viewing/rules.ts";
import type { Spot } from "../../src/viewing/seeking.ts";
import { createWatched, type Watched } from "../../src/viewing/watched.ts";

const SPOT: Spot = {
  breakId: "mid",
  position: "mid",
  isLive: false,
  contentTime: 100,
  duration: 20,
  adCount: 1,
  watched: false,
  sinceLastBreak: undefined,
  start: 100,
  end: 120,
  ads: [{ start: 100, end: 120 }],
};

interface Asked extends Rules {
  readonly watched: Watched;
  readonly errors: readonly AdInsertionEvents["error"][];
}

function ask(options: PolicyOptions): Asked {
  const errors: AdInsertionEvents["error"][] = [];
  const watched = createWatched(() => 0);
  const rules = createRules(parsePolicyOptions(options), watched, (_name, event) => {
    if ("fatal" in event) errors.push(event);
  });
  return { ...rules, watched, errors };
}

/** What a page without types may bring. */
function readPolicy(source: string): NonNullable<PolicyOptions["policy"]> {
  return new Function(`return ${source}`)();
}

describe("createRules", () => {
  test.each([
    { title: "a break that was not watched plays", spot: {}, plays: true },
    { title: "a VOD break that is watched is passed over", spot: { watched: true }, plays: false },
    { title: "a live break plays even if it is watched", spot: { watched: true, isLive: true }, plays: true },
    {
      title: "livePrerollOnce: a live pre-roll plays once",
      options: { livePrerollOnce: true },
      spot: { watched: true, isLive: true, position: "pre" as const },
      plays: false,
    },
    {
      title: "livePrerollOnce: another live break plays again",
      options: { livePrerollOnce: true },
      spot: { watched: true, isLive: true, position: "live" as const },
      plays: true,
    },
    {
      title: "noAdsWithin: no break soon after the last",
      options: { noAdsWithin: 300 },
      spot: { sinceLastBreak: 299 },
      plays: false,
    },
    { title: "noAdsWithin: a break later", options: { noAdsWithin: 300 }, spot: { sinceLastBreak: 300 }, plays: true },
    { title: "noAdsWithin: the first break", options: { noAdsWithin: 300 }, spot: {}, plays: true },
    {
      title: "a selector has the last word on a watched break",
      options: { policy: { selectPolicyForAdBreak: () => "play" as const } },
      spot: { watched: true },
      plays: true,
    },
    {
      title: "a selector that answers undefined leaves it to the options",
      options: { noAdsWithin: 300, policy: { selectPolicyForAdBreak: () => undefined } },
      spot: { sinceLastBreak: 10 },
      plays: false,
    },
  ])("$title", ({ options, spot, plays }) => {
    expect(ask(options ?? {}).canPlay({ ...SPOT, ...spot })).toBe(plays);
  });

  test("remove-after-play: a break that has played is never asked about again", () => {
    const rules = ask({ policy: { selectPolicyForAdBreak: () => "remove-after-play" } });
    expect(rules.canPlay(SPOT)).toBe(true);
    rules.watched.begin("mid", "on-begin");
    rules.watched.end("mid", false);
    expect(rules.canPlay({ ...SPOT, isLive: true })).toBe(false);
  });

  test.each([
    {
      policy: readPolicy("{ selectPolicyForAdBreak: () => { throw new Error('no') } }"),
      told: "selectPolicyForAdBreak",
    },
    { policy: readPolicy("{ selectPolicyForAdBreak: () => 'maybe' }"), told: "selectPolicyForAdBreak" },
    { policy: readPolicy("{ selectPolicyForAdBreak: async () => 'skip' }"), told: "selectPolicyForAdBreak" },
    { policy: readPolicy("{ selectAdBreaksToPlay: () => [{ breakId: 'elsewhere' }] }"), told: "selectAdBreaksToPlay" },
    { policy: readPolicy("{ selectAdBreaksToPlay: () => 'all' }"), told: "selectAdBreaksToPlay" },
    { policy: readPolicy("{ selectPolicyForSeekIntoAd: () => null }"), told: "selectPolicyForSeekIntoAd" },
    { policy: readPolicy("{ selectWatchedPolicyForAdBreak: () => 1 }"), told: "selectWatchedPolicyForAdBreak" },
  ])("a selector that answers nonsense to $told costs nothing and is told", ({ policy, told }) => {
    const rules = ask({ policy });
    expect(rules.canPlay(SPOT)).toBe(true);
    expect(rules.selectToPlay(0, 200, [SPOT])).toEqual([SPOT]);
    expect(rules.selectInto(0, 110, SPOT, 0)).toBe("play-from-ad-begin");
    expect(rules.selectWatched(SPOT)).toBe("on-begin");
    expect(rules.errors[0]).toMatchObject({ fatal: false, code: "option-invalid" });
    expect(rules.errors[0]?.message).toContain(`policy.${told}`);
  });

  test("a selector's breaks play in its order, each once", () => {
    const other = { ...SPOT, breakId: "other", start: 200, end: 220 };
    const rules = ask({ policy: { selectAdBreaksToPlay: ({ adBreaks }) => [...adBreaks.toReversed(), ...adBreaks] } });
    expect(rules.selectToPlay(0, 300, [SPOT, other]).map(({ breakId }) => breakId)).toEqual(["other", "mid"]);
  });
});

describe("createWatched", () => {
  test.each([
    { policy: "on-begin" as const, atBegin: true, whenLeft: true, atEnd: true },
    { policy: "on-end" as const, atBegin: false, whenLeft: false, atEnd: true },
    { policy: "never" as const, atBegin: false, whenLeft: false, atEnd: false },
  ])("$policy", ({ policy, atBegin, whenLeft, atEnd }) => {
    const watched = createWatched(() => 0);
    watched.begin("mid", policy);
    expect(watched.has("mid")).toBe(atBegin);
    watched.end("mid", false);
    expect(watched.has("mid")).toBe(whenLeft);
    watched.end("mid", true);
    expect(watched.has("mid")).toBe(atEnd);
  });

  test("counts the seconds since the last break was over", () => {
    let now = 5000;
    const watched = createWatched(() => now);
    expect(watched.sinceLastBreak()).toBeUndefined();
    watched.end("mid", true);
    now = 8000;
    expect(watched.sinceLastBreak()).toBe(3);
  });
});

describe("parsePolicyOptions", () => {
  test.each([
    { options: { noAdsWithin: -1 }, name: "noAdsWithin" },
    { options: { noAdsWithin: Number.NaN }, name: "noAdsWithin" },
    { options: { trickPlayRate: 0.5 }, name: "trickPlayRate" },
    { options: { startContentTime: Number.POSITIVE_INFINITY }, name: "startContentTime" },
  ])("a wrong $name is named", ({ options, name }) => {
    expect(() => parsePolicyOptions(options)).toThrow(`${name}: expected a number`);
  });
});
