/** One break: each ad that its answer names is shown, or left out with a reason, and whoever wants to know of errors is told of it. */
import { describe, expect, test } from "vitest";
import { type AdAnswer } from "../../src/manifest/ads/ad-call.ts";
import type { ResolvedPod } from "../../src/manifest/ads/pod-resolver.ts";
import { type BreakContext, createBreakDecider } from "../../src/manifest/breaks/break-decision.ts";
import type { BreakDecision, BreakRow, SkippedAd } from "../../src/manifest/breaks/decision.ts";
import { createTrace } from "../../src/manifest/trace.ts";
import { standardZone } from "../../src/zones.ts";
import { adCallsOn, answering, hls, inLine, testCall, testSession, vast } from "./ad-world.ts";
import { decidedAd } from "./tracking-world.ts";

const BASE = new URL("http://server.test/");
const ORDER = {
  breakId: "mid-1",
  position: "mid",
  place: { kind: "vod", time: 8, replaces: 0 },
  availDuration: 20,
  maxAds: undefined,
  attributes: {},
  signal: undefined,
} as const;
const NEEDS: BreakContext["needs"] = {
  zone: standardZone("1", [{ name: "main", publicUrl: "https://cdn.example/" }]),
  cdn: undefined,
  splice: { packaging: "hls", targetDuration: 6, isLive: false },
  id3: false,
  baseUrl: BASE,
};
const CONTEXT: BreakContext = {
  state: { session: testSession(), cookies: [], breaks: [], timelines: new Map(), tracks: [] },
  baseUrl: BASE,
  needs: NEEDS,
  adTimeoutMs: 1000,
  trace: createTrace(),
};
const ERRORS = ["https://t.example/error?[ERRORCODE]"];
const ad = (adId: string) => decidedAd(adId, { errors: ERRORS });

/** What a real ad server answers. */
async function answerOf(...ids: readonly string[]): Promise<AdAnswer> {
  const ads = ids.map((id, index) => inLine({ id, sequence: index + 1, media: hls(`https://cdn.example/${id}.m3u8`) }));
  const server = await answering({ "/tag": vast(ads.join("")) });
  return adCallsOn([server]).callBreak(testCall(`${server.origin}/tag`), createTrace());
}

interface Deciding {
  readonly decider: ReturnType<typeof createBreakDecider>;
  readonly decided: readonly BreakDecision[];
  readonly late: readonly BreakDecision[];
}

/** @param pod what becomes of the answer's ads */
function deciding(pod: () => Promise<Partial<ResolvedPod>> | Partial<ResolvedPod> | undefined = () => ({})): Deciding {
  const [rows, decided, late] = [new Map<string, BreakRow>(), new Array<BreakDecision>(), new Array<BreakDecision>()];
  const decider = createBreakDecider({
    store: {
      decide: async (_session, decision) => {
        const { breakId } = decision;
        const fresh = { breakId, firstListedAt: 0, decision, earlyReturn: undefined, resumption: undefined };
        const row = rows.get(breakId) ?? fresh;
        rows.set(breakId, row);
        return row;
      },
      saveCookies: async () => undefined,
    },
    adCalls: { callBreak: () => answerOf() },
    resolvePod: async () => ({ ads: [], skipped: [], ...(await pod()) }),
    onDecided: (decision) => decided.push(decision),
    onLate: (decision) => late.push(decision),
  });
  return { decider, decided, late };
}

const told = ({ skipped }: { readonly skipped: readonly SkippedAd[] }) =>
  skipped.map(({ adId, reason, errors }) => ({ adId, reason, errors }));

describe("an ad of the answer that is not inserted is left out with its own error addresses", () => {
  test("where its break has no room for it", async () => {
    const { decider, decided } = deciding(() => ({ ads: [ad("one"), ad("two"), ad("three")] }));
    await decider.decideAnswered({ ...ORDER, maxAds: 1 }, await answerOf("one", "two", "three"), CONTEXT);
    const reason = "break-duration-exceeded";
    expect(decided.map(told)).toEqual([
      [
        { adId: "two", reason, errors: ERRORS },
        { adId: "three", reason, errors: ERRORS },
      ],
    ]);
  });

  test("where no ad fits the content", async () => {
    const { decider, decided } = deciding();
    const answer = await answerOf("one");
    const errorUrls = ["https://t.example/none"];
    const failure = { adId: "none", reason: "no-ads", vastError: 303, message: "", errorUrls } as const;
    const result = { ...answer.result, failures: [failure] };
    await decider.decideAnswered(ORDER, { ...answer, result }, { ...CONTEXT, needs: undefined });
    expect(decided.map(told)).toEqual([
      [
        { adId: "none", reason: "no-ads", errors: errorUrls },
        { adId: "one", reason: "no-variant-match", errors: answer.result.ads[0]?.errors },
      ],
    ]);
    expect(answer.result.ads[0]?.errors).toHaveLength(1);
  });

  test("where its break was given up before its media were there: its own reason, or that it came too late", async () => {
    const skipped = { ...ad("cold"), reason: "new-creative", message: "", encounter: "wait" } as const;
    const pod = Promise.withResolvers<Partial<ResolvedPod>>();
    const { decider, decided, late } = deciding(() => pod.promise);
    const running = decider.decideAnswered(ORDER, await answerOf("ready", "cold"), CONTEXT);
    await decider.decideEmpty(ORDER, "ads-timeout", CONTEXT);
    pod.resolve({ ads: [ad("ready")], skipped: [skipped] });
    await running;
    expect(decided.map(told)).toEqual([[{ adId: undefined, reason: "ads-timeout", errors: undefined }]]);
    expect(late.map(told)).toEqual([
      [
        { adId: "cold", reason: "new-creative", errors: ERRORS },
        { adId: "ready", reason: "ads-timeout", errors: ERRORS },
      ],
    ]);
    expect(late).toMatchObject([{ breakId: "mid-1", ads: [], skipped: [{ encounter: "wait" }, {}] }]);
  });

  test("where its answer came when all breaks had been given up", async () => {
    const { decider, decided, late } = deciding();
    const answer = await answerOf("one", "two");
    decider.giveUp(ORDER, answer, "ads-timeout", CONTEXT);
    decider.giveUp(ORDER, await answerOf(), "ads-timeout", CONTEXT);
    const errors = answer.result.ads.map((one) => one.errors);
    expect(late.map(told)).toEqual([
      [
        { adId: "one", reason: "ads-timeout", errors: errors[0] },
        { adId: "two", reason: "ads-timeout", errors: errors[1] },
      ],
    ]);
    expect(decided).toEqual([]);
  });
});

test("a break that was decided without any ad was not given up", async () => {
  const pods: Partial<ResolvedPod>[] = [{}, { ads: [ad("one")] }];
  const { decider, late } = deciding(() => pods.shift());
  const answers = [await answerOf(), await answerOf("one")];
  for (const answer of answers) await decider.decideAnswered(ORDER, answer, CONTEXT);
  expect(late).toEqual([]);
});

test("what another instance shows in the same break is not lost, whoever decided it a second time", async () => {
  const { decider, decided, late } = deciding(() => ({ ads: [ad("one")] }));
  const answers = [await answerOf("one"), await answerOf("one")];
  for (const answer of answers) await decider.decideAnswered(ORDER, answer, CONTEXT);
  await decider.decideEmpty(ORDER, "ads-timeout", CONTEXT);
  expect(decided.map(({ ads }) => ads.map(({ adId }) => adId))).toEqual([["one"]]);
  expect(late).toEqual([]);
});
