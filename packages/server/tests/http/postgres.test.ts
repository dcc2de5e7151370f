import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { buildServer } from "../../src/server.ts";
import { startPostgres } from "../database/private-postgres.ts";
import { ticketIn } from "../ads/ticket-in.ts";
import { testConfig, TOKEN } from "./test-app.ts";

test("two instances on one PostgreSQL: what one serves and stores, the other knows", async ({ skip }) => {
  const postgres = await startPostgres();
  if (!postgres) return skip("no PostgreSQL is installed");
  const folder = mkdtempSync(join(tmpdir(), "interlude-postgres-app-"));
  const config = testConfig({
    DATABASE_URL: postgres.url,
    INTERLUDE_STATE: folder,
    INTERLUDE_TRACKING_ACKNOWLEDGE: "database",
    PORT: "0",
  });
  const [one, two] = await Promise.all([buildServer(config), buildServer(config)]);
  onTestFinished(async () => {
    await Promise.all([one.stop(), two.stop()]);
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await Promise.all([one.start(), two.start()]);

  const session = "t=2026-11-21T10%3A00%3A00Z&playhead=00%3A00%3A01.500&session=shared&x=1";
  const sent = ["impression", "start", "complete"].map((event) =>
    one.app.inject({ url: `/track/${event}?${session}` }),
  );
  expect((await Promise.all(sent)).map((answer) => answer.statusCode)).toEqual([204, 204, 204]);
  const headers = { authorization: `Bearer ${TOKEN}` };
  const report = await two.app.inject({ url: "/report/beacons?session=shared", headers });
  expect(report.json().beacons).toMatchObject([
    { event: "impression", playhead: 1.5, sentAt: "2026-11-21T10:00:00.000Z", extra: { x: "1" } },
    { event: "start" },
    { event: "complete" },
  ]);

  const answer = await one.app.inject({ url: "/ads/vast?zone=1&li=mp4", headers: { host: "localhost" } });
  const creativeUrl = "http://localhost/media/a.mp4?x=1&y=]]%3E";
  const ticket = ticketIn(answer.body, creativeUrl);
  const payload = { zone: "1", creativeUrl, packaging: "hls", targetDuration: 6, ticket };
  const order = await two.app.inject({ method: "POST", url: "/ads/repackage", payload });
  expect([order.statusCode, order.json().state]).toEqual([202, "absent"]);
  // The ticket of one instance is good at the other: they share the token, so they share the secret.
  expect((await one.app.inject({ url: order.json().statusUrl })).statusCode).toBe(200);
  expect((await two.app.inject({ url: "/readyz" })).statusCode).toBe(200);
  expect((await two.app.inject({ url: "/metrics" })).body).toContain("interlude_creatives{");
});
