/** DESIGN §4 step 4: the steps of one cold ad, whatever becomes of each of them. */
import type {
  EncounterFacts,
  EncounterPolicy,
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
import { MP4, REQUEST, STATUS } from "./cold-creative.ts";

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
  readonly steps?: EncounterPolicy;
  /** Default 5 Mbit/s; null: nobody knows. */
  readonly bandwidthBps?: number | null;
  readonly remux?: (file: MediaFile) => Promise<Outcome>;
  readonly wait?: () => Promise<Outcome>;
  /** In place of `wait`. */
  readonly looks?: (left: () => number) => Promise<Outcome>;
  readonly timeMs?: number;
  readonly timeToBreak?: number;
}

/** An ad whose break has some time; what is not given cannot be done. */
function meet({ steps, bandwidthBps = 5_000_000, remux, wait, looks, timeMs = 2350, timeToBreak = 0 }: Scene): Met {
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
    bandwidthBps: () => bandwidthBps ?? undefined,
    canAsk: true,
    openRemux: () =>
      remux
        ? (file) => {
            did.push(`remux ${file.url}`);
            return { outcome: remux(file), leave: () => did.push("leave") };
          }
        : "not in this content",
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

test.each([
  [3_000_000, 3_000_000],
  [null, undefined],
])("a page's own policy is told the bandwidth as it is known: %s", async (bandwidthBps, told) => {
  const asked: EncounterFacts[] = [];
  const steps: EncounterPolicy = (facts) => {
    asked.push(facts);
    return ["skip"];
  };
  await meet({ steps, bandwidthBps }).encounter.ask(REQUEST, () => Promise.resolve(TAKEN));
  expect(asked.map((facts) => facts.bandwidthBps)).toEqual([told]);
});

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
    expect(did).toEqual([`remux ${MP4.url}`, "ask", "wait 2250"]);
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

describe("a wait after a remux", () => {
  const steps = ["remux", "wait"] as const;

  test("begins beside it, and the copy is played where it is there first", async () => {
    const { encounter, did, events } = meet({ steps, remux: () => never, wait: () => soon(800, { media: MEDIA }) });
    await settle(
      encounter.ask(REQUEST, () => soon(100, TAKEN)),
      100,
    );
    expect(await settle(encounter.follow("new-creative", STATUS), 800)).toEqual({ media: MEDIA, encounter: "wait" });
    encounter.end();
    expect(did.at(-1)).toBe("leave");
    await vi.advanceTimersByTimeAsync(5000);
    expect(events).toMatchObject([{ step: "wait", outcome: "ready" }]);
  });

  test("ends when the remux is there, and is not told of", async () => {
    let endedAt = 0;
    const looks = async (left: () => number): Promise<Outcome> => {
      while (left() > 0) await soon(250, undefined);
      endedAt = performance.now();
      return { skipped: "repackage-in-progress", message: "late" };
    };
    const { encounter, events } = meet({ steps, remux: () => soon(500, { media: MEDIA }), looks });
    const startedAt = performance.now();
    await settle(
      encounter.ask(REQUEST, () => Promise.resolve(TAKEN)),
      0,
    );
    expect(await settle(encounter.follow("new-creative", STATUS))).toMatchObject({ encounter: "remux" });
    expect(endedAt - startedAt).toBeLessThanOrEqual(750);
    expect(events).toMatchObject([{ step: "remux", outcome: "ready" }]);
  });
});

describe("an ad server that does not answer", () => {
  const ask = async (scene: Scene): Promise<readonly [outcome: object, ms: number]> => {
    const { encounter } = meet({ timeMs: 2350, ...scene });
    const startedAt = performance.now();
    const met = (async () => {
      await encounter.ask(REQUEST, () => never);
      const outcome = await encounter.follow("repackage-unavailable", undefined);
      encounter.end();
      return [outcome, performance.now() - startedAt] as const;
    })();
    return settle(met);
  };

  test("leaves a remux that comes after the wait its share", async () => {
    const [outcome] = await ask({ steps: ["wait", "remux"], remux: () => soon(1000, { media: MEDIA }) });
    expect(outcome).toMatchObject({ encounter: "remux" });
  });

  test("costs no remux that is ready in the last moment", async () => {
    const [outcome] = await ask({ remux: () => soon(2100, { media: MEDIA }) });
    expect(outcome).toMatchObject({ encounter: "remux" });
  });

  test.each([
    ["is waited for half of the time where the remux has failed and a wait may follow", ["remux", "wait"], 1175],
    ["is waited for no longer than beside a remux that is ready where nothing else is tried", ["remux"], 500],
  ] as const)("%s", async (_title, steps, most) => {
    const [outcome, ms] = await ask({
      steps,
      remux: () => soon(100, { skipped: "source-unreadable", message: "no CORS" }),
    });
    expect(outcome).toMatchObject({ skipped: "source-unreadable" });
    expect(ms).toBeLessThanOrEqual(most + 1);
  });
});

describe("of several media files", () => {
  const low: MediaFile = { ...MP4, url: "https://ads.example/low.mp4", bitrateKbps: 400 };
  const lowest: MediaFile = { ...MP4, url: "https://ads.example/lowest.mp4", bitrateKbps: 200 };
  const request: RepackageRequest = {
    ...REQUEST,
    creative: { ...REQUEST.creative, mediaFiles: [lowest, MP4, low] },
  };
  const refused: Outcome = { skipped: "unsupported-media-file", message: "expected H.264, got HEVC" };
  const take = async (scene: Scene): Promise<Met & { readonly outcome: object }> => {
    const met = meet({ steps: ["remux"], ...scene });
    await settle(
      met.encounter.ask(request, () => Promise.resolve(TAKEN)),
      0,
    );
    return { ...met, outcome: await settle(met.encounter.follow("new-creative", STATUS)) };
  };

  test("the next is tried where the first is refused, and is what is told", async () => {
    const media: FoundMedia = { ...MEDIA, mediaUrl: low.url };
    const { did, events, outcome } = await take({
      remux: ({ url }) => soon(100, url === MP4.url ? refused : { media }),
    });
    expect(outcome).toEqual({ media, encounter: "remux" });
    expect(did.filter((one) => !one.startsWith("wait"))).toEqual([`remux ${MP4.url}`, "leave", `remux ${low.url}`]);
    expect(events).toMatchObject([{ step: "remux", outcome: "ready", creativeUrl: low.url }]);
  });

  test("no third is tried, and the first says why", async () => {
    const { did, events } = await take({ remux: () => Promise.resolve(refused) });
    expect(did.filter((one) => one.startsWith("remux"))).toEqual([`remux ${MP4.url}`, `remux ${low.url}`]);
    expect(events).toMatchObject([{ outcome: "unsupported-media-file", creativeUrl: MP4.url }]);
  });

  test.each<readonly [title: string, scene: Scene]>([
    ["cannot be read", { remux: () => soon(10, { skipped: "source-unreadable", message: "no CORS" }) }],
    ["is refused when the time is over", { remux: () => soon(500, refused), timeMs: 400 }],
  ])("no other is tried where the first %s", async (_title, scene) => {
    const { did } = await take(scene);
    expect(did.filter((one) => one.startsWith("remux"))).toEqual([`remux ${MP4.url}`]);
  });
});

describe("an ad that nothing can be done for", () => {
  test.each<readonly [title: string, scene: Scene, because: string]>([
    ["the page wants to skip it", { steps: ["skip"], remux: () => never }, ""],
    ["its break has no time", { timeMs: 0, remux: () => never }, ""],
    ["the page remuxes and cannot", { steps: ["remux"] }, "; remux: not in this content"],
  ])("is lost before the ad server is asked: %s", async (_title, scene, because) => {
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
      message: `${MP4.url} was not inserted${because}`,
    });
  });
});

test.each([
  ["video/webm", "vp09.00.10.08", "video/webm (vp09.00.10.08)"],
  ["video/x-flv", undefined, "video/x-flv"],
  ["video/mp4", "hvc1.1.6.L93.B0", "video/mp4 (hvc1.1.6.L93.B0)"],
])("%s of codec %s is waited for, and its skip says why it was not remuxed", async (type, codec, named) => {
  const creative = { ...REQUEST.creative, mediaFiles: [{ ...MP4, type, codec }] };
  const { encounter, did } = meet({ remux: () => never });
  await settle(
    encounter.ask({ ...REQUEST, creative }, () => Promise.resolve(TAKEN)),
    0,
  );
  expect(await settle(encounter.follow("new-creative", STATUS))).toEqual({
    skipped: "repackage-in-progress",
    message: expect.stringContaining(
      `remux: expected an MP4 with H.264 that is not too large, got ${named}; wait: late`,
    ),
  });
  expect(did).toEqual(["wait 2350"]);
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
