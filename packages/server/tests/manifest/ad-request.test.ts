import { describe, expect, test } from "vitest";
import { adMacros, buildAdUrl } from "../../src/manifest/ads/ad-macros.ts";
import { createTrace } from "../../src/manifest/trace.ts";
import { openTestDatabase, testApp } from "../http/test-app.ts";
import { createAdCalls } from "../../src/manifest/ads/ad-call.ts";
import type { ManifestFetch } from "../../src/manifest/manifest-fetch.ts";
import { parseXml } from "../../src/xml.ts";
import { adCallsOn, answering, SILENT, testCall, testSession, vast } from "./ad-world.ts";

const database = await openTestDatabase();

function urlOf(tag: string, more: Parameters<typeof testCall>[1] = {}): URL {
  const call = testCall(tag, more);
  return buildAdUrl(tag, call, adMacros(call, Date.UTC(2026, 0, 2, 3, 4, 5)), call.baseUrl);
}

describe("the address of an ad request", () => {
  test("macros are expanded with what is known, and -1 stands for what is not", () => {
    const viewer = { ip: "203.0.113.9", userAgent: "A/1 (b)", referer: "https://page.example/watch?v=1" };
    const tag =
      "https://ads.example/?t=[TIMESTAMP]&cb=[CACHEBUSTING]&d=[BREAKMAXDURATION]&n=[BREAKMAXADS]&p=[BREAKPOSITION]" +
      "&id=[CONTENTID]&u=[CONTENTURI]&page=[PAGEURL]&tx=[TRANSACTIONID]&ss=[SERVERSIDE]&ip=[DEVICEIP]&ua=[DEVICEUA]&s=[SERVERUA]&ifa=[IFA]&own=[MINE]";
    const found = urlOf(tag, { session: testSession({ viewer }), maxAds: 3, availDuration: 29.9999 }).searchParams;
    expect(found.get("cb")).toMatch(/^\d{8}$/);
    found.delete("cb");
    expect(Object.fromEntries(found)).toMatchObject({
      t: "2026-01-02T03:04:05.000+00:00",
      d: "30",
      n: "3",
      p: "2",
      id: "asset-7",
      u: "https://content.example/master.m3u8",
      page: "https://page.example/watch?v=1",
      tx: "11111111-2222-4333-8444-555555555555",
      ss: "1",
      ip: "203.0.113.9",
      ua: "A/1 (b)",
      s: "Interlude",
      ifa: "-1",
      own: "[MINE]",
    });
  });

  test("an IPv6 address of the viewer is percent-encoded in the query", () => {
    const viewer = { ip: "2001:db8::1", userAgent: "" };
    expect(urlOf("https://ads.example/?ip=[DEVICEIP]", { session: testSession({ viewer }) }).search).toContain(
      "ip=2001%3Adb8%3A%3A1&",
    );
  });

  test("[#NAME] is the attribute of EXT-X-ASSET; the macro's case counts, the attribute's does not, and unknown ones are empty", () => {
    const attributes = { caid: "123456789", GENRE: "a&b=c" };
    const { search } = urlOf("https://ads.example/?id=[#CAID]&g=[#GENRE]&x=[#caid]&y=[#NONE]", { attributes });
    expect(search.startsWith("?id=123456789&g=a%26b%3Dc&x=&y=&")).toBe(true);
  });

  test("every parameter of the client goes on, recognised or not, in its order and spelling", () => {
    const query = "z=1&u=abc&k=a%3Db;c=d&flag&empty=&dup=1&dup=2&%7Bx%7D=%C3%A9+e&pttrackingmode=simple&bad=%zz";
    const { search } = urlOf("https://ads.example/tag?own=1", { session: testSession({ query }) });
    expect(search.endsWith(`&${query}`)).toBe(true);
  });

  test("of two values the tag's counts, then the server's own, then the client's, and none is doubled", () => {
    const query = "z%6Fne=evil&session=evil&break=evil&position=mid&duration=-1&Zone=kept";
    const url = urlOf("https://ads.example/tag?zone=1&duration=15", { session: testSession({ query }) });
    expect([...url.searchParams]).toEqual([
      ["zone", "1"],
      ["duration", "15"],
      ["session", "11111111-2222-4333-8444-555555555555"],
      ["break", "avail-1"],
      ["position", "1"],
      ["Zone", "kept"],
    ]);
  });

  test("a hash sign in a client's parameter does not cut the others off", () => {
    const session = testSession({ query: "a=1#2&b=3" });
    expect(urlOf("https://ads.example/#part", { session }).search.endsWith("&a=1%232&b=3")).toBe(true);
  });

  test("the timeline of one call for several breaks goes as tl", () => {
    const url = urlOf("https://ads.example/", { timeline: "l,150,30,m;l,60,2,p" });
    expect(url.searchParams.get("tl")).toBe("l,150,30,m;l,60,2,p");
  });
});

describe("the headers of an ad request", () => {
  test("tell who the viewer is, without control characters", async () => {
    const ads = await answering({ "/tag": vast("") });
    const viewer = {
      ip: "2001:db8::1",
      userAgent: "Play\u0000er\r\nX-Evil: 1\u{1F600}/2",
      referer: "https://page.example/",
      acceptLanguage: "fi, en;q=0.5",
    };
    await adCallsOn([ads]).callBreak(
      testCall(`${ads.origin}/tag`, { session: testSession({ viewer }) }),
      createTrace(),
    );
    expect(ads.requests[0]?.headers).toMatchObject({
      "user-agent": "PlayerX-Evil: 1/2",
      "x-device-user-agent": "PlayerX-Evil: 1/2",
      "x-device-ip": "2001:db8::1",
      "x-forwarded-for": "2001:db8::1",
      referer: "https://page.example/",
      "x-device-referer": "https://page.example/",
      "accept-language": "fi, en;q=0.5",
    });
    expect(ads.requests[0]?.headers).not.toHaveProperty("x-evil");
  });

  test("without a viewer's user agent, this server names itself", async () => {
    const ads = await answering({ "/tag": vast("") });
    const session = testSession({ viewer: { ip: "", userAgent: "" } });
    await adCallsOn([ads]).callBreak(testCall(`${ads.origin}/tag`, { session }), createTrace());
    expect(ads.requests[0]?.headers["user-agent"]).toBe("Interlude");
    expect(ads.requests[0]?.headers).not.toHaveProperty("x-device-ip");
  });
});

test("the ad server of this project takes what is sent to a tag that is a path, whatever the cue and the client say", async () => {
  const app = await testApp({ query: database.query });
  const baseUrl = new URL("http://localhost/");
  const asked: string[] = [];
  const fetch: ManifestFetch = async (url, { headers }) => {
    asked.push(url.href);
    const reply = await app.inject({ url: url.pathname + url.search, headers: { ...headers, host: url.host } });
    return { status: reply.statusCode, headers: new Headers(), text: reply.body, url };
  };
  const zone = { fallbackTagUrl: undefined, startBudgetMs: 1000, rewriteRules: [] };
  const calls = createAdCalls({ fetch, now: Date.now, readXml: parseXml, zoneManifest: () => zone, log: SILENT });
  const query = "position=mid&break=%00&session=x&duration=long&z=1&zone=2";
  const call = testCall("/ads/vast?zone=1&li=mp4", {
    baseUrl,
    breakId: `cue\u0007${"é😀".repeat(200)}`,
    session: testSession({ query }),
  });
  const { result } = await calls.callBreak(call, createTrace());
  expect(result.failures).toEqual([]);
  expect(result.ads.map(({ id }) => id)).toEqual(["ad-mp4"]);
  expect(asked[0]).toMatch(/^http:\/\/localhost\/ads\/vast\?/);
});
