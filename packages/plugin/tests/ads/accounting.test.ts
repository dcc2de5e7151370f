/** Every ad of an answer is either in the break that the player gets, or told to its own error address: whatever becomes of its media. */
import { creativeKey, masterPath } from "@interlude/core";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startViewing } from "../fake-viewing.ts";
import {
  type Answer,
  createFakeWeb,
  formatMaster,
  formatVast,
  formatVod,
  HOST,
  type VastAd,
  ZONE,
} from "../fake-web.ts";

const CONTENT = formatVod(15);
const MEDIA = formatMaster({ 300_000: "/media/low.m3u8" });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** What becomes of one ad; times in ms. */
interface Fate {
  readonly kind: "hls" | "mp4" | "other";
  /** Of the HLS, or of the copy. */
  readonly media: "there" | "none" | "wrong" | "late" | "never";
  /** What the ad server says of the copy that is asked for, and CRS after it. */
  readonly crs: "ready" | "failed" | "blocked" | "refused" | "down" | "silent";
  readonly afterMs: number;
  /** One that has none stands in for others. */
  readonly isOfPod: boolean;
}

const FATE: fc.Arbitrary<Fate> = fc.record({
  kind: fc.constantFrom("hls", "mp4", "mp4", "other"),
  media: fc.constantFrom("there", "none", "wrong", "late", "never"),
  crs: fc.constantFrom("ready", "failed", "blocked", "refused", "down", "silent"),
  afterMs: fc.integer({ min: 0, max: 4000 }),
  isOfPod: fc.boolean(),
});

const never = new Promise<never>(() => undefined);
const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const TYPE = { hls: "application/x-mpegURL", mp4: "video/mp4", other: "video/3gpp" } as const;

function describe({ kind, isOfPod }: Fate, index: number): VastAd {
  const id = `ad-${index}`;
  const url = `${HOST}/${id}/${kind === "hls" ? "master.m3u8" : "film"}`;
  return { id, type: TYPE[kind], url, ...(isOfPod && { sequence: index + 1 }) };
}

function answerMedia({ media, afterMs }: Fate): Answer {
  if (media === "none") return { status: 404 };
  // as every request of the plugin ends
  if (media === "never") return { until: after(8000), code: "upstream-timeout" };
  return { text: media === "wrong" ? "<html>" : MEDIA, ...(media === "late" && { until: after(afterMs) }) };
}

function answerStatus({ crs, afterMs }: Fate, key: string): Answer {
  if (crs === "silent" || crs === "down" || crs === "refused") return { until: never };
  const state = crs === "ready" ? "transcoding" : crs;
  const text = JSON.stringify({ progress: 0.5, key, state });
  return { until: after(afterMs), text };
}

/** One address for all requests of copies: they differ in their bodies, so that the worst of the fates holds. */
function answerRequest(fates: readonly Fate[]): Answer {
  if (fates.some(({ crs }) => crs === "down")) return { code: "upstream-timeout" };
  if (fates.some(({ crs }) => crs === "refused")) return { status: 403 };
  return { status: 202, text: JSON.stringify({ key: "key", state: "absent", statusUrl: "/status" }) };
}

function createWeb(fates: readonly Fate[], answerMs: number): ReturnType<typeof createFakeWeb> {
  const answers: Record<string, Answer> = {
    "/v1/zones/1.json": ZONE,
    "/ads/vast": { text: formatVast(...fates.map(describe)), until: after(answerMs) },
    "/ads/repackage": answerRequest(fates),
    "/media/low.m3u8": { text: formatVod(2, 4, "ad") },
  };
  for (const [index, fate] of fates.entries()) {
    const { url = "" } = describe(fate, index);
    const key = creativeKey("1", url);
    if (fate.kind === "hls") answers[new URL(url).pathname] = answerMedia(fate);
    else answers[`/cdn/a/${masterPath("1", key, { packaging: "hls", targetDuration: 4 })}`] = answerMedia(fate);
    if (fate.kind === "mp4") answers["/status"] ??= answerStatus(fate, key);
  }
  return createFakeWeb(answers);
}

/**
 * A pre-roll, and everything that may still come of it.
 *
 * @param canBindLate whether the player still has room for it when it is ready after the start
 */
async function play(fates: readonly Fate[], answerMs: number, canBindLate: boolean) {
  const web = createWeb(fates, answerMs);
  const viewing = startViewing(web, { adTagUrl: "/ads/vast", firstEncounter: ["wait", "skip"] });
  void viewing.play(CONTENT);
  // modules are loaded by the clock of the machine
  for (let turn = 0; turn < 4; turn++) {
    await vi.advanceTimersByTimeAsync(0);
    await vi.dynamicImportSettled();
  }
  await vi.advanceTimersByTimeAsync(20_000);
  viewing.session.vod()?.bindLate(() => canBindLate);
  const [entry] = viewing.session.entries();
  const shown = entry?.status === "placed" ? entry.ads.filter((ad) => !entry.refused.has(ad)) : [];
  viewing.end();
  return { web, viewing, entry, shown: shown.map(({ ad }) => ad.id) };
}

/** What came of each ad; `isNamed`: it is of the pod, or of no pod the first one. */
function listEnds(fates: readonly Fate[], { web, viewing, shown }: Awaited<ReturnType<typeof play>>) {
  const isPod = fates.some(({ isOfPod }) => isOfPod);
  return fates.map(({ isOfPod }, index) => {
    const id = `ad-${index}`;
    return {
      id,
      isNamed: isPod ? isOfPod : index === 0,
      shown: shown.filter((ad) => ad === id).length,
      errors: web.beacons.filter((url) => url.startsWith(`${HOST}/t/${id}/error`)).length,
      skips: viewing.skips.filter(({ adId }) => adId === id).length,
    };
  });
}

test("each ad of a pod is shown, or its error is told once; an ad that stands in is either, or was not needed", async () => {
  const fates = fc.array(FATE, { minLength: 1, maxLength: 4 });
  const answerMs = fc.integer({ min: 0, max: 2000 });
  await fc.assert(
    fc.asyncProperty(fates, answerMs, fc.boolean(), async (...given) => {
      const played = await play(...given);
      const wrong = listEnds(given[0], played).filter(({ isNamed, shown, errors, skips }) => {
        const ends = shown + errors;
        return (isNamed ? ends !== 1 : ends > 1) || skips > errors;
      });
      expect(wrong).toEqual([]);
      expect(["placed", "skipped"]).toContain(played.entry?.status);
      expect(played.viewing.errors).toEqual([]);
    }),
    { numRuns: 40 },
  );
});
