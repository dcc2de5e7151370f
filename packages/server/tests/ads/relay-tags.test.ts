import type { IncomingMessage, ServerResponse } from "node:http";
import { type MediaFile, parseVast, parseVmap, readXml } from "@interlude/core";
import { beforeAll, describe, expect, test } from "vitest";
import { deriveBeaconSecret, checkBeacon } from "../../src/beacon-signature.ts";
import { QueueFull } from "../../src/crs/crs.ts";
import type { Database } from "../../src/database/database.ts";
import { parseXml } from "../../src/xml.ts";
import { openTestDatabase, testConfig } from "../http/test-app.ts";
import { openRelayedServer } from "./relay-tags-world.ts";
import { exchangeVast42, filmlessVast } from "./relay/documents.ts";
import { upstream } from "./relay/relay-world.ts";
import { ticketIn } from "./ticket-in.ts";

let database: Database;
beforeAll(async () => {
  database = await openTestDatabase();
});

/** What is noted is written down behind the answer. */
const POLL = { interval: 20, timeout: 5000 };
const VIEWER = "zone=1&session=s-1&break=mid-1&duration=30";
const open = (tag: string, more = {}): ReturnType<typeof openRelayedServer> =>
  openRelayedServer({ query: (sql, values) => database.query(sql, values), tag, ...more });

function mediaFilesOf(body: string): readonly MediaFile[] {
  return parseVast(readXml(body, parseXml)).ads.flatMap(({ ad }) => ad.creatives.flatMap((one) => one.mediaFiles));
}

describe("GET /ads/vast of a zone with a relay", () => {
  test("is what the ad server answered, with tracking of this server that it signed itself", async () => {
    const { get } = await open("/ads/vast3");
    const answer = await get(`/ads/vast?${VIEWER}`);
    expect([answer.statusCode, answer.headers["content-type"], answer.headers["cache-control"]]).toEqual([
      200,
      "application/xml; charset=utf-8",
      "no-store",
    ]);
    const { version, ads } = parseVast(readXml(answer.body, parseXml));
    expect([version, ads.map(({ ad }) => ad.adSystem)]).toEqual(["3.0", ["PubServe"]]);
    const own = ads[0]?.ad.impressions.find((url) => url.startsWith("http://localhost/track/impression?")) ?? "";
    const query = Object.fromEntries(new URL(own).searchParams);
    expect(query).toMatchObject({ session: "s-1", break: "mid-1", ad: "697200496", up: "main", position: "1" });
    const secret = deriveBeaconSecret(testConfig().ticketSecret);
    expect(checkBeacon("impression", query, secret)).toBe("signed");
    expect(checkBeacon("impression", { ...query, up: "other" }, secret)).toBe("forged");
  });

  test("gives a ticket for each media file that can be repackaged, by which a page has it made", async () => {
    const { get, app, ads, crs } = await open("/ads/vast3");
    const { body } = await get(`/ads/vast?${VIEWER}`);
    const film = `${ads.origin}/media/spring_720.mp4?expire=1&sparams=ip,id`;
    const ticketed = mediaFilesOf(body).filter(({ repackageTicket }) => repackageTicket !== undefined);
    expect(ticketed.map(({ type }) => type)).toEqual(["video/mp4", "video/webm"]);
    const payload = { zone: "1", creativeUrl: film, packaging: "hls", targetDuration: 6, ticket: ticketIn(body, film) };
    const order = await app.inject({ method: "POST", url: "/ads/repackage", payload });
    expect([order.statusCode, order.json().state]).toEqual([202, "absent"]);
    expect(crs.orders).toMatchObject([{ adSystem: "PubServe", adId: "697200496", creativeId: "57860459056" }]);
  });

  test("has no tickets where repackaging is off", async () => {
    const { get } = await open("/ads/vast3", { isCrsOff: true });
    expect((await get(`/ads/vast?${VIEWER}`)).body).not.toContain("RepackageTicket");
  });

  test("an answer with a crowd of media files is handed on as it is: of five hundred none is looked at beyond", async () => {
    const files = Array.from(
      { length: 300 },
      (_, n) => `<MediaFile type="video/mp4">https://m.example/${n}.mp4</MediaFile>`,
    );
    const linear = `<Linear><Duration>00:00:05</Duration><MediaFiles>${files.join("")}</MediaFiles></Linear>`;
    const creatives = `<Creatives><Creative>${linear}</Creative><Creative>${linear}</Creative></Creatives>`;
    const crowd = `<VAST version="3.0"><Ad id="a"><InLine><AdSystem>Crowd</AdSystem>${creatives}</InLine></Ad></VAST>`;
    const { get } = await open("/crowd", {
      ads: { "/crowd": (_request: unknown, response: ServerResponse) => response.end(crowd) },
    });
    const { body } = await get(`/ads/vast?${VIEWER}`);
    expect(body.match(/<MediaFile /g)).toHaveLength(600);
    expect(body.match(/<RepackageTicket /g)).toHaveLength(20);
  });

  test("a line item that is named is the campaign file's; so is everything in a zone without a relay", async () => {
    const { get, ads } = await open("/ads/vast3");
    expect((await get(`/ads/vast?${VIEWER}&li=mp4`)).body).toContain("<AdSystem>Interlude</AdSystem>");
    expect((await get("/ads/vast?zone=2&li=mp4")).body).toContain("<AdSystem>Interlude</AdSystem>");
    expect((await get("/ads/vmap?zone=1&schedule=pre-mid-post")).body).toContain('breakId="mid-1"');
    expect(ads.requests).toEqual([]);
  });

  test("the request and the ads of its answer are noted once; one without ads is no fill", async () => {
    const { get, listNoted } = await open("/ads/vast3");
    await get("/ads/vast?zone=1&session=noted&break=b-1");
    await expect
      .poll(() => listNoted("noted"), POLL)
      .toEqual([
        ["adRequest", "b-1", ""],
        ["adOffered", "b-1", "697200496"],
      ]);
    const empty = await open("/ads/none");
    const { statusCode, body } = await empty.get("/ads/vast?zone=1&session=empty&break=b-1");
    expect([statusCode, parseVast(readXml(body, parseXml)).ads]).toEqual([200, []]);
    await expect.poll(() => empty.listNoted("empty"), POLL).toEqual([["adRequest", "b-1", ""]]);
  });

  test("ad servers that are all away cost no more than the ads", async () => {
    const { get } = await open("/silent", { more: { timeoutMs: 50 } });
    const answer = await get(`/ads/vast?${VIEWER}`);
    expect([answer.statusCode, parseVast(readXml(answer.body, parseXml)).ads]).toEqual([200, []]);
  });

  test("cookies of the ad server go to the client and come back to it", async () => {
    const { get, ads } = await open("/cookie-check");
    const first = await get(`/ads/vast?${VIEWER}`);
    const set = [first.headers["set-cookie"] ?? []].flat();
    expect(set.map((line) => line.includes("; Path=/ads/; HttpOnly"))).toEqual([true, true]);
    const cookie = set.map((line) => line.split(";")[0]).join("; ");
    await get(`/ads/vast?${VIEWER}`, { cookie: `page=own; ${cookie}` });
    const sent = ads.requestsTo("/cookie-check").at(-1)?.headers.cookie;
    expect(sent?.split("; ").toSorted()).toEqual(["seg=a%2Cb", "uid=v1-7f"]);
  });

  test("the viewer of a server that asks for somebody is who it says", async () => {
    const { get, ads } = await open("/ads/vast3");
    await get(`/ads/vast?${VIEWER}`, { "x-device-ip": "203.0.113.7", "x-device-user-agent": "TV/1" });
    expect(ads.requests.at(-1)?.headers).toMatchObject({ "x-device-ip": "203.0.113.7", "x-device-user-agent": "TV/1" });
  });

  test("a tag of this very server is answered without the network, and the inner request is not noted again", async () => {
    const upstreams = [upstream("http://localhost/ads/vast?zone=1&li=mp4")];
    const { get, listNoted } = await open("/", { more: { upstreams } });
    const { ads } = parseVast(readXml((await get("/ads/vast?zone=1&session=own&break=b")).body, parseXml));
    expect(ads.map(({ ad }) => ad.id)).toEqual(["ad-mp4"]);
    await expect
      .poll(() => listNoted("own"), POLL)
      .toEqual([
        ["adRequest", "b", ""],
        ["adOffered", "b", "ad-mp4"],
      ]);
  });

  test("a tag that leads back to the same relay ends without ads, as one request", async () => {
    const upstreams = [upstream("http://localhost/ads/vast?zone=1")];
    const { get, listNoted } = await open("/", { more: { upstreams } });
    const answer = await get("/ads/vast?zone=1&session=loop&break=b");
    expect([answer.statusCode, parseVast(readXml(answer.body, parseXml)).ads]).toEqual([200, []]);
    await get("/ads/vast?zone=1&session=loop&break=last&li=nothing");
    await expect.poll(async () => (await listNoted("loop")).at(-1), POLL).toEqual(["adRequest", "last", ""]);
    expect(await listNoted("loop")).toEqual([
      ["adRequest", "b", ""],
      ["adRequest", "last", ""],
    ]);
  });
});

describe("GET /ads/vmap of a zone with a relay", () => {
  test("is the map of the ad server with its breaks filled, each of them noted", async () => {
    const { get, listNoted } = await open("/ads/vmap");
    const answer = await get("/ads/vmap?zone=1&session=map");
    const { breaks } = parseVmap(readXml(answer.body, parseXml));
    expect(breaks.map(({ breakId }) => breakId)).toEqual(["preroll", "midroll-1", "overlay", "postroll"]);
    expect(answer.body.match(/<RepackageTicket /g)).toHaveLength(4);
    await expect
      .poll(() => listNoted("map"), POLL)
      .toEqual(
        expect.arrayContaining([
          ["adOffered", "preroll", "697200496"],
          ["adOffered", "midroll-1", "697200496"],
          ["adRequest", "postroll", ""],
        ]),
      );
  });

  test("without a schedule, where no ad server could have one, it is 400", async () => {
    const { get } = await open("/ads/vmap");
    const answer = await get("/ads/vmap?zone=2");
    expect([answer.statusCode, answer.json().error]).toEqual([
      400,
      { code: "invalid-request", message: "querystring.schedule: expected a value, got nothing" },
    ]);
  });
});

describe("normalise", () => {
  const FILM = "/media/spring_720.mp4?expire=1&sparams=ip,id";

  /** As a player reads it that knows nothing of this server. */
  const listFilms = (body: string): readonly (string | undefined)[] =>
    [...body.matchAll(/<MediaFile [^>]*type="([^"]+)"[^>]*>(?:<!\[CDATA\[)?([^<\]]+)/g)].map(([, type, url]) =>
      url?.startsWith("http://localhost/") ? `${type} ${url}` : type,
    );

  test("first: a creative that is ready has its HLS copy as the first media file, the others behind", async () => {
    const { get, ads, makeReady } = await open("/ads/vast3", { more: { normalise: "first" } });
    const copy = makeReady(`${ads.origin}${FILM}`);
    const { body } = await get(`/ads/vast?${VIEWER}`);
    const hls = `application/x-mpegURL ${copy}`;
    expect(listFilms(body)).toEqual([hls, "video/mp4", "video/webm", "application/javascript"]);
    expect(body).toMatch(/<MediaFile delivery="streaming" type="application\/x-mpegURL" width="1280" height="720">/);
  });

  test("only: the copy is all there is", async () => {
    const { get, ads, makeReady } = await open("/ads/vast3", { more: { normalise: "only" } });
    const copy = makeReady(`${ads.origin}${FILM}`);
    expect(listFilms((await get(`/ads/vast?${VIEWER}`)).body)).toEqual([`application/x-mpegURL ${copy}`]);
  });

  test.each(["first", "only"] as const)(
    "%s: the plugin takes the copy for the film itself, since its content may need another one",
    async (normalise) => {
      const { get, app, ads, makeReady } = await open("/ads/vast3", { more: { normalise } });
      makeReady(`${ads.origin}${FILM}`);
      const [film] = mediaFilesOf((await get(`/ads/vast?${VIEWER}`)).body);
      expect(film).toMatchObject({ url: `${ads.origin}${FILM}`, type: "video/mp4" });
      const order = { zone: "1", creativeUrl: film?.url, packaging: "cmaf", targetDuration: 4 };
      const payload = { ...order, ticket: film?.repackageTicket };
      const answer = await app.inject({ method: "POST", url: "/ads/repackage", payload });
      expect([answer.statusCode, answer.json().state]).toEqual([202, "ready"]);
    },
  );

  test("a creative that is not ready stays as it is and is ordered, once for many viewers, by its answer's names", async () => {
    const { get, ads, crs } = await open("/ads/vast3", { more: { normalise: "only" } });
    for (let viewer = 0; viewer < 5; viewer++) {
      const files = mediaFilesOf((await get(`/ads/vast?zone=1&session=cold-${viewer}`)).body);
      expect(files.map(({ type }) => type)).toEqual(["video/mp4", "video/webm", "application/javascript"]);
    }
    const order = { creativeUrl: `${ads.origin}${FILM}`, packaging: "hls", targetDuration: 6, isFromPage: false };
    expect(crs.orders).toMatchObject([{ ...order, adSystem: "PubServe", adId: "697200496" }]);
  });

  test("the copy of a creative that was blocked since is not handed out, nor ordered", async () => {
    const { get, ads, crs, makeReady } = await open("/ads/vast3", { more: { normalise: "first" } });
    const copy = makeReady(`${ads.origin}${FILM}`);
    const key = /[0-9a-f]{32}/.exec(copy)?.[0] ?? "";
    const ready = await crs.status("1", key);
    if (ready) crs.tell({ ...ready, state: "blocked" });
    expect(listFilms((await get(`/ads/vast?${VIEWER}`)).body)[0]).toBe("video/mp4");
    expect(crs.orders).toEqual([]);
  });

  test("CRS that has no room is not asked again at once, and costs no ad", async () => {
    const { get, crs } = await open("/ads/vast3", { more: { normalise: "first" } });
    let orders = 0;
    Object.assign(crs, {
      submit: async () => {
        orders++;
        throw new QueueFull("100 creatives wait");
      },
    });
    for (let times = 0; times < 5; times++)
      expect(mediaFilesOf((await get(`/ads/vast?${VIEWER}`)).body)).toHaveLength(3);
    expect(orders).toBe(1);
  });

  test("HLS stays what it is, and off asks CRS for nothing", async () => {
    const hls = await open("/ads/vast42", { more: { normalise: "only" } });
    const files = mediaFilesOf((await hls.get(`/ads/vast?${VIEWER}`)).body);
    expect([files.map(({ type }) => type), hls.crs.orders]).toEqual([["application/x-mpegurl", "video/mp4"], []]);
    const off = await open("/ads/vast3");
    const copy = off.makeReady(`${off.ads.origin}${FILM}`);
    expect((await off.get(`/ads/vast?${VIEWER}`)).body).not.toContain(copy);
    expect(off.crs.orders).toEqual([]);
  });

  test("CRS that does not answer costs no ad", async () => {
    const { get, crs } = await open("/ads/vast3", { more: { normalise: "first" } });
    Object.assign(crs, { status: () => new Promise(() => undefined) });
    expect(mediaFilesOf((await get(`/ads/vast?${VIEWER}`)).body)).toHaveLength(3);
  });
});

describe("asset list", () => {
  const JSON_WANTED = { accept: "application/json" };

  test("names the ads that are HLS, with what their ad server wants to be told", async () => {
    const { get, ads } = await open("/ads/vast42");
    const answer = await get(`/ads/vast?${VIEWER}`, JSON_WANTED);
    expect(answer.headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      vary: "Origin, Accept",
      "cache-control": "no-store",
    });
    const { ASSETS } = answer.json();
    expect(ASSETS).toMatchObject([{ URI: `${ads.origin}/media/x-42/master.m3u8`, DURATION: 6.5 }]);
    const { version, type, payload } = ASSETS[0]["X-AD-CREATIVE-SIGNALING"];
    expect([version, type, payload]).toMatchObject([
      2,
      "slot",
      [
        {
          type: "linear",
          start: 0,
          duration: 6.5,
          identifiers: [{ scheme: "Ad-ID", value: "CNPA0484000H" }],
          clickThrough: "https://advertiser.example/42",
        },
      ],
    ]);
    const urlsOf = (event: string): readonly string[] =>
      payload[0].tracking.find((one: { type: string }) => one.type === event).urls;
    expect(urlsOf("impression")).toEqual([
      expect.stringContaining("http://localhost/track/impression?"),
      `${ads.origin}/pixel/x/imp?id=x-42`,
    ]);
    expect(urlsOf("start")).toContain(`${ads.origin}/pixel/x/start?id=x-42`);
  });

  test("leaves out an ad that is not ready, tells its ad server so, and has it made for the next viewer", async () => {
    const { get, ads, crs, beacons, makeReady } = await open("/ads/vast3");
    const film = `${ads.origin}/media/spring_720.mp4?expire=1&sparams=ip,id`;
    expect((await get(`/ads/vast?${VIEWER}`, JSON_WANTED)).json()).toEqual({ ASSETS: [] });
    expect(crs.orders).toMatchObject([{ creativeUrl: film }]);
    expect(beacons).toEqual([
      expect.stringMatching(/^http:\/\/localhost\/track\/error\?.*&error=407&.*reason=new-creative/),
      `${ads.origin}/pixel/conversion/?label=videoplayfailed407&ai=B4x`,
    ]);
    const copy = makeReady(film);
    const { ASSETS } = (await get("/ads/vast?zone=1&session=next&source=assets")).json();
    expect(ASSETS).toMatchObject([{ URI: copy, DURATION: 10 }]);
    expect(beacons).toHaveLength(2);
  });

  test("an ad that does not tell its length is left out: a break is planned by it", async () => {
    const media = '<MediaFile type="application/x-mpegURL">https://m.example/a.m3u8</MediaFile>';
    const linear = `<Linear><MediaFiles>${media}</MediaFiles></Linear>`;
    const body = `<VAST version="3.0"><Ad><InLine><AdSystem>s</AdSystem><Creatives><Creative>${linear}</Creative></Creatives></InLine></Ad></VAST>`;
    const { get } = await open("/odd", {
      ads: { "/odd": (_request: unknown, response: ServerResponse) => response.end(body) },
    });
    expect((await get(`/ads/vast?${VIEWER}`, JSON_WANTED)).json()).toEqual({ ASSETS: [] });
  });

  const MP4 = '<MediaFile type="video/mp4">https://m.example/a.mp4</MediaFile>';
  const linear = (duration: string, files: string): string =>
    `<Linear>${duration}<MediaFiles>${files}</MediaFiles></Linear>`;
  const TIME = "<Duration>00:00:05</Duration>";

  test.each([
    ["that is an overlay", "<NonLinearAds/>", "401", "no-media-file"],
    ["without media files", linear(TIME, ""), "401", "no-media-file"],
    [
      "of a script",
      linear(TIME, MP4.replace("<MediaFile ", '<MediaFile apiFramework="VPAID" ')),
      "403",
      "interactive-unsupported",
    ],
    [
      "of a type that nobody takes",
      linear(TIME, MP4.replace("video/mp4", "video/x-ms-wmv")),
      "403",
      "unsupported-media-file",
    ],
    ["without a length", linear("", MP4), "403", "unsupported-media-file"],
    ["that is not made yet", linear(TIME, MP4), "407", "new-creative"],
  ])("an ad %s is left out, and its ad server told why", async (_what, body, code, reason) => {
    const { get, ads, beacons } = await open("/film-less", {
      ads: {
        "/film-less": (_request: unknown, response: ServerResponse, o: string) =>
          response.end(filmlessVast(o, body).replace("[ERRORCODE]", "[ERRORCODE]&amp;r=[INTERLUDE_REASON]")),
      },
    });
    expect((await get(`/ads/vast?${VIEWER}`, JSON_WANTED)).json()).toEqual({ ASSETS: [] });
    expect(beacons).toContain(`${ads.origin}/pixel/film-less?c=${code}&r=${reason}`);
  });

  test("of a pod, those that can be played keep its order; no fill is an empty list", async () => {
    const { get } = await open("/ads/pod");
    const { ASSETS } = (await get(`/ads/vast?${VIEWER}`, JSON_WANTED)).json();
    expect(ASSETS.map((asset: { DURATION: number }) => asset.DURATION)).toEqual([6.5]);
    const empty = await open("/ads/empty");
    expect((await empty.get(`/ads/vast?${VIEWER}`, JSON_WANTED)).json()).toEqual({ ASSETS: [] });
  });
});

describe("prefetch", () => {
  const hint = (break_: string): string => `/ads/vast?zone=1&session=ahead&break=b-1&cb=1&prefetch=${break_}`;

  test("the break of the hint is asked ahead, and its answer is for the same viewer, once", async () => {
    const { get, ads, listNoted } = await open("/ads/vast3");
    await get(hint("b-2"));
    await expect.poll(() => ads.requests.length, { interval: 5 }).toBe(2);
    expect(new URL(ads.requests[1]?.url ?? "", "http://x").searchParams.get("break")).toBe("b-2");
    await expect
      .poll(() => listNoted("ahead"), POLL)
      .toEqual([
        ["adRequest", "b-1", ""],
        ["adOffered", "b-1", "697200496"],
      ]);
    const other = { "user-agent": "Another/1" };
    await get("/ads/vast?zone=1&session=ahead&break=b-2&cb=2", other);
    expect(ads.requests).toHaveLength(3);
    const held = await get("/ads/vast?session=ahead&break=b-2&cb=3&zone=1");
    expect([ads.requests.length, mediaFilesOf(held.body).length]).toEqual([3, 3]);
    expect(held.body).toContain("break=b-2&");
    await get("/ads/vast?session=ahead&break=b-2&cb=4&zone=1");
    expect(ads.requests).toHaveLength(4);
  });

  test("a hint can name every parameter that will be another; what asks for the same again is asked for nothing", async () => {
    const { get, ads } = await open("/ads/vast3");
    await get(hint(encodeURIComponent("break=b-2&duration=15")));
    await expect.poll(() => ads.requests.length, { interval: 5 }).toBe(2);
    await get("/ads/vast?zone=1&session=ahead&break=b-2&duration=15");
    expect(ads.requests).toHaveLength(2);
    await get(hint("b-1"));
    await get("/ads/vast?zone=1&session=ahead&break=b-1");
    expect(ads.requests).toHaveLength(4);
  });

  test("what is asked ahead has the cookies that the answer before it set", async () => {
    const { get, ads } = await open("/cookie-check");
    await get(hint("b-2"));
    await expect.poll(() => ads.requestsTo("/cookie-check").length, { interval: 5 }).toBe(3);
    expect(ads.requests.map(({ headers }) => headers.cookie?.includes("uid=v1-7f") ?? false)).toEqual([
      false,
      true,
      true,
    ]);
  });

  test("an answer of which no player gets to see that it has no ads has its ad server told", async () => {
    const { get, ads, beacons } = await open("/ads/empty");
    await get(hint("b-2"));
    await expect.poll(() => beacons, { interval: 5 }).toEqual([`${ads.origin}/pixel/nofill?c=303`]);
    const again = await get("/ads/vast?zone=1&session=ahead&break=b-2");
    expect([ads.requests.length, beacons.length, again.body.includes("/pixel/nofill")]).toEqual([3, 1, true]);
  });

  test("what was asked ahead with the cookies of one is not for another who says that he is the same", async () => {
    const cookie = "; Path=/; Max-Age=3600";
    const { get, ads } = await open("/person", {
      ads: {
        "/person": (request: IncomingMessage, response: ServerResponse, o: string) => {
          const known = /uid=(\w+)/.exec(request.headers.cookie ?? "")?.[1];
          if (known === undefined) response.setHeader("set-cookie", `uid=n${ads.requests.length}${cookie}`);
          response.end(exchangeVast42(o, known ?? "unknown"));
        },
      },
    });
    const cookieOf = (answer: {
      readonly headers: { readonly "set-cookie"?: string | string[] | undefined };
    }): string => [answer.headers["set-cookie"] ?? []].flat()[0]?.split(";")[0] ?? "";
    const first = await get(hint("b-2"));
    await expect.poll(() => ads.requests.length, { interval: 5 }).toBe(2);
    const second = cookieOf(await get("/ads/vast?zone=1&session=else&break=b-1"));
    expect(second).not.toBe(cookieOf(first));
    const stranger = await get("/ads/vast?zone=1&session=ahead&break=b-2", { cookie: second });
    expect([stranger.body.includes('<Ad id="n1"'), stranger.body.includes('<Ad id="n3"')]).toEqual([false, true]);
    await get(hint("b-3"), { cookie: cookieOf(first) });
    await expect.poll(() => ads.requests.length, { interval: 5 }).toBe(6);
    const own = await get("/ads/vast?zone=1&session=ahead&break=b-3", { cookie: cookieOf(first) });
    expect([ads.requests.length, own.body.includes('<Ad id="n1"')]).toEqual([6, true]);
  });

  test("an answer without ads that was asked for ahead is asked for again", async () => {
    const { get, ads } = await open("/ads/none");
    await get(hint("b-2"));
    await expect.poll(() => ads.requests.length, { interval: 5 }).toBe(2);
    await get("/ads/vast?zone=1&session=ahead&break=b-2");
    expect(ads.requests).toHaveLength(3);
  });
});

test("metrics tell how ad servers answered, and which are left alone", async () => {
  const { get } = await open("/html-error");
  for (let times = 0; times < 6; times++) await get(`/ads/vast?${VIEWER}`);
  const { body } = await get("/metrics");
  expect(body).toContain('interlude_relay_attempts_total{zone="1",upstream="main",outcome="failed"} 5');
  expect(body).toContain('interlude_relay_attempts_total{zone="1",upstream="main",outcome="open"} 1');
  expect(body).toContain('interlude_relay_breaker_state{zone="1",upstream="main",state="open"} 1');
});
