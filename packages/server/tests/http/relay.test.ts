import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseVast, readXml } from "@interlude/core";
import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { buildServer } from "../../src/server.ts";
import { parseXml } from "../../src/xml.ts";
import { openAdServer } from "../ads/relay/ad-server.ts";
import { placeDatabase } from "../database/new-database.ts";
import { TOKEN } from "./test-app.ts";

test("a server whose zones file names an ad server: answers with its ads, tells it of those not played, shows it to the operator", async () => {
  const ads = await openAdServer();
  const folder = mkdtempSync(join(tmpdir(), "interlude-relay-"));
  const zones = join(folder, "zones.json");
  const relay = { upstreams: [{ name: "main", tagUrl: `${ads.origin}/ads/vast3?cust=[?cust]` }] };
  writeFileSync(zones, JSON.stringify({ version: 1, zones: [{ zone: "1", relay }] }));
  await placeDatabase(join(folder, "state/database"));
  const env = { INTERLUDE_STATE: join(folder, "state"), INTERLUDE_ZONES: zones, INTERLUDE_API_TOKEN: TOKEN, PORT: "0" };
  const allowed = { INTERLUDE_FETCH_ALLOW_PRIVATE: `127.0.0.1:${ads.port}` };
  const server = await buildServer(readConfig({ ...env, ...allowed, INTERLUDE_CRS: "off" }));
  onTestFinished(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const base = await server.start();

  const vast = await fetch(new URL("/ads/vast?zone=1&session=s&break=b&cust=a%20b", base));
  const { ads: found } = parseVast(readXml(await vast.text(), parseXml));
  expect(found.map(({ ad }) => ad.adSystem)).toEqual(["PubServe"]);
  expect(new URL(ads.requests[0]?.url ?? "", ads.origin).searchParams.get("cust")).toBe("a b");
  expect(ads.requests[0]?.headers).toMatchObject({ "x-device-ip": "127.0.0.1", "x-interlude-relay": "1" });

  const list = await fetch(new URL("/ads/vast?zone=1&session=s&break=c", base), {
    headers: { accept: "application/json" },
  });
  expect(await list.json()).toEqual({ ASSETS: [] });
  const told = "/pixel/conversion/";
  await expect
    .poll(() => ads.requestsTo(told).map(({ url }) => url), { timeout: 15_000, interval: 100 })
    .toEqual([`${told}?label=videoplayfailed407&ai=B4x`]);

  const metrics = await (
    await fetch(new URL("/metrics", base), { headers: { authorization: `Bearer ${TOKEN}` } })
  ).text();
  expect(metrics).toContain('interlude_relay_breaker_state{zone="1",upstream="main",state="closed"} 1');
  const overview = await fetch(new URL("/v1/overview", base), { headers: { authorization: `Bearer ${TOKEN}` } });
  expect(await overview.json()).toMatchObject({ upstreams: [{ zone: "1", upstream: "main", state: "closed" }] });
});
