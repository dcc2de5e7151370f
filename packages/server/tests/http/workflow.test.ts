import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  creativeKey,
  masterPath,
  parseMasterPlaylist,
  parseVast,
  parseZoneDocument,
  readXml,
  selectCdn,
} from "@interlude/core";
import { expect, onTestFinished, test } from "vitest";
import { parseCampaigns } from "../../src/ads/campaign/campaign-file.ts";
import { buildServer } from "../../src/server.ts";
import { readConfig } from "../../src/config.ts";
import { parseXml } from "../../src/xml.ts";
import { placeDatabase } from "../database/new-database.ts";
import { loopback } from "./loopback.ts";
import { TOKEN } from "./test-app.ts";

function makeMp4(file: string): void {
  const video = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=3"];
  const audio = ["-f", "lavfi", "-i", "sine=frequency=440:duration=3"];
  const codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"];
  execFileSync(process.env["FFMPEG_PATH"] ?? "ffmpeg", [
    "-v",
    "error",
    ...video,
    ...audio,
    ...codecs,
    "-shortest",
    file,
  ]);
}

test("the client-initiated workflow over HTTP: the first viewer has the creative made, the second finds it on the CDN", async () => {
  const folder = mkdtempSync(join(tmpdir(), "interlude-workflow-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  makeMp4(join(folder, "tea.mp4"));
  let downloads = 0;
  const media = await loopback((request, response) => {
    if (request.method === "GET") downloads++;
    response.writeHead(200, { "content-type": "video/mp4" }).end(readFileSync(join(folder, "tea.mp4")));
  });
  const file = { url: `${media.origin}/tea.mp4`, type: "video/mp4", width: 320, height: 180 };
  const ads = [{ id: "tea", duration: 3, mediaFiles: [file] }];
  const campaigns = parseCampaigns(JSON.stringify({ version: 1, lineItems: [{ id: "tea", ads }] }), "campaigns.json");
  const env = { INTERLUDE_STATE: join(folder, "state"), INTERLUDE_API_TOKEN: TOKEN, PORT: "0" };
  const config = readConfig({ ...env, INTERLUDE_FETCH_ALLOW_PRIVATE: `127.0.0.1:${media.port}` });
  await placeDatabase(join(folder, "state/database"));
  const server = await buildServer({ ...config, campaigns });
  onTestFinished(() => server.stop());
  const base = await server.start();
  const get = (path: string | URL): Promise<Response> => fetch(new URL(path, base));

  // 1. zone and ads
  const zoneUrl = new URL("/v1/zones/1.json", base);
  const zone = parseZoneDocument(await (await get(zoneUrl)).json(), zoneUrl);
  const vast = parseVast(readXml(await (await get("/ads/vast?zone=1&li=tea")).text(), parseXml));
  const { url: creativeUrl = "", repackageTicket: ticket } = vast.ads[0]?.ad.creatives[0]?.mediaFiles[0] ?? {};
  expect(creativeUrl).toBe(file.url);

  // 2. the CDN has no copy
  const key = creativeKey("1", creativeUrl);
  const master = new URL(masterPath("1", key, { packaging: "hls", targetDuration: 6 }), selectCdn(zone, "b"));
  expect((await get(master)).status).toBe(404);

  // 3. the ad server is asked, many times at once
  const order = (): Promise<Response> =>
    fetch(new URL("/ads/repackage", base), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ zone: "1", creativeUrl, packaging: "hls", targetDuration: 6, ticket }),
    });
  const answers = await Promise.all(Array.from({ length: 10 }, order));
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([202]));
  const accepted = await Promise.all(answers.map((answer) => answer.json()));
  expect(new Set(accepted.map((answer) => answer.key))).toEqual(new Set([key]));
  expect(accepted.filter((answer) => answer.state === "absent")).toHaveLength(1);

  // 4. the page waits
  let status = { state: "queued", url: "" };
  while (!["ready", "failed", "blocked"].includes(status.state)) {
    status = await (await get(`${accepted[0].statusUrl}?wait=10000`)).json();
  }
  expect(status).toMatchObject({ state: "ready", key, progress: 1, url: expect.stringMatching(/^\/cdn\/a\//) });

  // 5. the next viewer finds it, on both CDNs
  for (const url of [master, new URL(status.url, base)]) {
    const playlist = await get(url);
    expect([playlist.status, playlist.headers.get("cache-control")]).toEqual([200, "public, max-age=5"]);
    expect(parseMasterPlaylist(await playlist.text()).variants.length).toBeGreaterThan(0);
  }
  expect((await (await order()).json()).state).toBe("ready");
  expect(downloads).toBe(1);
  const metrics = await (await get("/metrics")).text();
  expect(metrics).toContain('interlude_creatives{state="ready"} 1');
  expect(metrics).toContain('interlude_repackage_requests_total{outcome="accepted"} 11');
  expect(metrics).toContain("interlude_time_to_ready_seconds_count 1");

  // 6. forgotten, it is cold again
  const forget = await fetch(new URL(`/v1/creatives/1/${key}`, base), {
    method: "DELETE",
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  expect([forget.status, (await get(master)).status]).toEqual([204, 404]);
});
