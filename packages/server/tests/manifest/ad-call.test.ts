import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { createTrace } from "../../src/manifest/trace.ts";
import {
  adCallsBy,
  adCallsOn,
  answering,
  manifestFetch,
  hls,
  inLine,
  testCall,
  testSession,
  vast,
  wrapper,
} from "./ad-world.ts";

const ONE = vast(inLine({ id: "one" }));

describe("callBreak", () => {
  test.each([
    ["2.0", '<Ad id="v2"><InLine><AdSystem>S</AdSystem>'],
    ["3.0", '<Ad id="v3" sequence="1"><InLine><AdSystem version="1">S</AdSystem>'],
    ["4.2", '<Ad id="v4"><InLine><AdServingId>x</AdServingId><AdSystem>S</AdSystem>'],
  ])("reads VAST %s", async (version, head) => {
    const body = `${head}<Impression>https://t.example/i</Impression><Creatives><Creative><Linear><Duration>00:00:10</Duration>
      <MediaFiles>${hls("https://cdn.example/a.m3u8")}</MediaFiles></Linear></Creative></Creatives></InLine></Ad>`;
    const ads = await answering({ "/tag": vast(body, version) });
    const answer = await adCallsOn([ads]).callBreak(testCall(`${ads.origin}/tag`), createTrace());
    expect(answer.result.failures).toEqual([]);
    expect(answer.result.ads[0]).toMatchObject({ adSystem: "S", creatives: [{ duration: 10 }] });
    expect(answer).toMatchObject({ isTimedOut: false, trackers: [], setCookies: [] });
  });

  test("follows wrappers with the same headers, counts them apart, and names the chain", async () => {
    const ads = await answering({
      "/tag": (_request, response) =>
        response.end(vast(wrapper("w1", `${ads.origin}/second?cb=[CACHEBUSTING]&p=[BREAKPOSITION]`))),
      "/second": ONE,
    });
    const trace = createTrace();
    const { result } = await adCallsOn([ads]).callBreak(testCall(`${ads.origin}/tag`), trace);
    expect(result.ads[0]).toMatchObject({ id: "one", wrapperAdIds: ["w1"] });
    expect(result.ads[0]?.impressions).toEqual(["https://t.example/imp/w1", "https://t.example/imp/one"]);
    expect(ads.requests.map(({ headers }) => headers["x-device-ip"])).toEqual(["203.0.113.9", "203.0.113.9"]);
    expect(ads.urls()[1]).toMatch(/^\/second\?cb=\d{8}&p=2$/);
    expect(trace).toMatchObject({ adCalls: 1, redirectAdCalls: 1 });
    expect(trace.records.map(({ type }) => type)).toEqual(["TRACE_AD_CALL", "TRACE_AD_REDIRECT"]);
    const [status, ms, url, system, breakId, seconds, body] = trace.records[0]?.fields ?? [];
    expect([status, system, breakId, seconds]).toEqual([200, "W", "avail-1", 30]);
    expect(ms).toBeTypeOf("number");
    expect(url).toBe(`${ads.origin}${ads.urls()[0]}`);
    expect(Buffer.from(String(body), "base64").toString()).toContain("<Wrapper");
    expect(trace.records[1]?.fields).toHaveLength(12);
  });

  test("a wrapper that leads back to itself ends as wrapper-limit", async () => {
    const ads = await answering({
      "/tag": (_request, response) => response.end(vast(wrapper("loop", `${ads.origin}/loop`))),
      "/loop": (_request, response) => response.end(vast(wrapper("loop", `${ads.origin}/loop`))),
    });
    const { result } = await adCallsOn([ads]).callBreak(testCall(`${ads.origin}/tag`), createTrace());
    expect(result.ads).toEqual([]);
    expect(result.failures).toMatchObject([{ reason: "wrapper-limit", vastError: 302 }]);
    expect(result.failures[0]?.errorUrls).toContain("https://t.example/werror");
    expect(ads.requests).toHaveLength(2);
  });

  test("an ad server that never answers costs the break its ads, and no more than its time", async () => {
    const ads = await answering({ "/tag": () => undefined });
    const trace = createTrace();
    const answer = await adCallsOn([ads]).callBreak(testCall(`${ads.origin}/tag`, { timeoutMs: 150 }), trace);
    expect(answer.isTimedOut).toBe(true);
    expect(answer.result.failures).toMatchObject([{ reason: "ads-timeout", vastError: 301, adId: undefined }]);
    expect(trace.records[0]?.fields[0]).toBe("upstream-timeout");
    expect(trace.adCallMs).toBeGreaterThanOrEqual(140);
  });

  test("one deadline holds for all wrappers, and what came in time is kept", async () => {
    const ads = await answering({
      "/tag": (_request, response) =>
        response.end(vast(wrapper("slow", `${ads.origin}/never`) + inLine({ id: "quick" }))),
      "/never": () => undefined,
    });
    const fetch = manifestFetch([ads]);
    const limits: number[] = [];
    const calls = adCallsBy((url, options) => {
      limits.push(options.timeoutMs);
      return fetch(url, options);
    });
    const call = testCall(`${ads.origin}/tag`, { timeoutMs: 400 });
    const { result, isTimedOut } = await calls.callBreak(call, createTrace());
    expect(isTimedOut).toBe(true);
    expect(result.ads.map(({ id }) => id)).toEqual(["quick"]);
    expect(result.failures).toMatchObject([{ reason: "ads-timeout", adId: "slow" }]);
    const [first = 0, second = 0] = limits;
    expect(first).toBeLessThanOrEqual(400);
    expect(second).toBeLessThan(first);
  });

  test("a body that trickles is cut at the deadline", async () => {
    const ads = await answering({
      "/tag": (_request, response) => {
        response.write("<VAST ");
        const timer = setInterval(() => response.write(" "), 20);
        response.on("close", () => clearInterval(timer));
      },
    });
    const call = testCall(`${ads.origin}/tag`, { timeoutMs: 200 });
    const { result } = await adCallsOn([ads]).callBreak(call, createTrace());
    expect(result.failures).toMatchObject([{ reason: "ads-timeout" }]);
  });

  test.each([
    ["204", (_: unknown, response: ServerResponse) => response.writeHead(204).end(), "no-ads", 303],
    ["an empty body", "", "no-ads", 303],
    ["a VAST without ads", vast(""), "no-ads", 303],
    ["a page in HTML", "<!doctype html><html><body>Sorry</body></html>", "vast-malformed", 100],
    ["XML that is something else", "<feed/>", "vast-malformed", 101],
    ["half a document", ONE.slice(0, 100), "vast-malformed", 100],
    ["VAST 1", vast("", "1.0"), "vast-malformed", 102],
    ["500", (_: unknown, response: ServerResponse) => response.writeHead(500).end("x"), "ads-timeout", 301],
    ["a cut connection", (_: unknown, response: ServerResponse) => response.destroy(), "ads-timeout", 301],
  ] as const)("%s is no ad, with the reason", async (_name, route, reason, vastError) => {
    const ads = await answering({
      "/tag": typeof route === "string" ? route : (request, response) => void route(request, response),
    });
    const { result } = await adCallsOn([ads]).callBreak(testCall(`${ads.origin}/tag`), createTrace());
    expect(result.ads).toEqual([]);
    expect(result.failures).toMatchObject([{ reason, vastError }]);
  });

  test("an answer of 20 MB is not read to its end", async () => {
    let sent = 0;
    const ads = await answering({
      "/tag": (_request, response) => {
        const chunk = Buffer.alloc(1_000_000, " ");
        const send = (): void => {
          while (sent < 20_000_000 && !response.destroyed) {
            sent += chunk.length;
            if (!response.write(chunk)) return void response.once("drain", send);
          }
          response.end();
        };
        send();
      },
    });
    const { result } = await adCallsOn([ads]).callBreak(testCall(`${ads.origin}/tag`), createTrace());
    expect(result.failures).toMatchObject([{ reason: "vast-malformed" }]);
    expect(sent).toBeLessThan(20_000_000);
  });

  test("a bomb of gzip is not unpacked to its end, and gzip is read", async () => {
    const packed = (body: string | Buffer) => (_request: unknown, response: ServerResponse) =>
      void response.setHeader("content-encoding", "gzip").end(gzipSync(body));
    const ads = await answering({ "/good": packed(ONE), "/bomb": packed(Buffer.alloc(20_000_000, " ")) });
    const calls = adCallsOn([ads]);
    const good = await calls.callBreak(testCall(`${ads.origin}/good`), createTrace());
    const bomb = await calls.callBreak(testCall(`${ads.origin}/bomb`), createTrace());
    expect(good.result.ads).toHaveLength(1);
    expect(bomb.result.failures).toMatchObject([{ reason: "vast-malformed" }]);
  });

  test("relative addresses in an answer are resolved where a redirect led", async () => {
    const ads = await answering({
      "/tag": (_request, response) => void response.writeHead(302, { location: "/deep/er/vast" }).end(),
      "/deep/er/vast": vast(inLine({ id: "a", media: hls("ad.m3u8") })),
    });
    const { result } = await adCallsOn([ads]).callBreak(testCall(`${ads.origin}/tag`), createTrace());
    expect(result.ads[0]?.creatives[0]?.mediaFiles[0]?.url).toBe(`${ads.origin}/deep/er/ad.m3u8`);
  });

  test("cookies go back to the host that set them, within a call and between calls, and to no other", async () => {
    const other = await answering({ "/vast": ONE });
    const ads = await answering({
      "/tag": (_request, response) => {
        const both = wrapper("w", `${ads.origin}/next`) + wrapper("x", `http://localhost:${other.port}/vast`);
        response.setHeader("set-cookie", ["uid=1; Path=/; Max-Age=60", "old=; Max-Age=0"]).end(vast(both));
      },
      "/next": ONE,
    });
    const calls = adCallsOn([ads, other]);
    const first = await calls.callBreak(testCall(`${ads.origin}/tag`), createTrace());
    expect(first.result.ads).toHaveLength(2);
    expect(ads.requests.map(({ headers }) => headers.cookie)).toEqual([undefined, "uid=1"]);
    expect(other.requests[0]?.headers.cookie).toBeUndefined();
    expect(first.setCookies).toMatchObject([
      { host: "127.0.0.1", name: "uid", value: "1", path: "/" },
      { host: "127.0.0.1", name: "old", expiresAt: 0 },
    ]);
    await calls.callBreak(testCall(`${ads.origin}/tag`, { cookies: first.setCookies }), createTrace());
    expect(ads.requests[2]?.headers.cookie).toBe("uid=1");
  });

  test("the break of a VMAP that fits is taken, with its trackers", async () => {
    const ads = await answering({
      "/tag": vmap(
        adBreak("start", "pre", `<vmap:VASTAdData>${vast(inLine({ id: "p" }))}</vmap:VASTAdData>`) +
          adBreak("00:00:20", "mid", `<vmap:VASTAdData>${vast(inLine({ id: "m" }))}</vmap:VASTAdData>`),
      ),
    });
    const answer = await adCallsOn([ads]).callBreak(testCall(`${ads.origin}/tag`), createTrace());
    expect(answer.result.ads.map(({ id }) => id)).toEqual(["m"]);
    expect(answer.trackers).toEqual([
      { event: "breakStart", url: "https://t.example/start/mid", time: 0 },
      { event: "breakEnd", url: "https://t.example/end/mid", time: undefined },
      { event: "error", url: "https://t.example/error/mid", time: undefined },
    ]);
  });

  test("the break of a VMAP whose own tag fails keeps its trackers", async () => {
    const ads = await answering({
      "/tag": vmap(adBreak("start", "pre", "<vmap:AdTagURI>http://127.0.0.1:1/x</vmap:AdTagURI>")),
    });
    const answer = await adCallsOn([ads]).callBreak(testCall(`${ads.origin}/tag`), createTrace());
    expect(answer).toMatchObject({ breakId: "avail-1", result: { ads: [], failures: [{ reason: "ads-timeout" }] } });
    expect(answer.trackers.map(({ event }) => event)).toEqual(["breakStart", "breakEnd", "error"]);
  });

  test("a rule of the operator changes where ads are asked for, if the client names it", async () => {
    const ads = await answering({ "/moved": ONE });
    const rewriteRules = [{ name: "adfetch_x", find: "^https://ads\\.example/([a-z]+)", replace: `${ads.origin}/$1` }];
    const calls = adCallsOn([ads], { rewriteRules });
    const call = testCall("https://ads.example/moved");
    const named = { ...call, session: testSession({ query: "ptprotoswitch=adfetch_x,cdn_y" }) };
    expect((await calls.callBreak(named, createTrace())).result.ads).toHaveLength(1);
    expect(ads.urls()[0]).toContain("/moved?");
  });

  test("a tag that is no URL is a failure, not an exception", async () => {
    const { result } = await adCallsOn([]).callBreak(testCall("https://[nowhere"), createTrace());
    expect(result.failures).toMatchObject([{ vastError: 900 }]);
  });
});

describe("the fallback tag", () => {
  test("is asked where the request failed, and the failure is still told", async () => {
    const ads = await answering({
      "/tag": (_request, response) => void response.writeHead(503).end(),
      "/fallback": ONE,
    });
    const calls = adCallsOn([ads], { fallbackTagUrl: `${ads.origin}/fallback` });
    const { result } = await calls.callBreak(testCall(`${ads.origin}/tag`), createTrace());
    expect(result.ads).toHaveLength(1);
    expect(result.failures).toMatchObject([{ reason: "ads-timeout" }]);
  });

  test("is asked where no answer came in time", async () => {
    const ads = await answering({ "/tag": () => undefined, "/fallback": ONE });
    const calls = adCallsOn([ads], { fallbackTagUrl: `${ads.origin}/fallback` });
    const answer = await calls.callBreak(testCall(`${ads.origin}/tag`, { timeoutMs: 1000 }), createTrace());
    expect(answer).toMatchObject({ isTimedOut: true, result: { ads: [{ id: "one" }] } });
  });

  test("is not asked where the ad server says that it has no ad", async () => {
    const ads = await answering({ "/tag": vast(""), "/fallback": ONE });
    const calls = adCallsOn([ads], { fallbackTagUrl: `${ads.origin}/fallback` });
    const { result } = await calls.callBreak(testCall(`${ads.origin}/tag`), createTrace());
    expect(result.ads).toEqual([]);
    expect(ads.requests).toHaveLength(1);
  });

  test("gets what its tag leaves of the start budget, a third at least", async () => {
    const ads = await answering({ "/tag": () => undefined, "/fallback": ONE });
    const fetch = manifestFetch([ads]);
    const limits: number[] = [];
    const calls = adCallsBy(
      (url, options) => {
        limits.push(options.timeoutMs);
        return fetch(url, options);
      },
      { fallbackTagUrl: `${ads.origin}/fallback`, startBudgetMs: 1200 },
    );
    const { result } = await calls.callBreak(testCall(`${ads.origin}/tag`, { timeoutMs: 3000 }), createTrace());
    expect(result.ads).toHaveLength(1);
    const [tagMs = 0, fallbackMs = 0] = limits;
    expect(tagMs).toBeLessThanOrEqual(800);
    expect(fallbackMs).toBeLessThanOrEqual(405);
  });
});

function vmap(breaks: string): string {
  return `<vmap:VMAP xmlns:vmap="http://www.iab.net/videosuite/vmap" version="1.0">${breaks}</vmap:VMAP>`;
}

function adBreak(timeOffset: string, id: string, source: string, type = "linear"): string {
  const tracking = ["breakStart", "breakEnd", "error"].map(
    (event) =>
      `<vmap:Tracking event="${event}">https://t.example/${event.replace("break", "").toLowerCase()}/${id}</vmap:Tracking>`,
  );
  return `<vmap:AdBreak timeOffset="${timeOffset}" breakType="${type}" breakId="${id}"><vmap:AdSource>${source}</vmap:AdSource>
    <vmap:TrackingEvents>${tracking.join("")}</vmap:TrackingEvents></vmap:AdBreak>`;
}

describe("callMap", () => {
  test("gives the breaks of a VMAP in their order, several at one offset, from data and from tags at once", async () => {
    let waiting = 0;
    let most = 0;
    const ads = await answering({
      "/map": (_request, response) => {
        const tag = (id: string): string =>
          `<vmap:AdTagURI templateType="vast3"><![CDATA[${ads.origin}/vast?li=${id}]]></vmap:AdTagURI>`;
        const breaks = [
          adBreak("start", "a", `<vmap:VASTAdData>${vast(inLine({ id: "inline" }))}</vmap:VASTAdData>`),
          adBreak("00:00:20.500", "b", tag("b")),
          adBreak("00:00:20.500", "c", tag("c")),
          adBreak("50%", "d", tag("d")),
          adBreak("#2", "e", tag("e")),
          adBreak("end", "f", tag("f")),
          adBreak("00:01:00", "banner", tag("x"), "nonlinear"),
        ];
        response.end(vmap(breaks.join("")));
      },
      "/vast": (request, response) => {
        most = Math.max(most, ++waiting);
        const finish = (): void =>
          void response.end(vast(inLine({ id: new URL(request.url ?? "", "http://x").searchParams.get("li") ?? "" })));
        held.push(finish);
        if (waiting === 5) for (const one of held) one();
      },
    });
    const held: (() => void)[] = [];
    const trace = createTrace();
    const call = testCall(`${ads.origin}/map`, {
      breakId: "",
      position: "pre",
      session: testSession({ query: "k=v" }),
    });
    const breaks = await adCallsOn([ads]).callMap(call, trace);
    expect(breaks.map(({ breakId, position, time, availNumber }) => [breakId, position, time, availNumber])).toEqual([
      ["a", "pre", 0, undefined],
      ["b", "mid", 20.5, undefined],
      ["c", "mid", 20.5, undefined],
      ["d", "mid", { share: 0.5 }, undefined],
      ["e", "mid", undefined, 2],
      ["f", "post", "end", undefined],
    ]);
    expect(breaks.map(({ result }) => result.ads[0]?.id)).toEqual(["inline", "b", "c", "d", "e", "f"]);
    expect(most).toBe(5);
    expect(trace.adCalls).toBe(6);
    expect(ads.urls().find((url) => url.includes("li=b"))).toContain(
      "&session=11111111-2222-4333-8444-555555555555&break=b&position=1&k=v",
    );
  });

  test("a tag of another ad server gets its macros and nothing of the client", async () => {
    const other = await answering({ "/vast": ONE });
    const ads = await answering({
      "/map": vmap(
        adBreak("start", "a", `<vmap:AdTagURI>http://localhost:${other.port}/vast?tx=[TRANSACTIONID]</vmap:AdTagURI>`),
      ),
    });
    const call = testCall(`${ads.origin}/map`, { session: testSession({ query: "secret=1" }) });
    const breaks = await adCallsOn([ads, other]).callMap(call, createTrace());
    expect(breaks[0]?.result.ads).toHaveLength(1);
    expect(other.urls()).toEqual(["/vast?tx=11111111-2222-4333-8444-555555555555"]);
  });

  test("VAST is a pre-roll", async () => {
    const ads = await answering({ "/map": ONE });
    const breaks = await adCallsOn([ads]).callMap(testCall(`${ads.origin}/map`), createTrace());
    expect(breaks).toMatchObject([{ breakId: "preroll", position: "pre", time: 0, result: { ads: [{ id: "one" }] } }]);
  });

  test("one break that fails costs no other", async () => {
    const ads = await answering({
      "/map": vmap(
        adBreak("start", "a", "<vmap:AdTagURI>http://127.0.0.1:1/x</vmap:AdTagURI>") +
          adBreak("end", "b", `<vmap:VASTAdData>${ONE.replace('<?xml version="1.0"?>', "")}</vmap:VASTAdData>`),
      ),
    });
    const breaks = await adCallsOn([ads]).callMap(testCall(`${ads.origin}/map`), createTrace());
    expect(breaks.map(({ result }) => [result.ads.length, result.failures[0]?.reason])).toEqual([
      [0, "ads-timeout"],
      [1, undefined],
    ]);
  });

  test("a map that cannot be had is a pre-roll without ads and with the reason; the fallback's answer stands in for it", async () => {
    const ads = await answering({
      "/fallback": vmap(adBreak("00:00:05", "x", `<vmap:VASTAdData>${ONE.slice(21)}</vmap:VASTAdData>`)),
    });
    const call = testCall(`${ads.origin}/gone`);
    const without = await adCallsOn([ads]).callMap(call, createTrace());
    expect(without).toMatchObject([{ breakId: "preroll", result: { ads: [], failures: [{ reason: "ads-timeout" }] } }]);
    const calls = adCallsOn([ads], { fallbackTagUrl: `${ads.origin}/fallback` });
    const stood = await calls.callMap(call, createTrace());
    expect(stood).toMatchObject([
      { breakId: "x", time: 5, result: { ads: [{ id: "one" }], failures: [{ reason: "ads-timeout" }] } },
    ]);
  });

  test("a VMAP of a thousand breaks does not cause a thousand requests", async () => {
    const ads = await answering({
      "/map": (_request, response) => {
        const breaks = Array.from({ length: 1000 }, (_, index) =>
          adBreak("start", `b${index}`, `<vmap:AdTagURI>${ads.origin}/vast</vmap:AdTagURI>`),
        );
        response.end(vmap(breaks.join("")));
      },
      "/vast": (_request, response) => response.end(vast(wrapper("w", `${ads.origin}/one`))),
      "/one": ONE,
    });
    await adCallsOn([ads]).callMap(testCall(`${ads.origin}/map`), createTrace());
    expect(ads.requests.length).toBeLessThanOrEqual(100);
  });
});
