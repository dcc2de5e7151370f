/** What a first encounter takes is code of its own, which may be long in coming. */
import { type RepackageAnswer, parseZoneDocument } from "@interlude/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createEncounterLoader, type MeetCold } from "../../src/ads/first-encounter-loader.ts";
import { planAlone } from "../../src/ads/planned-break.ts";
import { createWaits } from "../../src/ads/wait-deadline.ts";
import { REQUEST } from "./cold-creative.ts";

const base = new URL("https://site.example/v1/zones/1.json");
const zone = parseZoneDocument({ zone: "1", cdns: { a: "/cdn/" }, defaultCdn: "a" }, base);
const CONTEXT = { zone, cdnBase: base, needs: { packaging: "hls", targetDuration: 4, isLive: false } } as const;
const ANSWER: RepackageAnswer = { outcome: "unavailable" };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** An ad whose break has a second. */
function meet(load: () => Promise<MeetCold>): {
  readonly encounter: ReturnType<MeetCold>;
  readonly did: string[];
  readonly waits: ReturnType<typeof createWaits>;
} {
  const did: string[] = [];
  const waits = createWaits();
  const startedAt = performance.now();
  const left = (): number => startedAt + 1000 - performance.now();
  const terms = { left, leftAtMost: left, timeToBreak: () => 0, onWait: waits.add, onClosable: () => undefined };
  const planned = planAlone("pre", "start", { kind: "none" });
  const cold = { planned, terms, adId: "one", onLost: () => did.push("lost") };
  return { encounter: createEncounterLoader(load, new AbortController().signal).meetCold(cold, CONTEXT), did, waits };
}

describe("code that is not there", () => {
  test("in the time of its break costs the ad alone, and is waited for until then", async () => {
    const { encounter, did, waits } = meet(() => new Promise(() => undefined));
    const asked = encounter.ask(REQUEST, (isLost) => {
      did.push(`ask ${isLost}`);
      return Promise.resolve(ANSWER);
    });
    await vi.advanceTimersByTimeAsync(990);
    expect(did).toEqual([]);
    expect(waits.next()).toBeDefined();
    await vi.advanceTimersByTimeAsync(20);
    expect(did).toEqual(["lost", "ask true"]);
    expect(waits.next()).toBeUndefined();
    expect(await asked).toBe(ANSWER);
    expect(await encounter.follow("new-creative", undefined)).toMatchObject({ skipped: "new-creative" });
  });

  test("since it cannot be loaded is asked for again by the next ad", async () => {
    let asked = 0;
    const load = (): Promise<MeetCold> => {
      asked += 1;
      return Promise.reject(new Error("no chunk"));
    };
    const loader = createEncounterLoader(load, new AbortController().signal);
    loader.warmUp();
    await vi.advanceTimersByTimeAsync(0);
    loader.warmUp();
    expect(asked).toBe(2);
  });

  test.each<readonly [title: string, load: () => Promise<MeetCold>, cause: string]>([
    ["cannot be loaded", () => Promise.reject(new TypeError("Failed to fetch chunk.js")), "Failed to fetch chunk.js"],
    ["does not come in time", () => new Promise(() => undefined), "not there when its break had to be decided"],
  ])("since it %s has the skip say so", async (_title, load, cause) => {
    const { encounter } = meet(load);
    const asked = encounter.ask(REQUEST, () => Promise.resolve(ANSWER));
    await vi.advanceTimersByTimeAsync(1100);
    await asked;
    expect(await encounter.follow("new-creative", undefined)).toMatchObject({
      skipped: "new-creative",
      message: expect.stringMatching(`^${REQUEST.creativeUrl} was not inserted; first encounter: .*${cause}$`),
    });
  });
});
