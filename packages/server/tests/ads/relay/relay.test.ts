import { parseVast, parseVmap, resolveVast } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { createElement, formatTree, type TreeElement } from "../../../src/ads/relay/xml-tree.ts";
import { parseXml } from "../../../src/xml.ts";
import { openAdServer } from "./ad-server.ts";
import { broadcasterVast2, exchangeVast42, publisherVast3 } from "./documents.ts";
import { openRelay, OURS, relayRequest, upstream, zoneRelay } from "./relay-world.ts";

function print(root: TreeElement): string {
  return formatTree(root)
    .replace(/^<\?xml[^>]*\?>\n/, "")
    .trimEnd();
}

/** As another program reads it: what was printed, by the strict reader. */
function reread(root: TreeElement): ReturnType<typeof parseXml> {
  return parseXml(print(root));
}

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

const OUR_ELEMENT =
  /<(Impression|Error|Tracking|ClickTracking)(?: [^>]*)?><!\[CDATA\[https:\/\/relay\.test\/[^\]]*(?:\][^\]]+)*\]\]><\/\1>/g;

/** What was printed, our elements taken out. */
function printWithoutOurs(root: TreeElement): string {
  return print(root).replace(OUR_ELEMENT, "");
}

describe("the ads of an upstream", () => {
  test.each([
    ..."/ads/vast2 /ads/vast3 /ads/vast42 /ads/pod /chain /ads/gzip".split(" "),
    ..."/w/companion /w/first /w/all /fallback /no-fallback".split(" "),
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

  test("our tracking names upstream, break, ad and place, and leaves what is there in place", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const request = relayRequest({ position: 3 });
    const { root } = await relay.answerAdRequest(request, zoneRelay([upstream(`${server.origin}/ads/pod`)]));
    const [first, second] = parseVast(reread(root)).ads.map(({ ad }) => ad);
    expect(first?.impressions[0]).toBe(`${OURS}impression?up=main&break=b-1&ad=697200496&position=3`);
    expect(first?.errors[0]).toBe(`${OURS}error?up=main&break=b-1&ad=697200496&position=3`);
    expect(second?.impressions[0]).toBe(`${OURS}impression?up=main&break=b-1&ad=x-42&position=4`);
    const events = first?.creatives[0]?.trackers.filter(({ url }) => url.startsWith(OURS)).map(({ event }) => event);
    expect(events).toEqual(
      "creativeView start firstQuartile midpoint thirdQuartile complete mute unmute pause resume skip".split(" "),
    );
    expect(second?.creatives[0]?.trackers.some(({ event }) => event === "skip")).toBe(false);
    expect(first?.creatives[0]?.clickTrackers[0]).toContain(`${OURS}click`);
  });
});

describe("what is asked of an upstream", () => {
  test("the viewer's headers go to the tag and to each wrapper", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const viewer = {
      ip: "203.0.113.9",
      userAgent: "Player/1.0 (\u0007test)",
      referer: "https://page.example/watch?v=1",
      acceptLanguage: "de-CH, fr;q=0.5",
    };
    await relay.answerAdRequest(relayRequest({ viewer }), zoneRelay([upstream(`${server.origin}/chain`)]));
    expect(server.requests).toHaveLength(6);
    for (const { headers } of server.requests) {
      expect(headers).toMatchObject({
        "user-agent": "Player/1.0 (test)",
        "x-device-user-agent": "Player/1.0 (test)",
        "x-device-ip": "203.0.113.9",
        "x-forwarded-for": "203.0.113.9",
        "x-device-referer": "https://page.example/watch?v=1",
        "accept-language": "de-CH, fr;q=0.5",
        "x-device-accept-language": "de-CH, fr;q=0.5",
      });
      expect(headers.cookie).toBeUndefined();
    }
  });

  test("the operator's own header goes to the tag's origin and nowhere else", async () => {
    const other = await openAdServer();
    const server = await openAdServer({
      "/tag": (_request, response) => response.writeHead(302, { location: `${other.origin}/ads/vast3` }).end(),
    });
    const { relay } = openRelay([server, other]);
    const main = upstream(`${server.origin}/tag`, { headers: { authorization: "Bearer key" } });
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([main]));
    expect(answer.upstream).toBe("main");
    expect(server.requests[0]?.headers.authorization).toBe("Bearer key");
    expect(other.requests[0]?.headers.authorization).toBeUndefined();
  });

  test("the tag goes before what this server knows, that before the client; its own parameters stay here", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const tag = `${server.origin}/ads/vast3?iu=/1/x&position=fixed&cp=[?cust]&d=[BREAKMAXDURATION]&g=[GDPRCONSENT]&u=[UNKNOWN_X]`;
    const request = relayRequest({
      query: "zone=1&cust=a%26b&gdprconsent=CPc%2BA&session=stolen&iu=other&li=x&key=v%20w&prefetch=b-2",
      duration: 30,
    });
    await relay.answerAdRequest(request, zoneRelay([upstream(tag)]));
    expect(server.requests[0]?.url).toBe(
      "/ads/vast3?iu=/1/x&position=fixed&cp=a%26b&d=30&g=CPc%2BA&u=[UNKNOWN_X]&session=s-1&break=b-1&duration=30&cust=a%26b&gdprconsent=CPc%2BA&key=v%20w",
    );
  });

  test("an upstream that wants certain parameters gets no others", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const main = upstream(`${server.origin}/ads/vast3`, { parameters: ["key", "duration"] });
    await relay.answerAdRequest(relayRequest({ query: "key=1&secret=2", duration: 12.5 }), zoneRelay([main]));
    expect(server.requests[0]?.url).toBe("/ads/vast3?duration=12.5&key=1");
  });

  test("macros in the address of a wrapper are filled in as in the tag", async () => {
    const server = await openAdServer({
      "/w": (_request, response, o) =>
        response.end(
          `<VAST version="3.0"><Ad><Wrapper><VASTAdTagURI>${o}/ads/vast3?ua=[DEVICEUA]&amp;ip=[DEVICEIP]&amp;b=[BREAKPOSITION]&amp;cb=[CACHEBUSTING]</VASTAdTagURI></Wrapper></Ad></VAST>`,
        ),
    });
    const { relay } = openRelay([server], { random: () => 0.00000042 });
    await relay.answerAdRequest(relayRequest({ breakPosition: "mid" }), zoneRelay([upstream(`${server.origin}/w`)]));
    expect(server.requestsTo("/ads/vast3")[0]?.url).toBe(
      "/ads/vast3?ua=Player%2F1.0%20(test)&ip=203.0.113.9&b=2&cb=00000042",
    );
  });

  test("a request that came through two relays is not relayed again", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const zone = zoneRelay([upstream(`${server.origin}/ads/vast3`)]);
    await relay.answerAdRequest(relayRequest({ depth: 1 }), zone);
    expect(server.requests[0]?.headers["x-interlude-relay"]).toBe("2");
    const answer = await relay.answerAdRequest(relayRequest({ depth: 2 }), zone);
    expect(answer).toMatchObject({ upstream: undefined, breaks: [{ breakId: "b-1", ads: [] }] });
    expect(server.requests).toHaveLength(1);
  });
});

describe("cookies", () => {
  test("a cookie that a redirect sets is there at the next request, and goes to the client re-scoped", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server], { now: () => 1_700_000_000_000 });
    const zone = zoneRelay([upstream(`${server.origin}/cookie-check`)]);
    const first = await relay.answerAdRequest(relayRequest(), zone);
    expect(first.upstream).toBe("main");
    expect(server.requests.map(({ headers }) => headers.cookie)).toEqual([undefined, "seg=a%2Cb; uid=v1-7f"]);
    expect(first.setCookies).toHaveLength(2);
    expect(first.setCookies[0]).toMatch(
      /^il\.[\w-]+=v1-7f; Path=\/ads\/; HttpOnly; Max-Age=3600; Secure; SameSite=None; Partitioned$/,
    );
    expect(first.setCookies[1]).toMatch(/^il\.[\w-]+=a%2Cb; Path=\/ads\/; HttpOnly; Secure/);
    const cookies = `own=1; ${first.setCookies.map((line) => line.split(";")[0]).join("; ")}`;
    await relay.answerAdRequest(relayRequest({ cookies }), zone);
    expect(server.requests).toHaveLength(3);
    expect(server.requests[2]?.headers.cookie).toBe("seg=a%2Cb; uid=v1-7f");
  });

  test("no other host gets it, and what a wrapper's host sets does not reach the client", async () => {
    const other = await openAdServer({
      "/w": (_request, response) => {
        response.setHeader("set-cookie", "third=1");
        response.end(exchangeVast42(other.origin));
      },
    });
    const otherOrigin = other.origin.replace("127.0.0.1", "127.0.0.2");
    const server = await openAdServer({
      "/tag": (_request, response) => {
        response.setHeader("set-cookie", "uid=1; Path=/");
        response.end(
          `<VAST version="3.0"><Ad><Wrapper><VASTAdTagURI>${other.origin.replace("127.0.0.1", "localhost")}/w</VASTAdTagURI></Wrapper></Ad></VAST>`,
        );
      },
    });
    const { relay } = openRelay([server, other], {}, [`localhost:${other.port}`, otherOrigin.slice(7)]);
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/tag`)]));
    expect(answer.breaks[0]?.ads).toHaveLength(1);
    expect(other.requests[0]?.headers.cookie).toBeUndefined();
    expect(answer.setCookies).toHaveLength(1);
  });
});

describe("upstreams in order", () => {
  const second = (origin: string) => upstream(`${origin}/ads/vast42`, { name: "second" });

  test.each([
    ["an HTML page with status 502", "/html-error", "failed"],
    ["an HTML page with status 200", "/html-page", "failed"],
    ["a redirect to itself", "/redirect-loop", "failed"],
    ["a status 404", "/nowhere", "failed"],
    ["204", "/ads/none", "no-ads"],
    ["a body of white space", "/ads/blank", "no-ads"],
    ["a VAST without ads", "/ads/empty", "no-ads"],
    ["a wrapper that leads to nothing", "/loop", "failed"],
  ])("%s is followed by the next upstream", async (_what, path, outcome) => {
    const server = await openAdServer();
    const { relay, attempts } = openRelay([server]);
    const zone = zoneRelay([upstream(`${server.origin}${path}`), second(server.origin)]);
    const answer = await relay.answerAdRequest(relayRequest(), zone);
    expect(answer.upstream).toBe("second");
    expect(answer.breaks[0]?.ads.map(({ ad }) => ad)).toEqual(["x-42"]);
    expect(attempts.map((attempt) => [attempt.upstream, attempt.outcome])).toEqual([
      ["main", outcome],
      ["second", "ads"],
    ]);
  });

  test("one that does not answer in its time is followed by the next", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const zone = zoneRelay([upstream(`${server.origin}/silent`, { timeoutMs: 60 }), second(server.origin)]);
    const answer = await relay.answerAdRequest(relayRequest(), zone);
    expect(answer.attempts.map(({ outcome }) => outcome)).toEqual(["timeout", "ads"]);
    expect(answer.failures).toMatchObject([{ upstream: "main", reason: "ads-timeout", vastError: 301 }]);
  });

  test("one that had less than its own time is not held to be broken", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server], { breaker: { failures: 1 } });
    const hurried = zoneRelay([upstream(`${server.origin}/silent`)], { timeoutMs: 60 });
    const answer = await relay.answerAdRequest(relayRequest(), hurried);
    expect(answer.attempts.map(({ outcome }) => outcome)).toEqual(["timeout"]);
    expect(relay.upstreams()).toMatchObject([{ state: "closed", pending: 0 }]);
    await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/silent`, { timeoutMs: 60 })]));
    expect(relay.upstreams()).toMatchObject([{ state: "open" }]);
  });

  test("one that says it has no ad is believed where the zone says so", async () => {
    const server = await openAdServer();
    const { relay, beacons } = openRelay([server]);
    const upstreams = [upstream(`${server.origin}/ads/empty`), second(server.origin)];
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay(upstreams, { fallback: "failure" }));
    expect(answer).toMatchObject({ upstream: "main", breaks: [{ breakId: "b-1", ads: [] }] });
    // the player gets the address, and tells it itself
    expect(parseVast(reread(answer.root)).errors).toEqual([`${server.origin}/pixel/nofill?c=[ERRORCODE]`]);
    expect(beacons).toEqual([]);
  });

  test("one whose empty answer nobody sees is told so", async () => {
    const server = await openAdServer();
    const { relay, beacons } = openRelay([server]);
    await relay.answerAdRequest(
      relayRequest(),
      zoneRelay([upstream(`${server.origin}/ads/empty`), second(server.origin)]),
    );
    expect(beacons).toEqual([`${server.origin}/pixel/nofill?c=303`]);
  });

  test("where none answers, the answer is a VAST without ads", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const zone = zoneRelay([upstream(`${server.origin}/html-error`), upstream("nonsense://x", { name: "second" })]);
    const answer = await relay.answerAdRequest(relayRequest(), zone);
    expect(print(answer.root)).toBe('<VAST version="4.2"/>');
    expect(answer.upstream).toBeUndefined();
    expect(answer.failures.map(({ upstream: name, reason }) => [name, reason])).toEqual([
      ["main", "ads-timeout"],
      ["second", "vast-malformed"],
    ]);
    const map = await relay.answerAdRequest(relayRequest({ form: "vmap" }), zone);
    expect(parseVmap(reread(map.root)).breaks).toEqual([]);
  });

  test("one that failed five times in a row is left alone until its time has come", async () => {
    let at = 0;
    const server = await openAdServer();
    const { relay } = openRelay([server], { clock: () => at });
    const zone = zoneRelay([upstream(`${server.origin}/html-error`), second(server.origin)]);
    const outcomes: (string | undefined)[] = [];
    for (let i = 0; i < 7; i++) {
      const answer = await relay.answerAdRequest(relayRequest(), zone);
      outcomes.push(answer.attempts[0]?.outcome);
      expect(answer.upstream).toBe("second");
    }
    expect(outcomes).toEqual(["failed", "failed", "failed", "failed", "failed", "open", "open"]);
    expect(relay.upstreams()).toEqual([
      { zone: "1", upstream: "main", state: "open", pending: 0 },
      { zone: "1", upstream: "second", state: "closed", pending: 0 },
    ]);
    at = 2001;
    expect(relay.upstreams()[0]?.state).toBe("half-open");
    await relay.answerAdRequest(relayRequest(), zone);
    expect(server.requestsTo("/html-error")).toHaveLength(6);
    expect(relay.upstreams()[0]?.state).toBe("open");
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

describe("maps", () => {
  test("each linear break holds its ads; everything else of the map stays", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const request = relayRequest({ form: "vmap", breakId: "" });
    const answer = await relay.answerAdRequest(request, zoneRelay([upstream(`${server.origin}/ads/vmap`)]));
    const { breaks } = parseVmap(reread(answer.root));
    expect(breaks.map(({ breakId, source }) => [breakId, source.kind])).toEqual([
      ["preroll", "vast"],
      ["midroll-1", "vast"],
      ["overlay", "tag"],
      ["postroll", "vast"],
    ]);
    expect(answer.breaks.map(({ breakId, ads }) => [breakId, ads.length])).toEqual([
      ["preroll", 1],
      ["midroll-1", 1],
      ["postroll", 0],
    ]);
    const text = printWithoutOurs(answer.root);
    expect(text).toContain('<vmap:Extension type="bumper" suppress_bumper="true"/>');
    expect(text).toContain('<vmap:AdSource id="preroll-ad-1" allowMultipleAds="false" followRedirects="true">');
    expect(text).toContain(`${server.origin}/pixel/break/start`);
    expect(breaks[1]?.breakStart).toEqual([
      `${OURS}breakStart?up=main&break=midroll-1&ad=&position=0`,
      `${server.origin}/pixel/break/start`,
    ]);
    expect(server.requestsTo("/never")).toHaveLength(0);
    expect(server.requestsTo("/ads/vast3")[0]?.url).toMatch(/^\/ads\/vast3\?ppos=1&correlator=\d{8}&pod=1$/);
  });

  test("of a map, a request for one break gets the VAST of that break", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const zone = zoneRelay([upstream(`${server.origin}/ads/vmap`)]);
    const answer = await relay.answerAdRequest(relayRequest({ breakId: "midroll-1" }), zone);
    expect(parseVast(reread(answer.root)).ads).toHaveLength(1);
    // the prefix that the map declared is declared where it is used
    expect(print(answer.root)).toMatch(/^<VAST pub:pod="1" version="3.0" xmlns:pub="urn:pub">/);
    expect(server.requests).toHaveLength(1);
    const byPlace = await relay.answerAdRequest(relayRequest({ breakId: "else", breakPosition: "post" }), zone);
    expect(byPlace.breaks).toEqual([{ breakId: "else", ads: [] }]);
    expect(server.requestsTo("/html-error")).toHaveLength(1);
  });

  test("a VAST in answer to a request for a map is its break at the start", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const request = relayRequest({ form: "vmap", breakId: "" });
    const answer = await relay.answerAdRequest(request, zoneRelay([upstream(`${server.origin}/ads/vast42`)]));
    const { breaks } = parseVmap(reread(answer.root));
    expect(breaks).toMatchObject([{ breakId: "preroll", timeOffset: "start", source: { kind: "vast" } }]);
    expect(answer.breaks).toMatchObject([{ breakId: "preroll", ads: [{ ad: "x-42" }] }]);
  });
});

describe("the rules of a zone", () => {
  const none = { adSystems: [], hosts: [] };

  test("an ad of a blocked system is left out, wrappers of one are not followed, and both are told 403", async () => {
    const server = await openAdServer();
    const { relay, beacons } = openRelay([server]);
    const rules = { block: { adSystems: ["pubserve", "Hop1"], hosts: [] }, priority: none };
    const zone = zoneRelay([upstream(`${server.origin}/ads/pod`)], { rules });
    const answer = await relay.answerAdRequest(relayRequest(), zone);
    expect(answer.breaks[0]?.ads.map(({ ad }) => ad)).toEqual(["bc.1"]);
    expect(server.requestsTo("/ads/vast42")).toHaveLength(0);
    expect(beacons).toContain(`${server.origin}/pixel/w1/error?c=403`);
    expect(beacons).toContain(`${server.origin}/pixel/conversion/?label=videoplayfailed403&ai=B4x`);
  });

  test("an ad with a media file from a blocked host is left out", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const rules = { block: { adSystems: [], hosts: [".example"] }, priority: none };
    const zone = zoneRelay([upstream(`${server.origin}/ads/pod`)], { rules });
    const answer = await relay.answerAdRequest(relayRequest(), zone);
    expect(answer.breaks[0]?.ads.map(({ ad }) => ad)).toEqual(["x-42", "bc.1"]);
    expect(answer.failures).toContainEqual(
      expect.objectContaining({ adId: "697200496", reason: "creative-blocked", vastError: 403 }),
    );
  });

  test("stand-alone ads and media files come in the zone's order", async () => {
    const server = await openAdServer({
      "/buffet": (_request, response, o) => {
        const [first, second] = [publisherVast3(o), exchangeVast42(o)].map((text) => /<Ad [^]*<\/Ad>/.exec(text)?.[0]);
        response.end(`<VAST version="4.2">${first ?? ""}${second ?? ""}</VAST>`);
      },
    });
    const { relay } = openRelay([server]);
    const priority = { adSystems: ["Exchange42"], hosts: ["media.example"] };
    const zone = zoneRelay([upstream(`${server.origin}/buffet`)], { rules: { block: none, priority } });
    const { root } = await relay.answerAdRequest(relayRequest(), zone);
    const ads = parseVast(reread(root)).ads.map(({ ad }) => ad);
    expect(ads.map(({ id }) => id)).toEqual(["x-42", "697200496"]);
    expect(ads[1]?.creatives[0]?.mediaFiles.map(({ type }) => type)).toEqual([
      "video/webm",
      "video/mp4",
      "application/javascript",
    ]);
  });

  test("an ad of a category that a wrapper does not take is left out and told 205", async () => {
    const server = await openAdServer({
      "/picky": (_request, response, o) =>
        response.end(
          `<VAST version="4.2"><Ad id="p"><Wrapper><BlockedAdCategories authority="iabtechlab.com">12, 232</BlockedAdCategories><Error>${o}/pixel/p?c=[ERRORCODE]</Error><VASTAdTagURI>${o}/ads/vast42</VASTAdTagURI></Wrapper></Ad></VAST>`,
        ),
    });
    const { relay, beacons } = openRelay([server]);
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/picky`)]));
    expect(answer.breaks[0]?.ads).toEqual([]);
    expect(beacons[0]).toBe(`${server.origin}/pixel/p?c=205`);
  });
});

describe("hostile answers", () => {
  const inline = (body: string): string =>
    `<VAST version="3.0"><Ad id="h"><InLine><AdSystem>h</AdSystem>${body}<Creatives><Creative><Linear><Duration>00:00:05</Duration><VideoClicks><ClickThrough> java\nscript:alert(1)</ClickThrough></VideoClicks><MediaFiles/></Linear></Creative></Creatives></InLine></Ad></VAST>`;

  const answerTo = async (text: string) => {
    const server = await openAdServer({ "/h": (_request, response) => response.end(text) });
    const { relay } = openRelay([server]);
    return relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/h`)]));
  };

  test("an address that is a script does not leave", async () => {
    const answer = await answerTo(inline("<Impression><![CDATA[javascript:x]]></Impression>"));
    expect(answer.breaks[0]?.ads).toHaveLength(1);
    expect(print(answer.root)).not.toMatch(/script:/);
  });

  test.each([
    ["a DOCTYPE", `<!DOCTYPE VAST [<!ENTITY x "y">]>${inline("")}`],
    ["an entity that nobody declared", inline("<Survey>&x;</Survey>")],
    ["elements that do not close", inline("<Survey>")],
    ["two hundred elements within each other", inline("<a>".repeat(200) + "</a>".repeat(200))],
    ["VAST 1", "<VideoAdServingTemplate><Ad/></VideoAdServingTemplate>"],
    ["two megabytes and more", inline(`<Survey>${"x".repeat(2_000_001)}</Survey>`)],
  ])("%s is no answer", async (_what, text) => {
    const answer = await answerTo(text);
    expect(answer).toMatchObject({ upstream: undefined, attempts: [{ outcome: "failed" }] });
  });

  test("a wrapper with endless trackers does not multiply by the ads that it leads to", async () => {
    const trackers = `<Impression>http://t.example/${"x".repeat(1000)}</Impression>`.repeat(400);
    const server = await openAdServer({
      "/heavy": (_request, response, o) =>
        response.end(
          `<VAST version="3.0"><Ad id="p"><Wrapper allowMultipleAds="true">${trackers}<VASTAdTagURI>${o}/many</VASTAdTagURI></Wrapper></Ad></VAST>`,
        ),
      "/many": (_request, response, o) => {
        const ads = Array.from({ length: 40 }, (_, n) =>
          exchangeVast42(o)
            .replace(/^<VAST[^>]*>|<\/VAST>$/g, "")
            .replace("<Ad ", `<Ad sequence="${n + 1}" `),
        );
        response.end(`<VAST version="4.2">${ads.join("")}</VAST>`);
      },
    });
    const { relay } = openRelay([server]);
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/heavy`)]));
    expect(answer.breaks[0]?.ads.length).toBe(11);
    expect(print(answer.root).length).toBeLessThan(7_000_000);
    expect(answer.failures).toHaveLength(19);
  });

  test("what is printed says the same to the strict reader", () => {
    const root = createElement("VAST", { version: '4.2"<' });
    expect(reread(root).attributes["version"]).toBe('4.2"<');
  });
});
