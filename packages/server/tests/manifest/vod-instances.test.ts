/** Two instances that are asked for the first playlists of one VOD session at the same time. */
import { parseMediaPlaylist } from "@interlude/core";
import { expect, test } from "vitest";
import type { MappedBreak } from "../../src/manifest/ads/ad-call.ts";
import type { BreakDecider } from "../../src/manifest/breaks/break-decision.ts";
import { parseOptions } from "../../src/manifest/read-options.ts";
import { createMemorySessions } from "../../src/manifest/session/session-memory.ts";
import { createTrace } from "../../src/manifest/trace.ts";
import { createVodBreaks, type DecideVod } from "../../src/manifest/breaks/vod-breaks.ts";
import { standardZone } from "../../src/zones.ts";
import { vodContent } from "./flow-world.ts";
import { ZONE_MANIFEST } from "./manifest-world.ts";
import { sampleSession } from "./session-samples.ts";

const zone = { ...ZONE_MANIFEST, adTagUrl: "/map" };

test("an instance whose ad server names other breaks shows those of the instance that was first", async () => {
  const session = sampleSession();
  const store = createMemorySessions({ maxSessions: 9, idleMs: 1e9, now: Date.now });
  await store.create(session);
  const state = await store.load(session.id);
  if (!state) throw new Error("session: expected one, got none");
  const write: BreakDecider["decideEmpty"] = ({ breakId, position, place, availDuration, signal }) =>
    store.decide(session.id, { breakId, position, place, availDuration, signal, ads: [], skipped: [], trackers: [] });
  const decider = {
    decide: (order, _tag, context) => write(order, "no-ads", context),
    decideAnswered: (order, _answer, context) => write(order, "no-ads", context),
    decideEmpty: write,
    giveUp: () => undefined,
  } satisfies BreakDecider;
  const instance = (breakId: string): DecideVod => {
    const answer: MappedBreak = {
      breakId,
      position: "mid",
      time: 4,
      availNumber: undefined,
      repeatAfter: undefined,
      result: { ads: [], failures: [] },
      trackers: [],
      setCookies: [],
      isTimedOut: false,
    };
    return createVodBreaks({
      store,
      decider,
      adCalls: { callMap: async () => [answer] },
      sleep: () => new Promise(() => undefined),
    });
  };
  const request = {
    playlist: parseMediaPlaylist(vodContent(5)),
    contentUrl: "https://content.example/low.m3u8",
    isShed: false,
    options: parseOptions("z=1", [standardZone("1", [{ name: "main", publicUrl: "https://cdn.example/" }])]),
    zone,
    context: { state, baseUrl: new URL("https://m.example"), needs: undefined, adTimeoutMs: 1, trace: createTrace() },
  };
  const first = await instance("one")(request);
  const second = await instance("two")(request);
  expect(first.map((row) => row.breakId)).toEqual(["one", "(plan)"]);
  expect(second).toEqual(first);
});
