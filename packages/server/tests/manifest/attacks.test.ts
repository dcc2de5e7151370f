/** Attacks on the manifest server that once succeeded: each costs its sender something, and nobody else. */
import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { fastify } from "fastify";
import { describe, expect, onTestFinished, test } from "vitest";
import { registerCors } from "../../src/cors.ts";
import { resolveUris, substitute } from "../../src/manifest/content/absolute-uris.ts";
import { limitXml } from "../../src/manifest/ads/ad-xml.ts";
import { isContentOrigin } from "../../src/manifest/content/content-origin.ts";
import { formatDebugHeaders } from "../../src/manifest/operations/debug-headers.ts";
import { weighSession } from "../../src/manifest/session/session-weight.ts";
import { createOwnFetch } from "../../src/own-address.ts";
import { parseXml } from "../../src/xml.ts";
import { standardZone } from "../../src/zones.ts";
import { testApp } from "../http/test-app.ts";
import { type AdSpec, addHlsAd, type Flow, flowWorld, listSegments, vast, vmap, vodContent } from "./flow-world.ts";
import { manifestWorld, ZONE_MANIFEST } from "./manifest-world.ts";

const SPOT: AdSpec = { id: "spot", duration: 12 };
const HEAD = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n";
const END = "#EXT-X-ENDLIST\n";

describe("time", () => {
  test.each([
    ["encoded slashes", "%2f".repeat(66_000)],
    ["slashes", "/".repeat(200_000)],
    ["names of secrets", `?${"token".repeat(40_000)}`],
    ["separators", "?;&".repeat(66_000)],
  ])("an ad server's address of 200 kB of %s does not hold up whoever else waits", async (_what, address) => {
    const records = [{ type: "TRACE_AD_REDIRECT", fields: [address] }];
    expect(Object.keys(formatDebugHeaders(records, "all"))).toEqual(["X-ADBE-AI-DBG-1"]);
    // A test that blocked for longer than it may take fails here.
    await setImmediate();
  });

  test.each([
    ["elements", `<VAST>${"<Ad/>".repeat(60_000)}</VAST>`],
    ["attributes", `<VAST ${Array.from({ length: 60_000 }, (_, index) => `a${index}=""`).join(" ")}/>`],
  ])("XML of an ad server with more %s than a map has is not read", (_what, xml) => {
    expect(() => limitXml(parseXml)(xml)).toThrow(/at most 50000 elements and attributes/);
  });

  test("an answer of this very server is read no further than a playlist may be long", async () => {
    const app = fastify();
    let sent = 0;
    app.get("/film", async (_request, reply) => {
      async function* film(): AsyncGenerator<Buffer> {
        for (; sent < 1_000_000_000; sent += 100_000) yield Buffer.alloc(100_000);
      }
      return reply.send(Readable.from(film()));
    });
    onTestFinished(() => app.close());
    const { bytes } = await createOwnFetch(app, []).own(new URL("http://ads.example/film"), {}, 1_000_000);
    expect(bytes.length).toBeGreaterThan(1_000_000);
    expect(sent).toBeLessThan(10_000_000);
  });
});

describe("size", () => {
  test("variables make no playlist of a hundred times its length", () => {
    const text = `${HEAD}#EXT-X-DEFINE:NAME="a",VALUE="${"A".repeat(8000)}"\n${"#EXTINF:2,\n{$a}\n".repeat(5000)}${END}`;
    expect(() => resolveUris(text, new URL("http://a.example/x"))).toThrow(/at most 16000000 characters/);
    const variables = new Map([["a", "A".repeat(1_000_000)]]);
    expect(substitute("{$a}{$a}", variables)).toBe("{$a}{$a}");
  });

  test("short references below a long address make no playlist of a hundred times its length", () => {
    const text = `${HEAD}${"#EXTINF:2,\na\n".repeat(9000)}${END}`;
    expect(() => resolveUris(text, new URL(`http://a.example/${"x".repeat(2000)}/y`))).toThrow(/at most 16000000/);
  });

  test("a playlist of more segments than a day has is refused, whoever asks", async () => {
    const { pages, start, get } = await manifestWorld();
    pages.set("/show/low.m3u8", `${HEAD}${"#EXTINF:1,\na\n".repeat(50_001)}${END}`);
    const { addresses } = await start("z=1&live=false");
    const low = addresses.find((address) => address.includes("/500/")) ?? "";
    const answer = await get(low);
    expect([answer.statusCode, answer.json().error.code]).toEqual([502, "content-too-large"]);
  });

  test("a master of more playlists than anybody has is refused", async () => {
    const { pages, bootstrap, get } = await manifestWorld();
    pages.set("/show/master.m3u8", `#EXTM3U\n${"#EXT-X-STREAM-INF:BANDWIDTH=1\na\n".repeat(1001)}`);
    const answer = await get((await get(bootstrap("/show/master.m3u8"))).headers.location ?? "");
    expect([answer.statusCode, answer.json().error.code]).toEqual([502, "content-too-large"]);
  });

  test("what a client sends makes its session heavier, and so what an ad server sends", () => {
    const viewer = { ip: "203.0.113.9", userAgent: "" };
    const session = {
      id: "i",
      zone: "1",
      assetId: "a",
      contentUrl: "",
      query: "",
      isBackup: false,
      createdAt: 0,
      viewer,
    };
    const facts = { session, cookies: [], breaks: [], tracks: [], claims: [] };
    const light = weighSession(facts);
    const long = "x".repeat(10_000);
    const cookie = { host: "a.example", name: "a", path: "/", expiresAt: undefined };
    const heavier = [
      { ...facts, session: { ...session, query: long } },
      { ...facts, session: { ...session, viewer: { ...viewer, referer: long } } },
      { ...facts, cookies: [{ ...cookie, value: long }] },
    ];
    for (const heavy of heavier) expect(weighSession(heavy)).toBeGreaterThanOrEqual(light + long.length);
  });
});

describe("ads", () => {
  async function world(): Promise<Flow> {
    const flow = await flowWorld((origin) => ({ adTagUrl: `${origin}/vast`, availTagUrl: `${origin}/vast` }));
    for (const name of ["low", "high"]) flow.pages.set(`/content/${name}.m3u8`, vodContent(10));
    flow.pages.set("/vast", vast(flow.origin.origin, [SPOT]));
    addHlsAd(flow.pages, SPOT);
    return flow;
  }

  async function play(flow: Flow, query = "live=false"): Promise<string> {
    const media = await flow.open(query);
    return (await flow.get(media.get("500") ?? "")).text;
  }

  test("a break's name of a megabyte does not go into the address of each of its segments", async () => {
    const flow = await world();
    flow.pages.set("/vast", vmap([{ id: "i".repeat(1_000_000), at: "start", vast: vast(flow.origin.origin, [SPOT]) }]));
    const text = await play(flow, "live=false&pttrackingmode=sstm");
    expect(text).toContain("/auditude/segment/");
    expect(text.length).toBeLessThan(20_000);
  });

  const segments = (duration: string, uri: string, count = 1): string =>
    `${HEAD}${`#EXTINF:${duration},\n${uri}\n`.repeat(count)}${END}`;

  test.each([
    ["of a hundred segments a second", segments("0.0004", "a.ts", 30_000)],
    ["of a hundred days", segments("9000000", "a.ts")],
    ["of a script", segments("12", "javascript:alert(1)")],
    ["of data", segments("12", "data:text/html,x")],
    ["of a script in disguise", segments("12", "java\tscript:alert(1)")],
  ])("an ad %s is left out, and the content stays", async (_what, playlist) => {
    const flow = await world();
    const answer = vast(flow.origin.origin, [SPOT]).replace(/<Duration>[^<]*/, "<Duration>00:00:00");
    flow.pages.set("/vast", answer);
    for (const name of ["low", "high"]) flow.pages.set(`/ads/spot/${name}.m3u8`, playlist);
    expect(listSegments(await play(flow))).toEqual(Array.from({ length: 10 }, (_, index) => `c${index}`));
  });

  test("a map that names an address inside the network shows nobody what is there", async () => {
    const flow = await world();
    const { origin } = flow.origin;
    const tag = `<vmap:AdTagURI templateType="vast3">${origin}/secret</vmap:AdTagURI>`;
    flow.pages.set(
      "/vast",
      vmap([{ id: "a", at: "start", vast: "" }]).replace(/<vmap:VASTAdData>.*<\/vmap:VASTAdData>/, tag),
    );
    flow.pages.set("/secret", '{"token":"hush"}');
    const media = await flow.open("live=false&ptdebug=adcall");
    const { headers } = await flow.get(media.get("500") ?? "");
    const records = [...headers].filter(([name]) => name.startsWith("x-adbe-ai-dbg-")).map(([, value]) => value);
    expect(flow.asked.some((url) => url.startsWith("/secret"))).toBe(true);
    expect(records.some((record) => record.includes(`${origin}/secret`))).toBe(true);
    expect(records.join()).not.toContain(Buffer.from('{"token":"hush"}').toString("base64"));
  });

  test("a live window of a thousand cues costs no more ad calls than a session remembers, however often it is asked for", async () => {
    const flow = await world();
    const cue = (number: number): string => `#EXT-X-CUE-OUT:DURATION=2,ID="e${number}"\n#EXTINF:2,\nc${number}.ts\n`;
    const window = (first: number, count: number, line: (number: number) => string): string =>
      `${HEAD}#EXT-X-MEDIA-SEQUENCE:${first}\n${Array.from({ length: count }, (_, at) => line(first + at)).join("")}`;
    const plain = (number: number): string => `#EXTINF:2,\nc${number}.ts\n`;
    flow.pages.set("/content/low.m3u8", window(100, 6, plain));
    const address = (await flow.open("live=true")).get("500") ?? "";
    await flow.get(address);
    const calls = (): number => flow.asked.filter((url) => url.startsWith("/vast")).length;
    const counts: number[] = [];
    flow.pages.set("/content/low.m3u8", window(106, 1000, cue));
    for (let refresh = 0; refresh < 3; refresh++) {
      flow.clock.now += 3000;
      expect((await flow.get(address)).status).toBe(200);
      counts.push(calls());
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(250);
  });
});

describe("origins", () => {
  test("an address that the router cannot read is answered for pages too", async () => {
    const app = await testApp({ query: async () => [] });
    const { statusCode, headers } = await app.inject({
      url: "/auditude/variant/%zz/x.m3u8?z=1",
      headers: { origin: "https://page.example" },
    });
    expect([statusCode, headers["access-control-allow-origin"]]).toEqual([400, "https://page.example"]);
  });

  const zone = { ...standardZone("1", []), manifest: { ...ZONE_MANIFEST, contentOrigins: ["self"] } };
  const base = new URL("http://tv.example/");

  test.each(["/%61uditude/variant/a/x.m3u8", "/%41UDITUDE/x", "/auditude%2fx", "//auditude/x"])(
    "%s, which is this server's own manifest, is no content",
    (path) => {
      expect(isContentOrigin(new URL(`http://tv.example${path}`), zone, base)).toBe(false);
    },
  );

  test("a path that is no text is content as any other", () => {
    expect(isContentOrigin(new URL("http://tv.example/%ff.m3u8"), zone, base)).toBe(true);
  });

  test.each([
    "/auditude/variant/x&z=1/y.m3u8?z=2",
    "/auditude/variant/x/y.m3u8?%7A=2&z=1",
    "/auditude/x;?z=1&%7a=2&z=2",
  ])("the zone of %s is that of its query's first z", async (url) => {
    const app = fastify();
    const of = (name: string, corsOrigins: readonly string[]) => ({ zone: name, manifest: { corsOrigins } });
    registerCors(app, { apiOrigins: [], zones: [of("1", ["https://page.example"]), of("2", [])] });
    onTestFinished(() => app.close());
    const { headers } = await app.inject({ url, headers: { origin: "https://page.example" } });
    const expected = url.includes("?z=1") ? "https://page.example" : undefined;
    expect(headers["access-control-allow-origin"]).toBe(expected);
  });
});
