import { parseMediaPlaylist, stitchVod } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { trackingUrl } from "../../src/ads/ad-request.ts";
import { createBeaconSigner } from "../../src/beacon-signature.ts";
import { createDecorator } from "../../src/manifest/tracking/ad-decorator.ts";
import type { BreakDecision } from "../../src/manifest/breaks/decision.ts";
import { createMarkerTags } from "../../src/manifest/tracking/marker-tags.ts";
import { createSegmentLinks } from "../../src/manifest/tracking/segment-links.ts";
import { createOwnErrorReader } from "../../src/manifest/tracking/own-error.ts";
import { createSigner } from "../../src/manifest/signature.ts";
import type { NotedEvent } from "../../src/noted-event.ts";
import { createSeal } from "../../src/seal.ts";
import { loopback } from "../http/loopback.ts";
import { testSession } from "./ad-world.ts";
import {
  adTrackers,
  beaconHost,
  contentText,
  decidedAd,
  decidedBreak,
  LINKED,
  MAIN,
  type SegmentServer,
  segmentPlaces,
  segmentServer,
  sessionWith,
  SIGNER,
  timedPod,
} from "./tracking-world.ts";

/** A break of two ads whose beacons all go to one host. */
function breakAt(origin: string): BreakDecision {
  const ads = ["one", "two"].map((id) => decidedAd(id, { trackers: adTrackers(id, origin) }));
  const trackers = ["breakStart", "breakEnd"].map((event) => ({
    event,
    url: `${origin}/break/${event}`,
    time: undefined,
  }));
  return decidedBreak(ads, { trackers });
}

function linksOf(server: SegmentServer, decision: BreakDecision, durations?: readonly number[]) {
  return segmentPlaces(decision, durations).map((place) => server.links.open(LINKED, decision)(place) ?? "");
}

const EVENTS_IN_ORDER = [
  "/break/breakStart",
  ...["impression", "start", "firstQuartile", "midpoint", "thirdQuartile", "complete"].map((event) => `/one/${event}`),
  ...["impression", "start", "firstQuartile", "midpoint", "thirdQuartile", "complete"].map((event) => `/two/${event}`),
  "/break/breakEnd",
];

describe("beacons fired by the server", () => {
  test("a break that is fetched to its end owes each of its beacons once, each with the segment that it falls into", async () => {
    const host = await beaconHost();
    const decision = breakAt(host.origin);
    const server = await segmentServer({ store: await sessionWith(decision), hosts: [host] });
    const perSegment: number[] = [];
    for (const link of linksOf(server, decision)) {
      await server.play(link);
      perSegment.push(host.requests.length);
    }
    expect(perSegment).toEqual([4, 6, 7, 10, 12, 14]);
    expect(host.requests.map(({ url }) => url).toSorted()).toEqual(EVENTS_IN_ORDER.toSorted());
    expect(new Set(server.counted.map((line) => line.split(" ")[1]))).toEqual(new Set(["sent"]));
  });

  test("all renditions count as one, prefetched and repeated segments once, on any instance", async () => {
    const host = await beaconHost();
    const decision = breakAt(host.origin);
    const parts = { store: await sessionWith(decision), hosts: [host] };
    const [one, other] = [await segmentServer(parts), await segmentServer(parts)];
    const links = [
      ...linksOf(one, decision),
      ...linksOf(one, decision, [4.02, 4.02, 1.96]),
      ...linksOf(one, decision, [10]),
    ];
    await Promise.all([...links, ...links].map((link, index) => (index % 2 ? one : other).play(link)));
    await Promise.all([one.beacons.idle(), other.beacons.idle()]);
    expect(host.requests.map(({ url }) => url).toSorted()).toEqual(EVENTS_IN_ORDER.toSorted());
  });

  test("equal URLs of one ad are requested as often as they are listed", async () => {
    const host = await beaconHost();
    const impression = { event: "impression", url: `${host.origin}/same`, time: 0 };
    const decision = decidedBreak([decidedAd("one", { trackers: [impression, impression] })], { trackers: [] });
    const server = await segmentServer({ store: await sessionWith(decision), hosts: [host] });
    await server.play(linksOf(server, decision)[0]);
    await server.play(linksOf(server, decision)[0]);
    expect(host.requests.map(({ url }) => url)).toEqual(["/same", "/same"]);
  });

  test("who jumps into an ad owes what falls into the segments that were fetched, and no start", async () => {
    const host = await beaconHost();
    const decision = breakAt(host.origin);
    const server = await segmentServer({ store: await sessionWith(decision), hosts: [host] });
    await server.play(linksOf(server, decision)[1]);
    expect(host.requests.map(({ url }) => url).toSorted()).toEqual(["/one/midpoint", "/one/thirdQuartile"]);
  });

  test("a beacon at a boundary is not lost to a change of renditions whose boundaries differ by milliseconds", async () => {
    const host = await beaconHost();
    const trackers = [{ event: "progress", url: `${host.origin}/at-4`, time: 4 }];
    const decision = decidedBreak([decidedAd("one", { trackers })], { trackers: [] });
    const server = await segmentServer({ store: await sessionWith(decision), hosts: [host] });
    await server.play(linksOf(server, decision, [3.98, 3.98, 2.04])[0]);
    await server.play(linksOf(server, decision, [4.02, 4.02, 1.96])[1]);
    expect(host.requests.map(({ url }) => url)).toEqual(["/at-4"]);
  });

  test("they name the viewer, and fill in what this server knows", async () => {
    const host = await beaconHost();
    const names =
      "SERVERSIDE ADPLAYHEAD MEDIAPLAYHEAD ASSETURI PODSEQUENCE TRANSACTIONID TIMESTAMP CACHEBUSTING ADCOUNT";
    const query = names.split(" ").map((name) => `${name}=[${name}]`);
    const trackers = [{ event: "midpoint", url: `${host.origin}/?${query.join("&")}&OTHER=[OTHER]`, time: 5 }];
    const decision = decidedBreak([decidedAd("one", { trackers, sequence: 2 })], { trackers: [] });
    const server = await segmentServer({ store: await sessionWith(decision), hosts: [host] });
    await server.play(linksOf(server, decision)[1], { headers: { "user-agent": "another device" } });
    const [request] = host.requests;
    expect(request?.headers).toMatchObject({
      "x-forwarded-for": "203.0.113.9",
      "user-agent": "Player/1.0 (Test)",
      "x-device-user-agent": "Player/1.0 (Test)",
    });
    const sent = Object.fromEntries(new URL(request?.url ?? "", host.origin).searchParams);
    expect(sent).toEqual({
      SERVERSIDE: "1",
      ADPLAYHEAD: "00:00:05.000",
      MEDIAPLAYHEAD: "00:00:08.000",
      ASSETURI: "https://cdn.example/one/master.m3u8",
      PODSEQUENCE: "2",
      TRANSACTIONID: LINKED.sessionId,
      TIMESTAMP: "2027-01-15T08:00:00.000+00:00",
      CACHEBUSTING: expect.stringMatching(/^\d{8}$/),
      ADCOUNT: "-1",
      OTHER: "[OTHER]",
    });
  });

  test("SERVERSIDE is 2 where the client tells a part", async () => {
    const host = await beaconHost();
    const trackers = [{ event: "start", url: `${host.origin}/[SERVERSIDE]`, time: 0 }];
    const decision = decidedBreak([decidedAd("one", { trackers })], { trackers: [] });
    const server = await segmentServer({ store: await sessionWith(decision), hosts: [host] });
    const [place] = segmentPlaces(decision);
    await server.play(place && server.links.open({ ...LINKED, isHybrid: true }, decision)(place));
    expect(host.requests.map(({ url }) => url)).toEqual(["/2"]);
  });

  test("one that was taken without an answer, or answered with an error, is not sent again", async () => {
    let taken = 0;
    const broken = await loopback((request, response) => {
      taken++;
      if (request.url?.startsWith("/one/start")) response.writeHead(500).end();
      else request.socket.destroy();
    });
    const decision = decidedBreak([decidedAd("one", { trackers: adTrackers("one", broken.origin).slice(0, 2) })]);
    const server = await segmentServer({
      store: await sessionWith({ ...decision, trackers: [] }),
      hosts: [broken],
    });
    await server.play(linksOf(server, decision)[0]);
    await server.play(linksOf(server, decision)[0]);
    expect(taken).toBe(2);
    expect(server.counted.toSorted()).toEqual(["impression failed", "start refused"]);
  });

  test("a host that does not answer holds up neither segments nor the beacons of other hosts", async () => {
    const host = await beaconHost();
    const release: (() => void)[] = [];
    const dead = await loopback((_request, response) => release.push(() => response.writeHead(204).end()));
    const trackers = [...adTrackers("dead", dead.origin), ...adTrackers("live", host.origin)];
    const decision = decidedBreak([decidedAd("one", { trackers })], { trackers: [] });
    const limits = { perHost: 1, overall: 4, waitingPerHost: 100, waitingOverall: 100 };
    const server = await segmentServer({ store: await sessionWith(decision), hosts: [host, dead], limits });
    const allTold = new Promise<void>((resolve) => {
      host.server.on("request", () => host.requests.length === 6 && resolve());
    });
    for (const link of linksOf(server, decision)) {
      const response = await fetch(`${server.origin}${link}`, { redirect: "manual" });
      expect(response.status).toBe(302);
    }
    await allTold;
    expect(release).toHaveLength(1);
    dead.server.on("request", () => release.at(-1)?.());
    release[0]?.();
    await server.beacons.idle();
    expect(release).toHaveLength(6);
  });

  test("HEAD owes nothing", async () => {
    const host = await beaconHost();
    const decision = breakAt(host.origin);
    const server = await segmentServer({ store: await sessionWith(decision), hosts: [host] });
    const [link = ""] = linksOf(server, decision);
    const head = await fetch(`${server.origin}${link}`, { method: "HEAD", redirect: "manual" });
    expect(head.status).toBe(302);
    await server.beacons.idle();
    expect(server.records).toEqual([]);
    await server.play(link);
    expect(host.requests).toHaveLength(4);
  });

  test("the log tells of the delivery, and of each request with its status", async () => {
    const host = await beaconHost();
    const decision = breakAt(host.origin);
    const server = await segmentServer({ store: await sessionWith(decision), hosts: [host] });
    await server.play(linksOf(server, decision)[5], { headers: { "user-agent": "Player/2", dnt: "1" } });
    const target = "https://cdn.example/two/4-4-2/seg-2.ts?token=a%2Fb&x=1";
    const [progress, ...urls] = server.records;
    expect(progress).toEqual({
      type: "TRACE_PLAYBACK_PROGRESS",
      fields: [302, undefined, 8, 1_800_000_000_000, target, "Player/2", "1", "127.0.0.1", "127.0.0.1"],
    });
    expect(urls).toContainEqual({
      type: "TRACE_TRACKING_URL",
      fields: [10, "Ads", `${host.origin}/two/complete`, 204],
    });
    expect(urls).toHaveLength(2);
  });
});

const SECRET = "beacon secret";
const ERROR_QUERY = "code=[ERRORCODE]&reason=[INTERLUDE_REASON]";

describe("errors told by the server", () => {
  test("an ad that was skipped is told to its ad server once, with VAST error number and reason, and no one else is", async () => {
    const host = await beaconHost();
    const error = (name: string): readonly string[] => [`${host.origin}/${name}?${ERROR_QUERY}`];
    const skip = { adId: "x", adSystem: "Ads", creativeId: undefined, message: "" } as const;
    const decision = decidedBreak([], {
      skipped: [
        { ...skip, reason: "new-creative", errors: error("new") },
        { ...skip, reason: "policy", errors: error("policy") },
        { ...skip, reason: "no-ads" },
      ],
    });
    const server = await segmentServer({ store: await sessionWith(decision), hosts: [host] });
    server.beacons.reportSkipped(LINKED.sessionId, decision, "decided");
    server.beacons.reportSkipped(LINKED.sessionId, decision, "decided");
    await server.beacons.idle();
    expect(host.requests.map(({ url }) => url)).toEqual(["/new?code=407&reason=new-creative"]);
    expect(host.requests[0]?.headers).toMatchObject({ "x-forwarded-for": "203.0.113.9" });
    expect(server.counted).toEqual(["error sent"]);
  });

  test("an ad that is left out after the decision is told like any, whatever its break had left out before", async () => {
    const host = await beaconHost();
    const skip = (adId: string) =>
      ({
        adId,
        adSystem: "Ads",
        creativeId: undefined,
        message: "",
        reason: "no-variant-match",
        errors: [`${host.origin}/${adId}`],
      }) as const;
    const decision = decidedBreak([], { skipped: [skip("first")] });
    const server = await segmentServer({ store: await sessionWith(decision), hosts: [host] });
    server.beacons.reportSkipped(LINKED.sessionId, decision, "decided");
    for (const adId of ["second", "third", "third"])
      server.beacons.reportSkipped(LINKED.sessionId, { ...decision, skipped: [skip(adId)] }, "refused");
    server.beacons.reportSkipped(LINKED.sessionId, { ...decision, skipped: [skip("fourth")] }, "late");
    await server.beacons.idle();
    expect(host.requests.map(({ url }) => url).toSorted()).toEqual(["/first", "/fourth", "/second", "/third"]);
  });

  const noteSkips = async (skipped: BreakDecision["skipped"]): Promise<readonly NotedEvent[]> => {
    const host = await beaconHost();
    const decision = decidedBreak([decidedAd("one")], { skipped });
    const noted: NotedEvent[] = [];
    const server = await segmentServer({
      store: await sessionWith(decision),
      hosts: [host],
      note: (event) => void noted.push(event),
      readOwnError: createOwnErrorReader(SECRET),
    });
    server.beacons.reportSkipped(LINKED.sessionId, decision, "decided");
    await server.beacons.idle();
    return noted;
  };
  const { id: session, zone } = testSession();
  const place = { event: "adSkipped", zone, session, breakId: "mid-1" };
  const skip = { adSystem: "Ads", message: "", creativeId: "c", reason: "new-creative" } as const;

  test("the report is told of every one, also of those that the ad's own error seems to tell it of", async () => {
    const alike = ["https://ads.thirdparty.example/track/error?id=7"];
    const noted = await noteSkips([
      { ...skip, adId: "alike", errors: alike },
      { ...skip, adId: "alike", reason: "policy", errors: alike },
      { ...skip, adId: "theirs", creativeId: "d", errors: ["https://ads.thirdparty.example/error"] },
      { ...skip, adId: "one", creativeId: undefined, reason: "no-variant-match" },
      { ...skip, adId: "" },
      { ...skip, adId: undefined, creativeId: undefined, reason: "ads-timeout" },
    ]);
    expect(noted).toEqual([
      { ...place, position: 2, ad: "alike", creative: "c", reason: "new-creative" },
      { ...place, position: 3, ad: "alike", creative: "c", reason: "policy" },
      { ...place, position: 4, ad: "theirs", creative: "d", reason: "new-creative" },
      { ...place, position: 1, ad: "one", creative: "", reason: "no-variant-match" },
      { ...place, position: 6, ad: "#6", creative: "c", reason: "new-creative" },
      { ...place, position: 0, ad: "", creative: "", reason: "ads-timeout" },
    ]);
  });

  test("an ad with this server's tracking is lost in the place that its sealed error names, and in no other session's", async () => {
    const request = { base: new URL("http://server.test/"), zone: "7", breakId: "mid", position: 1, upstream: "main" };
    const sign = createBeaconSigner(createSeal(SECRET));
    const errorOf = (of: string): readonly string[] => [
      trackingUrl(
        "error",
        { ...request, session: of, sign },
        { lineItem: "li", ad: "a b", creative: "c", position: 5 },
      ),
    ];
    const changed = errorOf(session).map((url) => url.replace("position=5", "position=6"));
    const noted = await noteSkips([
      { ...skip, adId: "x", errors: errorOf(session) },
      { ...skip, adId: "y", errors: errorOf("another") },
      { ...skip, adId: "z", errors: changed },
      { ...skip, adId: "answer", errors: errorOf("~answer") },
      { ...skip, adId: "nobody", errors: errorOf("") },
    ]);
    const sealed = {
      zone: "7",
      breakId: "mid",
      position: 5,
      ad: "a b",
      creative: "c",
      lineItem: "li",
      upstream: "main",
    };
    expect(noted).toEqual([
      { ...place, ...sealed, reason: "new-creative" },
      { ...place, position: 3, ad: "y", creative: "c", reason: "new-creative" },
      { ...place, position: 4, ad: "z", creative: "c", reason: "new-creative" },
      { ...place, ...sealed, session: "~answer", reason: "new-creative" },
    ]);
  });
});

describe("the redirect of an ad segment", () => {
  test("leads to the segment itself, scheme and query kept, and is not stored", async () => {
    const decision = decidedBreak([decidedAd("one")]);
    const server = await segmentServer({ store: await sessionWith(), hosts: [] });
    const [place] = segmentPlaces(decision);
    for (const scheme of ["https", "http"]) {
      const uri = `${scheme}://cdn.example:8443/a%20b/seg.ts?token=a%2Fb&x=1`;
      const response = await server.play(place && server.links.open(LINKED, decision)({ ...place, uri }));
      expect(response.status).toBe(302);
      expect(response.headers.get("location")).toBe(uri);
      expect(response.headers.get("cache-control")).toBe("no-store");
    }
  });

  test("leaves byte ranges to the player: one file in several segments has several links, each answered with its range", async () => {
    const cdn = await loopback((request, response) => {
      const [, from = "0", to = "0"] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
      response.writeHead(206).end("0123456789".slice(Number(from), Number(to) + 1));
    });
    const decision = decidedBreak([decidedAd("one")]);
    const server = await segmentServer({ store: await sessionWith(), hosts: [] });
    const places = segmentPlaces(decision).map((place) => ({ ...place, uri: `${cdn.origin}/all.ts` }));
    const links = places.map((place) => server.links.open(LINKED, decision)(place));
    expect(new Set(links).size).toBe(3);
    const response = await fetch(`${server.origin}${links[1]}`, { headers: { range: "bytes=4-6" } });
    expect([response.status, await response.text()]).toEqual([206, "456"]);
  });

  test("is given also where the session is forgotten, or sessions are away", async () => {
    const decision = decidedBreak([decidedAd("one")]);
    const away = { load: () => Promise.reject(new Error("away")), claim: () => Promise.reject(new Error("away")) };
    for (const store of [await sessionWith(), away]) {
      const server = await segmentServer({ store, hosts: [] });
      const response = await server.play(linksOf(server, decision)[0]);
      expect(response.status).toBe(302);
      expect(server.counted).toEqual(store === away ? ["segment lost"] : []);
    }
  });

  test("is refused for any address but one that was written here; what a player adds to the query is not looked at", async () => {
    const decision = decidedBreak([decidedAd("one"), decidedAd("two")]);
    const server = await segmentServer({ store: await sessionWith(decision), hosts: [] });
    const [link = ""] = linksOf(server, decision);
    const evil = Buffer.from("https://evil.example/").toString("base64url");
    const changed = [
      link.replace(/u=[^&]+/, `u=${evil}`),
      link.replace(LINKED.sessionId, "22222222-2222-4333-8444-555555555555"),
      link.replace("/~", "/~AA"),
      link.replace("/0/0/", "/1/0/"),
      link.replace("/0/0/", "/0/2/"),
      link.replace("&s=0", "&s=1000"),
      link.replace("&d=4000", "&d=90000"),
      link.replace("&f=b", "&f=abe"),
      link.replace(/&sig=.*/, ""),
      link.replace(/&sig=.*/, `&sig=${createSigner("secret", "media").sign("x")}`),
      link.replace("u=", `u=${evil}&u=`),
    ];
    for (const address of changed) {
      expect(address).not.toBe(link);
      const response = await server.app.inject(address);
      expect([address, response.statusCode, response.headers.location]).toEqual([address, 403, undefined]);
      expect(response.json()).toMatchObject({ error: { code: "signature-invalid" } });
    }
    expect((await server.app.inject(`${link}&CMCD=br%3D1`)).statusCode).toBe(302);
  });

  test.each(["..", "", "a/b?c#d", '"é\r\n', "💥".repeat(50), "%2e%2e"])(
    "a break's id is carried whatever it is: %j",
    async (breakId) => {
      const host = await beaconHost();
      const decision = { ...breakAt(host.origin), breakId };
      const server = await segmentServer({ store: await sessionWith(decision), hosts: [host] });
      const [link = ""] = linksOf(server, decision);
      expect(new URL(link, server.origin).href).toBe(server.origin + link);
      await server.play(link);
      expect(host.requests).toHaveLength(4);
    },
  );
});

describe("a playlist in sstm", () => {
  const decision = decidedBreak([decidedAd("one"), decidedAd("two")]);
  const decisions = new Map([[decision.breakId, decision]]);
  const decoratorOf = (links = createSegmentLinks(SIGNER)) =>
    createDecorator({ mode: "sstm", sessionId: LINKED.sessionId, decisions, links, markers: createMarkerTags() });

  test("has this server's signed addresses for ad segments, with the segments' endings, and the content as it was", () => {
    const { text } = stitchVod(contentText(), MAIN, [timedPod(decision)], { decorate: decoratorOf() });
    const uris = parseMediaPlaylist(text).segments.map(({ uri }) => uri.split("?", 1)[0]);
    const path = `/auditude/segment/${LINKED.sessionId}/~bWlkLTE`;
    expect(uris).toEqual([
      "https://content.example/0.ts",
      "https://content.example/1.ts",
      ...[0, 1, 2].map((index) => `${path}/0/${index}/one-${index}.ts`),
      ...[0, 1, 2].map((index) => `${path}/1/${index}/two-${index}.ts`),
      "https://content.example/2.ts",
      "https://content.example/3.ts",
    ]);
    expect(text).not.toContain("EXT-X-MARKER");
  });

  test("is the same at every refresh, its links signed once as long as they are remembered", () => {
    let signed = 0;
    const sign = (text: string): string => {
      signed++;
      return SIGNER.sign(text);
    };
    const signer = { ...SIGNER, sign };
    const stitch = (links = createSegmentLinks(signer)): string =>
      stitchVod(contentText(), MAIN, [timedPod(decision)], { decorate: decoratorOf(links) }).text;
    const links = createSegmentLinks(signer);
    const first = stitch(links);
    expect(stitch(links)).toBe(first);
    expect(signed).toBe(6);
    const forgetful = createSegmentLinks(signer, { maxCharacters: 600 });
    expect([stitch(forgetful), stitch(forgetful)]).toEqual([first, first]);
    expect(signed).toBe(18);
  });

  test("leaves alone what is no resource of its own, and breaks that it does not know", () => {
    const decorate = decoratorOf();
    const [place] = segmentPlaces(decision);
    if (!place || !decorate) throw new Error("expected a place and a decorator");
    expect(decorate({ ...place, uri: "data:text/vtt,WEBVTT" })).toEqual({});
    expect(decorate({ ...place, breakId: "other" })).toEqual({});
    expect(decorate({ ...place, adId: "other" })).toEqual({});
  });
});
