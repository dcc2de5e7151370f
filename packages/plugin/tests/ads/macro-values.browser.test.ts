import { MACRO_NAMES, type MacroName } from "@interlude/core";
import { afterEach, describe, expect, test } from "vitest";
import { createMacroFiller, describePlace, type MacroDeps } from "../../src/ads/macro-values.ts";

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

function placeVideo(): HTMLVideoElement {
  const video = document.createElement("video");
  video.style.cssText = "width: 640px; height: 360px";
  document.body.append(video);
  cleanUps.push(() => video.remove());
  return video;
}

function read(name: MacroName, deps: Partial<MacroDeps> = {}, place?: Parameters<typeof describePlace>[0]): string {
  const filler = createMacroFiller({
    session: "viewer-1",
    macros: {},
    consentTimeoutMs: 500,
    player: () => "hls.js/1.7.4",
    media: () => null,
    contentUrl: () => "https://site.example/film.m3u8",
    start: () => undefined,
    ...deps,
  });
  return decodeURIComponent(filler.fillNow(`[${name}]`, describePlace(place)));
}

describe("what a page knows", () => {
  test.each<readonly [MacroName, string]>([
    ["TRANSACTIONID", "viewer-1"],
    ["DEVICEUA", navigator.userAgent],
    ["SERVERSIDE", "0"],
    ["PLACEMENTTYPE", "1"],
    ["ADTYPE", "video"],
    ["VASTVERSIONS", "2,3,5,6,7,8,11,12,13,14,15,16"],
    ["MEDIAMIME", "application/x-mpegurl,application/vnd.apple.mpegurl,video/mp4,video/x-flv,video/webm"],
    ["APIFRAMEWORKS", ""],
    ["PLAYERCAPABILITIES", document.fullscreenEnabled ? "mute,fullscreen" : "mute"],
    ["CONTENTURI", "https://site.example/film.m3u8"],
    ["PAGEURL", window.top?.location.href ?? ""],
    ["DOMAIN", location.hostname],
  ])("%s is %s", (name, value) => {
    expect(read(name)).toBe(value);
  });

  test("TIMESTAMP is now and CACHEBUSTING never the same for long", () => {
    const before = Date.now();
    const [from, to] = [before, new Date(read("TIMESTAMP")).getTime()];
    expect(to).toBeGreaterThanOrEqual(from);
    expect(to).toBeLessThanOrEqual(Date.now());
    expect(new Set(Array.from({ length: 50 }, () => read("CACHEBUSTING"))).size).toBeGreaterThan(45);
  });

  test("what no page can know is -1", () => {
    const unknown: readonly MacroName[] = [
      ...([
        "ADCATEGORIES",
        "APPBUNDLE",
        "BLOCKEDADCATEGORIES",
        "BREAKMAXADLENGTH",
        "BREAKMAXADS",
        "BREAKMINADLENGTH",
      ] as const),
      ...(["CLICKPOS", "CLICKTYPE", "CONTENTCAT", "CONTENTID", "DEVICEIP", "DSAPARAMS", "DSAPUBRENDER"] as const),
      ...(["DSAREQUIRED", "ERRORCODE", "IFA", "IFATYPE", "LATLONG", "OMIDPARTNER", "REASON", "SERVERUA"] as const),
      ...(["STOREID", "STOREURL"] as const),
    ];
    for (const name of unknown) expect([name, read(name)]).toEqual([name, "-1"]);
  });

  test("every macro of the list has a value, none is left standing", () => {
    for (const name of MACRO_NAMES) expect(read(name)).not.toContain("[");
  });
});

describe("what a player knows", () => {
  test("size, sound and full screen as they are at that moment", () => {
    const video = placeVideo();
    const deps = { media: () => video };
    expect([read("PLAYERSIZE", deps), read("PLAYERSTATE", deps)]).toEqual(["640,360", ""]);
    video.muted = true;
    video.style.width = "320px";
    expect([read("PLAYERSIZE", deps), read("PLAYERSTATE", deps)]).toEqual(["320,360", "muted"]);
    video.muted = false;
    video.volume = 0;
    expect(read("PLAYERSTATE", deps)).toBe("muted");
  });

  test("nothing while there is no player", () => {
    expect([read("PLAYERSIZE"), read("PLAYERSTATE"), read("PLAYBACKMETHODS"), read("INVENTORYSTATE")]).toEqual([
      "-1",
      "-1",
      "-1",
      "-1",
    ]);
  });

  test.each([
    ["autoplay", "1", "autoplayed"],
    ["muted-autoplay", "2", "mautoplayed"],
    ["click", "3", ""],
  ] as const)("how it began to play: %s", (start, method, state) => {
    const deps = { start: () => start };
    expect([read("PLAYBACKMETHODS", deps), read("INVENTORYSTATE", deps)]).toEqual([method, state]);
  });
});

test("an ad request knows the place and the length of its break", () => {
  const place = { position: "mid", maxDuration: 30.5, contentTime: 61.25 } as const;
  expect([
    read("BREAKPOSITION", {}, place),
    read("BREAKMAXDURATION", {}, place),
    read("MEDIAPLAYHEAD", {}, place),
  ]).toEqual(["2", "30", "00:01:01.250"]);
  expect([read("BREAKPOSITION"), read("BREAKMAXDURATION"), read("MEDIAPLAYHEAD")]).toEqual(["-1", "-1", "-1"]);
});

test("the publisher's values go before all others", () => {
  const macros = { CONTENTID: "example.com 42", DEVICEUA: null, PAGEURL: "https://example.com/" };
  expect([read("CONTENTID", { macros }), read("DEVICEUA", { macros }), read("PAGEURL", { macros })]).toEqual([
    "example.com 42",
    "-2",
    "https://example.com/",
  ]);
});
