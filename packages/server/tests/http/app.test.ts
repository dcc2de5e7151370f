import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { parseZoneDocument } from "@interlude/core";
import { beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { openTestDatabase, progressOf, scriptedCrs, testApp, testConfig, TOKEN } from "./test-app.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

describe("CORS", () => {
  const origin = "https://page.example";

  test.each(["/v1/zones/1.json", "/v1/zones/none.json", "/cdn/a/none.m3u8"])(
    "%s: any page, without credentials, on errors and preflights too",
    async (url) => {
      const app = await testApp({ query: database.query });
      for (const method of ["GET", "HEAD", "OPTIONS"] as const) {
        const answer = await app.inject({ method, url, headers: { origin } });
        expect(answer.headers["access-control-allow-origin"]).toBe("*");
        expect(answer.headers).not.toHaveProperty("access-control-allow-credentials");
      }
    },
  );

  test.each(["/ads/vast?zone=1&li=mp4", "/ads/vast", "/ads/repackage", "/ads/none", "/track/start", "/track/a%20b"])(
    "%s: the page's origin is named, since VAST players ask with credentials; on errors too",
    async (url) => {
      const app = await testApp({ query: database.query });
      for (const method of ["GET", "POST", "OPTIONS"] as const) {
        const answer = await app.inject({ method, url, headers: { origin, host: "localhost" } });
        expect(answer.headers).toMatchObject({
          "access-control-allow-origin": origin,
          "access-control-allow-credentials": "true",
          vary: expect.stringMatching(/^Origin(?:, Accept)?$/),
        });
      }
    },
  );

  test("a preflight for a POST of JSON is granted on /ads and /track", async () => {
    const app = await testApp({ query: database.query });
    const headers = {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type",
    };
    for (const url of ["/ads/repackage", "/track/start"]) {
      const answer = await app.inject({ method: "OPTIONS", url, headers });
      expect(answer.statusCode).toBe(204);
      expect(answer.headers["access-control-allow-methods"]).toContain("POST");
      expect(answer.headers["access-control-allow-headers"]).toBe("content-type");
    }
  });

  test("the API is for its own origin and for those that are listed", async () => {
    const config = testConfig({ INTERLUDE_API_ORIGINS: "https://console.example" });
    const app = await testApp({ query: database.query, config });
    const allowed = async (from: string, method: "GET" | "OPTIONS"): Promise<unknown> =>
      (await app.inject({ method, url: "/report", headers: { origin: from } })).headers["access-control-allow-origin"];
    expect(await allowed("https://console.example", "GET")).toBe("https://console.example");
    expect(await allowed("https://console.example", "OPTIONS")).toBe("https://console.example");
    expect(await allowed(origin, "GET")).toBe(undefined);
    expect(await allowed("null", "OPTIONS")).toBe(undefined);
  });

  test("an origin that is none is not repeated", async () => {
    const app = await testApp({ query: database.query });
    const answer = await app.inject({ url: "/track/start", headers: { origin: "x, https://evil.example" } });
    expect(answer.headers["access-control-allow-origin"]).toBe("*");
  });
});

describe("errors", () => {
  test("an unknown address is a 404 in the one form, never kept by a cache", async () => {
    const app = await testApp({ query: database.query });
    const answer = await app.inject({ method: "DELETE", url: "/nothing/here?secret=1" });
    expect([answer.statusCode, answer.headers["content-type"]]).toEqual([404, "application/json; charset=utf-8"]);
    expect(answer.headers).toMatchObject({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
    expect(answer.json()).toEqual({
      error: { code: "not-found", message: "DELETE /nothing/here: there is nothing at this address" },
    });
  });

  test("a URL that cannot be decoded is a 400", async () => {
    const app = await testApp({ query: database.query });
    const answer = await app.inject({ url: "/track/%E0%A4%A" });
    expect([answer.statusCode, answer.json().error.code]).toEqual([400, "invalid-request"]);
  });

  test("a request line that is no HTTP ends that connection and nothing else", async () => {
    const app = await testApp({ query: database.query });
    const origin = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
    const socket = connect(Number(origin.port), "127.0.0.1", () => socket.write("NONSENSE\r\n\r\n"));
    socket.resume();
    await once(socket, "close");
    expect((await fetch(new URL("/healthz", origin))).status).toBe(200);
  });

  test.each([
    ["HTTP/1.1 400 Bad Request", "NONSENSE\r\n\r\n", "invalid-request"],
    ["HTTP/1.1 431 Request Header Fields Too Large", `GET /${"x".repeat(20_000)} HTTP/1.1\r\n\r\n`, "too-large"],
  ])("what the parser refuses gets the one form of error too: %s", async (status, sent, code) => {
    const app = await testApp({ query: database.query });
    const origin = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
    const socket = connect(Number(origin.port), "127.0.0.1", () => socket.write(sent));
    const answer = await text(socket);
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    expect(head.split("\r\n")).toEqual(
      expect.arrayContaining([status, "cache-control: no-store", "connection: close"]),
    );
    expect(JSON.parse(body)).toEqual({ error: { code, message: expect.stringContaining("expected") } });
  });

  test("a value that is too long is told so, not the opposite", async () => {
    const app = await testApp({ query: database.query });
    const answer = await app.inject({ url: `/ads/vast?zone=1&li=mp4&session=${"x".repeat(201)}` });
    expect(answer.json().error.message).toMatch(/^querystring.session: expected not more than 200 characters, got "x/);
  });

  test("what fails inside is logged and not sent", async () => {
    const app = await testApp({ query: database.query });
    app.get("/fails", () => {
      throw new Error("connection to postgres://user:hunter2@db failed");
    });
    const answer = await app.inject({ url: "/fails" });
    expect([answer.statusCode, answer.json().error.code, answer.body.includes("hunter2")]).toEqual([
      500,
      "internal",
      false,
    ]);
  });
});

describe("zone documents", () => {
  test("are cached for a minute and name CDNs relative to themselves", async () => {
    const app = await testApp({ query: database.query });
    const answer = await app.inject({ url: "/v1/zones/1.json" });
    expect([answer.statusCode, answer.headers["cache-control"]]).toEqual([200, "public, max-age=60"]);
    const zone = parseZoneDocument(answer.json(), new URL("https://ads.example/v1/zones/1.json"));
    expect(zone).toMatchObject({ zone: "1", defaultCdn: "a", targetDurations: [6, 4], normalise: [], mediaTypes: [] });
    expect(zone.cdns["b"]?.href).toBe("https://ads.example/cdn/b/");
  });

  test("say what pages try for a creative without a copy, where the operator has said it", async () => {
    const config = testConfig();
    const zones = config.zones.map((zone) => ({ ...zone, firstEncounter: ["wait", "skip"] as const }));
    const app = await testApp({ query: database.query, config: { ...config, zones } });
    const { json } = await app.inject({ url: "/v1/zones/1.json" });
    const base = new URL("https://ads.example/v1/zones/1.json");
    expect(parseZoneDocument(json(), base).firstEncounter).toEqual(["wait", "skip"]);
  });

  test("of a zone that is not there is a 404", async () => {
    const app = await testApp({ query: database.query });
    const answer = await app.inject({ url: "/v1/zones/constructor.json" });
    expect([answer.statusCode, answer.json().error.code]).toEqual([404, "zone-unknown"]);
  });
});

describe("operations", () => {
  test("healthz asks nobody; readyz asks database and queue and names what fails", async () => {
    const app = await testApp({
      query: database.query,
      checks: { queue: async () => Promise.reject(new Error("gone")) },
    });
    expect((await app.inject({ url: "/healthz" })).json()).toEqual({ status: "ok" });
    const answer = await app.inject({ url: "/readyz" });
    expect([answer.statusCode, answer.json()]).toEqual([503, { status: "unavailable", failing: ["queue"] }]);
    const well = await testApp({ query: database.query });
    expect((await well.inject({ url: "/readyz" })).json()).toEqual({ status: "ok" });
  });

  test("a database that does not answer makes the server unready within two seconds", async () => {
    const app = await testApp({ query: () => new Promise(() => undefined) });
    const answer = await app.inject({ url: "/readyz" });
    expect([answer.statusCode, answer.json().failing]).toEqual([503, ["database"]]);
  });

  test("metrics count requests by route, beacons by event, skips by error number, repackages by outcome and creatives by state", async () => {
    const crs = scriptedCrs();
    let now = 1_000_000;
    const app = await testApp({ query: database.query, crs, now: () => now });
    await database.query("insert into creative (zone, key, creative_url, state) values ('m', 'k', 'u', 'ready')");
    for (const event of ["start", "start", "made-up-1", "made-up-2"]) await app.inject({ url: `/track/${event}` });
    await app.inject({ url: "/track/error?error=407" });
    await app.inject({ url: "/track/error?error=99999" });
    await app.inject({ url: "/no/such/address/1" });
    const payload = { zone: "1", creativeUrl: "https://x.example/a.mp4", packaging: "hls", targetDuration: 6 };
    await app.inject({ method: "POST", url: "/ads/repackage", payload });
    await app.inject({ method: "POST", url: "/ads/repackage", payload: {} });
    crs.tell(progressOf("1", "k", "queued"));
    now += 1_400;
    crs.tell(progressOf("1", "k", "publishing"));
    crs.tell(progressOf("1", "k", "ready"));
    const { body } = await app.inject({ url: "/metrics" });
    const lines = body.split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        'interlude_http_requests_total{method="GET",route="/track/:event",status="204"} 6',
        'interlude_http_requests_total{method="GET",route="unknown",status="404"} 1',
        'interlude_beacons_total{event="start"} 2',
        'interlude_beacons_total{event="other"} 2',
        'interlude_ad_errors_total{code="407"} 1',
        'interlude_ad_errors_total{code="unknown"} 1',
        'interlude_repackage_requests_total{outcome="creative-unknown"} 1',
        'interlude_repackage_requests_total{outcome="invalid-request"} 1',
        'interlude_creatives{state="ready"} 1',
        'interlude_time_to_ready_seconds_bucket{le="1"} 0',
        'interlude_time_to_ready_seconds_bucket{le="1.5"} 1',
        "interlude_time_to_ready_seconds_sum 1.4",
      ]),
    );
  });

  test("the OpenAPI page describes every route, and routes that are added later", async () => {
    const app = await testApp({ query: database.query });
    app.get("/later", { schema: { summary: "added by whoever runs the server" } }, async () => "");
    const page = await app.inject({ url: "/docs/" });
    expect(page.statusCode).toBe(200);
    expect(page.headers["content-security-policy"]).toMatch(
      /default-src 'self'(?!.*(https:|upgrade-insecure|swagger\.io))/,
    );
    const { paths } = (await app.inject({ url: "/docs/json" })).json();
    expect(Object.keys(paths).toSorted()).toEqual([
      "/ads/repackage",
      "/ads/repackage/{ticket}",
      "/ads/vast",
      "/ads/vmap",
      "/healthz",
      "/later",
      "/metrics",
      "/readyz",
      "/report",
      "/report/beacons",
      "/track/{event}",
      "/v1/config",
      "/v1/overview",
      "/v1/zones/{zone}.json",
    ]);
    for (const operations of Object.values<Record<string, { summary?: string }>>(paths)) {
      for (const operation of Object.values(operations)) expect(operation.summary).toMatch(/\w/);
    }
  });

  test("the log has neither query nor headers", async () => {
    const written: string[] = [];
    const original = process.stderr.write.bind(process.stderr);
    process.stderr.write = (chunk: string | Uint8Array): boolean => written.push(String(chunk)) > 0;
    try {
      const app = await testApp({ query: database.query, config: testConfig({ INTERLUDE_LOG: "info" }) });
      const headers = { authorization: `Bearer ${TOKEN}`, cookie: "c=secret", "user-agent": "a\nforged" };
      await app.inject({ url: "/report/beacons?session=secret%0Aforged", headers });
    } finally {
      process.stderr.write = original;
    }
    const log = written.join("");
    expect(log).toContain('"path":"/report/beacons"');
    expect(log).not.toMatch(/secret|forged|a-token/);
    for (const line of log.trim().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
  });
});
