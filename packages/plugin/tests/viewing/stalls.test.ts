import { describe, expect, test } from "vitest";
import { type Answer, createFakeWeb, formatVast, formatVod, HOST, ZONE } from "../fake-web.ts";
import { startViewing, type Viewing } from "../fake-viewing.ts";
import { answerStall, type StallDeps } from "../../src/viewing/stalls.ts";
import type { AdSpan } from "../../src/viewing/timeline.ts";

const VAST = formatVast({ id: "one", type: "application/x-mpegURL", url: `${HOST}/ad/media.m3u8` });
const ADS: Readonly<Record<string, Answer>> = {
  "/v1/zones/1.json": ZONE,
  "/ads/vast": { text: VAST },
  "/ad/media.m3u8": { text: formatVod(2, 4, "ad") },
};

/** An ad of 8 s before the content. */
async function begin(): Promise<{ readonly viewing: Viewing; readonly span: AdSpan }> {
  const viewing = startViewing(createFakeWeb(ADS), { adTagUrl: "/ads/vast" });
  await viewing.play(formatVod(5));
  const [placedBreak] = viewing.timeline.breaks();
  const placed = placedBreak?.ads[0];
  if (!placedBreak || !placed) throw new Error("expected an ad");
  return { viewing, span: { placedBreak, placed } };
}

function createDeps({ timeline }: Viewing, span: AdSpan | undefined): StallDeps & { readonly told: unknown[] } {
  const told: unknown[] = [];
  return {
    timeline,
    told,
    current: () => span,
    onBroken: ({ placed }) => told.push(placed.adId),
  };
}

describe("a picture that stands still", () => {
  test("is nudged as long as there is somewhere to go", async () => {
    const { viewing, span } = await begin();
    const deps = createDeps(viewing, span);
    expect(answerStall({ target: 3.1, nudges: 1 }, deps)).toBe(3.1);
    expect(deps.told).toEqual([]);
  });

  test("in an ad for good is left, and told once", async () => {
    const { viewing, span } = await begin();
    const deps = createDeps(viewing, span);
    expect(answerStall({ target: undefined, nudges: 4 }, deps)).toBeCloseTo(8.01, 6);
    expect(deps.told).toEqual(["0"]);
  });

  test("in content for good is left alone", async () => {
    const { viewing } = await begin();
    expect(answerStall({ target: undefined, nudges: 4 }, createDeps(viewing, undefined))).toBeUndefined();
  });
});
