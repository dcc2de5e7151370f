import { expect, test } from "vitest";
import { VERSION } from "../../src/version.ts";
import { openTestDatabase, scriptedCrs, progressOf, testApp, TOKEN } from "../http/test-app.ts";
import { createMetricReader } from "../../src/console-api/metric-reader.ts";
import { readOverview } from "../../src/console-api/overview.ts";
import { createMetrics } from "../../src/metrics.ts";
import { createManifestMetrics } from "../../src/manifest/operations/manifest-metrics.ts";
import { sampleDecision } from "../manifest/session-samples.ts";

const database = await openTestDatabase();
const headers = { authorization: `Bearer ${TOKEN}` };

test("GET /v1/overview counts what is in the database and what this process has done, and wants the token", async () => {
  const crs = scriptedCrs();
  let now = Date.parse("2026-11-21T10:00:00Z");
  const app = await testApp({ query: database.query, crs, now: () => now });
  const insert = "insert into creative (zone, key, creative_url, state) values ('1', $1, 'x', $2)";
  for (const [key, state] of [
    ["a", "ready"],
    ["b", "ready"],
    ["c", "failed"],
  ]) {
    await database.query(insert, [key, state]);
  }
  crs.tell(progressOf("1", "a", "queued"));
  now += 1400;
  crs.tell(progressOf("1", "a", "ready"));
  await app.inject({ url: "/track/impression?zone=1&session=s" });

  expect((await app.inject({ url: "/v1/overview" })).statusCode).toBe(401);
  const answer = await app.inject({ url: "/v1/overview", headers });
  expect([answer.statusCode, answer.headers["cache-control"]]).toEqual([200, "no-store"]);
  expect(answer.json()).toMatchObject({
    server: { version: VERSION, startedAt: "2026-11-21T10:00:00.000Z", database: "embedded", isRepackaging: true },
    creatives: { absent: 0, queued: 0, ready: 2, failed: 1, blocked: 0 },
    sessions: { alive: 0, store: "memory" },
    overload: "none",
    timeToReady: { count: 1, averageSeconds: 1.4 },
    breaks: [{ kind: "live", decided: 0 }, { kind: "vod" }],
    beacons: { impression: 1 },
    skipped: {},
    upstreams: [],
  });
  expect(answer.json().timeToReady.buckets.filter(({ count }: { count: number }) => count > 0)).toEqual([
    { upTo: 1.5, count: 1 },
  ]);
});

test("breaks, skipped ads, ad calls and probes are those of the manifest server's metrics", async () => {
  const metrics = createMetrics({ now: Date.now, countCreatives: async () => [], countWebhooks: async () => [] });
  const counted = createManifestMetrics(metrics.registry, {
    countSessions: async () => 12,
    readOverload: () => ({ isLean: true, isShedding: false, delayMs: 3, inFlight: 7 }),
  });
  const skipped = { adId: "1", adSystem: "x", creativeId: undefined, reason: "new-creative", message: "" } as const;
  counted.countDecision(sampleDecision({ skipped: [skipped, skipped] }));
  counted.countListed({ kind: "live", availDuration: 60, filledDuration: 45 });
  counted.countSkipped({ reason: "early-return" });
  counted.countAdCall("filled", 20, false);
  counted.countAdCall("empty", 20, false);
  counted.countProbe("miss", false);
  counted.countProbe("miss", true);
  const overview = await readOverview({
    server: { version: "1", node: "24", startedAt: "", database: "postgres", isRepackaging: false },
    sessionStore: "database",
    metrics: createMetricReader(metrics.registry),
    upstreams: () => [{ zone: "1", upstream: "first", state: "open" }],
  });
  expect(overview).toMatchObject({
    creatives: { ready: 0 },
    sessions: { alive: 12, store: "database" },
    overload: "lean",
    requestsInFlight: 7,
    timeToReady: { count: 0 },
    breaks: [
      { kind: "live", decided: 1, listed: 1, seconds: 60, filledSeconds: 45, ads: 2 },
      { kind: "vod", decided: 0, listed: 0, seconds: 0, filledSeconds: 0, ads: 0 },
    ],
    adServer: { filled: 1, empty: 1 },
    skipped: { "new-creative": 2, "early-return": 1 },
    probes: { hit: 0, miss: 1, error: 0 },
    upstreams: [{ zone: "1", upstream: "first", state: "open" }],
  });
  expect(overview.timeToReady).not.toHaveProperty("averageSeconds");
});

test("GET /v1/config tells what is in force, and wants the token", async () => {
  const app = await testApp({ query: database.query });
  expect((await app.inject({ url: "/v1/config" })).statusCode).toBe(401);
  const answer = await app.inject({ url: "/v1/config", headers });
  const { settings, campaigns, zones, targets } = answer.json();
  expect([answer.statusCode, answer.headers["cache-control"]]).toEqual([200, "no-store"]);
  expect(settings).toContainEqual(expect.objectContaining({ name: "INTERLUDE_LOG", value: "silent" }));
  expect(campaigns).toMatchObject({ state: "current", lineItems: 5, schedules: 1 });
  expect([zones[0].zone, targets[0]]).toMatchObject(["1", { name: "a", type: "directory" }]);
  expect(answer.body).not.toContain(TOKEN);
});
