import {
  type EncounterFacts,
  type EncounterPorts,
  type EncounterSkip,
  type EncounterStep,
  followFirstEncounter,
  isCold,
  selectEncounterReason,
  selectSteps,
  type SkipReason,
  type StepOutcome,
  VAST_ERROR_OF_SKIP,
} from "@interlude/core";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";

/** A pre-roll of 15 s at 2 Mbit/s on 10 Mbit/s, which CRS has begun to repackage. */
const FACTS: EncounterFacts = {
  position: "pre",
  timeToBreak: 0,
  container: "mp4",
  bitrateKbps: 2000,
  duration: 15,
  bandwidthBps: 10_000_000,
  savesData: false,
  isBatteryLow: false,
  reason: "new-creative",
  canRemux: true,
  canWait: true,
};

describe("selectSteps", () => {
  test.each<readonly [title: string, facts: Partial<EncounterFacts>, steps: readonly EncounterStep[]]>([
    ["a pre-roll that the connection carries is remuxed, else waited for", {}, ["remux", "wait"]],
    ["so is a mid-roll that is due in less than 15 s", { position: "mid", timeToBreak: 14.9 }, ["remux", "wait"]],
    ["a pre-roll of unknown bitrate and size is taken to fit", { bitrateKbps: undefined }, ["remux", "wait"]],
    ["and so is any on a connection that nothing is known of", { bandwidthBps: undefined }, ["remux", "wait"]],
    [
      "one that would not fit into 4 Mbit/s is waited for there",
      { bandwidthBps: undefined, bitrateKbps: 4100 },
      ["wait"],
    ],
    ["FLV is waited for", { container: "flv" }, ["wait"]],
    ["what is neither MP4 nor WebM is waited for", { container: "other" }, ["wait"]],
    ["HEVC is waited for", { codec: "hvc1.1.6.L93.B0" }, ["wait"]],
    ["H.264 by any of its names is remuxed", { codec: "H.264" }, ["remux", "wait"]],
    ["what the page cannot remux is waited for", { canRemux: false }, ["wait"]],
    ["a file above 0.7 of the bandwidth is waited for first", { bandwidthBps: 2_500_000 }, ["wait", "remux"]],
    ["one above all of it is waited for alone", { bandwidthBps: 1_900_000 }, ["wait"]],
    [
      "unless it can be read whole before its break",
      { bandwidthBps: 1_900_000, duration: 6, position: "mid", timeToBreak: 10 },
      ["wait", "remux"],
    ],
    ["without a bitrate the size says it", { bitrateKbps: undefined, fileSize: 30_000_000 }, ["wait"]],
    ["15 s before its break the copy is likely to be there", { position: "mid", timeToBreak: 15 }, ["wait", "remux"]],
    ["where nobody makes one it is remuxed", { position: "mid", timeToBreak: 60, canWait: false }, ["remux"]],
    ["a viewer who saves data is made to wait", { savesData: true }, ["wait", "remux"]],
    ["on a slow connection it is waited for first", { connection: "slow" }, ["wait", "remux"]],
    ["a low battery changes nothing about a pre-roll", { isBatteryLow: true }, ["remux", "wait"]],
    ["a low battery makes no copy", { isBatteryLow: true, timeToBreak: 30, canWait: false }, ["remux"]],
    ["nothing can be done", { canRemux: false, canWait: false }, []],
  ])("%s", (_title, facts, steps) => {
    expect(selectSteps(undefined, { ...FACTS, ...facts })).toEqual([...steps, "skip"]);
  });

  test("the order of a list is kept, each step once, and what follows skip is not tried", () => {
    expect(selectSteps(["wait", "remux", "wait", "skip", "remux"], FACTS)).toEqual(["wait", "remux", "skip"]);
    expect(selectSteps(["skip", "wait", "remux"], FACTS)).toEqual(["skip"]);
    expect(selectSteps([], FACTS)).toEqual(["skip"]);
  });

  test("steps that cannot be taken are left out of a list", () => {
    expect(selectSteps(["remux", "wait"], { ...FACTS, canRemux: false })).toEqual(["wait", "skip"]);
    expect(selectSteps(["remux", "wait"], { ...FACTS, canWait: false })).toEqual(["remux", "skip"]);
  });

  test("a function is told what is known, and leaves what it has no word on to the default", () => {
    const told: EncounterFacts[] = [];
    const policy = (facts: EncounterFacts): readonly EncounterStep[] | undefined => {
      told.push(facts);
      return facts.position === "pre" ? ["wait"] : undefined;
    };
    expect(selectSteps(policy, FACTS)).toEqual(["wait", "skip"]);
    expect(selectSteps(policy, { ...FACTS, position: "mid" })).toEqual(["remux", "wait", "skip"]);
    expect(told[0]).toBe(FACTS);
  });
});

describe("isCold", () => {
  test("a creative that has no copy yet, or of which none can be told, may be played at its first encounter", () => {
    const all = Object.keys(VAST_ERROR_OF_SKIP).filter((reason): reason is SkipReason => reason in VAST_ERROR_OF_SKIP);
    expect(all.filter(isCold)).toEqual([
      "new-creative",
      "repackage-in-progress",
      "repackage-unavailable",
      "repackage-refused",
      "repackage-failed",
      "cdn-error",
    ]);
  });
});

const FIRST: EncounterSkip = { skipped: "new-creative", message: "spot.mp4 was not inserted" };
const refuse = (skipped: SkipReason, message: string): Promise<StepOutcome<string>> =>
  Promise.resolve({ skipped, message });
const play = (media: string): Promise<StepOutcome<string>> => Promise.resolve({ media });

describe("followFirstEncounter", () => {
  test("the first step that brings media is the last that is taken", async () => {
    const taken: string[] = [];
    const ports: EncounterPorts<string> = {
      remux: () => {
        taken.push("remux");
        return refuse("unsupported-media-file", "expected AAC, got MP3");
      },
      wait: () => {
        taken.push("wait");
        return play("copy");
      },
    };
    expect(await followFirstEncounter(["remux", "wait", "skip"], FIRST, ports)).toEqual({
      media: "copy",
      encounter: "wait",
    });
    expect(taken).toEqual(["remux", "wait"]);
    expect(await followFirstEncounter(["wait", "remux", "skip"], FIRST, ports)).toMatchObject({ encounter: "wait" });
    expect(taken).toEqual(["remux", "wait", "wait"]);
  });

  test.each([
    ["the copy where that is there first", 200, 100, "wait"],
    ["the remux where that is", 100, 200, "remux"],
  ] as const)("a wait after a remux begins beside it, and plays %s", async (_title, remuxMs, waitMs, encounter) => {
    const soon = (ms: number): Promise<StepOutcome<string>> =>
      new Promise((resolve) => setTimeout(() => resolve({ media: "media" }), ms));
    vi.useFakeTimers();
    const outcome = followFirstEncounter<string>(["remux", "wait", "skip"], FIRST, {
      remux: () => soon(remuxMs),
      wait: () => soon(waitMs),
    });
    await vi.advanceTimersByTimeAsync(100);
    vi.useRealTimers();
    expect(await outcome).toEqual({ media: "media", encounter });
  });

  test("what is blocked while it is waited for beside its remux is not played", async () => {
    const outcome = await followFirstEncounter<string>(["remux", "wait"], FIRST, {
      remux: () => new Promise(() => undefined),
      wait: () => refuse("creative-blocked", "block-listed"),
    });
    expect(outcome).toMatchObject({ skipped: "creative-blocked" });
  });

  test("a skip says what each step said", async () => {
    const outcome = await followFirstEncounter<string>(["remux", "wait", "skip"], FIRST, {
      remux: () => refuse("source-unreadable", "no CORS"),
      wait: () => refuse("repackage-in-progress", "not there in time"),
    });
    expect(outcome).toEqual({
      skipped: "repackage-in-progress",
      message: "spot.mp4 was not inserted; remux: no CORS; wait: not there in time",
    });
  });

  test("a step that throws has failed, and the next is taken", async () => {
    const outcome = await followFirstEncounter<string>(["remux", "wait"], FIRST, {
      remux: () => Promise.reject(new Error("no chunk")),
      wait: () => play("copy"),
    });
    expect(outcome).toEqual({ media: "copy", encounter: "wait" });
  });

  test("what is blocked while it is waited for is not remuxed", async () => {
    const outcome = await followFirstEncounter<string>(["wait", "remux"], FIRST, {
      wait: () => refuse("creative-blocked", "block-listed"),
      remux: () => play("remux"),
    });
    expect(outcome).toMatchObject({ skipped: "creative-blocked" });
  });

  test("without a step the first word stands", async () => {
    expect(await followFirstEncounter<string>(["skip"], FIRST, { wait: () => play("copy") })).toEqual(FIRST);
    expect(await followFirstEncounter<string>(["remux", "skip"], FIRST, {})).toEqual(FIRST);
  });

  test("whatever the ports do, it ends with media or with one reason", async () => {
    const reasons = fc.constantFrom<SkipReason>(
      "creative-blocked",
      "source-unreadable",
      "repackage-failed",
      "new-creative",
    );
    const port = fc.option(
      fc.oneof(
        reasons.map((reason) => () => refuse(reason, reason)),
        fc.constant(() => play("media")),
        fc.constant(() => Promise.reject<StepOutcome<string>>(new Error("thrown"))),
      ),
      { nil: undefined },
    );
    const steps = fc.array(fc.constantFrom<EncounterStep>("remux", "wait", "skip"), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(steps, port, port, reasons, async (order, remux, wait, skipped) => {
        const outcome = await followFirstEncounter(order, { skipped, message: "first" }, { remux, wait });
        expect("media" in outcome).not.toBe("skipped" in outcome);
      }),
    );
  });
});

describe("selectEncounterReason", () => {
  test.each<
    readonly [
      first: SkipReason,
      told: { readonly remux?: SkipReason; readonly wait?: SkipReason },
      canWait: boolean,
      reason: SkipReason,
    ]
  >([
    ["new-creative", { remux: "source-unreadable", wait: "repackage-failed" }, true, "repackage-failed"],
    ["repackage-failed", { remux: "source-unreadable" }, false, "repackage-failed"],
    ["new-creative", { wait: "repackage-in-progress", remux: "source-unreadable" }, true, "repackage-in-progress"],
    ["repackage-unavailable", { remux: "unsupported-media-file" }, false, "unsupported-media-file"],
    ["new-creative", { remux: "unsupported-media-file" }, true, "new-creative"],
    ["cdn-error", {}, true, "cdn-error"],
  ])("%s, then %o (somebody makes a copy: %s): %s", (first, told, canWait, reason) => {
    expect(selectEncounterReason(first, told, canWait)).toBe(reason);
  });
});
