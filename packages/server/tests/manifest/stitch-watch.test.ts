/** Which ads of a decided break are told lost where a playlist does not take all of them. */
import { setImmediate } from "node:timers/promises";
import type { RefusedAd } from "@interlude/core";
import { expect, test } from "vitest";
import type { BreakDecision } from "../../src/manifest/breaks/decision.ts";
import { createStitchWatch } from "../../src/manifest/stitch-watch.ts";
import { listNotedSkips } from "../../src/manifest/tracking/noted-skips.ts";
import { selectSkipped } from "../../src/manifest/tracking/schedule.ts";
import { testSession } from "./ad-world.ts";
import { decidedAd, decidedBreak } from "./tracking-world.ts";

/** The places, from 1, of the ads that are told lost. */
async function tellRefused(decision: BreakDecision, refused: readonly RefusedAd[]): Promise<readonly unknown[]> {
  const session = testSession();
  const told: BreakDecision[] = [];
  const claimed = new Set<string>();
  const watch = createStitchWatch(
    {
      store: { claim: async (_, key) => !claimed.has(key) && claimed.add(key).has(key) },
      metrics: { countListed: () => undefined, countSkipped: () => undefined },
      log: { info: () => undefined, warn: () => undefined },
    },
    (_, late) => void told.push(late),
  );
  const row = { breakId: "mid-1", firstListedAt: 0, decision, earlyReturn: undefined, resumption: undefined };
  watch({ state: { session }, kind: "vod" }, { breaks: [], refused, rows: [row] });
  await setImmediate();
  // No error is sent twice under one key.
  expect(new Set(told.flatMap((late) => selectSkipped(late, "refused").map(({ key }) => key))).size).toBe(told.length);
  return told.flatMap((late) =>
    listNotedSkips(late, session, () => undefined).map(({ position, ad, reason }) => [position, ad, reason]),
  );
}

const refuse = (adId: string, index: number): RefusedAd => ({
  breakId: "mid-1",
  adId,
  index,
  reason: "no-variant-match",
});

test.each(["", "same"])("of ads with the same id (%j) those that are refused are lost, each once", async (adId) => {
  const decision = decidedBreak([1, 2, 3].map(() => decidedAd(adId, { errors: ["https://t.example/error"] })));
  const name = (place: number): string => adId || `#${place}`;
  expect(await tellRefused(decision, [refuse(adId, 1)])).toEqual([[2, name(2), "no-variant-match"]]);
  expect(await tellRefused(decision, [refuse(adId, 0), refuse(adId, 2)])).toEqual([
    [1, name(1), "no-variant-match"],
    [3, name(3), "no-variant-match"],
  ]);
});
