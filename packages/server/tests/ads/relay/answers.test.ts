import { parseVast, parseVmap } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { createElement } from "../../../src/ads/relay/xml-tree.ts";
import { openAdServer } from "./ad-server.ts";
import { exchangeVast42, filmlessVast, podOf, publisherVast3, publisherVmap, wrapper } from "./documents.ts";
import { openRelay, OURS, print, printWithoutOurs, relayRequest, reread, upstream, zoneRelay } from "./relay-world.ts";

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

  test("a break that is for whoever understands it stays as it is", async () => {
    const custom = `<VMAP version="1.0"><AdBreak timeOffset="start" breakType="linear" breakId="c"><AdSource><CustomAdData templateType="x">y</CustomAdData></AdSource></AdBreak></VMAP>`;
    const server = await openAdServer({ "/map": (_request, response) => response.end(custom) });
    const { relay } = openRelay([server]);
    const request = relayRequest({ form: "vmap" });
    const answer = await relay.answerAdRequest(request, zoneRelay([upstream(`${server.origin}/map`)]));
    expect(print(answer.root)).toBe(custom);
  });

  test("a break may carry its VAST as text, and allow one ad of it", async () => {
    const server = await openAdServer({
      "/map": (_request, response, o) => {
        const pod = podOf("3.0", publisherVast3(o), exchangeVast42(o)).replace(
          /<!\[CDATA\[(.*?)\]\]>/g,
          (_all, text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;"),
        );
        response.end(
          `<VMAP version="1.0.1"><AdBreak timeOffset="#1" breakType="linear" breakId="first"><AdSource allowMultipleAds="false">` +
            `<VASTAdData><![CDATA[${pod}]]></VASTAdData></AdSource></AdBreak></VMAP>`,
        );
      },
    });
    const { relay } = openRelay([server]);
    const request = relayRequest({ form: "vmap" });
    const answer = await relay.answerAdRequest(request, zoneRelay([upstream(`${server.origin}/map`)]));
    expect(answer.breaks).toMatchObject([{ breakId: "first", ads: [{ ad: "697200496", position: 1 }] }]);
    const [found] = parseVmap(reread(answer.root)).breaks;
    expect(found).toMatchObject({ timeOffset: { position: 1 }, source: { kind: "vast", vast: { name: "VAST" } } });
    expect(print(answer.root)).toContain('<TrackingEvents><Tracking event="breakStart">');
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

  test("a break that the map does not have gets no ads of another, and the next upstream is asked for it", async () => {
    const server = await openAdServer({
      "/pre-only": (_request, response, o) =>
        response.end(publisherVmap(o).replace(/<vmap:AdBreak timeOffset="(?!start)[^]*?<\/vmap:AdBreak>/g, "")),
    });
    const { relay } = openRelay([server]);
    const upstreams = [
      upstream(`${server.origin}/pre-only`),
      upstream(`${server.origin}/ads/vast42`, { name: "house" }),
    ];
    const mid = relayRequest({ breakId: "mid-2", breakPosition: "mid" });
    const answer = await relay.answerAdRequest(mid, zoneRelay(upstreams));
    expect(answer).toMatchObject({ upstream: "house", breaks: [{ breakId: "mid-2", ads: [{ ad: "x-42" }] }] });
    expect(server.requestsTo("/ads/vast3")).toHaveLength(0);
    const named = await relay.answerAdRequest(relayRequest({ breakId: "b-7" }), zoneRelay(upstreams));
    expect(named.upstream).toBe("house");
    const unnamed = await relay.answerAdRequest(relayRequest({ breakId: "" }), zoneRelay(upstreams));
    expect(unnamed).toMatchObject({ upstream: "main", breaks: [{ breakId: "preroll", ads: [{ ad: "697200496" }] }] });
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

describe("ads that nobody can play", () => {
  const OVERLAY =
    "<NonLinearAds><NonLinear><StaticResource>https://i.example/a.png</StaticResource></NonLinear></NonLinearAds>";
  const linear = (files: string): string =>
    `<Linear><Duration>00:00:05</Duration><MediaFiles>${files}</MediaFiles></Linear>`;
  const VPAID = linear(
    '<MediaFile type="application/javascript" apiFramework="VPAID">https://m.example/v.js</MediaFile>',
  );
  const cases = [
    ["only an overlay", OVERLAY, 201],
    ["a film of none but a VPAID script", VPAID, 403],
    ["a film without media files", linear(""), 401],
    [
      "a type that the zone does not take",
      linear('<MediaFile type="application/dash+xml">https://m.example/a.mpd</MediaFile>'),
      403,
    ],
  ] as const;

  test.each(cases)(
    "an answer of %s is no fill: the next upstream is asked, and the first told",
    async (_what, body, code) => {
      const server = await openAdServer({
        "/film-less": (_request, response, o) => response.end(filmlessVast(o, body)),
      });
      const { relay, beacons } = openRelay([server]);
      const house = upstream(`${server.origin}/ads/vast42`, { name: "house" });
      const zone = zoneRelay([upstream(`${server.origin}/film-less`), house]);
      const answer = await relay.answerAdRequest(relayRequest(), zone);
      expect(answer).toMatchObject({ upstream: "house", attempts: [{ outcome: "failed" }, { outcome: "ads" }] });
      expect(answer.breaks[0]?.ads.map(({ ad }) => ad)).toEqual(["x-42"]);
      expect(beacons).toEqual([`${server.origin}/pixel/film-less?c=${code}`]);
    },
  );

  test("what can be played is a matter of the zone's types", async () => {
    const server = await openAdServer();
    const { relay } = openRelay([server]);
    const upstreams = ["/ads/vast2", "/ads/vast3"].map((path) =>
      upstream(`${server.origin}${path}`, { name: path.slice(5) }),
    );
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay(upstreams), ["video/webm"]);
    expect(answer).toMatchObject({ upstream: "vast3", attempts: [{ outcome: "failed" }, { outcome: "ads" }] });
  });

  test("they are handed out where nobody has better ones, for whoever can, and are not counted as offered", async () => {
    const server = await openAdServer({
      "/film-less": (_request, response, o) => response.end(filmlessVast(o, VPAID)),
    });
    const { relay, beacons } = openRelay([server]);
    const upstreams = ["/ads/empty", "/film-less", "/ads/none"].map((path) =>
      upstream(`${server.origin}${path}`, { name: path.slice(5) }),
    );
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay(upstreams));
    expect(parseVast(reread(answer.root)).ads.map(({ ad }) => ad.id)).toEqual(["film-less"]);
    expect(answer).toMatchObject({ upstream: "-less", breaks: [{ breakId: "b-1", ads: [] }] });
    // the player gets its address, and tells it itself
    expect(beacons).toEqual([`${server.origin}/pixel/nofill?c=303`]);
  });

  test("where a pod has none, the ad that stands by is what is offered", async () => {
    const server = await openAdServer({
      "/pod": (_request, response, o) => {
        const [first = "", second = ""] = [filmlessVast(o, VPAID), exchangeVast42(o)].map(
          (text) => /<Ad [^]*<\/Ad>/.exec(text)?.[0],
        );
        response.end(`<VAST version="4.2">${first.replace("<Ad ", '<Ad sequence="1" ')}${second}</VAST>`);
      },
    });
    const { relay } = openRelay([server]);
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/pod`)]));
    expect(answer).toMatchObject({ attempts: [{ outcome: "ads" }], breaks: [{ ads: [{ ad: "x-42", position: 1 }] }] });
  });

  test("an ad without an id is called by its place", async () => {
    const server = await openAdServer({
      "/nameless": (_request, response, o) =>
        response.end(podOf("4.2", exchangeVast42(o), exchangeVast42(o)).replaceAll(' id="x-42"', "")),
    });
    const { relay } = openRelay([server]);
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/nameless`)]));
    expect(answer.breaks[0]?.ads.map(({ ad }) => ad)).toEqual(["#1", "#2"]);
    expect(parseVast(reread(answer.root)).ads[1]?.ad.impressions[0]).toBe(
      `${OURS}impression?up=main&break=b-1&ad=%232&position=2`,
    );
  });

  test("of three ads without a place one is offered; all of them have our tracking", async () => {
    const server = await openAdServer({
      "/three": (_request, response, o) => {
        const ads = ["a", "b", "c"].map((id) => /<Ad [^]*<\/Ad>/.exec(exchangeVast42(o, id))?.[0]);
        response.end(`<VAST version="4.2">${ads.join("")}</VAST>`);
      },
    });
    const { relay } = openRelay([server]);
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/three`)]));
    expect(answer.breaks).toMatchObject([{ ads: [{ ad: "a", position: 1 }] }]);
    expect(answer.breaks[0]?.ads).toHaveLength(1);
    const tracked = parseVast(reread(answer.root)).ads.map(
      ({ ad }) => ad.impressions.filter((url) => url.startsWith(OURS)).length,
    );
    expect(tracked).toEqual([1, 1, 1]);
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
    const rules = { block: { adSystems: [], hosts: [".media.example"] }, priority: none };
    const zone = zoneRelay([upstream(`${server.origin}/ads/pod`)], { rules });
    const answer = await relay.answerAdRequest(relayRequest(), zone);
    expect(answer.breaks[0]?.ads.map(({ ad }) => ad)).toEqual(["x-42", "bc.1"]);
    expect(answer.failures).toContainEqual(
      expect.objectContaining({ adId: "697200496", reason: "creative-blocked", vastError: 403 }),
    );
  });

  test("a wrapper to a blocked host is not followed", async () => {
    const server = await openAdServer({
      "/w": (_request, response, o) => response.end(wrapper(o, 1, "https://ads.blocked.example/tag?x=[CACHEBUSTING]")),
    });
    const { relay, beacons } = openRelay([server]);
    const rules = { block: { adSystems: [], hosts: [".blocked.example"] }, priority: none };
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/w`)], { rules }));
    expect(answer.failures).toMatchObject([{ reason: "creative-blocked", adId: "w1" }]);
    expect(beacons).toEqual([`${server.origin}/pixel/w1/error?c=403`]);
  });

  const MEDIA = '<MediaFile type="video/mp4">https://m.example/a.mp4</MediaFile>';
  const film = (media: string): string =>
    `<Linear><Duration>00:00:05</Duration><MediaFiles>${media}</MediaFiles></Linear>`;

  test.each([
    ["with a dot behind it", MEDIA.replace("m.example", "cdn.bad.example.")],
    ["of an interactive file", `${MEDIA}<InteractiveCreativeFile>https://bad.example/s.js</InteractiveCreativeFile>`],
  ])("a blocked host %s is one too", async (_what, media) => {
    const server = await openAdServer({
      "/film": (_request, response, o) => response.end(filmlessVast(o, film(media))),
    });
    const { relay } = openRelay([server]);
    const rules = { block: { adSystems: [], hosts: [".bad.example"] }, priority: none };
    const zone = zoneRelay([upstream(`${server.origin}/film`)], { rules });
    const answer = await relay.answerAdRequest(relayRequest(), zone);
    expect(answer.failures).toMatchObject([{ reason: "creative-blocked", vastError: 403 }]);
    expect(answer.breaks[0]?.ads).toEqual([]);
  });

  test("a wrapper, or a tag of a map, that is sent on to a blocked host leads to no ad", async () => {
    const blocked = await openAdServer({
      "/clean": (_request, response) => response.end(exchangeVast42("https://m.example")),
    });
    const elsewhere = blocked.origin.replace("127.0.0.1", "localhost");
    const server = await openAdServer({
      "/sent-on": (_request, response) => response.writeHead(302, { location: `${elsewhere}/clean` }).end(),
      "/w": (_request, response, o) => response.end(wrapper(o, 1, `${o}/sent-on`)),
      "/map": (_request, response, o) => {
        const breaks = [`${o}/sent-on`, `${elsewhere}/clean?direct`].map(
          (url, n) =>
            `<AdBreak timeOffset="start" breakType="linear" breakId="${n}"><AdSource><AdTagURI>${url}</AdTagURI></AdSource></AdBreak>`,
        );
        response.end(`<VMAP version="1.0">${breaks.join("")}</VMAP>`);
      },
    });
    const { relay } = openRelay([server, blocked], {}, [`localhost:${blocked.port}`]);
    const rules = { block: { adSystems: [], hosts: ["localhost"] }, priority: none };
    for (const [path, form] of [
      ["/w", "vast"],
      ["/map", "vmap"],
    ] as const) {
      const zone = zoneRelay([upstream(`${server.origin}${path}`)], { rules });
      const answer = await relay.answerAdRequest(relayRequest({ form }), zone);
      expect(answer.breaks.flatMap(({ ads }) => ads)).toEqual([]);
      expect(new Set(answer.failures.map(({ reason, vastError }) => `${reason} ${vastError}`))).toEqual(
        new Set(["creative-blocked 403"]),
      );
    }
    expect(blocked.requests.map(({ url }) => url)).not.toContain("/clean?direct");
  });

  test("a blocked host that would send a wrapper on to one that is not blocked is not asked", async () => {
    const good = await openAdServer();
    const blocked = await openAdServer({
      "/hop": (_request, response) => response.writeHead(302, { location: `${good.origin}/ads/vast42` }).end(),
    });
    const hop = `${blocked.origin.replace("127.0.0.1", "localhost")}/hop`;
    const server = await openAdServer({
      "/sent-on": (_request, response) => response.writeHead(302, { location: hop }).end(),
      "/w": (_request, response, o) => response.end(wrapper(o, 1, `${o}/sent-on`)),
    });
    const { relay, beacons } = openRelay([server, good, blocked], {}, [`localhost:${blocked.port}`]);
    const rules = { block: { adSystems: [], hosts: ["localhost"] }, priority: none };
    const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/w`)], { rules }));
    expect(answer.failures).toMatchObject([{ reason: "creative-blocked", vastError: 403 }]);
    expect(blocked.requests).toEqual([]);
    expect(beacons).toEqual([`${server.origin}/pixel/w1/error?c=403`]);
  });

  test("a wrapper that adds an interactive file of a blocked host leads to no ad", async () => {
    const file = "<InteractiveCreativeFile>https://bad.example/s.js</InteractiveCreativeFile>";
    const server = await openAdServer({
      "/w": (_request, response, o) =>
        response.end(wrapper(o, 1, `${o}/ads/vast42`, "4.2").replace("<Linear>", `<Linear>${file}`)),
    });
    const { relay } = openRelay([server]);
    const rules = { block: { adSystems: [], hosts: [".bad.example"] }, priority: none };
    const zone = zoneRelay([upstream(`${server.origin}/w`)], { rules });
    const answer = await relay.answerAdRequest(relayRequest(), zone);
    expect(answer.failures).toMatchObject([{ reason: "creative-blocked", vastError: 403, adId: "w1" }]);
    expect(print(answer.root)).not.toContain("bad.example");
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
    expect(parseVast(reread(answer.root)).ads).toHaveLength(1);
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
