/** Breaks of the campaign file as asset lists of interstitials. */
import { beforeAll, describe, expect, test } from "vitest";
import { parseCampaigns } from "../../src/ads/campaign/campaign-file.ts";
import type { ServerConfig } from "../../src/config.ts";
import type { Database } from "../../src/database/database.ts";
import { openTestDatabase } from "../http/test-app.ts";
import { openRelayedServer } from "./relay-tags-world.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

const BROWSER = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };
const JSON_WANTED = { accept: "application/json" };
const POLL = { interval: 20, timeout: 5000 };
const open = (config: Partial<ServerConfig> = {}) =>
  openRelayedServer({ query: (sql, values) => database.query(sql, values), tag: "/ads/vast3", config });

describe("GET /ads/vast of the campaign file with Accept: application/json", () => {
  test.each(["zone=2&li=pod", "zone=1&li=pod", "zone=2&li=pod&source=assets"])(
    "%s is the ads that are HLS, in the order of the pod, with their tracking",
    async (query) => {
      const { get, ads } = await open();
      const headers = query.includes("source") ? {} : JSON_WANTED;
      const answer = await get(`/ads/vast?${query}&session=list&break=b`, headers);
      expect(answer.headers).toMatchObject({
        "content-type": "application/json; charset=utf-8",
        "cache-control": "no-store",
        vary: "Origin, Accept",
      });
      const { ASSETS } = answer.json();
      expect(ASSETS).toMatchObject([
        { URI: "https://cdn.example/one.m3u8", DURATION: 5.5 },
        { URI: "https://cdn.example/two.m3u8", DURATION: 5.5 },
      ]);
      expect(JSON.stringify(ASSETS[1])).toContain("/track/impression?");
      expect(ads.requests).toEqual([]);
    },
  );

  test("an ad that is not HLS is ordered and noted as left out; the next viewer gets its copy", async () => {
    const { get, crs, listRows, makeReady } = await open();
    const url = "/ads/vast?zone=1&li=mp4&session=new&break=b";
    expect((await get(url, JSON_WANTED)).json()).toEqual({ ASSETS: [] });
    expect(crs.orders).toMatchObject([{ zone: "1", adId: "ad-mp4" }]);
    await expect
      .poll(() => listRows("new"), POLL)
      .toEqual(["adRequest  mp4  1 0 1", "adOffered ad-mp4 mp4  1 1 0", "adSkipped ad-mp4 mp4  1 1 0"]);
    const copy = makeReady("http://localhost/media/a.mp4?x=1&y=]]%3E");
    expect((await get(url, JSON_WANTED)).json()).toMatchObject({ ASSETS: [{ URI: copy, DURATION: 10 }] });
  });

  test("an ad that is left out is not under way: its goal waits for it no longer", async () => {
    const mediaFiles = [{ url: "/media/a.mp4", type: "video/mp4", width: 640, height: 360 }];
    const ads = [{ id: "a", duration: 10, mediaFiles }];
    const goal = { impressions: 1, pacing: "asap" };
    const file = JSON.stringify({ version: 1, lineItems: [{ id: "once", priority: 1, goal, ads }] });
    const { get } = await open({ campaigns: parseCampaigns(file, "c.json") });
    const url = "/ads/vast?zone=2&break=b";
    expect((await get(`${url}&session=list1`, { ...BROWSER, ...JSON_WANTED })).json()).toEqual({ ASSETS: [] });
    expect((await get(`${url}&session=list2`, BROWSER)).body).toContain("<Ad ");
    expect((await get(`${url}&session=list3`, BROWSER)).body).not.toContain("<Ad ");
  });

  test("what a wrapper leads to is not in it, and is noted as left out", async () => {
    const { get, listRows } = await open();
    expect((await get("/ads/vast?zone=2&li=foreign&session=w&break=b", JSON_WANTED)).json()).toEqual({ ASSETS: [] });
    await expect.poll(async () => (await listRows("w")).at(-1), POLL).toBe("adSkipped foreign foreign  2 1 0");
  });

  test("without a session it is the one that players of interstitials append", async () => {
    const { get } = await open();
    const { body } = await get("/ads/vast?zone=2&li=pod&_HLS_primary_id=prime", JSON_WANTED);
    expect(body).toContain("session=prime&");
  });

  test("a map is VMAP whatever is wanted", async () => {
    const { get } = await open();
    const answer = await get("/ads/vmap?zone=2&schedule=pre-mid-post", JSON_WANTED);
    expect([answer.statusCode, answer.headers["content-type"]]).toEqual([200, "application/xml; charset=utf-8"]);
  });
});
