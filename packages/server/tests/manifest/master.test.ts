import { describe, expect, test } from "vitest";
import { carryQuery, decodeContentUrl } from "../../src/manifest/urls.ts";
import { LIVE, MASTER, manifestWorld, VOD } from "./manifest-world.ts";

/** `/auditude/{kind}/asset-1/{slot}/…` of an address, and the content that it is for. */
function readAddress(url: string): { kind: string; slot: string; session: string; content: string } {
  const [, , kind = "", , slot = "", session = "", content = ""] = new URL(url).pathname.split("/");
  return { kind, slot, session, content: decodeContentUrl(content.replace(".m3u8", "")).href };
}

describe("the session's master", () => {
  test("is the content's, with every playlist at an address of this server, and nothing else changed", async () => {
    const { get, start, origin } = await manifestWorld();
    const { masterUrl } = await start();
    const answer = await get(masterUrl);
    expect(answer.headers).toMatchObject({ "content-type": "application/vnd.apple.mpegurl" });
    const addresses: string[] = [];
    const content = answer.body.replace(/http:\/\/manifest\.example\/[^"\s]+/g, (url) => {
      addresses.push(url);
      return readAddress(url).content;
    });
    const { origin: at } = origin;
    const absolute = MASTER.replace(/low\.m3u8\n/, `${at}/show/low.m3u8\n`)
      .replace("/other/high", `${at}/other/high`)
      .replace(/URI="/g, `URI="${at}/show/`);
    expect(content).toBe(absolute);
    expect(addresses.map((url) => readAddress(url).slot)).toEqual([
      "audio",
      "webvtt",
      "500",
      "10000",
      "iframe",
      "image",
    ]);
    const session = new URL(masterUrl).pathname.split("/")[4];
    expect(new Set(addresses.map((url) => readAddress(url).session))).toEqual(new Set([session]));
  });

  test("keeps line ends, and a quote in the client's query does not end an attribute", async () => {
    const { pages, start, get } = await manifestWorld();
    pages.set("/show/master.m3u8", MASTER.replaceAll("\n", "\r\n"));
    const { masterUrl } = await start();
    const { body } = await get(masterUrl);
    expect(body.split("\r\n").length).toBe(MASTER.split("\n").length);
    expect(body.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
    expect(carryQuery('_sid_=1&k="x"&z=1')).toBe("k=%22x%22&z=1");
  });

  test("of a redirected content master resolves against where it was read", async () => {
    const { pages, start } = await manifestWorld();
    pages.set("/entry.m3u8", (_request, response) => response.writeHead(302, { location: "/show/master.m3u8" }).end());
    const { addresses } = await start("z=1", "/entry.m3u8");
    expect(readAddress(addresses[2] ?? "").content).toMatch(/\/show\/low\.m3u8$/);
  });

  test("substitutes variables of the playlist", async () => {
    const { pages, start, origin } = await manifestWorld();
    const define = '#EXTM3U\n#EXT-X-DEFINE:NAME="dir",VALUE="show"\n#EXT-X-DEFINE:QUERYPARAM="t"\n';
    pages.set("/v.m3u8", `${define}#EXT-X-STREAM-INF:BANDWIDTH=1000\n/{$dir}/low.m3u8?t={$t}&u={$none}\n`);
    const { addresses } = await start("z=1&live=false", "/v.m3u8?t=7");
    expect(readAddress(addresses[0] ?? "").content).toBe(`${origin.origin}/show/low.m3u8?t=7&u={$none}`);
  });

  test("leaves a variant on an origin that is not listed where it is, playable and without ads", async () => {
    const { pages, start, get, log } = await manifestWorld();
    pages.set("/show/master.m3u8", `${MASTER}#EXT-X-STREAM-INF:BANDWIDTH=1\nhttps://elsewhere.example/v.m3u8\n`);
    const { masterUrl, addresses } = await start();
    expect((await get(masterUrl)).body).toMatch(/^https:\/\/elsewhere\.example\/v\.m3u8$/m);
    expect(addresses).toHaveLength(6);
    expect(log.join()).toContain("not listed");
  });

  test("is made of one variant where the content has no master", async () => {
    const { start, get, pages } = await manifestWorld();
    const { masterUrl, addresses } = await start("z=1", "/show/low.m3u8");
    expect((await get(masterUrl)).body).toBe(`#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2000000\n${addresses[0]}\n`);
    expect(readAddress(addresses[0] ?? "")).toMatchObject({ kind: "vod", slot: "2000" });
    expect((await get(addresses[0] ?? "")).body).toContain("#EXTINF:2");
    pages.set("/live.m3u8", LIVE.replace("#EXTINF", "#EXT-X-BITRATE:800\n#EXTINF"));
    const live = await start("z=1", "/live.m3u8");
    expect(readAddress(live.addresses[0] ?? "")).toMatchObject({ kind: "live", slot: "800" });
  });

  test("conditional requests: 304 by entity tag and by the content's date", async () => {
    const { pages, start, get } = await manifestWorld();
    const changed = "Thu, 01 Jan 2026 00:00:00 GMT";
    pages.set("/show/master.m3u8", (_request, response) => response.setHeader("last-modified", changed).end(MASTER));
    const { masterUrl } = await start();
    const { headers } = await get(masterUrl);
    expect(headers).toMatchObject({ "last-modified": changed, "cache-control": "private, no-cache" });
    const ask = async (sent: Readonly<Record<string, string>>): Promise<readonly [number, string]> => {
      const answer = await get(masterUrl, sent);
      return [answer.statusCode, answer.body.slice(0, 7)];
    };
    const etag = String(headers.etag);
    for (const sent of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      expect(await ask({ "if-none-match": sent })).toEqual([304, ""]);
    }
    expect(await ask({ "if-modified-since": changed })).toEqual([304, ""]);
    expect(await ask({ "if-modified-since": "Wed, 31 Dec 2025 00:00:00 GMT" })).toEqual([200, "#EXTM3U"]);
    expect(await ask({ "if-none-match": '"other"', "if-modified-since": changed })).toEqual([200, "#EXTM3U"]);
  });

  test("ptassetid: each rendition is told apart by ptrendition, which only the server sets", async () => {
    const { start } = await manifestWorld();
    const { addresses } = await start("z=1&live=false&ptassetid=show-7&ptrendition=mine");
    expect(addresses.map((url) => new URL(url).searchParams.getAll("ptrendition"))).toEqual(
      ["audio", "webvtt", "500", "10000", "iframe", "image"].map((slot) => [slot]),
    );
  });
});

describe("live or VOD", () => {
  test.each([
    ["ENDLIST", VOD, "vod"],
    ["nothing", LIVE, "live"],
    ["EVENT", LIVE.replace("\n", "\n#EXT-X-PLAYLIST-TYPE:EVENT\n"), "live"],
    ["EVENT that has ended", `${LIVE.replace("\n", "\n#EXT-X-PLAYLIST-TYPE:EVENT\n")}#EXT-X-ENDLIST\n`, "vod"],
    ["VOD", LIVE.replace("\n", "\n#EXT-X-PLAYLIST-TYPE:VOD\n"), "vod"],
  ])("is told by %s in the first variant, with one request more", async (_sign, text, kind) => {
    const { pages, start, asked } = await manifestWorld();
    pages.set("/show/low.m3u8", text);
    const { addresses } = await start();
    expect(new Set(addresses.map((url) => readAddress(url).kind))).toEqual(new Set([kind]));
    expect(asked).toEqual(["/show/master.m3u8", "/show/low.m3u8"]);
  });

  test.each([
    ["true", "live"],
    ["false", "vod"],
  ])("live=%s asks for nothing", async (live, kind) => {
    const { start, asked } = await manifestWorld();
    const { addresses } = await start(`z=1&live=${live}`);
    expect(readAddress(addresses[0] ?? "").kind).toBe(kind);
    expect(asked).toEqual(["/show/master.m3u8"]);
  });

  test("a variant that is gone does not decide, the next one does", async () => {
    const { pages, start } = await manifestWorld();
    pages.delete("/show/low.m3u8");
    pages.set("/other/high.m3u8", LIVE);
    expect(readAddress((await start()).addresses[0] ?? "").kind).toBe("live");
  });
});
