import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { encodeContentUrl } from "../../src/manifest/urls.ts";
import { buildServer } from "../../src/server.ts";
import { placeDatabase } from "../database/new-database.ts";
import { answering, hls, inLine, mediaPlaylist, mp4, vast } from "../manifest/ad-world.ts";
import { BROWSER } from "../tracking/browser.ts";
import { TOKEN } from "./test-app.ts";

const MASTER = `#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=640x360,CODECS="avc1.4d401e,mp4a.40.2"
media.m3u8
`;

test("a zone whose manifests ask an ad server without a relay has fill rate, render rate and lost impressions in the report", async () => {
  const world = await answering({
    "/master.m3u8": MASTER,
    "/media.m3u8": mediaPlaylist([4, 4, 4]),
    "/tag": (request, response) => {
      const film = hls(`http://${request.headers.host}/master.m3u8`);
      const ads =
        inLine({ id: "played", sequence: 1, duration: "00:00:12", media: film }) +
        inLine({ id: "lost", sequence: 2, media: mp4("https://cdn.example/a.mp4") });
      response.end(vast(ads.replaceAll("https://t.example", `http://${request.headers.host}/told`)));
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "interlude-report-"));
  const zones = join(folder, "zones.json");
  const manifest = { contentOrigins: [world.origin], adTagUrl: `${world.origin}/tag` };
  writeFileSync(zones, JSON.stringify({ version: 1, zones: [{ zone: "1", manifest }] }));
  await placeDatabase(join(folder, "state/database"));
  const env = { INTERLUDE_STATE: join(folder, "state"), INTERLUDE_ZONES: zones, INTERLUDE_API_TOKEN: TOKEN, PORT: "0" };
  const allowed = { INTERLUDE_FETCH_ALLOW_PRIVATE: `127.0.0.1:${world.port}`, INTERLUDE_CRS: "off" };
  const server = await buildServer(readConfig({ ...env, ...allowed }));
  onTestFinished(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const base = await server.start();
  const read = async (path: string | URL): Promise<string> =>
    (await fetch(new URL(path, base), { headers: BROWSER })).text();

  const content = encodeContentUrl(`${world.origin}/master.m3u8`);
  const master = await read(`/auditude/variant/asset-1/${content}.m3u8?z=1&pttrackingmode=sstm`);
  const media = await read(/https?:\/\/\S*\/auditude\/vod\/\S*/.exec(master)?.[0] ?? "");
  await read(/^.*\/auditude\/segment\/.*$/m.exec(media)?.[0] ?? "");

  const headers = { authorization: `Bearer ${TOKEN}` };
  const day = new Date().toISOString().slice(0, 10);
  const report = new URL(`/report?startDate=${day}&endDate=${day}&groupBy=zone`, base);
  await expect
    .poll(async () => (await fetch(report, { headers })).json(), { timeout: 15_000, interval: 1500 })
    .toMatchObject({
      rows: [
        {
          total_impressions: 1,
          starts: 1,
          adRequests: 1,
          fillRate: 1,
          adsOffered: 2,
          renderRate: 0.5,
          lostImpressions: 1,
        },
      ],
    });
});
