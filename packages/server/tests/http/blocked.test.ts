import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { buildServer } from "../../src/server.ts";
import { placeDatabase } from "../database/new-database.ts";
import { ticketIn } from "../ads/ticket-in.ts";
import { testConfig, TOKEN } from "./test-app.ts";

test("a creative on the block list: the operator is told so, a page learns it as the creative's state, until the entry is gone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "interlude-blocked-"));
  await placeDatabase(join(folder, "database"));
  const { app, start, stop } = await buildServer(testConfig({ INTERLUDE_STATE: folder, PORT: "0" }));
  onTestFinished(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await start();
  const headers = { authorization: `Bearer ${TOKEN}` };
  const creativeUrl = "http://localhost/media/a.mp4?x=1&y=]]%3E";
  const answer = await app.inject({ url: "/ads/vast?zone=1&li=mp4", headers: { host: "localhost" } });
  const ticket = ticketIn(answer.body, creativeUrl);
  const order = () =>
    app.inject({
      method: "POST",
      url: "/ads/repackage",
      payload: { zone: "1", creativeUrl, packaging: "hls", targetDuration: 6, adSystem: "another one", ticket },
    });
  const added = await app.inject({
    method: "POST",
    url: "/v1/blocklist",
    headers,
    payload: { kind: "ad-system", value: "Interlude", reason: "a test" },
  });
  expect(added.statusCode).toBe(201);

  const blocked = await order();
  expect([blocked.statusCode, blocked.json().state]).toEqual([202, "blocked"]);
  expect((await app.inject({ url: blocked.json().statusUrl })).json()).toMatchObject({
    state: "blocked",
    reason: "block-listed",
  });
  const payload = { items: [{ zone: "1", creativeUrl, adSystem: "Interlude" }] };
  const refused = await app.inject({ method: "POST", url: "/v1/repackage", headers, payload });
  expect([refused.statusCode, refused.json().error.code]).toEqual([403, "creative-blocked"]);
  expect(refused.json().error.message).toContain('its ad-system "Interlude" is on the block list: a test');

  const removed = await app.inject({ method: "DELETE", url: `/v1/blocklist/${added.json().id}`, headers });
  expect(removed.statusCode).toBe(204);
  const taken = await order();
  expect([taken.statusCode, taken.json().state]).toEqual([202, "absent"]);
  expect((await app.inject({ url: taken.json().statusUrl })).json().state).not.toBe("blocked");
});
