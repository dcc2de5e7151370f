import { parseVast, resolveVast } from "@interlude/core";
import { describe, expect, test } from "vitest";
import type { TreeElement } from "../../../src/ads/relay/xml-tree.ts";
import { parseXml } from "../../../src/xml.ts";
import { openAdServer } from "./ad-server.ts";
import { broadcasterVast2, exchangeVast42, publisherVast3, wrapper } from "./documents.ts";
import { openRelay, OURS, print, printWithoutOurs, relayRequest, reread, upstream, zoneRelay } from "./relay-world.ts";

const OUR_ITEM = /^(?:"|{"event":"\w+","url":")https:\/\/relay\.test\/track\//;

/** An ad without what this server added, and without what only one of the two resolvers tells. */
function withoutOurs(value: unknown): unknown {
  const text = JSON.stringify(value, (key, inner: unknown) => {
    if (key === "sequence" || key === "wrapperAdIds") return undefined;
    if (!Array.isArray(inner)) return inner;
    return inner.filter((item: unknown) => !OUR_ITEM.test(JSON.stringify(item)));
  });
  return JSON.parse(text);
}

describe("the ads of an upstream", () => {
  test.each([
    ..."/ads/vast2 /ads/vast3 /ads/vast42 /ads/pod /chain /ads/gzip".split(" "),
    ..."/w/companion /w/first /w/all /fallback /no-fallback /pod-of-buffet".split(" "),
  ])("%s gives a player the same ads as if it had followed the wrappers itself", async (path) => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}${path}`)]));
    const fetchText = async (url: URL) => {
      const response = await fetch(url);
      const charset = url.pathname === "/ads/vast2" ? "latin1" : "utf-8";
      const text = new TextDecoder(charset).decode(await response.arrayBuffer());
      return { status: response.status, text, url: new URL(response.url) };
    };
    const ports = { fetchText, readXml: parseXml };
    const direct = await resolveVast(new URL(`${server.origin}${path}`), ports, { timeoutMs: 5000 });
    const relayed = parseVast(reread(answer.root)).ads.map(({ ad }) => ad);
    expect(direct.ads.length).toBeGreaterThan(0);
    expect(withoutOurs(relayed)).toEqual(withoutOurs(direct.ads));
    expect(answer.upstream).toBe("main");
  });

  test.each([
    ["2.0", "/ads/vast2", broadcasterVast2],
    ["3.0", "/ads/vast3", publisherVast3],
    ["4.2", "/ads/vast42", exchangeVast42],
  ] as const)("VAST %s leaves as it came, but for our tracking", async (version, path, documentOf) => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const { root } = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}${path}`)]));
    const came = documentOf(server.origin)
      .replace(/^<\?xml[^>]*\?>\s*/, "")
      .replace("<![CDATA[//media", "<![CDATA[http://media")
      .replaceAll(/<(\w+)([^<>]*)><\/\1>/g, "<$1$2/>");
    expect(root.attributes["version"]).toBe(version);
    expect(printWithoutOurs(root).replace("<TrackingEvents></TrackingEvents>", "")).toBe(came);
  });

  test("five wrappers give the ad what each of them adds, outermost first", async () => {
    const server = await openAdServer();
    const { relay, beacons } = openRelay([server]);
    const { root } = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/chain`)]));
    const text = printWithoutOurs(root);
    const hops = (pattern: RegExp): readonly string[] => [...text.matchAll(pattern)].map(([, hop = ""]) => hop);
    expect(hops(/<Impression[^>]*><!\[CDATA\[[^\]]*\/pixel\/(\w+)\/imp/g)).toEqual(["w1", "w2", "w3", "w4", "w5", "x"]);
    expect(hops(/<Verification vendor="([^"]+)"/g)).toEqual(["v1", "v2", "v3", "v4", "v5", "verify.example-omid"]);
    expect(hops(/<w:Data[^>]*>(\d) &lt; 9<\/w:Data>/g)).toEqual(["1", "2", "3", "4", "5"]);
    expect(hops(/<w:Unknown n="(\d)"/g)).toEqual(["1", "2", "3", "4", "5"]);
    expect(hops(/<CustomClick><!\[CDATA\[[^\]]*\/pixel\/(\w+)\/custom/g)).toEqual(["w1", "w2", "w3", "w4", "w5"]);
    expect(hops(/<Viewable><!\[CDATA\[[^\]]*\/pixel\/(\w+)\/viewable/g)).toEqual(["w1", "w2", "w3", "w4", "w5", "x"]);
    expect(text.match(/<ViewableImpression/g)).toHaveLength(1);
    expect(text.match(/<AdVerifications>/g)).toHaveLength(1);
    expect(text.match(/<Extensions>/g)).toHaveLength(1);
    expect(text).toContain('<Extension type="x42:deal" xmlns:x42="urn:x42"><x42:Deal floor="1.5"/></Extension>');
    expect(text).not.toContain("VASTAdTagURI");
    expect(beacons).toEqual([]);
  });

  test("an element of another document takes the declaration of its prefix with it", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const { root } = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/chain`)]));
    const text = print(root);
    // the outermost document's root is the answer's, and declares its own
    expect(text).toContain('<VAST version="4.2" xmlns:w="urn:wrapper:1">');
    for (const n of [2, 3, 4, 5]) {
      expect(text).toContain(`<Extension type="hop" w:n="${n}" xmlns:w="urn:wrapper:${n}"><w:Data>`);
      expect(text).toContain(`<w:Unknown n="${n}" xmlns:w="urn:wrapper:${n}"/>`);
    }
  });

  test("what the InLine's schema puts in order stays in order", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const { root } = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/chain`)]));
    const names = (element: TreeElement | undefined): readonly string[] =>
      (element?.children ?? []).map(({ name }) => name).filter((name, index, all) => name !== all[index - 1]);
    const inline = root.children[0]?.children[0];
    expect(names(inline)).toEqual([
      ..."AdSystem Error Extensions Impression Pricing ViewableImpression AdServingId AdTitle AdVerifications".split(
        " ",
      ),
      ..."Advertiser Category Creatives Expires FutureElement Unknown".split(" "),
    ]);
    const creative = inline?.children.find(({ name }) => name === "Creatives")?.children[0];
    const linear = creative?.children.find(({ name }) => name === "Linear");
    expect(names(linear)).toEqual(["Icons", "TrackingEvents", "Duration", "MediaFiles", "VideoClicks"]);
    const clicks = linear?.children.find(({ name }) => name === "VideoClicks");
    expect(names(clicks)).toEqual(["ClickTracking", "ClickThrough", "CustomClick"]);
  });

  test("a pod is numbered anew where a wrapper of it led to nothing", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/ads/pod`)]));
    const { ads, version } = parseVast(reread(answer.root));
    expect(ads.map(({ ad }) => [ad.id, ad.sequence])).toEqual([
      ["697200496", 1],
      ["x-42", 2],
      ["bc.1", 3],
    ]);
    expect(version).toBe("4.2");
    expect(answer.breaks).toEqual([
      {
        breakId: "b-1",
        ads: [
          { ad: "697200496", creative: "57860459056", position: 1, adSystem: "PubServe" },
          { ad: "x-42", creative: "cr-x-42", position: 2, adSystem: "Exchange42" },
          { ad: "bc.1", creative: "bc-creative", position: 3, adSystem: "CastWheel" },
        ],
      },
    ]);
  });

  test.each([
    ["a stand-alone ad where the wrapper allows it", "/fallback", [1, 2, undefined]],
    ["nothing where it does not", "/no-fallback", [1, undefined, undefined]],
  ])("in the place of a wrapper that led to nothing stands %s", async (_what, path, sequences) => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const { root } = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}${path}`)]));
    const ads = parseVast(reread(root)).ads.map(({ ad }) => ad);
    expect(ads.map(({ id }) => id)).toEqual(["697200496", "stand-in", "second"]);
    expect(ads.map(({ sequence }) => sequence)).toEqual(sequences);
  });

  test("of several ads that a wrapper of a pod led to, one has its place and the others stand by", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const main = upstream(`${server.origin}/pod-of-buffet`);
    const { root } = await relay.answerAdRequest(relayRequest(), zoneRelay([main]));
    const ads = parseVast(reread(root)).ads.map(({ ad }) => [ad.id, ad.sequence]);
    expect(ads).toEqual([
      ["697200496", 1],
      ["stand-in", 2],
      ["second", undefined],
    ]);
  });

  test("our tracking names upstream, break, ad and place, and leaves what is there in place", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const request = relayRequest({ position: 3 });
    const { root } = await relay.answerAdRequest(request, zoneRelay([upstream(`${server.origin}/ads/pod`)]));
    const [first, second, third] = parseVast(reread(root)).ads.map(({ ad }) => ad);
    expect(first?.impressions[0]).toBe(`${OURS}impression?up=main&break=b-1&ad=697200496&position=3`);
    expect(first?.errors[0]).toBe(`${OURS}error?up=main&break=b-1&ad=697200496&position=3`);
    expect(second?.impressions[0]).toBe(`${OURS}impression?up=main&break=b-1&ad=x-42&position=4`);
    const events = first?.creatives[0]?.trackers.filter(({ url }) => url.startsWith(OURS)).map(({ event }) => event);
    expect(events).toEqual(
      "creativeView start firstQuartile midpoint thirdQuartile complete mute unmute pause resume skip".split(" "),
    );
    expect(second?.creatives[0]?.trackers.some(({ event }) => event === "skip")).toBe(false);
    expect(first?.creatives[0]?.clickTrackers[0]).toContain(`${OURS}click`);
    // what cannot be clicked through is not clicked
    expect(third?.creatives[0]?.clickTrackers).toEqual([]);
  });
});

describe("wrappers that lead to nothing", () => {
  test("the sixth wrapper is not followed, and all that are on the way are told 302", async () => {
    const server = await openAdServer();
    const { relay, beacons } = openRelay([server]);
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/deep`)]));
    expect(server.requests).toHaveLength(6);
    expect(answer.failures).toMatchObject([{ reason: "wrapper-limit", vastError: 302 }]);
    expect(beacons).toEqual([1, 2, 3, 4, 5, 6].map((n) => `${server.origin}/pixel/w${n}/error?c=302`));
  });

  test("one that forbids wrappers behind it is not followed any further", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/w/no-more`)]));
    expect(answer.failures).toMatchObject([{ reason: "wrapper-limit", vastError: 302 }]);
    expect(server.requestsTo("/ads/vast3")).toHaveLength(0);
  });

  test("a crowd of them does not make this server tell a crowd", async () => {
    const server = await openAdServer({
      "/crowd": (_request, response, o) => {
        const errors = `<Error>${o}/pixel/crowd</Error>`.repeat(40);
        const ad = `<Ad><Wrapper>${errors}<VASTAdTagURI>${o}/ads/none</VASTAdTagURI></Wrapper></Ad>`;
        response.end(`<VAST version="3.0">${ad.repeat(20)}</VAST>`);
      },
    });
    const { relay, beacons } = openRelay([server]);
    await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/crowd`)]));
    expect(beacons).toHaveLength(50);
  });

  test("one that leads back to itself is asked no third time", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/loop`)]));
    expect(server.requests).toHaveLength(2);
    expect(answer.failures).toMatchObject([{ reason: "wrapper-limit", vastError: 302 }]);
  });

  test("costs the other ads of its pod nothing, and is told", async () => {
    const server = await openAdServer();
    const { relay, beacons } = openRelay([server]);
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/ads/pod`)]));
    expect(answer.breaks[0]?.ads).toHaveLength(3);
    expect(beacons).toEqual([`${server.origin}/pixel/w2/error?c=301`]);
  });

  test("an empty answer at its end is told 303, as is the wrapper", async () => {
    const server = await openAdServer({
      "/w": (_request, response, o) => response.end(wrapper(o, 1, `${o}/ads/empty`)),
    });
    const { relay, beacons } = openRelay([server]);
    await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/w`)]));
    expect(beacons).toEqual([`${server.origin}/pixel/w1/error?c=303`, `${server.origin}/pixel/nofill?c=303`]);
  });

  test("one that is slow costs its own ad only", async () => {
    const server = await openAdServer({
      "/slow-pod": (_request, response, o) =>
        response.end(
          `<VAST version="3.0"><Ad id="s" sequence="1"><Wrapper><VASTAdTagURI>${o}/silent</VASTAdTagURI></Wrapper></Ad>` +
            exchangeVast42(o)
              .replace(/^<VAST[^>]*>/, "")
              .replace("<Ad ", '<Ad sequence="2" '),
        ),
    });
    const { relay } = openRelay([server]);
    const main = upstream(`${server.origin}/slow-pod`, { timeoutMs: 250 });
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([main]));
    expect(answer.breaks[0]?.ads.map(({ ad, position }) => [ad, position])).toEqual([["x-42", 1]]);
    expect(answer.attempts[0]?.outcome).toBe("ads");
    expect(relay.upstreams()[0]?.state).toBe("closed");
  });
});
