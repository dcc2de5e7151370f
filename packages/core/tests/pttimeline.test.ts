import { AdError, parseTimeline, placeTimeline, type ReplacedAvails } from "@interlude/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

/** Breaks as `<position> <time>: <seconds>/<ads>`, and what they replace where they do. */
function place(timeline: string, contentDuration: number, replaced?: ReplacedAvails): readonly string[] {
  const breaks = placeTimeline(parseTimeline(timeline), contentDuration, replaced);
  return breaks.map(({ position, time, maxDuration, maxAds, replaces }) => {
    const rest = replaces > 0 ? ` for ${replaces}` : "";
    return `${position} ${time}: ${maxDuration}/${maxAds}${rest}`;
  });
}

function avail(startTime: number, duration: number, reach?: "national" | "local", returnTime?: number) {
  return { startTime, duration, returnTime, reach, isPartial: false };
}

function outcomeOf(timeline: string): string {
  try {
    placeTimeline(parseTimeline(timeline), 100);
    return "read";
  } catch (error) {
    return error instanceof AdError ? error.code : String(error);
  }
}

describe("parseTimeline", () => {
  test("reads breaks and chapters, with or without a semicolon at the end", () => {
    const pods = [
      { kind: "break", duration: 60, maxAds: 2, position: "pre" },
      { kind: "chapter", duration: 120.125, lots: 1 },
      { kind: "break", duration: 0, maxAds: 0, position: "mid" },
      { kind: "break", duration: 30, maxAds: 1, position: "none" },
      { kind: "break", duration: 30, maxAds: 1, position: "post" },
    ];
    const text = "B,60,2,p;C,120.125,1;B,0,0,m;B,30,1,n;B,30,1,t";
    expect(parseTimeline(text)).toEqual(pods);
    expect(parseTimeline(`${text};`)).toEqual(pods);
  });

  test("an empty timeline has no pods", () => {
    expect(parseTimeline("")).toEqual([]);
  });

  test.each([
    ["B,60,2,x", 'pod 1: expected B,<seconds>,<ads>,<n|p|m|t> or C,<seconds>,<lots>, got "B,60,2,x"'],
    ["C,300,1;B,60,p", 'pod 2: expected B,<seconds>,<ads>,<n|p|m|t> or C,<seconds>,<lots>, got "B,60,p"'],
    ["C,300.1234,1", 'got "C,300.1234,1"'],
    ["C,-1,1", 'got "C,-1,1"'],
    ["B,1e3,1,p", 'got "B,1e3,1,p"'],
    ["C,300,1;;B,60,2,m", 'pod 2: expected B,<seconds>,<ads>,<n|p|m|t> or C,<seconds>,<lots>, got ""'],
    [";;", 'pod 1: expected B,<seconds>,<ads>,<n|p|m|t> or C,<seconds>,<lots>, got ""'],
  ])("%s is refused with the pod that is wrong", (text, message) => {
    expect(() => parseTimeline(text)).toThrow(expect.objectContaining({ code: "option-invalid" }));
    expect(() => parseTimeline(text)).toThrow(message);
  });

  test("more than 1,000 pods are refused", () => {
    expect(() => parseTimeline("C,1,1;".repeat(1001))).toThrow("expected at most 1000 pods, got more");
  });

  test("whatever comes is read, or refused as an option", () => {
    const pieces = fc.constantFrom("B", "C", ",", ";", "60", "0.5", "p", "m", ".", "-", "x");
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        expect(["read", "option-invalid"]).toContain(outcomeOf(parts.join("")));
      }),
    );
  });
});

describe("placeTimeline", () => {
  test("inserts each mid-roll after the chapters before it", () => {
    expect(place("B,60,2,p;C,120,1;B,30,2,m;C,300,1;B,15,1,m;C,180,1;B,20,1,t", 600)).toEqual([
      "pre 0: 60/2",
      "mid 120: 30/2",
      "mid 420: 15/1",
      "post end: 20/1",
    ]);
  });

  test("a pre-roll and a post-roll keep their places wherever they stand", () => {
    expect(place("C,120,1;B,20,1,t;B,60,2,p;B,30,1,m", 600)).toEqual([
      "pre 0: 60/2",
      "mid 120: 30/1",
      "post end: 20/1",
    ]);
  });

  test("a break without a position is what its place makes it", () => {
    expect(place("B,1,1,n;C,50,1;B,2,1,n;C,50,1;B,3,1,n;C,50,1;B,4,1,n", 100)).toEqual([
      "pre 0: 1/1",
      "mid 50: 2/1",
      "post end: 3/1",
    ]);
  });

  test("no piece of content is shorter than 2 s", () => {
    expect(place("C,1.999,1;B,1,1,m", 100)).toEqual(["mid 0: 1/1"]);
    expect(place("C,2,1;B,1,1,m", 100)).toEqual(["mid 2: 1/1"]);
    expect(place("C,50,1;B,1,1,m;C,1.5,1;B,2,1,m;C,1,1;B,3,1,m", 100)).toEqual([
      "mid 50: 1/1",
      "mid 50: 2/1",
      "mid 52.5: 3/1",
    ]);
    expect(place("C,98,1;B,1,1,m", 100)).toEqual(["mid 98: 1/1"]);
    expect(place("C,98.001,1;B,1,1,m", 100)).toEqual(["mid end: 1/1"]);
  });

  test("a break just behind the end of the content comes at the end, one further behind it does not come", () => {
    expect(place("C,101.9,1;B,1,1,m;C,0.1,1;B,2,1,m", 100)).toEqual(["mid end: 1/1"]);
  });

  test("a break without ads is no break, and keeps its number", () => {
    const breaks = placeTimeline(parseTimeline("C,20,1;B,30,0,m;C,20,1;B,30,1,m"), 100);
    expect(breaks.map(({ breakId, time }) => [breakId, time])).toEqual([["timeline-2", 40]]);
  });

  test("where a chapter does not say how long it is, what comes after it has no place", () => {
    expect(place("B,60,2,p;C,0,1;B,30,1,m;C,0,1;B,20,1,t", 100)).toEqual(["pre 0: 60/2", "post end: 20/1"]);
  });

  const source = [avail(60, 30, "national"), avail(200, 45, "local"), avail(400, 60)];

  test("replaces the source's breaks in order, with their own lengths where the timeline gives none", () => {
    const timeline = "B,15,1,p;C,0,1;B,0,4,m;C,0,1;B,90,6,m;C,0,1;B,0,2,m;C,0,1;B,20,1,t";
    expect(place(timeline, 600, { avails: source, localOnly: false })).toEqual([
      "pre 0: 15/1",
      "mid 60: 30/4 for 30",
      "mid 200: 90/6 for 45",
      "mid 400: 60/2 for 60",
      "post end: 20/1",
    ]);
  });

  test("inside the C3 window national breaks stay, and take their place in the order", () => {
    const timeline = "C,0,1;B,0,1,m;C,0,1;B,0,2,m;C,0,1;B,0,3,m;C,0,1";
    expect(place(timeline, 600, { avails: source, localOnly: true })).toEqual([
      "mid 200: 45/2 for 45",
      "mid 400: 60/3 for 60",
    ]);
  });

  test("0 ads take a break of the source out", () => {
    const timeline = "C,0,1;B,0,0,m;C,0,1;B,0,2,m";
    expect(place(timeline, 600, { avails: source, localOnly: false })).toEqual([
      "mid 60: 30/0 for 30",
      "mid 200: 45/2 for 45",
    ]);
  });

  test("more breaks than the source has are left out", () => {
    const timeline = "C,0,1;B,0,1,m;C,0,1;B,0,2,m";
    expect(place(timeline, 600, { avails: [avail(60, 30)], localOnly: false })).toEqual(["mid 60: 30/1 for 30"]);
  });

  test("a break of the source that returned early is as long as it was", () => {
    const avails = [{ ...avail(0, 12), startTime: -6, isPartial: true }, avail(60, 30, undefined, 78)];
    expect(place("C,0,1;B,0,1,m", 600, { avails, localOnly: false })).toEqual(["mid 60: 18/1 for 18"]);
  });

  test("chapters with durations insert also where breaks could be replaced", () => {
    expect(place("C,120,1;B,30,1,m", 600, { avails: source, localOnly: false })).toEqual(["mid 120: 30/1"]);
  });
});
