import {
  attribute,
  expandMacros,
  parseVast,
  parseVmap,
  readXml,
  type VastDocument,
  type VmapDocument,
} from "@interlude/core";
import { request as httpRequest } from "node:http";
import { beforeAll, describe, expect, test } from "vitest";
import { deriveBeaconSecret, signBeacon } from "../../src/beacon-signature.ts";
import type { Database } from "../../src/database/database.ts";
import { parseXml } from "../../src/xml.ts";
import { openTestDatabase, testApp, testConfig } from "../http/test-app.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

const VIEWER = "zone=1&session=s%201&break=mid";

async function vast(url: string): Promise<VastDocument> {
  const app = await testApp({ query: database.query });
  const answer = await app.inject({ url, headers: { host: "localhost:8080" } });
  expect([answer.statusCode, answer.headers["content-type"]]).toEqual([200, "application/xml; charset=utf-8"]);
  return parseVast(readXml(answer.body, parseXml));
}

async function vmap(url: string): Promise<VmapDocument> {
  const app = await testApp({ query: database.query });
  const answer = await app.inject({ url, headers: { host: "localhost:8080" } });
  expect(answer.statusCode).toBe(200);
  return parseVmap(readXml(answer.body, parseXml));
}

describe("GET /ads/vast", () => {
  test("one ad is stand-alone; text and URLs survive escaping, relative ones are below the address that was asked", async () => {
    const document = await vast(`/ads/vast?${VIEWER}&li=mp4`);
    const [ad, ...others] = document.ads.map((entry) => entry.ad);
    expect([document.version, others.length, ad?.sequence, ad?.title]).toEqual([
      "4.2",
      0,
      undefined,
      'Tea & <biscuits> "now"',
    ]);
    const [creative] = ad?.creatives ?? [];
    expect(creative).toMatchObject({ id: "ad-mp4", duration: 10, clickThrough: "https://interlude.example/?a=1&b=2" });
    expect(creative?.mediaFiles).toMatchObject([
      {
        url: "http://localhost:8080/media/a.mp4?x=1&y=]]%3E",
        type: "video/mp4",
        width: 1280,
        height: 720,
        bitrateKbps: 2500,
      },
    ]);
    expect(ad?.adServingId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("tracking URLs tell zone, session, break, position, ad, creative and line item, and leave macros to the player", async () => {
    const document = await vast(`/ads/vast?${VIEWER}&li=mp4&position=3`);
    const [impression = ""] = document.ads[0]?.ad.impressions ?? [];
    const { ticketSecret } = testConfig();
    const place = { zone: "1", session: "s 1", break: "mid", position: "3" };
    const sig = signBeacon(
      "impression",
      { ...place, ad: "ad-mp4", creative: "ad-mp4", li: "mp4" },
      deriveBeaconSecret(ticketSecret),
    );
    expect(impression).toBe(
      "http://localhost:8080/track/impression?zone=1&session=s%201&break=mid&position=3&ad=ad-mp4&creative=ad-mp4&li=mp4" +
        `&sig=${sig}` +
        "&t=[TIMESTAMP]&playhead=[ADPLAYHEAD]&content=[CONTENTPLAYHEAD]&error=[ERRORCODE]&cb=[CACHEBUSTING]" +
        "&reason=[INTERLUDE_ENCOUNTER]",
    );
    const expanded = expandMacros(impression, { ADPLAYHEAD: 2.5, CONTENTPLAYHEAD: 20, ERRORCODE: 407 });
    expect(new URL(expanded).searchParams.get("playhead")).toBe("00:00:02.500");
    expect(expanded).toContain("error=407");
    expect(impression).not.toContain("INTERLUDE_REASON");
    expect(document.ads[0]?.ad.errors).toEqual([expect.stringContaining("&reason=[INTERLUDE_REASON]")]);
    const trackers = document.ads[0]?.ad.creatives[0]?.trackers ?? [];
    expect(trackers.filter(({ url }) => url.includes("INTERLUDE"))).toEqual([]);
    const events = trackers.map((tracker) => tracker.event);
    expect(events.slice(0, 6)).toEqual([
      "creativeView",
      "start",
      "firstQuartile",
      "midpoint",
      "thirdQuartile",
      "complete",
    ]);
  });

  test("a viewer cannot smuggle a macro or markup through the session", async () => {
    const told = async (session: string): Promise<readonly (string | null)[]> => {
      const document = await vast(`/ads/vast?zone=1&session=${encodeURIComponent(session)}&li=mp4`);
      const url = new URL(expandMacros(document.ads[0]?.ad.impressions[0] ?? "", { CACHEBUSTING: 1 }));
      return [url.searchParams.get("session"), ...url.searchParams.getAll("ad")];
    };
    expect(await told("></Impression>&ad=x")).toEqual(["></Impression>&ad=x", "ad-mp4"]);
    // Not the session of all whose macro nobody filled in: one of its own
    expect(await told("]]></Impression>[CACHEBUSTING]&ad=x")).toEqual([
      expect.stringMatching(/^~[\da-f-]{36}$/),
      "ad-mp4",
    ]);
  });

  test("several ads are a pod in order, each with its own position; skippable ones track skip", async () => {
    const document = await vast(`/ads/vast?${VIEWER}&li=pod`);
    const ads = document.ads.map((entry) => entry.ad);
    expect(ads.map((ad) => [ad.id, ad.sequence])).toEqual([
      ["one", 1],
      ["two", 2],
    ]);
    expect(ads.map((ad) => new URL(ad.impressions[0] ?? "").searchParams.get("position"))).toEqual(["1", "2"]);
    expect(ads[0]?.creatives[0]).toMatchObject({ duration: 5.5, skipOffset: { seconds: 2 } });
    expect(ads[0]?.creatives[0]?.trackers.some((tracker) => tracker.event === "skip")).toBe(true);
    const files = ads[0]?.creatives[0]?.mediaFiles.map((file) => [file.delivery, file.codec]);
    expect(files).toEqual([
      ["streaming", undefined],
      ["progressive", "avc1.4d401e"],
    ]);
    expect(new Set(ads.map((ad) => ad.adServingId)).size).toBe(2);
  });

  test("a wrapper points at this server's own tag with the viewer and the place, and at a foreign one as it is written", async () => {
    const [own] = (await vast(`/ads/vast?${VIEWER}&li=wrapped&position=2`)).ads;
    const tag = new URL(own?.kind === "wrapper" ? own.tagUrl : "about:blank");
    expect(Object.fromEntries(tag.searchParams)).toEqual({
      li: "mp4",
      zone: "1",
      session: "s 1",
      break: "mid",
      position: "2",
    });
    expect([tag.origin, tag.pathname]).toEqual(["http://localhost:8080", "/ads/vast"]);
    const [foreign] = (await vast(`/ads/vast?${VIEWER}&li=foreign`)).ads;
    expect(foreign?.kind === "wrapper" && foreign.tagUrl).toBe("https://other.example/tag?cb=[CACHEBUSTING]");
    expect(foreign?.ad.impressions[0]).toContain("&li=foreign&");
  });

  test("no fill is a VAST without ads", async () => {
    expect(await vast(`/ads/vast?${VIEWER}&li=nothing`)).toEqual({ version: "4.2", errors: [], ads: [] });
  });

  test.each([
    ["/ads/vast?zone=1&li=other", 404, "line-item-unknown", 'li: expected one of the campaign file, got "other"'],
    ["/ads/vast?zone=2&li=mp4", 404, "zone-unknown", 'zone: expected one that this server has, got "2"'],
    ["/ads/vast?li=mp4", 400, "invalid-request", "querystring.zone: expected a value, got nothing"],
    ["/ads/vast?zone=1&zone=2&li=mp4", 400, "invalid-request", 'querystring.zone: expected string, got ["1","2"]'],
    ["/ads/vast?zone=1&li=mp4&session=a%00b", 400, "invalid-request", "querystring.session: expected match pattern"],
    ["/ads/vast?zone=1&li=mp4&position=0", 400, "invalid-request", "querystring.position: expected >= 1, got 0"],
    [
      "/ads/vmap?zone=1&schedule=none",
      404,
      "schedule-unknown",
      'schedule: expected one of the campaign file, got "none"',
    ],
    ["/ads/vmap?zone=1&schedule=pre-mid-post&li=none", 404, "line-item-unknown", "li: expected"],
  ])("%s is %d %s", async (url, status, code, message) => {
    const app = await testApp({ query: database.query });
    const answer = await app.inject({ url });
    expect([answer.statusCode, answer.json().error.code]).toEqual([status, code]);
    expect(answer.json().error.message).toContain(message);
    expect(answer.headers["access-control-allow-origin"]).toBe("*");
  });
});

test("a session of 201 characters, or a host of 300, is refused", async () => {
  const app = await testApp({ query: database.query });
  const session = await app.inject({ url: `/ads/vast?zone=1&li=mp4&session=${"x".repeat(201)}` });
  expect([session.statusCode, session.json().error.code]).toEqual([400, "invalid-request"]);
  const host = await app.inject({ url: "/ads/vast?zone=1&li=mp4", headers: { host: "x".repeat(300) } });
  expect([host.statusCode, host.json().error.code]).toEqual([400, "host-invalid"]);
});

describe("GET /ads/vmap", () => {
  test("each break has its VAST inside, tracked under its own id", async () => {
    const document = await vmap("/ads/vmap?zone=1&session=s&schedule=pre-mid-post");
    expect(document.breaks.map((entry) => [entry.breakId, entry.timeOffset])).toEqual([
      ["pre", "start"],
      ["mid-1", { seconds: 20 }],
      ["post", "end"],
    ]);
    const mid = document.breaks[1]?.source;
    const inside = mid?.kind === "vast" && typeof mid.vast !== "string" ? parseVast(mid.vast) : undefined;
    expect(inside?.ads.map((entry) => entry.ad.sequence)).toEqual([1, 2]);
    expect(new URL(inside?.ads[0]?.ad.impressions[0] ?? "").searchParams.get("break")).toBe("mid-1");
    expect(document.breaks[0]?.breakStart[0]).toContain("/track/breakStart?zone=1&session=s&break=pre&position=0&ad=&");
    expect([document.breaks[0]?.breakEnd.length, document.breaks[0]?.errors.length]).toEqual([1, 1]);
    const post = document.breaks[2]?.source;
    expect(post?.kind === "vast" && typeof post.vast !== "string" && attribute(post.vast, "version")).toBe("4.2");
  });

  test("source=tag gives tags that answer the same break", async () => {
    const document = await vmap("/ads/vmap?zone=1&session=s&schedule=pre-mid-post&source=tag");
    const source = document.breaks[1]?.source;
    const tag = new URL(source?.kind === "tag" ? source.url : "about:blank");
    expect(Object.fromEntries(tag.searchParams)).toEqual({ li: "pod", zone: "1", session: "s", break: "mid-1" });
    expect((await vast(tag.pathname + tag.search)).ads).toHaveLength(2);
  });

  test("li takes the place of every break's own line item", async () => {
    const document = await vmap("/ads/vmap?zone=1&schedule=pre-mid-post&source=tag&li=mp4");
    const tags = document.breaks.map(({ source }) =>
      source.kind === "tag" ? new URL(source.url).searchParams.get("li") : "",
    );
    expect(tags).toEqual(["mp4", "mp4", "mp4"]);
  });
});

describe("the Host header", () => {
  const tag = "/ads/vast?zone=1&li=mp4";

  test.each(["evil.example", "8.8.8.8", "localhost.evil.example", "127.0.0.1.evil.example", "[2606:4700::1]"])(
    "%s, a name that is not this server's, gets 421 and nothing is recorded for it",
    async (host) => {
      const app = await testApp({ query: database.query });
      const answer = await app.inject({ url: tag, headers: { host } });
      expect([answer.statusCode, answer.json().error.code]).toEqual([421, "host-unknown"]);
    },
  );

  test.each(["a/b", "user@localhost", "localhost:99999", "local host", "<script>", "localhost#x"])(
    "%s is no host: 400",
    async (host) => {
      const app = await testApp({ query: database.query });
      const answer = await app.inject({ url: tag, headers: { host } });
      expect([answer.statusCode, answer.json().error.code]).toEqual([400, "host-invalid"]);
    },
  );

  test.each([
    ["localhost:8080", "http://localhost:8080/"],
    ["127.0.0.1", "http://127.0.0.1/"],
    ["[::1]:8080", "http://[::1]:8080/"],
    ["ADS.example:8443", "http://ads.example:8443/"],
  ])("%s is this server's own or listed", async (host, base) => {
    const app = await testApp({ query: database.query, config: testConfig({ INTERLUDE_PUBLIC_HOSTS: "Ads.example" }) });
    const answer = await app.inject({ url: tag, headers: { host } });
    expect([answer.statusCode, answer.body.includes(`[CDATA[${base}media/a.mp4`)]).toEqual([200, true]);
  });

  test.each(["localhost", "127.0.0.2", "x.localhost:81", "[::1]"])(
    "%s from another machine gets 421: who may choose among millions of names makes as many creatives of one",
    async (host) => {
      const app = await testApp({ query: database.query });
      const answer = await app.inject({ url: tag, headers: { host }, remoteAddress: "203.0.113.9" });
      expect([answer.statusCode, answer.json().error.code]).toEqual([421, "host-unknown"]);
    },
  );

  test("the address that a connection came in on is the server's own", async () => {
    const app = await testApp({ query: database.query });
    const origin = await app.listen({ host: "127.0.0.1", port: 0 });
    const status = await new Promise((resolve, reject) => {
      httpRequest(`${origin}${tag}`, { headers: { host: "127.0.0.1:1" } }, (answer) =>
        resolve(answer.resume().statusCode),
      )
        .on("error", reject)
        .end();
    });
    expect(status).toBe(200);
  });

  test("X-Forwarded-Host and -Proto count from a listed proxy only", async () => {
    const headers = { host: "localhost", "x-forwarded-host": "ads.example", "x-forwarded-proto": "https" };
    const env = { INTERLUDE_PUBLIC_HOSTS: "ads.example" };
    const behind = await testApp({
      query: database.query,
      config: testConfig({ ...env, INTERLUDE_TRUST_PROXY: "127.0.0.1" }),
    });
    expect((await behind.inject({ url: tag, headers })).body).toContain("[CDATA[https://ads.example/media/a.mp4");
    const direct = await testApp({ query: database.query, config: testConfig(env) });
    expect((await direct.inject({ url: tag, headers })).body).toContain("[CDATA[http://localhost/media/a.mp4");
  });
});

test("ads are served although the database cannot be written", async () => {
  const app = await testApp({ query: async () => Promise.reject(new Error("disk full")) });
  const answer = await app.inject({ url: "/ads/vast?zone=1&li=mp4", headers: { host: "localhost" } });
  expect([answer.statusCode, answer.body.includes("<MediaFile")]).toEqual([200, true]);
});
