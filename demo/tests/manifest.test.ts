import type { BreakSnapshot } from "@interlude/plugin/hls";
import { describe, expect, test } from "vitest";
import { type Choice, formatChoice, readChoice, readWorkflow } from "../src/choice.ts";
import { encodeBase64Url, formatBootstrapUrl, listParameters } from "../src/manifest/bootstrap.ts";
import {
  listAdCalls,
  listOrders,
  listResolutions,
  parseRecords,
  parseX1,
  readAnswer,
  splitHeaders,
  type TraceRecord,
} from "../src/manifest/debug-headers.ts";
import { readServerSteps, type ServerFacts } from "../src/manifest/steps.ts";

const film: Choice = readChoice(new URLSearchParams("content=vod&creative=mp4&cdn=b"));

describe("the bootstrap URL", () => {
  const url = formatBootstrapUrl(film, "http://x:8080/", "v1");

  test("has the asset, and the content's whole address in base64url without padding", () => {
    const [, asset, source = ""] = /^\/auditude\/variant\/([^/]+)\/([\w-]+)\.m3u8$/.exec(url.pathname) ?? [];
    expect(asset).toBe("vod");
    expect(Buffer.from(source, "base64url").toString()).toBe("http://x:8080/media/content/master.m3u8");
  });

  test("has the zone, the viewing, JSON with a v2 sidecar, and what the publisher tells the ad server", () => {
    expect(Object.fromEntries(url.searchParams)).toEqual({
      u: "vod",
      z: "1",
      _sid_: "v1",
      live: "false",
      ptcdn: "b",
      pttrackingmode: "simple",
      pttrackingversion: "v2",
      ptdebug: "true",
      schedule: "pre-mid-post",
      li: "mp4",
    });
  });

  test("a live channel has no schedule", () => {
    const live = formatBootstrapUrl(readChoice(new URLSearchParams("content=live")), "http://x/", "v1");
    expect(live.searchParams.get("live")).toBe("true");
    expect(live.searchParams.has("schedule")).toBe(false);
  });

  test("says of each parameter what it is for", () => {
    const meanings = Object.fromEntries(listParameters(url).map(({ name, meaning }) => [name, meaning]));
    expect([meanings["z"], meanings["li"]]).toEqual(["the zone", "for the ad server"]);
  });

  test("base64url is of UTF-8", () => {
    expect(encodeBase64Url("ü?~>")).toBe(Buffer.from("ü?~>").toString("base64url"));
  });
});

const X1 = "1 0 1795265889816 8432de3f-4c29 l 0 1 10 1 2 6 1 3 16 0 0 4 5 10 0";

/** Records as TRACE_AD_RESOLVE has them. */
function resolved(breakId: string, source: string, copy: string, reason: string): TraceRecord {
  const fields = ["", breakId, "DIRECT", "10", source, copy, "Interlude", "VAST:x:y", "y", "", "2", reason];
  return { type: "TRACE_AD_RESOLVE", fields };
}

describe("the headers", () => {
  test("X-ADBE-AI-X1 is 20 fields, and nothing else is", () => {
    expect(parseX1(X1)).toEqual({
      session: "8432de3f-4c29",
      breakSeconds: 10,
      insertedAds: 1,
      sourceFetchMs: 3,
      totalMs: 16,
      contentHits: 4,
      contentMisses: 5,
    });
    expect(parseX1("1 0 2")).toBeUndefined();
  });

  test("debug records come in the order of their numbers, whatever the order of the headers", () => {
    const text = "x-adbe-ai-dbg-10: TRACE_B\t2\r\ncontent-type: text/plain\r\nX-ADBE-AI-DBG-2: TRACE_A\t\t1\r\n";
    expect(parseRecords(splitHeaders(text))).toEqual([
      { type: "TRACE_A", fields: ["", "1"] },
      { type: "TRACE_B", fields: ["2"] },
    ]);
  });

  test("an answer without them is one all the same", () => {
    const asked = { url: "http://x/", status: 304, ms: 1 };
    expect(readAnswer(asked, new Headers())).toEqual({ ...asked, x1: undefined, records: [] });
  });

  test("ad calls, ads with what became of them, and creatives that CRS was asked for, each once", () => {
    const order = { type: "TRACE_TRANSCODING_REQUESTED", fields: ["VAST:x:y", "http://x/a.mp4", "video/mp4", "", "4"] };
    const call = { type: "TRACE_AD_CALL", fields: ["200", "9", "http://x/ads/vmap", "Interlude", "", ""] };
    const records = [call, order, order, resolved("pre", "http://x/a.mp4", "", "new-creative")];
    expect(listAdCalls(records)).toEqual([{ status: "200", ms: 9, url: "http://x/ads/vmap" }]);
    expect(listOrders(records)).toEqual(["http://x/a.mp4"]);
    expect(listResolutions(records)).toEqual([
      { breakId: "pre", creativeUrl: "http://x/a.mp4", playlistUrl: undefined, reason: "new-creative" },
    ]);
  });
});

describe("the nine steps", () => {
  const answer = { url: "http://x/m", status: 200, ms: 5, x1: parseX1(X1), records: [] };
  const facts: ServerFacts = {
    contentUrl: "http://x/media/master.m3u8",
    adInformation: { li: "mp4" },
    cdn: "a",
    bootstrapUrl: "http://x/auditude/variant",
    bootstrap: undefined,
    failure: undefined,
    masterUrl: undefined,
    master: undefined,
    media: undefined,
    stream: undefined,
    records: [],
    breaks: undefined,
    past: [],
    beacons: 0,
    isTracked: false,
    isPlaying: false,
    origin: "http://x",
  };
  const call = { type: "TRACE_AD_CALL", fields: ["200", "9", "http://x/ads/vmap"] };
  const states = (patch: Partial<ServerFacts>): string =>
    readServerSteps({ ...facts, ...patch })
      .map(({ state, parts }) => `${state}${parts.join("")}`)
      .join(" ");

  test("light up as each request is made and answered", () => {
    expect(states({})).toBe("done active idle idle idle idle idle idle idle");
    const opened = { bootstrap: answer, masterUrl: "http://x/m" };
    expect(states(opened)).toBe("done done done active active idle idle idle idle");
    const chosen = { ...opened, master: answer, media: answer };
    expect(states(chosen)).toBe("done done done done done done active done idle");
    const breaks: readonly BreakSnapshot[] = [];
    expect(states({ ...chosen, records: [call], breaks, isPlaying: true })).toBe(
      "done done done done done done donea done active",
    );
  });

  test("an address that is refused ends them with the server's sentence", () => {
    const failure = "403 content-origin-refused: no";
    const views = readServerSteps({ ...facts, bootstrap: { ...answer, status: 403, x1: undefined }, failure });
    expect(views[1]).toMatchObject({ state: "failed", status: 403, facts: [failure] });
    expect(views.slice(2).every(({ state }) => state === "idle")).toBe(true);
  });

  test("of the ads: HLS is taken as it is, a copy from the CDN, and what has none is left out with its VAST error", () => {
    const read = (...records: readonly TraceRecord[]) =>
      readServerSteps({ ...facts, media: answer, records: [call, ...records] })[6];
    expect(read(resolved("pre", "http://x/a.m3u8", "http://x/a.m3u8", ""))?.parts).toEqual(["a", "b"]);
    expect(read(resolved("pre", "http://x/a.mp4", "http://x/cdn/a.m3u8", ""))).toMatchObject({
      parts: ["a", "c"],
      facts: ["CDN a has 1 of 1 copies"],
    });
    const order = { type: "TRACE_TRANSCODING_REQUESTED", fields: ["", "http://x/a.mp4"] };
    expect(read(order, resolved("pre", "http://x/a.mp4", "", "new-creative"))).toMatchObject({
      parts: ["a", "d"],
      facts: [
        "CDN a has 0 of 1 copies",
        "CRS asked for a.mp4",
        "left out: new-creative, which the server reports as VAST error 407",
      ],
    });
  });
});

test("the address of the page says the tab, where it is not the first", () => {
  expect(formatChoice(film, "server")).toBe("content=vod&creative=mp4&cdn=b&workflow=server");
  expect(readWorkflow(new URLSearchParams("workflow=server"))).toBe("server");
  expect([readWorkflow(new URLSearchParams()), readWorkflow(new URLSearchParams("workflow=x"))]).toEqual([
    "player",
    "player",
  ]);
});
