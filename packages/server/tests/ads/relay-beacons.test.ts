/** Tracking of what a relay hands out: beacons that the receiver takes, each counted once, and errors that no player tells. */
import type { ServerResponse } from "node:http";
import { type Ad, parseVast, parseVmap, readXml } from "@interlude/core";
import { beforeAll, describe, expect, test } from "vitest";
import { parseCampaigns } from "../../src/ads/campaign/campaign-file.ts";
import type { Database } from "../../src/database/database.ts";
import { parseXml } from "../../src/xml.ts";
import { openTestDatabase } from "../http/test-app.ts";
import { filmlessVast } from "./relay/documents.ts";
import { upstream } from "./relay/relay-world.ts";
import { openRelayedServer } from "./relay-tags-world.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

const POLL = { interval: 20, timeout: 5000 };
const BROWSER = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };
const open = (tag: string, more = {}): ReturnType<typeof openRelayedServer> =>
  openRelayedServer({ query: (sql, values) => database.query(sql, values), tag, ...more });

function adsOf(body: string): readonly Ad[] {
  return parseVast(readXml(body, parseXml)).ads.map(({ ad }) => ad);
}

/** Of this server, of the first ad. */
function impressionOf(body: string): URL {
  const [url = "http://none/"] = (adsOf(body)[0]?.impressions ?? []).filter((one) =>
    one.includes("/track/impression?"),
  );
  return new URL(url);
}

const sessionOf = (url: URL): string => url.searchParams.get("session") ?? "";

/** As a player fills it in. */
function fillIn(url: URL, cacheBuster: number): string {
  const filled = new URL(url);
  filled.searchParams.set("cb", String(cacheBuster));
  filled.searchParams.set("t", "2026-01-01T00:00:00.000Z");
  return `${filled.pathname}${filled.search}`;
}

describe("an ad of others in an answer to a request without a session", () => {
  test("has beacons of that answer alone, which count once however often they are sent", async () => {
    const { get, listRows } = await open("/ads/vast3");
    const ask = async (): Promise<URL> => impressionOf((await get("/ads/vast?zone=1&break=b")).body);
    const [first, second] = [await ask(), await ask()];
    expect(sessionOf(first)).toMatch(/^~[\da-f-]{36}$/);
    expect(sessionOf(second)).not.toBe(sessionOf(first));
    for (const times of [1, 2, 3]) expect((await get(fillIn(first, times), BROWSER)).statusCode).toBe(204);
    await get(fillIn(second, 1), BROWSER);
    await expect.poll(() => listRows(sessionOf(second)), POLL).toHaveLength(3);
    const rows = (await listRows(sessionOf(first))).map(String);
    expect(rows.filter((row) => row.startsWith("impression "))).toHaveLength(1);
    expect(rows).toContain("adOffered 697200496  main 1 1 0");
  });

  test("is tracked though it brings an address that this server once sealed for somebody else", async () => {
    let planted = "";
    const linear = `<Linear><Duration>00:00:05</Duration><MediaFiles><MediaFile type="video/mp4">https://m.example/x.mp4</MediaFile></MediaFiles></Linear>`;
    const { get } = await open("/planted", {
      ads: {
        "/planted": (_request: unknown, response: ServerResponse) => {
          const inline = `<InLine><Impression><![CDATA[${planted}]]></Impression><Creatives><Creative>${linear}</Creative></Creatives></InLine>`;
          response.end(`<VAST version="3.0"><Ad id="x">${inline}</Ad></VAST>`);
        },
      },
    });
    planted = impressionOf((await get("/ads/vast?zone=1&session=old&break=b")).body).href;
    const [ad] = adsOf((await get("/ads/vast?zone=1&break=b")).body);
    const sessions = (ad?.impressions ?? []).map((url) => sessionOf(new URL(url)));
    expect(sessions).toEqual([expect.stringMatching(/^~/), "old"]);
  });

  test("that was asked for ahead is offered under the name that its beacons have", async () => {
    const { get, ads, listNoted } = await open("/ads/vast3");
    await get("/ads/vast?zone=1&viewer=v&break=b-1&prefetch=b-2");
    await expect.poll(() => ads.requests.length, { interval: 5 }).toBe(2);
    const session = sessionOf(impressionOf((await get("/ads/vast?zone=1&viewer=v&break=b-2")).body));
    expect(ads.requests).toHaveLength(2);
    await expect
      .poll(() => listNoted(session), POLL)
      .toEqual([
        ["adRequest", "b-2", ""],
        ["adOffered", "b-2", "697200496"],
      ]);
  });

  test("of this server's campaign file has one name in what is offered and in its beacons", async () => {
    const { get, listRows } = await open("/", { more: { upstreams: [upstream("/ads/vast?zone=1&li=mp4")] } });
    const { body } = await get("/ads/vast?zone=1&break=b");
    expect(adsOf(body)[0]?.impressions).toHaveLength(1);
    await expect
      .poll(() => listRows(sessionOf(impressionOf(body))), POLL)
      .toEqual(["adRequest   main 1 0 1", "adOffered ad-mp4 mp4 main 1 1 0"]);
  });
});

test("a wrapper of the campaign file that leads to a pod is one line item that is offered", async () => {
  const { get, listRows } = await open("/", {
    more: { upstreams: [upstream("/ads/vast?zone=1&li=li-w")] },
    config: (origin: string) => {
      const lineItems = [{ id: "li-w", wrapper: `${origin}/ads/pod` }];
      return { campaigns: parseCampaigns(JSON.stringify({ version: 1, lineItems }), "c.json") };
    },
  });
  expect(adsOf((await get("/ads/vast?zone=1&session=wrapped-pod&break=b")).body)).toHaveLength(3);
  await expect
    .poll(() => listRows("wrapped-pod"), POLL)
    .toEqual(["adRequest   main 1 0 1", "adOffered li-w li-w main 1 1 0"]);
});

test.each([
  ["is cut in the middle of a character", `${"x".repeat(199)}\u{1F600}`, `${"x".repeat(199)}\uFFFD`],
  ["has a tab", "a&#9;b", "a\uFFFDb"],
  ["has a control character", "a\u0085b", "a\uFFFDb"],
])("an ad and a break whose id %s are shown, and their beacons taken", async (_what, id, name) => {
  const { get, listNoted } = await open("/named", {
    ads: {
      "/named": (_request: unknown, response: ServerResponse) => {
        const media = `<MediaFiles><MediaFile type="video/mp4">https://m.example/x.mp4</MediaFile></MediaFiles>`;
        const creative = `<Creative id="${id}"><Linear><Duration>00:00:05</Duration>${media}</Linear></Creative>`;
        const vast = `<VAST version="3.0"><Ad id="${id}"><InLine><Creatives>${creative}</Creatives></InLine></Ad></VAST>`;
        response.end(
          `<VMAP version="1.0"><AdBreak timeOffset="start" breakType="linear" breakId="${id}"><AdSource><VASTAdData>${vast}</VASTAdData></AdSource></AdBreak></VMAP>`,
        );
      },
    },
  });
  const session = `named-${name.length}-${id.length}`;
  const { body } = await get(`/ads/vmap?zone=1&session=${session}`);
  const [adBreak] = parseVmap(readXml(body, parseXml)).breaks;
  expect(adBreak?.breakId).toBe(name);
  const url = /https?:\/\/localhost\/track\/impression[^\]]*/.exec(body)?.[0] ?? "http://none/";
  expect((await get(fillIn(new URL(url), 1), BROWSER)).statusCode).toBe(204);
  await expect
    .poll(() => listNoted(session), POLL)
    .toEqual([
      ["adRequest", name, ""],
      ["adOffered", name, name],
      ["impression", name, name],
    ]);
});

describe("an asset list without assets", () => {
  const JSON_WANTED = { accept: "application/json" };

  test("tells the ad server whose answer had no ads, since no player gets to see it", async () => {
    const { get, ads, beacons } = await open("/ads/empty");
    expect((await get("/ads/vast?zone=1&session=s&break=b", JSON_WANTED)).json()).toEqual({ ASSETS: [] });
    expect(beacons).toEqual([`${ads.origin}/pixel/nofill?c=303`]);
  });

  test("tells the ads without a film too that stand by, each once", async () => {
    const adOf = (o: string, name: string): string =>
      /<Ad [^]*<\/Ad>/.exec(filmlessVast(o, "<NonLinearAds/>").replaceAll("film-less", name))?.[0] ?? "";
    const { get, ads, beacons } = await open("/film-less", {
      ads: {
        "/film-less": (_request: unknown, response: ServerResponse, o: string) =>
          response.end(`<VAST version="3.0">${adOf(o, "first")}${adOf(o, "stands-by")}</VAST>`),
      },
    });
    expect((await get("/ads/vast?zone=1&session=s&break=b", JSON_WANTED)).json()).toEqual({ ASSETS: [] });
    const theirs = beacons.filter((url) => url.startsWith(ads.origin));
    expect(theirs).toEqual([`${ads.origin}/pixel/first?c=401`, `${ads.origin}/pixel/stands-by?c=201`]);
  });
});

describe("a film of this server, where it takes any name that a client gives it", () => {
  const more = { normalise: "first", upstreams: [upstream("/ads/vast?zone=1&li=mp4")] };
  const ask = async (publicHosts: readonly string[], name: string) => {
    const { get, crs } = await open("/", { more, config: { publicHosts } });
    const headers = { host: name };
    const bodies = [
      (await get("/ads/vast?zone=1&session=s&break=b", headers)).body,
      (await get("/ads/vast?zone=2&li=mp4", headers)).body,
    ];
    expect(bodies.map((body) => adsOf(body)[0]?.id)).toEqual(["ad-mp4", "ad-mp4"]);
    await get("/ads/vast?zone=2&li=mp4&source=assets", headers);
    return { tickets: bodies.map((body) => body.includes("<RepackageTicket ")), orders: crs.orders.length };
  };

  test("is neither ordered nor ticketed under one that nobody listed: each would be another film", async () => {
    expect(await ask(["*"], "a1.example")).toEqual({ tickets: [false, false], orders: 0 });
  });

  test("is both under one that is listed beside", async () => {
    expect(await ask(["*", "a1.example"], "a1.example")).toEqual({ tickets: [true, true], orders: 2 });
  });
});
