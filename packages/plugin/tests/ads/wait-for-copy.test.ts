/** DESIGN §4 step 4, `wait`: from the ad server's answer to what the player is given. */
import { creativeKey, masterPath } from "@interlude/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EncounterEvent } from "../../src/events.ts";
import { startViewing, type Viewing, type ViewingPlayer } from "../fake-viewing.ts";
import {
  type Answer,
  createFakeWeb,
  type FakeWeb,
  formatMaster,
  formatVast,
  formatVmap,
  formatVod,
  HOST,
  ZONE,
} from "../fake-web.ts";

const CONTENT = formatVod(15);
const KEY = creativeKey("1", `${HOST}/creatives/one.mp4`);
const COPY = `/cdn/a/${masterPath("1", KEY, { packaging: "hls", targetDuration: 4 })}`;
const REMUX = `/cdn/a/${masterPath("1", KEY, { packaging: "hls", targetDuration: 0 })}`;
const STATUS = "/ads/repackage/ticket";
const MASTER: Answer = { text: formatMaster({ 300_000: "/copy/low.m3u8" }) };

type Answers = Record<string, Answer | undefined>;

/** An ad server that takes the request for a creative which nobody has seen before, and a CDN without its copy. */
function coldWeb(more: Answers = {}): Answers {
  return {
    "/v1/zones/1.json": ZONE,
    "/ads/vast": { text: formatVast({ id: "one" }) },
    "/ads/repackage": { status: 202, text: JSON.stringify({ key: KEY, state: "absent", statusUrl: STATUS }) },
    "/copy/low.m3u8": { text: formatVod(2, 4, "copy") },
    [STATUS]: { until: never },
    ...more,
  };
}

const never = new Promise<never>(() => undefined);
const after = (ms: number, then: () => void = () => undefined): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms)).then(then);
const status = (value: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ progress: 0.2, key: KEY, ...value });

interface Waiting {
  readonly web: FakeWeb;
  readonly viewing: Viewing;
  readonly encounters: readonly EncounterEvent[];
  /** When the player had its playlist, milliseconds after it asked; undefined: not yet. */
  readonly start: () => { readonly text: () => string | undefined; readonly at: () => number | undefined };
}

/** When the ad server has answered, and what the answer makes the plugin load is there. */
async function watch(
  answers: Answers,
  options: Parameters<typeof startViewing>[1] = {},
  player?: ViewingPlayer,
): Promise<Waiting> {
  const web = createFakeWeb(answers);
  const firstEncounter = ["wait", "skip"] as const;
  const viewing = startViewing(web, { adTagUrl: "/ads/vast", firstEncounter, ...options }, player);
  const encounters: EncounterEvent[] = [];
  viewing.on("adencounter", (event) => encounters.push(event));
  const start = (): ReturnType<Waiting["start"]> => {
    const startedAt = performance.now();
    let given: { readonly text: string; readonly at: number } | undefined;
    void viewing.play(CONTENT).then((text) => {
      given = { text, at: performance.now() - startedAt };
    });
    return { text: () => given?.text, at: () => given?.at };
  };
  await loadModules();
  return { web, viewing, encounters, start };
}

/** Modules are loaded by the clock of the machine. */
async function loadModules(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await vi.advanceTimersByTimeAsync(0);
    await vi.dynamicImportSettled();
  }
}

const asked = ({ requests }: FakeWeb, path: string): readonly string[] =>
  requests.filter((request) => request.includes(path));

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a pre-roll whose creative is new", () => {
  test("plays as soon as its first layer is published: one probe, one long poll, one load", async () => {
    const answers = coldWeb();
    answers[STATUS] = {
      until: after(1200, () => (answers[COPY] = MASTER)),
      text: status({ state: "transcoding", url: `${HOST}${COPY}` }),
    };
    const { web, viewing, encounters, start } = await watch(answers);
    const given = start();
    await vi.advanceTimersByTimeAsync(1300);
    expect(given.text()).toContain("copy-0.ts");
    expect(given.at()).toBeLessThan(1300);
    expect(asked(web, COPY)).toHaveLength(2);
    expect(asked(web, STATUS)).toEqual([`GET ${STATUS}?wait=2050`]);
    expect(viewing.skips).toEqual([]);
    expect(encounters).toMatchObject([{ breakId: "preroll", adId: "one", step: "wait", outcome: "ready" }]);
    expect(viewing.session.entries()[0]?.ads[0]?.encounter).toBe("wait");
  });

  test("holds the start for 2.5 s and no longer, and then is told as it would have been", async () => {
    const { web, viewing, encounters, start } = await watch(coldWeb());
    const given = start();
    await vi.advanceTimersByTimeAsync(2300);
    expect(given.text()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(100);
    expect(given.text()).toBe(CONTENT);
    expect(viewing.skips).toMatchObject([{ adId: "one", reason: "repackage-in-progress", vastError: 407 }]);
    expect(web.beacons).toEqual([`${HOST}/t/one/error?error=407&at=-1`]);
    expect(encounters).toMatchObject([{ step: "wait", outcome: "repackage-in-progress" }]);
  });

  test("that comes too late costs the other ads of its pod nothing", async () => {
    const hls = { id: "two", sequence: 2, type: "application/x-mpegURL", url: `${HOST}/copy/low.m3u8` } as const;
    const { viewing, start } = await watch(
      coldWeb({ "/ads/vast": { text: formatVast({ id: "one", sequence: 1 }, hls) } }),
    );
    const given = start();
    await vi.advanceTimersByTimeAsync(2500);
    expect(given.text()).toContain("copy-0.ts");
    expect(viewing.skips.map(({ adId, reason }) => [adId, reason])).toEqual([["one", "repackage-in-progress"]]);
  });

  test("of which the ad server says nothing costs the other ads of its pod nothing", async () => {
    const hls = { id: "two", sequence: 2, type: "application/x-mpegURL", url: `${HOST}/copy/low.m3u8` } as const;
    const vast = formatVast({ id: "one", sequence: 1 }, hls);
    const { viewing, start } = await watch(
      coldWeb({ "/ads/vast": { text: vast }, "/ads/repackage": { until: never } }),
    );
    const given = start();
    await vi.advanceTimersByTimeAsync(2500);
    expect(given.text()).toContain("copy-0.ts");
    expect(viewing.skips.map(({ reason }) => reason)).toEqual(["repackage-unavailable"]);
  });

  test.each([
    ["failed", "repackage-failed", 405],
    ["blocked", "creative-blocked", 403],
  ])("that CRS calls %s is skipped at once, as %s", async (state, reason, vastError) => {
    const answers = coldWeb({ [STATUS]: { until: after(300), text: status({ state, reason: "why" }) } });
    const { viewing, start } = await watch(answers);
    const given = start();
    await vi.advanceTimersByTimeAsync(400);
    expect(given.text()).toBe(CONTENT);
    expect(viewing.skips).toMatchObject([{ reason, vastError, message: expect.stringContaining("why") }]);
  });

  test("whose first layer is there plays, though its ladder has failed", async () => {
    const answers = coldWeb({ [COPY]: undefined });
    answers[STATUS] = {
      until: after(300, () => (answers[COPY] = MASTER)),
      text: status({ state: "failed", reason: "why", url: COPY }),
    };
    const given = (await watch(answers)).start();
    await vi.advanceTimersByTimeAsync(400);
    expect(given.text()).toContain("copy-0.ts");
  });

  test("plays from where CRS says, where the CDN of the session lags", async () => {
    const answers = coldWeb({ "/elsewhere.m3u8": MASTER });
    answers[STATUS] = { until: after(300), text: status({ state: "publishing", url: `${HOST}/elsewhere.m3u8` }) };
    const { web, start } = await watch(answers);
    const given = start();
    await vi.advanceTimersByTimeAsync(400);
    expect(given.text()).toContain("copy-0.ts");
    expect(asked(web, COPY)).toHaveLength(2);
  });

  test("plays as a remux with the source's own GOPs where that is there first", async () => {
    const answers = coldWeb();
    answers[STATUS] = {
      until: after(300, () => (answers[REMUX] = MASTER)),
      text: status({ state: "transcoding", remuxUrl: REMUX }),
    };
    const given = (await watch(answers)).start();
    await vi.advanceTimersByTimeAsync(400);
    expect(given.text()).toContain("copy-0.ts");
  });

  test("whose copy is announced and is not there is skipped, and nobody is asked a third time", async () => {
    const answers = coldWeb({ [STATUS]: { until: after(300), text: status({ state: "ready", url: COPY }) } });
    const { web, viewing, start } = await watch(answers);
    const given = start();
    await vi.advanceTimersByTimeAsync(5000);
    expect(given.text()).toBe(CONTENT);
    expect(viewing.skips).toMatchObject([{ reason: "media-unavailable" }]);
    expect(asked(web, COPY)).toHaveLength(2);
    expect(asked(web, STATUS)).toHaveLength(1);
  });

  test("is waited for without hammering where the server does not wait as it is asked to", async () => {
    const answers = coldWeb({ [STATUS]: { text: status({ state: "queued" }) } });
    const { web, start } = await watch(answers);
    const given = start();
    await vi.advanceTimersByTimeAsync(3000);
    expect(given.text()).toBe(CONTENT);
    expect(asked(web, STATUS).length).toBeGreaterThan(2);
    expect(asked(web, STATUS).length).toBeLessThanOrEqual(4);
  });

  test("whose status cannot be asked is given up after one more try", async () => {
    const { web, viewing, start } = await watch(coldWeb({ [STATUS]: { status: 503 } }));
    const given = start();
    await vi.advanceTimersByTimeAsync(600);
    expect(given.text()).toBe(CONTENT);
    expect(asked(web, STATUS)).toHaveLength(2);
    expect(viewing.skips).toMatchObject([{ message: expect.stringContaining("expected status 200, got 503") }]);
  });

  test("needs no second wait in the break after it: its copy is there by now", async () => {
    const vast = formatVast({ id: "one" });
    const breaks = [
      { at: "start", id: "pre", vast },
      { at: "00:00:40", id: "mid", vast },
    ];
    const answers = coldWeb({ "/ads/vmap": { text: formatVmap(breaks) } });
    answers[STATUS] = {
      until: after(300, () => (answers[COPY] = MASTER)),
      text: status({ state: "ready", url: COPY }),
    };
    const { viewing, encounters, start } = await watch(answers, { adTagUrl: "/ads/vmap" });
    start();
    await vi.advanceTimersByTimeAsync(1000);
    viewing.session.advance(35);
    await vi.advanceTimersByTimeAsync(100);
    expect(viewing.session.entries().map(({ status: state }) => state)).toEqual(["placed", "ready"]);
    expect(encounters).toHaveLength(1);
  });

  test("is looked for at all its addresses while the content's playlist comes", async () => {
    const { web, start } = await watch(coldWeb());
    await vi.advanceTimersByTimeAsync(10);
    const probed = asked(web, "/cdn/");
    expect(probed).toEqual(expect.arrayContaining([`GET ${COPY}`, `GET ${REMUX}`]));
    start();
    await vi.advanceTimersByTimeAsync(10);
    expect(asked(web, "/cdn/")).toEqual(probed);
  });

  test("is not waited for where the page leaves it at skip, or CRS is off", async () => {
    const { start } = await watch(coldWeb(), { firstEncounter: ["skip"] });
    const given = start();
    await vi.advanceTimersByTimeAsync(10);
    expect(given.text()).toBe(CONTENT);
    const off = (await watch(coldWeb({ "/ads/repackage": { status: 503 } }))).start();
    await vi.advanceTimersByTimeAsync(10);
    expect(off.text()).toBe(CONTENT);
  });

  test("is followed by the poll that it is waited with", async () => {
    const answers = coldWeb();
    answers[STATUS] = {
      until: after(300, () => (answers[COPY] = MASTER)),
      text: status({ state: "ready", progress: 1, url: COPY }),
    };
    const { web, viewing, start } = await watch(answers, { followRepackaging: true });
    const given = start();
    await vi.advanceTimersByTimeAsync(400);
    expect(given.text()).toContain("copy-0.ts");
    expect(asked(web, STATUS)).toHaveLength(1);
    expect(viewing.steps.filter(({ step }) => step === 6).map(({ state }) => state)).toEqual(["ready"]);
  });
});

describe("a policy that throws", () => {
  test("is told, and the plugin's own order is taken", async () => {
    const firstEncounter = (): never => {
      throw new Error("no idea");
    };
    const { viewing, encounters, start } = await watch(coldWeb(), { firstEncounter });
    start();
    await vi.advanceTimersByTimeAsync(3000);
    expect(viewing.errors).toContainEqual(expect.objectContaining({ code: "resolver-failed", fatal: false }));
    expect(encounters).toMatchObject([{ step: "wait" }]);
  });
});

describe("a mid-roll whose creative is new", () => {
  const VMAP = { text: formatVmap([{ at: "00:00:20", id: "mid", vast: formatVast({ id: "one" }) }]) };
  const MID = { adTagUrl: "/ads/vmap", lookAhead: 41 };

  test("waits while the viewer has one and a half segments before it, and is bound when its copy is there", async () => {
    const answers = coldWeb({ "/ads/vmap": VMAP });
    answers[STATUS] = {
      until: after(9000, () => (answers[COPY] = MASTER)),
      text: status({ state: "ready", url: COPY }),
    };
    const { viewing, start } = await watch(answers, MID);
    const given = start();
    await vi.advanceTimersByTimeAsync(100);
    expect(given.text()).toBe(CONTENT);
    for (let second = 1; second <= 10; second++) {
      viewing.session.advance(second);
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(viewing.session.vod()?.undecided()).toEqual([{ contentTime: 20, isReady: true }]);
    expect(viewing.session.vod()?.bindLate(() => true)).toBe(true);
    expect(viewing.skips).toEqual([]);
  });

  test("is skipped when the viewer comes nearer", async () => {
    const { viewing, start } = await watch(coldWeb({ "/ads/vmap": VMAP }), MID);
    start();
    await vi.advanceTimersByTimeAsync(100);
    await loadModules();
    viewing.session.advance(13.8);
    await vi.advanceTimersByTimeAsync(300);
    expect(viewing.skips).toEqual([]);
    viewing.session.advance(13.9);
    await vi.advanceTimersByTimeAsync(300);
    expect(viewing.skips).toMatchObject([{ breakId: "mid", reason: "repackage-in-progress" }]);
    expect(viewing.session.vod()?.undecided()).toEqual([]);
  });

  test.each([
    [
      "is waited for where the viewer seeks over it, as long as the seek is held for it",
      1000,
      [{ contentTime: 40, isReady: true }],
    ],
    ["is skipped after that", 1400, []],
  ])("%s", async (_title, publishedMs, undecided) => {
    const answers = coldWeb({
      "/ads/vmap": { text: formatVmap([{ at: "00:00:40", id: "mid", vast: formatVast({ id: "one" }) }]) },
    });
    const { viewing, start } = await watch(answers, { ...MID, lookAhead: 1 });
    start();
    await vi.advanceTimersByTimeAsync(100);
    viewing.session.advance(0);
    viewing.session.advance(50);
    answers[STATUS] = {
      until: after(publishedMs, () => (answers[COPY] = MASTER)),
      text: status({ state: "ready", url: COPY }),
    };
    await loadModules();
    await vi.advanceTimersByTimeAsync(1500);
    expect(viewing.session.vod()?.undecided()).toEqual(undecided);
  });

  test("waits no longer than the start budget in a player that asks once", async () => {
    const { viewing, start } = await watch(coldWeb({ "/ads/vmap": VMAP }), MID, { canBindLate: false });
    const given = start();
    await vi.advanceTimersByTimeAsync(1600);
    expect(given.text()).toBe(CONTENT);
    expect(viewing.skips).toMatchObject([{ breakId: "mid", reason: "repackage-in-progress" }]);
  });
});

describe("a live avail whose creative is new", () => {
  const live = (first: number, count: number): string => {
    const segments = Array.from({ length: count }, (_, index) => {
      const sn = first + index;
      const cue = sn === 8 ? "#EXT-X-CUE-OUT:8.000\n" : sn === 10 ? "#EXT-X-CUE-IN\n" : "";
      return `${cue}#EXTINF:4.000000,\nlive-${sn}.ts\n`;
    });
    return `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:${first}\n${segments.join("")}`;
  };

  test("at the entrance is waited for beyond the start budget, and plays in the turn in which it comes", async () => {
    const answers = coldWeb();
    answers[STATUS] = {
      until: after(1800, () => (answers[COPY] = MASTER)),
      text: status({ state: "transcoding", url: `${HOST}${COPY}` }),
    };
    const { viewing } = await watch(answers, { livePreroll: true });
    const shown = viewing.play(live(20, 8));
    await vi.advanceTimersByTimeAsync(2500);
    expect(viewing.skips).toEqual([]);
    expect(await shown).toContain("copy-0.ts");
  });

  test.each([
    ["is held for its copy as long as an undecided avail may be", 3000, "copy-0.ts", []],
    ["is content when that time is over", 60_000, "live-8.ts", ["repackage-in-progress"]],
  ] as const)("%s", async (_title, publishedMs, shown, reasons) => {
    const answers = coldWeb();
    const { viewing } = await watch(answers, { live: true }, { bufferAhead: () => 20 });
    await viewing.play(live(0, 8));
    await loadModules();
    answers[STATUS] = {
      until: after(publishedMs, () => (answers[COPY] = MASTER)),
      text: status({ state: "ready", url: COPY }),
    };
    await vi.advanceTimersByTimeAsync(100);
    await viewing.play(live(1, 8));
    await vi.advanceTimersByTimeAsync(3950);
    await viewing.play(live(2, 8));
    await vi.advanceTimersByTimeAsync(3950);
    expect(await viewing.play(live(3, 8))).toContain(shown);
    expect(viewing.skips.map(({ reason }) => reason)).toEqual(reasons);
  });
});
