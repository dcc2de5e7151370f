/** An upstream that is this very server: its campaign file, behind a proxy that ends TLS. */
import { type Ad, parseVast, readXml } from "@interlude/core";
import { beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { parseXml } from "../../src/xml.ts";
import { openTestDatabase } from "../http/test-app.ts";
import { openRelayedServer } from "./relay-tags-world.ts";
import { upstream } from "./relay/relay-world.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

const POLL = { interval: 20, timeout: 5000 };
const PROXIED = {
  host: "pub.example",
  "x-forwarded-proto": "https",
  "x-forwarded-for": "203.0.113.9",
};

function openHouse(tagUrl: string, more = {}): ReturnType<typeof openRelayedServer> {
  return openRelayedServer({
    query: (sql, values) => database.query(sql, values),
    tag: "/",
    config: { publicHosts: ["pub.example"], trustProxy: ["127.0.0.1"] },
    more: { upstreams: [upstream(tagUrl, { name: "house" })] },
    ...more,
  });
}

function adsOf(body: string): readonly Ad[] {
  return parseVast(readXml(body, parseXml)).ads.map(({ ad }) => ad);
}

describe("the tags of a zone with a relay", () => {
  test("HEAD asks no ad server, and nothing is noted of it", async () => {
    const { app, ads } = await openRelayedServer({
      query: (sql, values) => database.query(sql, values),
      tag: "/ads/vast3",
    });
    const headers = { host: "localhost" };
    for (const url of [
      "/ads/vast?zone=1",
      "/ads/vast?zone=2&li=mp4",
      "/ads/vmap?zone=1",
      "/ads/vmap?zone=2&schedule=pre-mid-post",
    ])
      expect((await app.inject({ method: "HEAD", url, headers })).statusCode).toBe(404);
    expect(ads.requests).toEqual([]);
  });

  test("a line item or a schedule whose template nobody filled in is none", async () => {
    const { get, ads } = await openRelayedServer({
      query: (sql, values) => database.query(sql, values),
      tag: "/ads/vast3",
    });
    expect((await get("/ads/vast?zone=1&break=b&li=")).body).toContain("PubServe");
    expect((await get("/ads/vmap?zone=1&schedule=&li=")).body).toContain("PubServe");
    expect(ads.requests).toHaveLength(2);
  });
});

describe("a tag of this very server, behind a proxy that ends TLS", () => {
  test.each([
    "/ads/vast?zone=1&li=mp4",
    "http://localhost/ads/vast?zone=1&li=mp4",
    "http://pub.example/ads/vast?zone=1&li=mp4",
  ])("%s has its addresses where the viewer came in", async (tagUrl) => {
    const { get } = await openHouse(tagUrl);
    const [ad] = adsOf((await get("/ads/vast?zone=1&session=tls&break=b", PROXIED)).body);
    expect(ad?.id).toBe("ad-mp4");
    const urls = [...(ad?.impressions ?? []), ...(ad?.creatives[0]?.mediaFiles.map(({ url }) => url) ?? [])];
    expect(urls.filter((url) => !url.startsWith("https://pub.example/"))).toEqual([]);
  });

  test("headers that anybody may send do not hide a request from the report", async () => {
    const { get, listNoted } = await openHouse("/ads/vast?zone=1&li=mp4");
    const disguise = { via: "1.1 interlude", "x-interlude-relay": "1", "x-interlude-own": "1" };
    await get("/ads/vast?zone=1&session=disguised&break=b", disguise);
    await get("/ads/vast?zone=2&li=mp4&session=disguised&break=c", disguise);
    await expect
      .poll(() => listNoted("disguised"), POLL)
      .toEqual([
        ["adRequest", "b", ""],
        ["adOffered", "b", "ad-mp4"],
        ["adRequest", "c", ""],
        ["adOffered", "c", "ad-mp4"],
      ]);
  });
});
