import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { buildServer, type Server } from "../../src/server.ts";
import { placeDatabase } from "../database/new-database.ts";
import { TOKEN } from "../http/test-app.ts";

async function openServer(more: Readonly<Record<string, string>> = {}): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "interlude-console-api-"));
  await placeDatabase(join(folder, "database"));
  const zones = join(folder, "zones.json");
  const manifest = { contentOrigins: ["https://content.example"] };
  writeFileSync(zones, JSON.stringify({ version: 1, zones: [{ zone: "1", manifest }] }));
  const env = { INTERLUDE_STATE: folder, INTERLUDE_ZONES: zones, INTERLUDE_API_TOKEN: TOKEN, INTERLUDE_LOG: "silent" };
  const server = await buildServer(readConfig({ ...env, PORT: "0", ...more }));
  onTestFinished(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return server;
}

async function ask({ app }: Server, url: string) {
  const answer = await app.inject({ url, headers: { host: "localhost", authorization: `Bearer ${TOKEN}` } });
  return { status: answer.statusCode, body: answer.json() };
}

test("a session that a viewer opens is in the list and in the overview of the whole server", async () => {
  const server = await openServer();
  await server.start();
  const content = Buffer.from("https://content.example/film/master.m3u8?token=t").toString("base64url");
  const bootstrap = `/auditude/variant/film/${content}.m3u8?z=1`;
  const headers = { host: "localhost", "user-agent": "A television" };
  expect((await server.app.inject({ url: bootstrap, headers })).statusCode).toBe(302);

  const { body: page } = await ask(server, "/v1/sessions");
  expect(page).toMatchObject({
    sessions: [{ zone: "1", asset: "film", contentUrl: "https://content.example/film/master.m3u8", breaks: 0 }],
    total: 1,
    store: "memory",
  });
  expect(page.sessions[0].userAgent).toBe("A television");
  expect((await ask(server, `/v1/sessions/${page.sessions[0].id}`)).body.decisions).toEqual([]);
  const { body: overview } = await ask(server, "/v1/overview");
  expect(overview).toMatchObject({ sessions: { alive: 1, store: "memory" }, overload: "none" });
  expect((await ask(server, "/v1/config")).body.zones[0].manifest).toContainEqual({
    name: "contentOrigins",
    value: "https://content.example",
  });
  const preview = await ask(server, `/v1/creatives/1/${"0".repeat(32)}/preview.jpg`);
  expect([preview.status, preview.body.error.code]).toEqual([404, "not-found"]);
});

test("without repackaging there are no pictures, and the overview says so", async () => {
  const server = await openServer({ INTERLUDE_CRS: "off" });
  const preview = await ask(server, `/v1/creatives/1/${"0".repeat(32)}/preview.jpg`);
  expect([preview.status, preview.body.error.code]).toEqual([503, "crs-unavailable"]);
  expect((await ask(server, "/v1/overview")).body.server).toMatchObject({ isRepackaging: false, database: "embedded" });
});
