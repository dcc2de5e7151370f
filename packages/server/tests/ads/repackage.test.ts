import { creativeKey, masterPath } from "@interlude/core";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { beforeAll, describe, expect, test } from "vitest";
import { createQuota } from "../../src/ads/quota.ts";
import { createSightings } from "../../src/ads/sightings.ts";
import { signTicket } from "../../src/ads/ticket.ts";
import { QueueFull } from "../../src/crs/crs.ts";
import type { Database } from "../../src/database/database.ts";
import { signRepackageTicket } from "../../src/ads/repackage-ticket.ts";
import { embeddedTarget } from "../../src/targets/target-config.ts";
import { standardZone, type ZoneConfig } from "../../src/zones.ts";
import { ticketIn } from "./ticket-in.ts";
import { openTestDatabase, progressOf, type ScriptedCrs, scriptedCrs, testApp, testConfig } from "../http/test-app.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

const LISTED = {
  ...standardZone("1", [embeddedTarget("a"), embeddedTarget("b")]),
  creativeHosts: ["listed.example", ".below.example"],
};

interface Setup {
  readonly env?: Readonly<Record<string, string>>;
  readonly crs?: ScriptedCrs | undefined;
  readonly now?: () => number;
  /** What zone 1 has that others do not. */
  readonly zone?: Partial<ZoneConfig>;
}

async function setUp(setup: Setup = {}): Promise<FastifyInstance> {
  const crs = "crs" in setup ? setup.crs : scriptedCrs();
  const config = {
    ...testConfig(setup.env),
    zones: [{ ...LISTED, ...setup.zone }, standardZone("2", [embeddedTarget("a")])],
  };
  return testApp({ query: database.query, config, crs, ...(setup.now ? { now: setup.now } : {}) });
}

function order(
  app: FastifyInstance,
  more: Readonly<Record<string, unknown>> = {},
  ip = "127.0.0.1",
): Promise<LightMyRequestResponse> {
  const payload = {
    zone: "1",
    creativeUrl: "https://listed.example/a.mp4",
    packaging: "hls",
    targetDuration: 6,
    ...more,
  };
  return app.inject({ method: "POST", url: "/ads/repackage", payload, remoteAddress: ip });
}

/** Of a creative that the server with this environment named, all from one address. */
function orderTicketed(
  app: FastifyInstance,
  n: number,
  env: Readonly<Record<string, string>>,
): Promise<LightMyRequestResponse> {
  const creativeUrl = `https://named.example/${n}.mp4`;
  const names = { adSystem: "", adId: "", creativeId: "" };
  const end = new Date(Date.now() + 3_600_000);
  const ticket = signRepackageTicket({ zone: "1", creativeUrl }, names, end, testConfig(env).ticketSecret);
  return order(app, { creativeUrl, ticket }, "203.0.113.200");
}

function outcome(answer: LightMyRequestResponse): readonly unknown[] {
  return [answer.statusCode, answer.json().error?.code ?? answer.json().state];
}

describe("POST /ads/repackage", () => {
  test("a creative that the tag named is accepted with its ticket, under the names of the answer, not the page's", async () => {
    const crs = scriptedCrs();
    const app = await setUp({ crs });
    const creativeUrl = "http://localhost/media/a.mp4?x=1&y=]]%3E";
    const vast = await app.inject({ url: "/ads/vast?zone=1&li=mp4", headers: { host: "localhost" } });
    const ticket = ticketIn(vast.body, creativeUrl);
    const answer = await order(app, { creativeUrl, ticket, adId: "made up", adSystem: "made up" });
    expect(answer.json()).toEqual({
      key: creativeKey("1", creativeUrl),
      state: "absent",
      statusUrl: expect.stringMatching(/^\/ads\/repackage\/1\.[0-9a-f]{32}\.hls\.6\.\d+\.[\w-]{43}$/),
    });
    expect([answer.statusCode, answer.headers["cache-control"]]).toEqual([202, "no-store"]);
    const names = { adSystem: "Interlude", adId: "ad-mp4", creativeId: "ad-mp4", isFromPage: false };
    expect(crs.orders).toEqual([{ zone: "1", creativeUrl, packaging: "hls", targetDuration: 6, ...names }]);
    expect(outcome(await order(app, { creativeUrl, ticket }))).toEqual([202, "queued"]);
  });

  test("with repackaging off, or in another zone, an answer's ticket is none", async () => {
    const url = "https://cdn.example/one.mp4";
    const tag = { url: "/ads/vast?zone=2&li=pod", headers: { host: "localhost" } };
    expect(ticketIn((await (await setUp({ crs: undefined })).inject(tag)).body, url)).toBeUndefined();
    const crs = scriptedCrs();
    const app = await setUp({ crs });
    const ticket = ticketIn((await app.inject(tag)).body, url);
    expect(outcome(await order(app, { creativeUrl: url, ticket }))).toEqual([403, "ticket-invalid"]);
    expect(crs.orders).toEqual([]);
    expect(outcome(await order(app, { creativeUrl: url, ticket, zone: "2" }))).toEqual([202, "absent"]);
  });

  test("a page orders what the API names and nothing else: no timed metadata, no member of another's making", async () => {
    const crs = scriptedCrs();
    const app = await setUp({ crs });
    const more = { id3: true, isFromPage: false, adSystem: "S", adId: "A", creativeId: "C" };
    expect((await order(app, more)).statusCode).toBe(202);
    const names = { adSystem: "S", adId: "A", creativeId: "C" };
    const creativeUrl = "https://listed.example/a.mp4";
    const page = { isFromPage: true };
    expect(crs.orders).toEqual([{ zone: "1", creativeUrl, packaging: "hls", targetDuration: 6, ...names, ...page }]);
  });

  test("a creative that nobody vouches for is refused until three clients asked for it within a day", async () => {
    const crs = scriptedCrs();
    let now = Date.now();
    const app = await setUp({ crs, now: () => now });
    const creativeUrl = "https://unlisted.example/a.mp4";
    const ask = async (ip: string, more = {}): Promise<readonly unknown[]> =>
      outcome(await order(app, { creativeUrl, ...more }, ip));
    const refused = [403, "creative-unknown"];
    expect(await ask("203.0.113.1")).toEqual(refused);
    for (let times = 0; times < 3; times++) expect(await ask("203.0.113.1")).toEqual(refused);
    expect(await ask("2001:db8:1:1::1")).toEqual(refused);
    expect(await ask("2001:db8:1:2::1")).toEqual(refused);
    expect(await ask("203.0.113.2", { creativeUrl: `${creativeUrl}?other` })).toEqual(refused);
    expect(await ask("203.0.113.2", { zone: "2" })).toEqual(refused);
    now += 86_400_000;
    expect(await ask("203.0.113.2")).toEqual(refused);
    expect(crs.orders).toEqual([]);
    expect(await ask("203.0.113.3")).toEqual(refused);
    expect(await ask("203.0.113.4")).toEqual([202, "absent"]);
    expect(await ask("203.0.113.1")).toEqual([202, "queued"]);
    const kept = await database.query<{ text: string }>(
      "select creative_sighting::text as text from creative_sighting",
    );
    expect(kept.filter(({ text }) => text.includes("203.0.113"))).toEqual([]);
  });

  test("no number of strangers gets the copy of one host made from another's file, whatever the zone's rules say", async () => {
    const crs = scriptedCrs();
    const normalise = [
      {
        host: { matches: "co", values: ["cdn.ads.example"] },
        find: "^https://[^/]+",
        replace: "https://cdn.ads.example",
      },
    ] as const;
    const app = await setUp({ crs, zone: { normalise } });
    const ask = async (creativeUrl: string, ip: string): Promise<readonly unknown[]> =>
      outcome(await order(app, { creativeUrl }, ip));
    const forged = "https://cdn.ads.example.evil.test/x.mp4";
    const refused = [403, "creative-unknown"];
    for (const ip of ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"])
      expect(await ask(forged, ip)).toEqual(refused);
    expect(crs.orders).toEqual([]);
  });

  test("clients that name different addresses of one key have not seen the same creative", async () => {
    const crs = scriptedCrs();
    const app = await setUp({
      crs,
      zone: { normalise: [{ host: { matches: "eq", values: ["seen.example"] }, find: "\\?.*", replace: "" }] },
    });
    const ask = async (query: string, ip: string): Promise<readonly unknown[]> =>
      outcome(await order(app, { creativeUrl: `https://seen.example/one.mp4?${query}` }, ip));
    const refused = [403, "creative-unknown"];
    expect(await ask("a", "203.0.113.1")).toEqual(refused);
    expect(await ask("b", "203.0.113.2")).toEqual(refused);
    expect(await ask("c#part", "203.0.113.3")).toEqual(refused);
    expect(await ask("c", "203.0.113.4")).toEqual(refused);
    expect(await ask("c", "203.0.113.5")).toEqual([202, "absent"]);
  });

  test("one client's sightings are bounded: 429 once it named sixty creatives in an hour, tickets and listed hosts aside", async () => {
    const app = await setUp();
    const see = (n: number): Promise<LightMyRequestResponse> =>
      order(app, { creativeUrl: `https://unlisted.example/flood-${n}.mp4` }, "203.0.113.77");
    const answers = await Promise.all(Array.from({ length: 61 }, (_, n) => see(n)));
    const codes = answers.map((answer) => outcome(answer)[1]);
    expect(codes.filter((code) => code === "creative-unknown")).toHaveLength(60);
    expect(codes.filter((code) => code === "quota-exceeded")).toHaveLength(1);
    expect((await order(app, {}, "203.0.113.77")).statusCode).toBe(202);
  });

  test("a ticket of another file, one that is altered or of another server's making, is 403; one that is over is 410", async () => {
    const secret = testConfig().ticketSecret;
    const creativeUrl = "https://named.example/a.mp4";
    const file = { zone: "1", creativeUrl };
    const names = { adSystem: "S", adId: "A", creativeId: "C" };
    const later = new Date(Date.now() + 60_000);
    const good = signRepackageTicket(file, names, later, secret) ?? "";
    const [, , end = ""] = good.split(".");
    const forged = [
      signRepackageTicket({ ...file, creativeUrl: `${creativeUrl}?` }, names, later, secret),
      signRepackageTicket(file, names, later, "another secret"),
      good.replace(/^r1\.[^.]+/, `r1.${Buffer.from('["S","A","D"]').toString("base64url")}`),
      good.replace(end, (Number.parseInt(end, 36) + 1).toString(36)),
      `${good}A`,
      "r1..",
      "made up",
    ];
    const app = await setUp();
    for (const [n, ticket] of forged.entries())
      expect(outcome(await order(app, { creativeUrl, ticket }, `198.51.100.${n % 2}`))).toEqual([
        403,
        "ticket-invalid",
      ]);
    const over = signRepackageTicket(file, names, new Date(Date.now() - 1000), secret);
    expect(outcome(await order(app, { creativeUrl, ticket: over }, "198.51.100.1"))).toEqual([410, "ticket-expired"]);
    expect(outcome(await order(app, { creativeUrl, ticket: good }))).toEqual([202, "absent"]);
    const listed = await order(app, { creativeUrl: "https://listed.example/stale.mp4", ticket: over });
    expect(outcome(listed)).toEqual([202, "absent"]);
  });

  test("who has a ticket is counted for the zone alone: many viewers can share an address", async () => {
    const env = { INTERLUDE_QUOTA_CLIENT: "1", INTERLUDE_QUOTA_ZONE: "3" };
    const app = await setUp({ env });
    const codes: unknown[] = [];
    for (let n = 0; n < 4; n++) codes.push(outcome(await orderTicketed(app, n, env))[1]);
    expect(codes).toEqual(["absent", "absent", "absent", "quota-exceeded"]);
  });

  test("hosts on the zone's list need not have been served; look-alikes do", async () => {
    const app = await setUp();
    const ask = async (host: string): Promise<number> =>
      (await order(app, { creativeUrl: `https://${host}/a.mp4` })).statusCode;
    expect(
      await Promise.all(["listed.example", "LISTED.example", "x.below.example", "below.example"].map(ask)),
    ).toEqual([202, 202, 202, 202]);
    const others = ["xlisted.example", "listed.example.evil.example", "x.listed.example", "xbelow.example"];
    expect(await Promise.all(others.map(ask))).toEqual([403, 403, 403, 403]);
  });

  test("a client that starts more than its quota gets 429 with Retry-After; another client does not", async () => {
    let now = Date.now();
    const app = await setUp({ env: { INTERLUDE_QUOTA_CLIENT: "2" }, now: () => now });
    const start = (n: number, ip: string): Promise<LightMyRequestResponse> =>
      order(app, { creativeUrl: `https://listed.example/client-${n}.mp4` }, ip);
    expect(outcome(await start(1, "2001:db8::1"))).toEqual([202, "absent"]);
    expect(outcome(await start(2, "2001:db8::2"))).toEqual([202, "absent"]);
    const refused = await start(3, "2001:db8::3");
    expect([...outcome(refused), refused.headers["retry-after"]]).toEqual([429, "quota-exceeded", "1800"]);
    expect(outcome(await start(3, "2001:db8:0:1::1"))).toEqual([202, "absent"]);
    now += 1_800_000;
    expect(outcome(await start(4, "2001:db8::1"))).toEqual([202, "absent"]);
  });

  test("a zone's quota holds over all clients", async () => {
    const app = await setUp({ env: { INTERLUDE_QUOTA_ZONE: "1" } });
    expect((await order(app, { creativeUrl: "https://listed.example/z1.mp4" }, "10.0.0.1")).statusCode).toBe(202);
    const refused = await order(app, { creativeUrl: "https://listed.example/z2.mp4" }, "10.0.0.2");
    expect([...outcome(refused), refused.headers["retry-after"]]).toEqual([429, "quota-exceeded", "3600"]);
  });

  test("strangers start a third of what a zone may at most: the rest is left for tickets", async () => {
    const env = { INTERLUDE_QUOTA_ZONE: "9" };
    const app = await setUp({ env });
    const strangers = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        order(app, { creativeUrl: `https://listed.example/x?${n}` }, `198.51.100.${n + 1}`),
      ),
    );
    const started = strangers.map((answer) => outcome(answer)[1]);
    expect(started.filter((code) => code === "absent")).toHaveLength(3);
    expect(started.filter((code) => code === "quota-exceeded")).toHaveLength(7);
    const ticketed = await Promise.all(Array.from({ length: 7 }, (_, n) => orderTicketed(app, n, env)));
    const codes = ticketed.map((answer) => outcome(answer)[1]);
    expect(codes.filter((code) => code === "absent")).toHaveLength(6);
    expect(codes.filter((code) => code === "quota-exceeded")).toHaveLength(1);
  });

  test("an order that the zone has no room for costs the strangers' third nothing", async () => {
    let now = Date.now();
    const env = { INTERLUDE_QUOTA_ZONE: "3" };
    const app = await setUp({ env, now: () => now });
    for (let n = 0; n < 3; n++) expect((await orderTicketed(app, n, env)).statusCode).toBe(202);
    const ask = (): Promise<LightMyRequestResponse> => order(app, { creativeUrl: "https://listed.example/late.mp4" });
    expect(outcome(await ask())).toEqual([429, "quota-exceeded"]);
    now += 1_200_000;
    expect(outcome(await ask())).toEqual([202, "absent"]);
  });

  test("a thousand viewers of one creative are not counted: it is being made", async () => {
    const app = await setUp({ env: { INTERLUDE_QUOTA_CLIENT: "1", INTERLUDE_QUOTA_ZONE: "1" } });
    const answers = await Promise.all(Array.from({ length: 1000 }, () => order(app)));
    expect(new Set(answers.map((answer) => answer.statusCode))).toEqual(new Set([202]));
  });

  test("a creative whose failure is not due again costs nobody anything", async () => {
    const crs = scriptedCrs();
    const key = creativeKey("1", "https://listed.example/a.mp4");
    crs.tell(progressOf("1", key, "failed", { reason: "not-a-video" }));
    const app = await setUp({ crs, env: { INTERLUDE_QUOTA_CLIENT: "1", INTERLUDE_QUOTA_ZONE: "1" } });
    for (let i = 0; i < 5; i++) expect(outcome(await order(app))).toEqual([202, "failed"]);
    expect(outcome(await order(app, { creativeUrl: "https://listed.example/new.mp4" }))).toEqual([202, "absent"]);
  });

  test("a full queue is passed on as 429 with Retry-After and costs no quota", async () => {
    const full = scriptedCrs({ submit: async () => Promise.reject(new QueueFull("100 creatives wait")) });
    const app = await setUp({ crs: full, env: { INTERLUDE_QUOTA_CLIENT: "1" } });
    for (let i = 0; i < 3; i++) {
      const answer = await order(app);
      expect([...outcome(answer), answer.headers["retry-after"]]).toEqual([429, "queue-full", "30"]);
    }
  });

  test("CRS off is 503 crs-unavailable, for the request and for its status", async () => {
    const app = await setUp({ crs: undefined });
    expect(outcome(await order(app))).toEqual([503, "crs-unavailable"]);
    expect((await app.inject({ url: "/ads/repackage/x.y" })).statusCode).toBe(503);
  });

  test("CRS down is 500 without its detail", async () => {
    const app = await setUp({
      crs: scriptedCrs({ submit: async () => Promise.reject(new Error("password=hunter2")) }),
    });
    const answer = await order(app);
    expect([...outcome(answer), answer.body.includes("hunter2")]).toEqual([500, "internal", false]);
  });

  test.each([
    [{ zone: "9" }, 404, "zone-unknown", 'zone: expected one that this server has, got "9"'],
    [{ zone: undefined }, 400, "invalid-request", "body.zone: expected a value, got nothing"],
    [{ zone: "a/b" }, 400, "invalid-request", "body.zone: expected match pattern"],
    [{ creativeUrl: "media/a.mp4" }, 400, "url-malformed", 'expected an absolute http(s) URL, got "media/a.mp4"'],
    [{ creativeUrl: "ftp://listed.example/" }, 400, "url-malformed", "expected an absolute http(s) URL"],
    [
      { creativeUrl: "https://listed.example/\u0000" },
      400,
      "invalid-request",
      "body.creativeUrl: expected match pattern",
    ],
    [{ packaging: "dash" }, 400, "invalid-request", "body.packaging: expected"],
    [{ targetDuration: 5 }, 400, "invalid-request", "body.targetDuration: expected"],
  ])("%j is %d %s", async (more, status, code, message) => {
    const answer = await order(await setUp(), more);
    expect(outcome(answer)).toEqual([status, code]);
    expect(answer.json().error.message).toContain(message);
  });

  test("what is no JSON object gets 400, 413 or 415 with a sentence", async () => {
    const app = await setUp();
    const post = async (payload: string, type = "application/json"): Promise<readonly unknown[]> => {
      const answer = await app.inject({
        method: "POST",
        url: "/ads/repackage",
        payload,
        headers: { "content-type": type },
      });
      expect(answer.json().error.message).toMatch(/\w+ \w+/);
      expect(answer.headers["access-control-allow-origin"]).toBe("*");
      return outcome(answer);
    };
    expect(await post("{")).toEqual([400, "invalid-request"]);
    expect(await post("")).toEqual([400, "invalid-request"]);
    expect(await post("[]")).toEqual([400, "invalid-request"]);
    expect(await post('{"__proto__":{"zone":"1"}}')).toEqual([400, "invalid-request"]);
    expect(await post("<x/>", "application/xml")).toEqual([415, "unsupported-media-type"]);
    expect(await post(`"${"x".repeat(10_000_000)}"`)).toEqual([413, "too-large"]);
  });
});

describe("GET /ads/repackage/{ticket}", () => {
  const key = creativeKey("1", "https://listed.example/a.mp4");
  const path = masterPath("1", key, { packaging: "hls", targetDuration: 6 });

  async function ticketUrl(app: FastifyInstance): Promise<string> {
    return (await order(app)).json().statusUrl;
  }

  test("tells state, progress and, once it is there, the master on the default CDN", async () => {
    const crs = scriptedCrs();
    const app = await setUp({ crs });
    const url = await ticketUrl(app);
    expect((await app.inject({ url })).json()).toEqual({ state: "queued", progress: 0, key });
    const made = { packaging: "hls", targetDuration: 6, path, cdns: ["b", "a"] } as const;
    crs.tell(
      progressOf("1", key, "ready", { progress: 1, packages: [{ ...made, targetDuration: 4, path: "x" }, made] }),
    );
    const answer = await app.inject({ url });
    expect(answer.json()).toEqual({ state: "ready", progress: 1, key, url: `/cdn/a/${path}` });
    expect(answer.headers).toMatchObject({ "cache-control": "no-store", "access-control-allow-origin": "*" });
    crs.tell(progressOf("1", key, "ready", { progress: 1, packages: [{ ...made, cdns: ["b"] }] }));
    expect((await app.inject({ url })).json().url).toBe(`/cdn/b/${path}`);
    crs.tell(progressOf("1", key, "failed", { reason: "too-long" }));
    expect((await app.inject({ url })).json()).toEqual({ state: "failed", progress: 0, key, reason: "too-long" });
  });

  test("a wait ends at the next state", async () => {
    const crs = scriptedCrs();
    const app = await setUp({ crs });
    const url = await ticketUrl(app);
    const before = crs.listeners();
    const waiting = app.inject({ url: `${url}?wait=10000` });
    await expect.poll(() => crs.listeners(), { interval: 5 }).toBe(before + 1);
    crs.tell(progressOf("1", key, "fetching", { progress: 0.1 }));
    expect((await waiting).json()).toMatchObject({ state: "fetching", progress: 0.1 });
    expect(crs.listeners()).toBe(before);
  });

  test("a wait ends at progress too, but not at once", async () => {
    const crs = scriptedCrs();
    const app = await setUp({ crs });
    const url = await ticketUrl(app);
    const before = crs.listeners();
    const waiting = app.inject({ url: `${url}?wait=10000` });
    await expect.poll(() => crs.listeners(), { interval: 5 }).toBe(before + 1);
    for (const progress of [0.1, 0.2, 0.3]) crs.tell(progressOf("1", key, "queued", { progress }));
    expect((await waiting).json()).toMatchObject({ state: "queued", progress: 0.3 });
  });

  test("a wait ends when something can be played, long before everything is made", async () => {
    const crs = scriptedCrs();
    const app = await setUp({ crs });
    const url = await ticketUrl(app);
    const before = crs.listeners();
    crs.tell(progressOf("1", key, "transcoding"));
    const waiting = app.inject({ url: `${url}?wait=10000` });
    await expect.poll(() => crs.listeners(), { interval: 5 }).toBe(before + 1);
    const remux = { packaging: "hls", targetDuration: 0, path: "1/remux.m3u8", cdns: ["b"] } as const;
    crs.tell(progressOf("1", key, "transcoding", { progress: 0.05, packages: [remux] }));
    expect((await waiting).json()).toMatchObject({ state: "transcoding", remuxUrl: "/cdn/b/1/remux.m3u8" });
    crs.tell(
      progressOf("1", key, "transcoding", { packages: [remux, { ...remux, targetDuration: 6, path: "1/6.m3u8" }] }),
    );
    expect((await app.inject({ url })).json()).toMatchObject({ url: "/cdn/b/1/6.m3u8" });
  });

  test("a wait for what has ended, or for a forgotten creative, is answered at once; otherwise it ends in time", async () => {
    const crs = scriptedCrs();
    const app = await setUp({ crs });
    const url = await ticketUrl(app);
    const start = performance.now();
    expect((await app.inject({ url: `${url}?wait=50` })).json().state).toBe("queued");
    expect(performance.now() - start).toBeGreaterThan(40);
    crs.tell(progressOf("1", key, "blocked"));
    expect((await app.inject({ url: `${url}?wait=10000` })).json().state).toBe("blocked");
    const empty = await setUp({ crs: scriptedCrs() });
    expect((await empty.inject({ url: `${url}?wait=10000` })).json()).toEqual({ state: "absent", progress: 0, key });
    expect((await app.inject({ url: `${url}?wait=10001` })).statusCode).toBe(400);
  });

  test("closing the server lets waiting requests go", async () => {
    const crs = scriptedCrs();
    const app = await setUp({ crs });
    const url = await ticketUrl(app);
    const before = crs.listeners();
    const waiting = app.inject({ url: `${url}?wait=10000` });
    await expect.poll(() => crs.listeners(), { interval: 5 }).toBe(before + 1);
    const start = performance.now();
    await Promise.all([app.close(), waiting]);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test("the ticket of a blocked creative that CRS keeps no row of tells that it is blocked, until there is a row", async () => {
    const isBlocked = Object.assign(new Error("creative: blocked"), { code: "creative-blocked" });
    const crs = scriptedCrs({ submit: async () => Promise.reject(isBlocked) });
    const app = await setUp({ crs });
    const blocked = (await order(app)).json();
    expect(blocked).toMatchObject({ key, state: "blocked" });
    const url = `${blocked.statusUrl}?wait=10000`;
    expect((await app.inject({ url })).json()).toEqual({ state: "blocked", progress: 0, key, reason: "block-listed" });
    expect(outcome(await app.inject({ url: blocked.statusUrl.replace(".blocked.", ".") }))).toEqual([
      403,
      "ticket-invalid",
    ]);
    crs.tell(progressOf("1", key, "ready", { progress: 1 }));
    expect((await app.inject({ url })).json().state).toBe("ready");
  });

  test("a forged, altered or foreign ticket is 403", async () => {
    const app = await setUp();
    const url = await ticketUrl(app);
    const subject = { zone: "1", key, packaging: "hls", targetDuration: 6 } as const;
    const foreign = signTicket(subject, new Date(Date.now() + 60_000), "another secret");
    const forged = [
      url.replace(".6.", ".4."),
      url.replace("/1.", "/2."),
      url.replace(
        key,
        key.replace(/./, (digit) => (digit === "0" ? "1" : "0")),
      ),
      url.slice(0, -1),
      `${url}A`,
      `/ads/repackage/${foreign}`,
      "/ads/repackage/x",
      `/ads/repackage/${"x".repeat(3000)}`,
    ];
    for (const attempt of forged) {
      expect(outcome(await app.inject({ url: attempt }))).toEqual([403, "ticket-invalid"]);
    }
  });

  test("a ticket ends after an hour", async () => {
    let now = Date.now();
    const app = await setUp({ now: () => now });
    const url = await ticketUrl(app);
    now += 3_599_000;
    expect((await app.inject({ url })).statusCode).toBe(200);
    now += 1_000;
    expect(outcome(await app.inject({ url }))).toEqual([410, "ticket-expired"]);
  });
});

describe("createSightings", () => {
  test("counts the clients of the last day, whichever instance saw them, and lets what is older go within the hour", async () => {
    const day = 86_400_000;
    let now = Date.now();
    const [one, two] = ["a secret", "a secret"].map((secret) => createSightings(database.query, secret, () => now));
    const url = "https://seen.example/a.mp4";
    expect(await one?.note("1", url, "client-1")).toBe(1);
    now += day - 600_000;
    expect(await one?.note("1", url, "client-2")).toBe(2);
    expect(await two?.note("1", url, "client-2")).toBe(2);
    now += 600_001;
    expect(await one?.note("1", url, "client-3")).toBe(2);
    const count = async (): Promise<number> =>
      (
        await database.query("select 1 from creative_sighting where zone = '1' and seen_at <= $1", [
          new Date(now - day),
        ])
      ).length;
    expect(await count()).toBeGreaterThan(0);
    now += 3_600_000;
    await one?.note("1", url, "client-3");
    expect(await count()).toBe(0);
  });
});

describe("createQuota", () => {
  test("forgets the name that was used longest ago when there are too many", () => {
    const quota = createQuota(1, () => 0);
    expect([quota.take("first"), quota.take("first")]).toEqual([0, 3600]);
    for (let i = 0; i < 10_000; i++) quota.take(`other-${i}`);
    expect([quota.take("first"), quota.take("other-9999")]).toEqual([0, 3600]);
  });

  test("what is given back can be taken again, up to the size of the bucket", () => {
    const quota = createQuota(1, () => 0);
    quota.give("a");
    quota.give("a");
    expect([quota.take("a"), quota.take("a")]).toEqual([0, 3600]);
    quota.give("a");
    expect(quota.take("a")).toBe(0);
  });
});
