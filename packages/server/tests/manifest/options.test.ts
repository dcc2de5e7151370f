import { describe, expect, test } from "vitest";
import { createOptionsReader, parseOptions } from "../../src/manifest/read-options.ts";
import { formatZoneDocument, parseZones, standardZone } from "../../src/zones.ts";

const ZONES = [
  standardZone("1", [
    { name: "Akamai", publicUrl: "/cdn/akamai/" },
    { name: "own", publicUrl: "/cdn/own/" },
  ]),
];

describe("parameters of the bootstrap", () => {
  test("what is left out is as documented for Primetime", () => {
    expect(parseOptions("z=1", ZONES)).toEqual({
      zone: "1",
      isLive: undefined,
      enableC3: undefined,
      partialBreaks: false,
      adTimeoutMs: undefined,
      adWindow: 1800,
      cdn: undefined,
      cueFormat: undefined,
      debug: undefined,
      firstEncounter: undefined,
      hasFailover: false,
      hasMultiCall: false,
      isIosMobileWeb: false,
      rules: [],
      hasDiscontinuitySequence: false,
      timeline: undefined,
      segmentToken: undefined,
      tracking: "marker",
      trackingVersion: undefined,
      isScteTracked: false,
      liveTargetMultiplier: 3,
      liveBufferLength: 3,
      hasSubtitleDiscontinuities: true,
    });
  });

  test.each([
    ["live=true", { isLive: true }],
    ["live=FALSE", { isLive: false }],
    ["live=perhaps", { isLive: undefined }],
    ["enableC3=true", { enableC3: true }],
    ["enableC3=false", { enableC3: false }],
    ["pabimode=true", { partialBreaks: true }],
    ["pabimode=start", { partialBreaks: true }],
    ["pabimode=false", { partialBreaks: false }],
    ["ptadtimeout=1500", { adTimeoutMs: 1500 }],
    ["ptadtimeout=0", { adTimeoutMs: 1 }],
    ["ptadtimeout=soon", { adTimeoutMs: undefined }],
    ["ptadwindow=0", { adWindow: 0 }],
    ["ptadwindow=99999", { adWindow: 1800 }],
    ["ptadwindow=-5", { adWindow: 0 }],
    ["ptadwindow=", { adWindow: 1800 }],
    ["ptcdn=akamai", { cdn: "Akamai" }],
    ["ptcdn=level3,own", { cdn: "own" }],
    ["ptcdn=", { cdn: undefined }],
    ["ptcueformat=DPISimple", { cueFormat: "dpisimple" }],
    ["ptdebug=true", { debug: "all" }],
    ["ptdebug=AdCall", { debug: "adcall" }],
    ["ptdebug=Header", { debug: "header" }],
    ["ptdebug=constructor", { debug: undefined }],
    ["ptencounter=wait", { firstEncounter: ["wait"] }],
    ["ptencounter=Skip", { firstEncounter: ["skip"] }],
    ["ptencounter=remux", { firstEncounter: undefined }],
    ["ptfailover=true", { hasFailover: true }],
    ["ptmulticall=true", { hasMultiCall: true }],
    ["ptplayer=ios-mobileweb", { isIosMobileWeb: true }],
    ["ptprotoswitch=adfetch_fw,cdn_akm,", { rules: ["adfetch_fw", "cdn_akm"] }],
    ["pttagds=true", { hasDiscontinuitySequence: true }],
    ["pttimeline=B,60,2,p;C,120,1;", { timeline: "B,60,2,p;C,120,1;" }],
    ["pttoken=akamai", { segmentToken: "akamai" }],
    ["pttoken=true", { segmentToken: "akamai" }],
    ["pttoken=llnw", { segmentToken: "limelight" }],
    ["pttoken=Limelight", { segmentToken: "limelight" }],
    ["pttoken=ctl", { segmentToken: "centurylink" }],
    ["pttoken=level3", { segmentToken: "centurylink" }],
    ["pttoken=false", { segmentToken: undefined }],
    ["pttrackingmode=simple", { tracking: "simple" }],
    ["pttrackingmode=sstm", { tracking: "sstm" }],
    ["pttrackingmode=simplesstm", { tracking: "simplesstm" }],
    ["pttrackingmode=toString", { tracking: "marker" }],
    ["pttrackingversion=v3", { trackingVersion: "v3" }],
    ["pttrackingversion=vmap", { trackingVersion: "vmap" }],
    ["pttrackingversion=v9", { trackingVersion: undefined }],
    ["scteTracking=true", { isScteTracked: true }],
    ["vetargetmultiplier=1.5", { liveTargetMultiplier: 1.5 }],
    ["vetargetmultiplier=Infinity", { liveTargetMultiplier: 3 }],
    ["vebufferLength=0", { liveBufferLength: 0 }],
    ["vttdisc=false", { hasSubtitleDiscontinuities: false }],
    ["vttdisc=maybe", { hasSubtitleDiscontinuities: true }],
    ["live=true&live=false", { isLive: true }],
  ])("%s", (query, expected) => {
    expect(parseOptions(`z=1&${query}`, ZONES)).toMatchObject(expected);
  });

  test("the same query is read once, and what was not asked for longest is forgotten", () => {
    const read = createOptionsReader(ZONES, 2);
    const first = read("z=1");
    expect(read("z=1")).toBe(first);
    read("z=1&u=1");
    read("z=1&u=2");
    expect(read("z=1")).not.toBe(first);
    expect(read("z=1")).toEqual(first);
  });
});

describe("the zones file's `manifest`", () => {
  const published = [{ name: "a", publicUrl: "/cdn/a/" }];
  const parse = (manifest: unknown) =>
    parseZones(JSON.stringify({ version: 1, zones: [{ zone: "news", manifest }] }), "zones.json", published);

  test("is read whole, and what is left out has a value; none of it leaves in the public document", () => {
    const [zone] = parse({
      contentOrigins: ["https://CDN.example", "https://*.cdn.example", "http://10.0.0.1:8080", "self"],
      adTagUrl: "/ads/vmap?zone=news&s=[#CAID]",
      preRollTagUrl: "https://ads.example/vast?cb=[CACHEBUSTING]",
      rewriteRules: [{ name: "cdn_x", find: "^http:", replace: "" }],
      corsOrigins: ["https://player.example"],
      originSecret: { name: "X-Secret", value: "s3cret" },
      cueFormat: "DPISimple",
    });
    expect(zone?.manifest).toEqual({
      contentOrigins: ["https://cdn.example", "https://*.cdn.example", "http://10.0.0.1:8080", "self"],
      adTagUrl: "/ads/vmap?zone=news&s=[#CAID]",
      availTagUrl: undefined,
      preRollTagUrl: "https://ads.example/vast?cb=[CACHEBUSTING]",
      fallbackTagUrl: undefined,
      adTimeoutMs: 3000,
      startBudgetMs: 2000,
      cueFormat: "dpisimple",
      rewriteRules: [{ name: "cdn_x", find: "^http:", replace: "" }],
      corsOrigins: ["https://player.example"],
      originSecret: { name: "x-secret", value: "s3cret" },
    });
    if (zone === undefined) throw new Error("expected a zone");
    expect(JSON.stringify(formatZoneDocument(zone))).not.toMatch(/manifest|s3cret/);
  });

  test.each<readonly [unknown, string]>([
    [[], "zones[0].manifest: expected an object, got a list of 0"],
    [{}, "zones[0].manifest.contentOrigins: expected a list, got nothing"],
    [{ contentOrigins: [], more: 1 }, "zones[0].manifest.more: expected one of contentOrigins,"],
    [{ contentOrigins: ["cdn.example"] }, "zones[0].manifest.contentOrigins[0]: expected an origin such as"],
    [
      { contentOrigins: ["https://cdn.example/path"] },
      "zones[0].manifest.contentOrigins[0]: expected an origin such as",
    ],
    [{ contentOrigins: ["https://a.*.example"] }, "zones[0].manifest.contentOrigins[0]: expected an origin such as"],
    [{ contentOrigins: ["ftp://cdn.example"] }, "zones[0].manifest.contentOrigins[0]: expected an origin such as"],
    [
      { contentOrigins: [], adTagUrl: "ads" },
      'zones[0].manifest.adTagUrl: expected an http(s) URL or a path of this server, got "ads"',
    ],
    [{ contentOrigins: [], adTagUrl: "//ads.example" }, "zones[0].manifest.adTagUrl: expected"],
    [{ contentOrigins: [], availTagUrl: "https://u:p@ads.example/" }, "zones[0].manifest.availTagUrl: expected"],
    [
      { contentOrigins: [], adTimeoutMs: 0 },
      "zones[0].manifest.adTimeoutMs: expected milliseconds from 1 to 60000, got 0",
    ],
    [
      { contentOrigins: [], rewriteRules: [{ name: "x", find: "a", replace: "b" }] },
      "rewriteRules[0].name: expected a name such as adfetch_x",
    ],
    [
      { contentOrigins: [], rewriteRules: [{ name: "cdn_x", find: "(", replace: "b" }] },
      "rewriteRules[0].find: expected a regular expression",
    ],
    [
      { contentOrigins: [], rewriteRules: [1, 2].map(() => ({ name: "cdn_x", find: "a", replace: "b" })) },
      "rewriteRules[1]: expected a name that the list does not have yet, got cdn_x",
    ],
    [
      { contentOrigins: [], corsOrigins: ["*"] },
      "zones[0].manifest.corsOrigins[0]: expected an origin as browsers spell it",
    ],
    [
      { contentOrigins: [], originSecret: { name: "a b", value: "x" } },
      "originSecret.name: expected the name of a header",
    ],
    [
      { contentOrigins: [], originSecret: { name: "a", value: "sécret" } },
      "originSecret.value: expected visible ASCII characters, got something else",
    ],
  ])("%j is refused where it stands", (manifest, complaint) => {
    expect(() => parse(manifest)).toThrow(complaint);
    expect(() => parse(manifest)).toThrow(/^zones\.json, line 1: /);
  });
});
