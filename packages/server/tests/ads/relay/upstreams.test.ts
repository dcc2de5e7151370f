import { AdError, parseVast, parseVmap } from "@interlude/core";
import { describe, expect, test } from "vitest";
import type { RelayFetch } from "../../../src/ads/relay/relay-fetch.ts";
import type { Relay } from "../../../src/ads/relay/relay.ts";
import { openAdServer } from "./ad-server.ts";
import { exchangeVast42 } from "./documents.ts";
import { openRelay, print, relayRequest, reread, upstream, zoneRelay } from "./relay-world.ts";

describe("what is asked of an upstream", () => {
  test("the viewer's headers go to the tag and to each wrapper", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const viewer = {
      ip: "203.0.113.9",
      userAgent: "Player/1.0 (\u0007test)",
      referer: "https://page.example/watch?v=1",
      acceptLanguage: "de-CH, fr;q=0.5",
    };
    await relay.answerAdRequest(relayRequest({ viewer }), zoneRelay([upstream(`${server.origin}/chain`)]));
    expect(server.requests).toHaveLength(6);
    for (const { headers } of server.requests) {
      expect(headers).toMatchObject({
        "user-agent": "Player/1.0 (test)",
        "x-device-user-agent": "Player/1.0 (test)",
        "x-device-ip": "203.0.113.9",
        "x-forwarded-for": "203.0.113.9",
        "x-device-referer": "https://page.example/watch?v=1",
        "accept-language": "de-CH, fr;q=0.5",
        "x-device-accept-language": "de-CH, fr;q=0.5",
      });
      expect(headers.cookie).toBeUndefined();
    }
  });

  test("the operator's own header goes to the tag's origin and nowhere else", async () => {
    const other = await openAdServer();
    const server = await openAdServer({
      "/tag": (_request, response) => response.writeHead(302, { location: `${other.origin}/ads/vast3` }).end(),
    });
    const { relay } = openRelay([server, other]);
    const main = upstream(`${server.origin}/tag`, { headers: { authorization: "Bearer key" } });
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([main]));
    expect(answer.upstream).toBe("main");
    expect(server.requests[0]?.headers.authorization).toBe("Bearer key");
    expect(other.requests[0]?.headers.authorization).toBeUndefined();
  });

  test("the tag goes before what this server knows, that before the client; its own parameters stay here", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const tag = `${server.origin}/ads/vast3?iu=/1/x&position=fixed&cp=[?cust]&d=[BREAKMAXDURATION]&g=[GDPRCONSENT]&u=[UNKNOWN_X]`;
    const request = relayRequest({
      query: "zone=1&cust=a%26b&gdprconsent=CPc%2BA&session=stolen&iu=other&li=x&key=v%20w&prefetch=b-2",
      duration: 30,
    });
    await relay.answerAdRequest(request, zoneRelay([upstream(tag)]));
    expect(server.requests[0]?.url).toBe(
      "/ads/vast3?iu=/1/x&position=fixed&cp=a%26b&d=30&g=CPc%2BA&u=[UNKNOWN_X]&session=s-1&break=b-1&duration=30&cust=a%26b&gdprconsent=CPc%2BA&key=v%20w",
    );
  });

  test("an upstream that wants certain parameters gets no others", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const main = upstream(`${server.origin}/ads/vast3`, { parameters: ["key", "duration"] });
    await relay.answerAdRequest(relayRequest({ query: "key=1&secret=2", duration: 12.5 }), zoneRelay([main]));
    expect(server.requests[0]?.url).toBe("/ads/vast3?duration=12.5&key=1");
  });

  test("macros in the address of a wrapper are filled in as in the tag", async () => {
    const server = await openAdServer({
      "/w": (_request, response, o) =>
        response.end(
          `<VAST version="3.0"><Ad><Wrapper><VASTAdTagURI>${o}/ads/vast3?ua=[DEVICEUA]&amp;ip=[DEVICEIP]&amp;b=[BREAKPOSITION]&amp;cb=[CACHEBUSTING]</VASTAdTagURI></Wrapper></Ad></VAST>`,
        ),
    });
    const { relay } = openRelay([server], { random: () => 0.00000042 });
    await relay.answerAdRequest(relayRequest({ breakPosition: "mid" }), zoneRelay([upstream(`${server.origin}/w`)]));
    expect(server.requestsTo("/ads/vast3")[0]?.url).toBe(
      "/ads/vast3?ua=Player%2F1.0%20(test)&ip=203.0.113.9&b=2&cb=00000042",
    );
  });

  test("a request that came through two relays is not relayed again", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const zone = zoneRelay([upstream(`${server.origin}/ads/vast3`)]);
    await relay.answerAdRequest(relayRequest({ depth: 1 }), zone);
    expect(server.requests[0]?.headers["x-interlude-relay"]).toBe("2");
    const answer = await relay.answerAdRequest(relayRequest({ depth: 2 }), zone);
    expect(answer).toMatchObject({ upstream: undefined, breaks: [{ breakId: "b-1", ads: [] }] });
    expect(server.requests).toHaveLength(1);
  });
});

describe("cookies", () => {
  test("a cookie that a redirect sets is there at the next request, and goes to the client re-scoped", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server], { now: () => 1_700_000_000_000 });
    const zone = zoneRelay([upstream(`${server.origin}/cookie-check`)]);
    const first = await relay.answerAdRequest(relayRequest(), zone);
    expect(first.upstream).toBe("main");
    expect(server.requests.map(({ headers }) => headers.cookie)).toEqual([undefined, "seg=a%2Cb; uid=v1-7f"]);
    expect(first.setCookies).toHaveLength(2);
    expect(first.setCookies[0]).toMatch(
      /^il\.[\w-]+=v1-7f; Path=\/ads\/; HttpOnly; Max-Age=3600; Secure; SameSite=None; Partitioned$/,
    );
    expect(first.setCookies[1]).toMatch(/^il\.[\w-]+=a%2Cb; Path=\/ads\/; HttpOnly; Secure/);
    const cookies = `own=1; ${first.setCookies.map((line) => line.split(";")[0]).join("; ")}`;
    await relay.answerAdRequest(relayRequest({ cookies }), zone);
    expect(server.requests).toHaveLength(3);
    expect(server.requests[2]?.headers.cookie).toBe("seg=a%2Cb; uid=v1-7f");
  });

  test("no other host gets it, and what a wrapper's host sets does not reach the client", async () => {
    const other = await openAdServer({
      "/w": (_request, response) => {
        response.setHeader("set-cookie", "third=1");
        response.end(exchangeVast42(other.origin));
      },
    });
    const otherOrigin = other.origin.replace("127.0.0.1", "127.0.0.2");
    const server = await openAdServer({
      "/tag": (_request, response) => {
        response.setHeader("set-cookie", "uid=1; Path=/");
        response.end(
          `<VAST version="3.0"><Ad><Wrapper><VASTAdTagURI>${other.origin.replace("127.0.0.1", "localhost")}/w</VASTAdTagURI></Wrapper></Ad></VAST>`,
        );
      },
    });
    const { relay } = openRelay([server, other], {}, [`localhost:${other.port}`, otherOrigin.slice(7)]);
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/tag`)]));
    expect(answer.breaks[0]?.ads).toHaveLength(1);
    expect(other.requests[0]?.headers.cookie).toBeUndefined();
    expect(answer.setCookies).toHaveLength(1);
  });
});

describe("upstreams in order", () => {
  const second = (origin: string) => upstream(`${origin}/ads/vast42`, { name: "second" });

  test.each([
    ["an HTML page with status 502", "/html-error", "failed"],
    ["an HTML page with status 200", "/html-page", "failed"],
    ["a redirect to itself", "/redirect-loop", "failed"],
    ["a status 404", "/nowhere", "failed"],
    ["204", "/ads/none", "no-ads"],
    ["a body of white space", "/ads/blank", "no-ads"],
    ["a VAST without ads", "/ads/empty", "no-ads"],
    ["a wrapper that leads to nothing", "/loop", "failed"],
  ])("%s is followed by the next upstream", async (_what, path, outcome) => {
    const server = await openAdServer();
    const { relay, attempts } = openRelay([server]);
    const zone = zoneRelay([upstream(`${server.origin}${path}`), second(server.origin)]);
    const answer = await relay.answerAdRequest(relayRequest(), zone);
    expect(answer.upstream).toBe("second");
    expect(answer.breaks[0]?.ads.map(({ ad }) => ad)).toEqual(["x-42"]);
    expect(attempts.map((attempt) => [attempt.upstream, attempt.outcome])).toEqual([
      ["main", outcome],
      ["second", "ads"],
    ]);
  });

  test("one that does not answer in its time is followed by the next", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const zone = zoneRelay([upstream(`${server.origin}/silent`, { timeoutMs: 60 }), second(server.origin)]);
    const answer = await relay.answerAdRequest(relayRequest(), zone);
    expect(answer.attempts.map(({ outcome }) => outcome)).toEqual(["timeout", "ads"]);
    expect(answer.failures).toMatchObject([{ upstream: "main", reason: "ads-timeout", vastError: 301 }]);
  });

  test("in less time than anybody could answer in, the next is not asked", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const zone = zoneRelay([upstream(`${server.origin}/silent`), second(server.origin)], { timeoutMs: 60 });
    const answer = await relay.answerAdRequest(relayRequest(), zone);
    expect(answer.attempts.map(({ outcome }) => outcome)).toEqual(["timeout"]);
    expect(server.requests).toHaveLength(1);
  });

  test.each([
    ["as much time as the zone", 1000],
    ["more time than the zone", 2000],
  ])("one that hangs and may take %s leaves some for the next, and is found to be broken", async (_, own) => {
    const server = await openAdServer();
    const { relay } = openRelay([server], { breaker: { failures: 1 } });
    const upstreams = [upstream(`${server.origin}/silent`, { timeoutMs: own }), second(server.origin)];
    const zone = zoneRelay(upstreams, { timeoutMs: 1000 });
    const first = await relay.answerAdRequest(relayRequest(), zone);
    expect(first).toMatchObject({ upstream: "second", attempts: [{ outcome: "timeout" }, { outcome: "ads" }] });
    const next = await relay.answerAdRequest(relayRequest(), zone);
    expect(next).toMatchObject({ upstream: "second", attempts: [{ outcome: "open" }, { outcome: "ads" }] });
  });

  test("a page that reads like XML is a failure of the upstream too", async () => {
    const server = await openAdServer({ "/page": (_request, response) => response.end("<html><body/></html>") });
    const { relay } = openRelay([server], { breaker: { failures: 1 } });
    await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/page`)]));
    expect(relay.upstreams()).toMatchObject([{ state: "open" }]);
  });

  test("one that had little time because the one before it took it is not held to be broken", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server], { breaker: { failures: 1 } });
    const [first, late] = ["first", "late"].map((name) => upstream(`${server.origin}/silent`, { name }));
    if (!first || !late) throw new Error("expected two");
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([first, late], { timeoutMs: 1000 }));
    expect(answer.attempts.map(({ outcome }) => outcome)).toEqual(["timeout", "timeout"]);
    expect(relay.upstreams()).toMatchObject([{ state: "open" }, { state: "closed", pending: 0 }]);
    await relay.answerAdRequest(relayRequest(), zoneRelay([late], { timeoutMs: 200 }));
    expect(relay.upstreams()).toMatchObject([{ state: "open" }, { state: "open" }]);
  });

  /** Answers as slowly as each path says, without a wait; what each was given, in ms. */
  function openTimed(ms: Readonly<Record<string, number>>): { readonly given: number[]; readonly relay: Relay } {
    let at = 0;
    const given: number[] = [];
    const fetch: RelayFetch = async ({ pathname }, { timeoutMs }) => {
      given.push(Math.round(timeoutMs));
      const took = Math.min(ms[pathname] ?? 0, timeoutMs);
      at += took;
      if (took === timeoutMs) throw new AdError("upstream-timeout", pathname);
      return { status: 204, headers: new Headers(), bytes: new Uint8Array() };
    };
    return { given, relay: openRelay([], { fetch, clock: () => at, breaker: { failures: 1 } }).relay };
  }

  test("behind a slow one and one that hangs, the third has as much time as the second", async () => {
    const { given, relay } = openTimed({ "/slow": 1900, "/hangs": Number.POSITIVE_INFINITY });
    const upstreams = ["/slow", "/hangs", "/third"].map((path) =>
      upstream(`https://ads.example${path}`, { name: path.slice(1), timeoutMs: 2000 }),
    );
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay(upstreams, { timeoutMs: 3000 }));
    expect(answer.attempts.map(({ outcome }) => outcome)).toEqual(["no-ads", "timeout", "no-ads"]);
    expect(given).toEqual([2000, 550, 550]);
    expect(relay.upstreams().map(({ state }) => state)).toEqual(["closed", "closed", "closed"]);
  });

  test("time that was spent before the relay was asked is not there for ad servers, who are not blamed for it", async () => {
    const { given, relay } = openTimed({ "/hangs": Number.POSITIVE_INFINITY });
    const zone = zoneRelay([upstream("https://ads.example/hangs")], { timeoutMs: 1000 });
    await relay.answerAdRequest(relayRequest(), zone, [], 700);
    await relay.answerAdRequest(relayRequest(), zone, [], 1000);
    expect(given).toEqual([300]);
    expect(relay.upstreams()).toMatchObject([{ state: "closed" }]);
  });

  test("a client whose parameters an upstream refuses does not have it left alone for others", async () => {
    const server = await openAdServer({
      "/picky": (_request, response, _origin, url) => response.writeHead(Number(url.searchParams.get("status"))).end(),
    });
    const { relay } = openRelay([server], { breaker: { failures: 1 } });
    const zone = zoneRelay([upstream(`${server.origin}/picky`)]);
    for (const query of ["status=404", "status=400", `status=200&long=${"x".repeat(26_000)}`]) {
      const { attempts } = await relay.answerAdRequest(relayRequest({ query }), zone);
      expect(attempts).toMatchObject([{ outcome: "failed" }]);
      expect(relay.upstreams()).toMatchObject([{ state: "closed", pending: 0 }]);
    }
    await relay.answerAdRequest(relayRequest({ query: "status=429" }), zone);
    expect(relay.upstreams()).toMatchObject([{ state: "open", pending: 0 }]);
  });

  test("one that says it has no ad is believed where the zone says so", async () => {
    const server = await openAdServer();
    const { relay, beacons } = openRelay([server]);
    const upstreams = [upstream(`${server.origin}/ads/empty`), second(server.origin)];
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay(upstreams, { fallback: "failure" }));
    expect(answer).toMatchObject({ upstream: "main", breaks: [{ breakId: "b-1", ads: [] }] });
    // the player gets the address, and tells it itself
    expect(parseVast(reread(answer.root)).errors).toEqual([`${server.origin}/pixel/nofill?c=[ERRORCODE]`]);
    expect(beacons).toEqual([]);
  });

  test("one whose empty answer nobody sees is told so", async () => {
    const server = await openAdServer();
    const { relay, beacons } = openRelay([server]);
    await relay.answerAdRequest(
      relayRequest(),
      zoneRelay([upstream(`${server.origin}/ads/empty`), second(server.origin)]),
    );
    expect(beacons).toEqual([`${server.origin}/pixel/nofill?c=303`]);
  });

  test("where none answers, the answer is a VAST without ads", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const zone = zoneRelay([upstream(`${server.origin}/html-error`), upstream("nonsense://x", { name: "second" })]);
    const answer = await relay.answerAdRequest(relayRequest(), zone);
    expect(print(answer.root)).toBe('<VAST version="4.2"/>');
    expect(answer.upstream).toBeUndefined();
    expect(answer.failures.map(({ upstream: name, reason }) => [name, reason])).toEqual([
      ["main", "ads-timeout"],
      ["second", "vast-malformed"],
    ]);
    const map = await relay.answerAdRequest(relayRequest({ form: "vmap" }), zone);
    expect(parseVmap(reread(map.root)).breaks).toEqual([]);
  });

  test("one that failed five times in a row is left alone until its time has come", async () => {
    let at = 0;
    const server = await openAdServer();
    const { relay } = openRelay([server], { clock: () => at });
    const zone = zoneRelay([upstream(`${server.origin}/html-error`), second(server.origin)]);
    const outcomes: (string | undefined)[] = [];
    for (let i = 0; i < 7; i++) {
      const answer = await relay.answerAdRequest(relayRequest(), zone);
      outcomes.push(answer.attempts[0]?.outcome);
      expect(answer.upstream).toBe("second");
    }
    expect(outcomes).toEqual(["failed", "failed", "failed", "failed", "failed", "open", "open"]);
    expect(relay.upstreams()).toEqual([
      { zone: "1", upstream: "main", state: "open", pending: 0 },
      { zone: "1", upstream: "second", state: "closed", pending: 0 },
    ]);
    at = 2001;
    expect(relay.upstreams()[0]?.state).toBe("half-open");
    await relay.answerAdRequest(relayRequest(), zone);
    expect(server.requestsTo("/html-error")).toHaveLength(6);
    expect(relay.upstreams()[0]?.state).toBe("open");
  });
});
