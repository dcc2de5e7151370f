/** DESIGN §4 step 4: the steps of one cold ad, whatever becomes of each of them. */
import type {
  EncounterStep,
  MediaFile,
  RepackageAnswer,
  RepackageRequest,
  SkipReason,
  StepOutcome,
} from "@interlude/core";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type FirstEncounterDeps, meetCold } from "../../src/ads/first-encounter.ts";
import type { FoundMedia } from "../../src/ads/hls-copy.ts";
import { planAlone } from "../../src/ads/planned-break.ts";
import { createWaits } from "../../src/ads/wait-deadline.ts";
import type { EncounterEvent } from "../../src/events.ts";

const MP4: MediaFile = {
  url: "https://ads.example/spot.mp4",
  type: "video/mp4",
  delivery: "progressive",
  id: undefined,
  width: undefined,
  height: undefined,
  bitrateKbps: 900,
  codec: undefined,
  apiFramework: undefined,
  fileSize: undefined,
};
const REQUEST: RepackageRequest = {
  zone: "1",
  creativeUrl: MP4.url,
  key: "key",
  cut: { packaging: "hls", targetDuration: 4 },
  creative: {
    id: undefined,
    adId: undefined,
    universalAdIds: [],
    duration: 15,
    skipOffset: undefined,
    mediaFiles: [MP4],
    mezzanines: [],
    interactiveOnly: false,
    adParameters: undefined,
    trackers: [],
    clickThrough: undefined,
    clickTrackers: [],
    icons: [],
  },
};
const STATUS = new URL("https://ads.example/ads/repackage/ticket");
const MEDIA: FoundMedia = { renditions: [], duration: 15, misfit: undefined, mediaUrl: MP4.url };
const TAKEN: RepackageAnswer = { outcome: "accepted", state: "absent", key: "key", statusUrl: STATUS };

type Outcome = StepOutcome<FoundMedia>;
const never = new Promise<never>(() => undefined);
const soon = <Value>(ms: number, value: Value): Promise<Value> =>
  new Promise((resolve) => setTimeout(() => resolve(value), ms));

interface Met {
  readonly encounter: ReturnType<typeof meetCold>;
  readonly did: string[];
  readonly events: EncounterEvent[];
  readonly waits: ReturnType<typeof createWaits>;
}

interface Scene {
  readonly steps?: readonly EncounterStep[];
  readonly remux?: () => Promise<Outcome>;
  readonly wait?: () => Promise<Outcome>;
  /** In place of `wait`. */
  readonly looks?: (left: () => number) => Promise<Outcome>;
  readonly timeMs?: number;
  readonly timeToBreak?: number;
}

/** An ad whose break has some time; what is not given cannot be done. */
function meet({ steps, remux, wait, looks, timeMs = 2350, timeToBreak = 0 }: Scene): Met {
  const did: string[] = [];
  const events: EncounterEvent[] = [];
  const waits = createWaits();
  const startedAt = performance.now();
  const deps: FirstEncounterDeps = {
    policy: steps,
    maxBytes: 24_000_000,
    emit: (name, event) => {
      if (name === "adencounter" && "step" in event && "ms" in event && "outcome" in event) events.push(event);
    },
    now: () => performance.now(),
    ended: new AbortController().signal,
    device: () => ({ savesData: false, connection: undefined, downlinkBps: undefined, isBatteryLow: false }),
    bandwidthBps: () => 5_000_000,
    canAsk: true,
    openRemux: () =>
      remux &&
      (({ url }) => {
        did.push(`remux ${url}`);
        return { outcome: remux(), leave: () => did.push("leave") };
      }),
    waitForCopy: (url, _request, left) => {
      did.push(`wait ${Math.round(left())}`);
      expect(url).toBe(STATUS);
      if (looks) return looks(left);
      const late: Outcome = { skipped: "repackage-in-progress", message: "late" };
      return Promise.race([wait?.() ?? never, soon(left(), late)]);
    },
  };
  const left = (): number => startedAt + timeMs - performance.now();
  const terms = {
    left,
    leftAtMost: left,
    timeToBreak: () => timeToBreak,
    onWait: waits.add,
    onClosable: () => undefined,
  };
  const planned = planAlone("pre", "start", { kind: "none" });
  const encounter = meetCold({ planned, terms, adId: "one", onLost: () => did.push("lost") }, deps);
  return { encounter, did, events, waits };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

async function settle<Value>(promise: Promise<Value>, ms = 5000): Promise<Value> {
  await vi.advanceTimersByTimeAsync(ms);
  return promise;
}

describe("a remux", () => {
  test("begins while the ad server is asked, and is not begun twice", async () => {
    const { encounter, did, events } = meet({ remux: () => soon(200, { media: MEDIA }) });
    const answer = encounter.ask(REQUEST, () => {
      did.push("ask");
      return soon(100, TAKEN);
    });
    expect(did).toEqual([`remux ${MP4.url}`, "ask"]);
    expect(await settle(answer, 100)).toBe(TAKEN);
    expect(await settle(encounter.follow("new-creative", STATUS))).toEqual({ media: MEDIA, encounter: "remux" });
    encounter.end();
    expect(did).toEqual([`remux ${MP4.url}`, "ask"]);
    expect(events).toMatchObject([{ step: "remux", outcome: "ready", adId: "one", breakId: "pre", ms: 100 }]);
  });

  test("waits 400 ms for what the ad server says, and then does without", async () => {
    const { encounter } = meet({ remux: () => soon(200, { media: MEDIA }) });
    let answer: RepackageAnswer | undefined;
    void encounter.ask(REQUEST, () => never).then((given) => (answer = given));
    await vi.advanceTimersByTimeAsync(590);
    expect(answer).toBeUndefined();
    await vi.advanceTimersByTimeAsync(10);
    expect(answer).toEqual({ outcome: "unavailable" });
    expect(await settle(encounter.follow("repackage-unavailable", undefined))).toMatchObject({ encounter: "remux" });
  });

  test("of what turns out to be blocked is left", async () => {
    const { encounter, did } = meet({ remux: () => soon(50, { media: MEDIA }) });
    await settle(encounter.ask(REQUEST, () => soon(100, { ...TAKEN, state: "blocked" })));
    expect(await settle(encounter.follow("creative-blocked", STATUS))).toMatchObject({ skipped: "creative-blocked" });
    encounter.end();
    expect(did.at(-1)).toBe("leave");
  });

  test("that is not ready in time is left, and so is the break", async () => {
    const { encounter, did } = meet({ steps: ["remux"], remux: () => never });
    await settle(
      encounter.ask(REQUEST, () => Promise.resolve(TAKEN)),
      10,
    );
    const outcome = encounter.follow("new-creative", STATUS);
    expect(await settle(outcome, 2350)).toMatchObject({ skipped: "new-creative" });
    encounter.end();
    expect(did.at(-1)).toBe("leave");
  });
});

describe("a wait before a remux", () => {
  test("ends while the remux still has its share, however often it is looked at", async () => {
    const looks = async (left: () => number): Promise<Outcome> => {
      while (left() > 0) await soon(250, undefined);
      return { skipped: "repackage-in-progress", message: "late" };
    };
    const { encounter } = meet({ steps: ["wait", "remux"], remux: () => soon(500, { media: MEDIA }), looks });
    await settle(
      encounter.ask(REQUEST, () => Promise.resolve(TAKEN)),
      0,
    );
    expect(await settle(encounter.follow("new-creative", STATUS), 2350)).toMatchObject({ encounter: "remux" });
  });

  test("leaves it three seconds, or half of the time", async () => {
    const refused: Outcome = { skipped: "repackage-in-progress", message: "late" };
    for (const [timeMs, waited] of [
      [20_000, 17_000],
      [2000, 1000],
    ] as const) {
      const scene = { steps: ["wait", "remux"], remux: () => soon(1, { media: MEDIA }), timeMs } as const;
      const { encounter, did } = meet({ ...scene, wait: () => Promise.resolve(refused) });
      await settle(
        encounter.ask(REQUEST, () => Promise.resolve(TAKEN)),
        0,
      );
      expect(await settle(encounter.follow("new-creative", STATUS), 100)).toMatchObject({ encounter: "remux" });
      expect(did).toEqual([`wait ${waited}`, `remux ${MP4.url}`]);
    }
  });
});

describe("an ad that nothing can be done for", () => {
  test.each<readonly [title: string, scene: Scene]>([
    ["the page wants to skip it", { steps: ["skip"], remux: () => never }],
    ["its break has no time", { timeMs: 0, remux: () => never }],
    ["the page remuxes and cannot", { steps: ["remux"] }],
  ])("is lost before the ad server is asked: %s", async (_title, scene) => {
    const { encounter, did, waits } = meet(scene);
    const answer = encounter.ask(REQUEST, () => {
      did.push("ask");
      return Promise.resolve(TAKEN);
    });
    expect(did).toEqual(["lost", "ask"]);
    expect(waits.next()).toBeUndefined();
    expect(await answer).toBe(TAKEN);
    expect(await encounter.follow("new-creative", STATUS)).toEqual({
      skipped: "new-creative",
      message: `${MP4.url} was not inserted`,
    });
  });
});

test("whatever becomes of the steps, an ad ends in time with media or with one reason, and nothing waits for it any more", async () => {
  const ms = fc.integer({ min: 0, max: 6000 });
  const reasons = fc.constantFrom<SkipReason>("source-unreadable", "repackage-failed", "creative-blocked");
  const port = fc.option(
    fc.oneof(
      fc.tuple(ms, reasons).map(
        ([at, skipped]) =>
          () =>
            soon<Outcome>(at, { skipped, message: "no" }),
      ),
      ms.map((at) => () => soon<Outcome>(at, { media: MEDIA })),
      fc.constant(() => never),
    ),
    { nil: undefined },
  );
  const answer = fc.oneof(
    ms.map((at) => () => soon(at, TAKEN)),
    // what the request itself grants
    fc.constant(() => soon<RepackageAnswer>(4000, { outcome: "unavailable" })),
  );
  const steps = fc.option(fc.array(fc.constantFrom<EncounterStep>("remux", "wait", "skip"), { maxLength: 3 }), {
    nil: undefined,
  });
  await fc.assert(
    fc.asyncProperty(steps, port, port, answer, async (order, remux, wait, send) => {
      const scene = { ...(order && { steps: order }), ...(remux && { remux }), ...(wait && { wait }) };
      const { encounter, did, waits } = meet(scene);
      const ended = (async () => {
        const given = await encounter.ask(REQUEST, send);
        const isTaken = given.outcome === "accepted";
        const outcome = await encounter.follow(
          isTaken ? "new-creative" : "repackage-unavailable",
          isTaken ? STATUS : undefined,
        );
        encounter.end();
        return { outcome, at: performance.now() };
      })();
      const begunAt = performance.now();
      await vi.advanceTimersByTimeAsync(10_000);
      const { outcome, at } = await ended;
      expect("media" in outcome).not.toBe("skipped" in outcome);
      // without hope the ad server's answer is all that it takes
      expect(at - begunAt).toBeLessThan(did.includes("lost") ? 6100 : 2400);
      expect(waits.next()).toBeUndefined();
      const isRemuxed = "encounter" in outcome && outcome.encounter === "remux";
      expect(did.includes("leave")).toBe(did.some((one) => one.startsWith("remux")) && !isRemuxed);
    }),
    { numRuns: 60 },
  );
});
