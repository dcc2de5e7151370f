import type { BreakSnapshot, WorkflowStepEvent } from "@interlude/plugin/hls";
import { describe, expect, test } from "vitest";
import { formatAdTag, formatChoice, readChoice } from "../src/choice.ts";
import { formatAddress, formatMs, formatTime } from "../src/format.ts";
import type { StepView } from "../src/step.ts";
import { applyStep, NO_STEPS } from "../src/steps.ts";
import { type Facts, tellStory } from "../src/story.ts";
import { formatPlace, locate, placeMarks } from "../src/timeline.ts";

function step(event: Pick<WorkflowStepEvent, "step"> & Partial<WorkflowStepEvent>): WorkflowStepEvent {
  return { title: "", breakId: "pre", ...event };
}

function walk(...events: readonly WorkflowStepEvent[]): readonly StepView[] {
  return events.reduce(applyStep, NO_STEPS);
}

function states(views: readonly StepView[]): string {
  return views.map(({ state, parts }) => `${state}${parts.join("")}`).join(" ");
}

const asked = step({ step: 1, breakId: "", method: "GET", url: "http://x/ads/vmap" });
const returned = step({ step: 2, breakId: "", method: "GET", url: "http://x/ads/vmap", status: 200, ms: 12 });
const probed = step({ step: 3, part: "b", method: "GET", url: "http://x/cdn/a/m.m3u8" });
const missed = step({ step: 4, method: "GET", url: "http://x/cdn/a/m.m3u8", status: 404, ms: 3 });
const ordered = step({ step: 4, part: "b", method: "POST", url: "http://x/ads/repackage", status: 202, ms: 20 });
const passedOn = step({ step: 5, method: "POST", url: "http://x/ads/repackage", status: 202, ms: 20, state: "absent" });
const made = step({
  step: 6,
  method: "GET",
  url: "http://x/ads/repackage/t",
  status: 200,
  ms: 900,
  state: "transcoding",
});

describe("the numbered steps", () => {
  test("a request lights up its step before it is answered", () => {
    expect(states(walk(asked))).toBe("active idle idle idle idle idle");
    expect(states(walk(asked, returned))).toBe("done done idle idle idle idle");
    expect(states(walk(asked, returned, probed))).toBe("done done activeb idle idle idle");
  });

  test("an HLS creative is done at 3a, and what follows is not needed", () => {
    expect(states(walk(asked, returned, step({ step: 3, part: "a" })))).toBe(
      "done done donea unneeded unneeded unneeded",
    );
  });

  test("a copy on the CDN is done at 4a with the status and milliseconds of the real request", () => {
    const views = walk(asked, returned, probed, { ...missed, part: "a", status: 200 });
    expect(states(views)).toBe("done done doneb donea unneeded unneeded");
    expect(views[3]).toMatchObject({ method: "GET", url: "http://x/cdn/a/m.m3u8", status: 200, ms: 3 });
  });

  test("a miss is no failure: it goes on to 4b, 5 and 6, and 6 stays active until CRS is done", () => {
    expect(states(walk(asked, returned, probed, missed, ordered, passedOn, made))).toBe(
      "done done doneb doneb done active",
    );
    const ready = { ...made, state: "ready" } as const;
    expect(states(walk(asked, returned, probed, missed, ordered, passedOn, made, ready))).toBe(
      "done done doneb doneb done done",
    );
  });

  test("an answer of 500, no answer, and a creative that CRS gave up are failures", () => {
    expect(states(walk(asked, { ...returned, status: 500 }))).toBe("done failed idle idle idle idle");
    expect(walk(probed, step({ step: 4, url: "http://x/" }))[3]?.state).toBe("failed");
    expect(walk(made, { ...made, state: "failed" })[5]?.state).toBe("failed");
  });

  test("breaks that take the same way are counted, not repeated", () => {
    const views = walk(probed, { ...probed, breakId: "mid" }, { ...probed, breakId: "mid" });
    expect(views[2]?.breaks).toEqual(["pre", "mid"]);
  });
});

const facts: Facts = {
  workflow: "player",
  phase: "content",
  isLive: false,
  cdn: "a",
  format: "MP4",
  isHls: false,
  adTitle: undefined,
  placed: 0,
  skipped: undefined,
  job: undefined,
  error: undefined,
  isForgotten: false,
  nextAvail: undefined,
};

describe("the line that says what just happened", () => {
  test("a cold miss says that this viewer sees no ad and how far CRS is", () => {
    const job = { state: "transcoding", progress: 0.424, reason: undefined } as const;
    expect(tellStory({ ...facts, skipped: "new-creative", job })).toEqual({
      tone: "busy",
      now: "CDN a had no HLS copy yet, so this viewer sees no ad.",
      next: "CRS is making the copy: 42 %.",
    });
  });

  test("a copy that is ready says what to do next: watch again, in live wait for the next avail", () => {
    const job = { state: "ready", progress: 1, reason: undefined } as const;
    expect(tellStory({ ...facts, skipped: "new-creative", job }).next).toBe("Watch as the next viewer to see the ad.");
    expect(tellStory({ ...facts, skipped: "new-creative", job, isLive: true }).next).toBe("The next avail has the ad.");
  });

  test("a creative that cannot be made names the reason and that content always plays", () => {
    const job = { state: "failed", progress: 0.1, reason: "no-video" } as const;
    expect(tellStory({ ...facts, skipped: "new-creative", job })).toMatchObject({
      tone: "bad",
      now: expect.stringContaining("no-video"),
      next: expect.stringContaining("content always plays"),
    });
  });

  test.each([
    ["cdn-error", "the CDN answered with an error"],
    ["repackage-unavailable", "CRS cannot be reached"],
    ["vast-malformed", "cannot be read"],
    ["no-ads", "has no ad"],
  ] as const)("%s is said in plain words", (skipped, words) => {
    expect(tellStory({ ...facts, skipped }).now).toContain(words);
  });

  test("a set-up error is told as it is, and that the content plays", () => {
    const error = 'ptcdn: expected one of a, b, got "z"';
    expect(tellStory({ ...facts, error })).toEqual({
      tone: "bad",
      now: `${error}.`,
      next: "The content plays all the same.",
    });
  });

  test("in live, who comes in the middle of an avail is told when the next one is", () => {
    const story = tellStory({ ...facts, isLive: true, skipped: "policy", nextAvail: 20.2 });
    expect(story.tone).toBe("neutral");
    expect(story.next).toContain("in 21 s");
  });

  test("an ad on screen is told by its title and where its copy came from", () => {
    expect(tellStory({ ...facts, phase: "ad", adTitle: "Sunday Coffee", cdn: "b" })).toMatchObject({
      now: expect.stringContaining("Sunday Coffee"),
      next: expect.stringContaining("CDN b"),
    });
  });
});

describe("the timeline", () => {
  const placed: BreakSnapshot = {
    breakId: "mid",
    position: "mid",
    state: "placed",
    reason: undefined,
    contentTime: 20,
    startTime: 30,
    duration: 10,
    ads: [],
    watched: false,
  };

  test("a break covers its share of the bar, a skipped one is a pin", () => {
    const skipped: BreakSnapshot = { ...placed, breakId: "post", state: "skipped", startTime: 80, duration: 0 };
    expect(placeMarks({ start: 0, end: 80 }, [placed, skipped])).toMatchObject([
      { breakId: "mid", left: 0.375, width: 0.125 },
      { breakId: "post", left: 1, width: 0 },
    ]);
  });

  test("in a live window a break is cut at the edge and leaves with it", () => {
    expect(placeMarks({ start: 35, end: 75 }, [placed])).toMatchObject([{ left: 0, width: 0.125 }]);
    expect(placeMarks({ start: 41, end: 75 }, [placed])).toEqual([]);
  });

  test("an empty axis has everything at its start", () => {
    expect(locate({ start: 0, end: 0 }, 5)).toBe(0);
  });

  test("a break is named by its place in the content", () => {
    expect(formatPlace(placed, "0:20")).toBe("At 0:20");
    expect(formatPlace({ ...placed, position: "pre" }, "0:00")).toBe("Before");
  });
});

describe("the address of the page", () => {
  test("says the choice and brings it back", () => {
    const choice = readChoice(new URLSearchParams("content=live&creative=webm&cdn=b"));
    expect(formatChoice(choice)).toBe("content=live&creative=webm&cdn=b");
    expect(formatAdTag(choice)).toBe("/ads/vast?zone=1&li=webm");
  });

  test("without a choice is the film with an MP4 on CDN a; an unknown CDN is left for the plugin to refuse", () => {
    expect(formatChoice(readChoice(new URLSearchParams()))).toBe("content=vod&creative=mp4&cdn=a");
    expect(readChoice(new URLSearchParams("creative=gif&cdn=zzz"))).toMatchObject({
      creative: { id: "mp4" },
      cdn: "zzz",
    });
  });
});

test("times, milliseconds and addresses are short", () => {
  expect([formatTime(0), formatTime(75.9), formatTime(Number.NaN), formatTime(-1)]).toEqual([
    "0:00",
    "1:15",
    "0:00",
    "0:00",
  ]);
  expect([formatMs(0.2), formatMs(12.4), formatMs(1234)]).toEqual(["1 ms", "12 ms", "1.2 s"]);
  const master = `http://x/cdn/a/1/abc/def/${"f".repeat(32)}_${"0".repeat(32)}.m3u8`;
  expect(formatAddress(master, "http://x")).toBe("/cdn/a/1/abc/def/ffffff….m3u8");
  expect(formatAddress("http://y/ads/vast?zone=1", "http://x")).toBe("http://y/ads/vast?zone=1");
});
