/** An upstream that is this very server: its campaign file, behind a proxy that ends TLS. */
import { type Ad, parseVast, readXml } from "@interlude/core";
import { beforeAll, describe, expect, test } from "vitest";
import { parseCampaigns } from "../../src/ads/campaign/campaign-file.ts";
import { RELAY_DEFAULTS } from "../../src/ads/relay/relay-zone.ts";
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
const BROWSER = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };
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

const CAMPAIGN = (origin: string): string =>
  JSON.stringify({
    version: 1,
    lineItems: [
      { id: "li-a", zones: ["2"], priority: 1, ads: [film("A")] },
      { id: "li-b", zones: ["2"], priority: 1, bumper: "first", ads: [film("B")] },
      {
        id: "li-c",
        zones: ["2"],
        priority: 9,
        targeting: { keyValues: { goal: ["yes"] } },
        goal: { impressions: 2, pacing: "asap" },
        ads: [film("C")],
      },
      { id: "li-w", wrapper: `${origin}/ads/vast3` },
    ],
  });

function film(id: string): object {
  const mediaFiles = [{ url: `https://cdn.example/${id}.mp4`, type: "video/mp4", width: 640, height: 360 }];
  return { id, duration: 10, mediaFiles };
}

/** Event, ad, line item, upstream, zone and position of the addresses of this server. */
function ownOf(urls: readonly string[]): readonly string[] {
  return urls
    .map((text) => new URL(text))
    .flatMap(({ pathname, searchParams }) => {
      if (!pathname.startsWith("/track/")) return [];
      const told = ["ad", "li", "up", "zone", "position"].map((name) => searchParams.get(name));
      return [[pathname.slice("/track/".length), ...told].join(" ")];
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

  test("a path is this server's by whatever name it is reached, where it takes any", async () => {
    const { get } = await openHouse("/ads/vast?zone=1&li=wrapped", {
      config: { publicHosts: ["*"], trustProxy: ["127.0.0.1"] },
    });
    const headers = { ...PROXIED, host: "any.example" };
    const [ad] = adsOf((await get("/ads/vast?zone=1&session=any&break=b", headers)).body);
    expect(ad?.creatives[0]?.mediaFiles[0]?.url).toMatch("https://any.example/media/a.mp4");
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

describe("ads of the campaign file that come through a relay", () => {
  const openCampaign = (tagUrl: string) =>
    openHouse(tagUrl, { config: (origin: string) => ({ campaigns: parseCampaigns(CAMPAIGN(origin), "c.json") }) });

  test("are tracked once, with their line item, in the zone that was asked", async () => {
    const { get, listRows } = await openHouse("/ads/vast?zone=1&li=mp4");
    const [ad] = adsOf((await get("/ads/vast?zone=1&session=house&break=b&position=3", PROXIED)).body);
    expect(ownOf(ad?.impressions ?? [])).toEqual(["impression ad-mp4 mp4 house 1 3"]);
    expect(ownOf(ad?.errors ?? [])).toEqual(["error ad-mp4 mp4 house 1 3"]);
    const starts = ad?.creatives[0]?.trackers.filter(({ event }) => event === "start").map(({ url }) => url);
    expect(ownOf(starts ?? [])).toEqual(["start ad-mp4 mp4 house 1 3"]);
    await expect
      .poll(() => listRows("house"), POLL)
      .toEqual(["adRequest   house 1 0 1", "adOffered ad-mp4 mp4 house 1 3 0"]);
  });

  test("of a wrapper the line item's impression is the one that is counted, and what was offered", async () => {
    const { get, listRows } = await openCampaign("/ads/vast?zone=1&li=li-w");
    const [ad] = adsOf((await get("/ads/vast?zone=1&session=wrap&break=b")).body);
    expect(ad?.id).toBe("697200496");
    expect(ownOf(ad?.impressions ?? [])).toEqual(["impression li-w li-w house 1 1"]);
    await expect
      .poll(() => listRows("wrap"), POLL)
      .toEqual(["adRequest   house 1 0 1", "adOffered li-w li-w house 1 1 0"]);
  });

  test("picked for another zone they keep their places, and a bumper is no ad", async () => {
    const { get, listRows } = await openCampaign("/ads/vast?zone=2");
    const ads = adsOf((await get("/ads/vast?zone=1&session=pod&break=b&duration=60")).body);
    expect(ads.flatMap(({ impressions }) => ownOf(impressions))).toEqual([
      "bumper B li-b house 1 0",
      "impression A li-a house 1 1",
    ]);
    await expect.poll(() => listRows("pod"), POLL).toEqual(["adRequest   house 1 0 1", "adOffered A li-a house 1 1 0"]);
  });

  test("a goal counts each that was shown, once", async () => {
    const { get, listRows } = await openCampaign("/ads/vast?zone=2&goal=yes");
    const ask = async (session: string) =>
      adsOf((await get(`/ads/vast?zone=1&session=${session}&break=b&duration=30`)).body).find(({ id }) => id === "C");
    for (const session of ["goal-1", "goal-2"]) {
      const url = (await ask(session))?.impressions.find((one) => one.includes("/track/impression")) ?? "http://none/";
      expect((await get(url.replace("http://localhost", ""), BROWSER)).statusCode).toBe(204);
      await expect
        .poll(() => listRows(session), POLL)
        .toContainEqual(expect.stringMatching(/^impression C li-c house 1 /));
    }
    const total = "select impressions::integer as impressions from delivery_total where line_item = 'li-c'";
    expect(await database.query(total)).toEqual([{ impressions: 2 }]);
  });

  test("of a relay within a relay the outer one counts, in its zone and by its upstream's name", async () => {
    const second = { ...RELAY_DEFAULTS, upstreams: [upstream("/ads/vast?zone=2&li=mp4", { name: "inner" })] };
    const { get, listRows } = await openHouse("/ads/vast?zone=2", { second });
    const [ad] = adsOf((await get("/ads/vast?zone=1&session=nested&break=b")).body);
    expect(ownOf(ad?.impressions ?? [])).toEqual(["impression ad-mp4 mp4 house 1 1"]);
    await expect
      .poll(() => listRows("nested"), POLL)
      .toEqual(["adRequest   house 1 0 1", "adOffered ad-mp4 mp4 house 1 1 0"]);
  });

  test("a map's breaks are tracked once", async () => {
    const { get, listRows } = await openHouse("/ads/vmap?zone=1&schedule=pre-mid-post");
    const { body } = await get("/ads/vmap?zone=1&session=map");
    expect(body.match(/track\/breakStart/g)).toHaveLength(3);
    const offered = async () => (await listRows("map")).filter((row) => String(row).startsWith("adOffered ad-mp4"));
    await expect.poll(offered, POLL).toEqual(["adOffered ad-mp4 mp4 house 1 1 0", "adOffered ad-mp4 mp4 house 1 1 0"]);
  });

  test("addresses of this server in an answer of others, sealed or not, are not taken for its own", async () => {
    const forged =
      "http://localhost/track/impression?zone=1&session=s&break=b&position=1&ad=x&creative=x&li=mp4&up=house&sig=aaaaaaaaaaaaaaaaaaaaaa";
    const linear = `<Linear><Duration>00:00:05</Duration><MediaFiles><MediaFile type="video/mp4">https://m.example/x.mp4</MediaFile></MediaFiles></Linear>`;
    const inline = `<InLine><Impression><![CDATA[${forged}]]></Impression><Creatives><Creative>${linear}</Creative></Creatives></InLine>`;
    const { get } = await openRelayedServer({
      query: (sql, values) => database.query(sql, values),
      tag: "/forged",
      ads: { "/forged": (_request, response) => response.end(`<VAST version="3.0"><Ad id="x">${inline}</Ad></VAST>`) },
    });
    const [ad] = adsOf((await get("/ads/vast?zone=1&session=s&break=b")).body);
    expect(ownOf(ad?.impressions ?? [])).toEqual(["impression x  main 1 1", "impression x mp4 house 1 1"]);
  });
});
