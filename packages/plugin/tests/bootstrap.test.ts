import type { TextResponse } from "@interlude/core";
import { describe, expect, test } from "vitest";
import { bootstrap, type BootstrapOptions, bootstrapUrl } from "../src/bootstrap.ts";

const LEAST: BootstrapOptions = {
  server: "https://manifest.example:8443/below/",
  asset: "film 1",
  contentUrl: "https://origin.example/film/master.m3u8?token=ü",
  zone: 1,
};

/** The content's address, as RFC 4648 §5 reads it. */
function contentOf({ pathname }: URL): string {
  const [, encoded = ""] = /([\w-]+)\.m3u8$/.exec(pathname) ?? [];
  const binary = atob(encoded.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder().decode(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
}

describe("bootstrapUrl", () => {
  test("needs server, asset, content and zone, and carries the content's address in base64url", () => {
    const url = bootstrapUrl(LEAST);
    expect(url.origin + url.pathname.replace(/[^/]+$/, "")).toBe(
      "https://manifest.example:8443/auditude/variant/film%201/",
    );
    expect(url.search).toBe("?z=1");
    expect(contentOf(url)).toBe(new URL(String(LEAST.contentUrl)).href);
  });

  test("sets every parameter of primetime.md §1.4 that a client sets", () => {
    const url = bootstrapUrl({
      ...LEAST,
      adRequestHash: "8e4ae1b6",
      session: "viewer1",
      device: 1_000_012,
      targeting: { genre: "news", age: "18+" },
      live: true,
      replace: "all",
      partialBreak: true,
      adTimeoutMs: 800,
      adWindow: 0,
      assetId: "a1",
      cdn: ["llnw", "akamai"],
      cueFormat: "elemental",
      debug: "AdCall",
      failover: true,
      multiCall: true,
      parallelStream: true,
      player: "ios-mobileweb",
      rewriteRules: ["adfetch_a", "cdn_b"],
      discontinuitySequence: true,
      timeline: "B,60,2,p;C,120,1",
      token: "limelight",
      tracking: { mode: "simple", version: "v3" },
      scteTracking: true,
      preRollTargetDurations: 2.5,
      preRollOffset: 1,
      subtitleDiscontinuities: false,
      parameters: { context: "sport & more" },
    });
    expect(Object.fromEntries(url.searchParams)).toEqual({
      u: "8e4ae1b6",
      z: "1",
      _sid_: "viewer1",
      g: "1000012",
      k: "genre=news;age=18+",
      live: "true",
      enableC3: "false",
      pabimode: "true",
      ptadtimeout: "800",
      ptadwindow: "0",
      ptassetid: "a1",
      ptcdn: "llnw,akamai",
      ptcueformat: "elemental",
      ptdebug: "AdCall",
      ptfailover: "true",
      ptmulticall: "true",
      ptparallelstream: "true",
      ptplayer: "ios-mobileweb",
      ptprotoswitch: "adfetch_a,cdn_b",
      pttagds: "true",
      pttimeline: "B,60,2,p;C,120,1",
      pttoken: "limelight",
      pttrackingmode: "simple",
      pttrackingversion: "v3",
      scteTracking: "true",
      vetargetmultiplier: "2.5",
      vebufferLength: "1",
      vttdisc: "false",
      context: "sport & more",
    });
  });

  test.each([
    ["a content address that is none", { contentUrl: "master.m3u8" }, "contentUrl"],
    ["one of a script", { contentUrl: "javascript:alert(1)" }, "contentUrl"],
    ["one that is too long", { contentUrl: `https://o.example/${"x".repeat(2048)}` }, "contentUrl"],
    ["an asset without a name", { asset: "" }, "asset"],
    ["an asset that leads up", { asset: ".." }, "asset"],
    ["a window of an hour", { adWindow: 3600 }, "adWindow"],
    ["targeting that would end early", { targeting: { a: "b;c" } }, "targeting.a"],
    ["a parameter that has an option", { parameters: { z: "2" } }, "parameters.z"],
    ["a query that no server takes", { parameters: { a: "x".repeat(9000) } }, "parameters"],
  ])("refuses %s, naming the option", (_what, options, name) => {
    expect(() => bootstrapUrl({ ...LEAST, ...options })).toThrow(
      expect.objectContaining({ code: "option-invalid", message: expect.stringContaining(`bootstrap ${name}:`) }),
    );
  });
});

const AT = "https://manifest.example/auditude/variant/a/s/x.m3u8?z=1";

const answering = (status: number, text: string) => async (): Promise<TextResponse> => ({
  status,
  text,
  url: new URL(AT),
});

describe("bootstrap", () => {
  test("takes the master from the JSON object, relative to where it came from", async () => {
    const fetchText = answering(200, '{"Master-M3U8":"/auditude/variant/a/s2/x.m3u8?z=1"}');
    expect((await bootstrap(AT, { fetchText })).masterUrl.href).toBe(
      "https://manifest.example/auditude/variant/a/s2/x.m3u8?z=1",
    );
  });

  test("takes the address that a redirect led to where a master playlist came", async () => {
    const fetchText = answering(200, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nx.m3u8\n");
    expect((await bootstrap("https://manifest.example/x.m3u8", { fetchText })).masterUrl.href).toBe(AT);
  });

  test.each([
    [
      403,
      '{"error":{"code":"content-origin-refused","message":"not of this zone"}}',
      "upstream-status",
      "not of this zone",
    ],
    [502, "<html>", "upstream-status", "502"],
    [200, "<html>", "playlist-malformed", "Master-M3U8"],
    [200, '{"Master-M3U8":7}', "playlist-malformed", "Master-M3U8"],
    [200, '{"Master-M3U8":"javascript:alert(1)"}', "url-malformed", "javascript"],
  ])("status %d with %s is an error with a code", async (status, text, code, words) => {
    await expect(bootstrap(AT, { fetchText: answering(status, text) })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
  });
});
