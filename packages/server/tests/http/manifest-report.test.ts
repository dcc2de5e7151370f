import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { encodeContentUrl } from "../../src/manifest/urls.ts";
import { buildServer } from "../../src/server.ts";
import { placeDatabase } from "../database/new-database.ts";
import { answering, hls, inLine, mediaPlaylist, mp4 } from "../manifest/ad-world.ts";
import { vmap } from "../manifest/flow-world.ts";
import type { Loopback } from "./loopback.ts";
import { BROWSER } from "../tracking/browser.ts";
import { TOKEN } from "./test-app.ts";

const MASTER = `#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=640x360,CODECS="avc1.4d401e,mp4a.40.2"
media.m3u8
`;
const CONTENT = mediaPlaylist([4, 4, 4, 4]).replace("#EXTINF", "#EXT-X-CUE-OUT:DURATION=24\n#EXTINF");

interface Reported {
  /** A player that asks for an ad with these words more, and loads the first segment of each ad that it is shown. */
  readonly watch: (zone: string, query?: string) => Promise<void>;
  readonly report: () => Promise<unknown>;
}

/** A whole server whose zones, of which the second has little time, ask an ad server on loopback, without relay and repackaging. */
async function reported(world: Loopback): Promise<Reported> {
  const folder = mkdtempSync(join(tmpdir(), "interlude-report-"));
  const zones = join(folder, "zones.json");
  const manifest = { contentOrigins: [world.origin], adTagUrl: `${world.origin}/tag` };
  const listed = [10_000, 2000].map((startBudgetMs, index) => ({
    zone: String(index + 1),
    manifest: { ...manifest, startBudgetMs },
  }));
  writeFileSync(zones, JSON.stringify({ version: 1, zones: listed }));
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
  const headers = { authorization: `Bearer ${TOKEN}` };
  const day = new Date().toISOString().slice(0, 10);
  return {
    watch: async (zone, query = "") => {
      const content = encodeContentUrl(`${world.origin}/content.m3u8`);
      const master = await read(`/auditude/variant/asset-1/${content}.m3u8?z=${zone}&pttrackingmode=sstm${query}`);
      const media = await read(/https?:\/\/\S*\/auditude\/vod\/\S*/.exec(master)?.[0] ?? "");
      const links = media.match(/^.*\/auditude\/segment\/.*$/gm) ?? [];
      for (const link of links.filter((text) => /&s=0&/.test(text))) await read(link);
    },
    report: async () => {
      const url = new URL(`/report?startDate=${day}&endDate=${day}`, base);
      return (await fetch(url, { headers })).json();
    },
  };
}

/** One ad of each fate: played, and left out for each of these reasons. */
const FATES = {
  played: "/ad.m3u8",
  "media-unavailable": "/none.m3u8",
  "duration-mismatch": "/short.m3u8",
  "break-duration-exceeded": "/long.m3u8",
  "repackage-unavailable": "",
} as const;

test("each ad that an answer names is shown or left out with a reason: the report has them all", async () => {
  const over = Promise.withResolvers<void>();
  const world = await answering({
    "/content.m3u8": MASTER,
    "/media.m3u8": CONTENT,
    "/ad.m3u8": mediaPlaylist([4, 4, 4]),
    "/short.m3u8": mediaPlaylist([4]),
    "/long.m3u8": mediaPlaylist([4, 4, 4, 4]),
    "/slow.m3u8": (_request, response) => void over.promise.then(() => response.end(mediaPlaylist([4, 4, 4]))),
    "/tag": (request, response) => {
      const origin = `http://${request.headers.host}`;
      const answer = (paths: Readonly<Record<string, string>>): string => {
        const ads = Object.entries(paths).map(([id, path], index) => {
          const media = path === "" ? mp4("https://cdn.example/a.mp4") : hls(`${origin}${path}`);
          const duration = path === "/long.m3u8" ? "00:00:16" : "00:00:12";
          return inLine({ id, sequence: index + 1, duration, media });
        });
        return `<VAST version="4.2">${ads.join("").replaceAll("https://t.example", `${origin}/told`)}</VAST>`;
      };
      const breaks = [
        { id: "one", at: "start", vast: answer({ first: "/ad.m3u8" }) },
        { id: "two", at: "00:00:08", vast: answer({ unplaced: "/ad.m3u8" }) },
      ];
      const late = { ready: "/ad.m3u8", late: "/slow.m3u8" };
      if (request.url?.includes("run=map")) response.end(vmap(breaks));
      else response.end(answer(request.url?.includes("run=late") ? late : FATES));
    },
  });
  const { watch, report } = await reported(world);
  await watch("1");
  await watch("1", "&run=map");
  await watch("2", "&run=late");
  over.resolve();

  const { played: _played, ...fates } = FATES;
  const lost = Object.fromEntries(Object.keys(fates).map((reason) => [reason, 1]));
  await expect.poll(report, { timeout: 15_000, interval: 1500 }).toMatchObject({
    rows: [
      {
        total_impressions: 2,
        starts: 2,
        adRequests: 4,
        fillRate: 1,
        adsOffered: 9,
        renderRate: 0.2222,
        lostImpressions: 7,
        lostByReason: { ...lost, "ads-timeout": 2, policy: 1 },
        savedImpressions: 0,
        lostToFormat: 1,
        firstEncounterFill: 0,
      },
    ],
  });
  const errors = (): readonly string[] =>
    world.urls().flatMap((url) => (url.startsWith("/told/error?c=") ? [url.slice(-3)] : []));
  await expect.poll(() => errors().toSorted()).toEqual(["202", "202", "301", "301", "401", "407"]);
});
