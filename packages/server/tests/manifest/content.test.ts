import type { RequestListener } from "node:http";
import { describe, expect, test } from "vitest";
import { createContentLoader } from "../../src/manifest/content/content-loader.ts";
import type { Content } from "../../src/manifest/content/content.ts";
import { parseOptions } from "../../src/manifest/read-options.ts";
import { createMemorySessions } from "../../src/manifest/session/session-memory.ts";
import type { Session, StoredCookie } from "../../src/manifest/session/session.ts";
import { createTrace, type RequestTrace } from "../../src/manifest/trace.ts";
import type { ZoneManifest } from "../../src/manifest/zone-manifest.ts";
import { standardZone } from "../../src/zones.ts";
import { loopback } from "../http/loopback.ts";
import { LIVE, VOD, ZONE_MANIFEST } from "./manifest-world.ts";

interface Viewing {
  readonly cookies?: readonly StoredCookie[];
  readonly query?: string;
  readonly path?: string;
}

/** A loader over a real origin whose one page the test writes; the clock is the test's. */
async function contentWorld(page: RequestListener, manifest: Partial<ZoneManifest> = {}) {
  const requests: { readonly url: string; readonly headers: Readonly<Record<string, unknown>> }[] = [];
  const origin = await loopback((request, response) => {
    requests.push({ url: request.url ?? "", headers: request.headers });
    page(request, response);
  });
  const clock = { now: 1_000_000 };
  const now = (): number => clock.now;
  const zones = [
    { ...standardZone("1", [{ name: "main", publicUrl: "/cdn/" }]), manifest: { ...ZONE_MANIFEST, ...manifest } },
  ];
  const store = createMemorySessions({ maxSessions: 10, idleMs: 1e9, now });
  const session: Session = {
    id: "11111111-1111-4111-8111-111111111111",
    zone: "1",
    assetId: "a",
    contentUrl: `${origin.origin}/m.m3u8`,
    query: "z=1",
    isBackup: false,
    createdAt: 0,
    viewer: { ip: "203.0.113.9", userAgent: "Player/1.0" },
  };
  await store.create(session);
  const log: string[] = [];
  const note = (_fields: object, message: string): number => log.push(message);
  const loader = createContentLoader({
    fetch: async (url, { headers }) => {
      const response = await fetch(url, { headers: { ...headers }, cache: "no-store" });
      return {
        status: response.status,
        headers: response.headers,
        text: await response.text(),
        url: new URL(response.url),
      };
    },
    zones,
    store,
    now,
    log: { info: note, warn: note },
  });
  const trace: RequestTrace = createTrace();
  const requestOf = ({ cookies = [], query = "z=1", path = "/live/m.m3u8?q=1" }: Viewing) => ({
    url: new URL(path, origin.origin),
    session,
    cookies,
    options: parseOptions(query, zones),
  });
  const load = (viewing: Viewing = {}): Promise<Content> => loader.loadMedia(requestOf(viewing), trace);
  const loadMaster = (viewing: Viewing = {}) => loader.loadMaster(requestOf(viewing), trace);
  const loadCookies = async () => (await store.load(session.id))?.cookies ?? [];
  return { load, loadMaster, clock, requests, origin: origin.origin, trace, log, loadCookies };
}

/** Answers with the same text and these headers, always. */
function always(text: string, headers: Readonly<Record<string, string | string[]>> = {}): RequestListener {
  return (_request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.end(text);
  };
}

function cookie(name: string, value: string): StoredCookie {
  return { host: "127.0.0.1", name, value, path: "/", expiresAt: undefined };
}

describe("a content playlist", () => {
  test("has absolute addresses only; keys, parts and foreign schemes as they should be", async () => {
    const text = [
      "#EXTM3U",
      "#EXT-X-TARGETDURATION:2",
      '#EXT-X-MAP:URI="init.mp4",BYTERANGE="10@0"',
      '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://key",KEYFORMAT="com.apple.streamingkeydelivery"',
      '#EXT-X-KEY:METHOD=AES-128,URI="../key.bin?x=1",IV=0x1',
      '#EXT-X-DATERANGE:ID="URI=1",X-ASSET-URI="ad.m3u8",X-OTHER="a,URI=b"',
      "#EXTINF:2,",
      "//cdn.example/a.ts",
      "#EXTINF:2,",
      "b c.ts",
      '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="d.mp4"',
      '#EXT-X-RENDITION-REPORT:URI="../other.m3u8"',
      "",
    ].join("\r\n");
    const { load, origin } = await contentWorld(always(text));
    const { playlist, isLive, url } = await load();
    expect(playlist.text).toBe(
      [
        "#EXTM3U",
        "#EXT-X-TARGETDURATION:2",
        `#EXT-X-MAP:URI="${origin}/live/init.mp4",BYTERANGE="10@0"`,
        '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://key",KEYFORMAT="com.apple.streamingkeydelivery"',
        `#EXT-X-KEY:METHOD=AES-128,URI="${origin}/key.bin?x=1",IV=0x1`,
        `#EXT-X-DATERANGE:ID="URI=1",X-ASSET-URI="${origin}/live/ad.m3u8",X-OTHER="a,URI=b"`,
        "#EXTINF:2,",
        "http://cdn.example/a.ts",
        "#EXTINF:2,",
        `${origin}/live/b%20c.ts`,
        "",
      ].join("\r\n"),
    );
    expect([isLive, url.href]).toEqual([true, `${origin}/live/m.m3u8?q=1`]);
  });

  test("is fetched and parsed once, however many ask at once", async () => {
    const { load, requests, trace } = await contentWorld(always(LIVE));
    const loaded = await Promise.all(Array.from({ length: 50 }, () => load()));
    expect(new Set(loaded).size).toBe(1);
    expect([requests.length, trace.contentMisses, trace.contentHits]).toEqual([1, 1, 49]);
  });

  test("is asked for with the viewer's user agent and the session's cookies of that host", async () => {
    const { load, requests } = await contentWorld(always(LIVE));
    await load({ cookies: [cookie("auth", "1"), { ...cookie("other", "2"), host: "elsewhere.example" }] });
    expect(requests[0]?.headers).toMatchObject({ "user-agent": "Player/1.0", cookie: "auth=1" });
  });
});

describe("how long it is kept", () => {
  test.each<readonly [string, string, Readonly<Record<string, string>>, number]>([
    ["live that says nothing: half a target duration", LIVE, {}, 1_000],
    ["VOD that says nothing: 10 s", VOD, {}, 10_000],
    ["max-age", LIVE, { "cache-control": "max-age=5" }, 5_000],
    ["s-maxage before max-age", LIVE, { "cache-control": 'public, max-age=5, s-maxage="7"' }, 7_000],
    ["max-age less Age", VOD, { "cache-control": "max-age=60", age: "20" }, 40_000],
  ])("%s", async (_what, text, headers, ms) => {
    const { load, requests, clock } = await contentWorld(always(text, headers));
    await load();
    clock.now += ms - 1;
    await load();
    expect(requests).toHaveLength(1);
    clock.now += 1;
    await load();
    expect(requests).toHaveLength(2);
  });

  test.each(["no-store", "private, max-age=60", "no-cache", "max-age=0"])("%s: not at all", async (directive) => {
    const { load, requests } = await contentWorld(always(VOD, { "cache-control": directive }));
    await load();
    await load();
    expect(requests).toHaveLength(2);
  });

  test("what is private is not shared while it is fetched either; what is no-store is", async () => {
    const count = async (directive: string): Promise<number> => {
      const { load, requests } = await contentWorld(always(VOD, { "cache-control": directive }));
      await Promise.all([load(), load(), load()]);
      return requests.length;
    };
    expect([await count("private"), await count("no-store")]).toEqual([3, 1]);
  });

  test("the same text after a refresh is the same object, whatever the cookies; another text is another", async () => {
    let text = LIVE;
    const { load, clock } = await contentWorld((_request, response) => response.end(text));
    const first = await load();
    clock.now += 1_000;
    expect(await load()).toBe(first);
    expect(await load({ cookies: [cookie("viewer", "2")] })).toBe(first);
    text = LIVE.replace("a.ts", "z.ts");
    clock.now += 1_000;
    expect((await load()).playlist.text).toContain("z.ts");
  });

  test("is revalidated with what the origin gave, and a 304 keeps it", async () => {
    const { load, requests, clock } = await contentWorld((request, response) => {
      response.setHeader("etag", '"1"').setHeader("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT");
      if (request.headers["if-none-match"] === '"1"') response.writeHead(304).end();
      else response.setHeader("cache-control", "max-age=2").end(VOD);
    });
    const first = await load();
    clock.now += 2_000;
    expect(await load()).toBe(first);
    clock.now += 1_999;
    await load();
    expect(requests).toHaveLength(2);
    expect(requests[1]?.headers).toMatchObject({
      "if-none-match": '"1"',
      "if-modified-since": "Thu, 01 Jan 2026 00:00:00 GMT",
    });
  });
});

describe("an origin that fails for a moment", () => {
  async function failing(text: string, status: number) {
    let isDown = false;
    const world = await contentWorld((_request, response) => {
      if (isDown) response.writeHead(status).end();
      else response.end(text);
    });
    await world.load();
    isDown = true;
    return { ...world, recover: () => (isDown = false) };
  }

  test("live: what it said before counts for one target duration more, then not", async () => {
    const { load, clock, requests, log } = await failing(LIVE, 503);
    clock.now += 1_000;
    expect((await load()).playlist.text).toContain("a.ts");
    expect(log).toEqual(["content playlist: the origin failed"]);
    await load();
    expect(requests).toHaveLength(2);
    clock.now += 1_999;
    await load();
    clock.now += 1;
    await expect(load()).rejects.toMatchObject({ code: "content-unavailable" });
  });

  test("once it is back its new text counts", async () => {
    const { load, clock, requests, recover } = await failing(LIVE, 500);
    clock.now += 1_000;
    await load();
    recover();
    clock.now += 1_000;
    await load();
    expect(requests).toHaveLength(3);
  });

  test("a playlist that is gone is gone at once", async () => {
    const { load, clock } = await failing(LIVE, 404);
    clock.now += 1_000;
    await expect(load()).rejects.toMatchObject({ code: "content-not-found" });
  });
});

describe("cookies of the content", () => {
  test("are kept in the session, and what comes with them is for that viewer alone", async () => {
    const { load, requests, loadCookies } = await contentWorld(always(VOD, { "set-cookie": ["a=1; Path=/", "b=2"] }));
    await Promise.all([load(), load()]);
    expect(requests).toHaveLength(2);
    expect(await loadCookies()).toMatchObject([
      { name: "a", value: "1", host: "127.0.0.1", path: "/" },
      { name: "b", value: "2", path: "/live" },
    ]);
  });

  test("that come with a public answer are everybody's", async () => {
    const headers = { "set-cookie": "a=1", "cache-control": "public, max-age=10" };
    const { load, requests, loadCookies } = await contentWorld(always(VOD, headers));
    await load();
    await load();
    expect(requests).toHaveLength(1);
    expect(await loadCookies()).toMatchObject([{ name: "a" }]);
  });

  test("tell requests apart", async () => {
    const { load, requests } = await contentWorld(always(VOD));
    await load({ cookies: [cookie("a", "1")] });
    await load({ cookies: [cookie("a", "2")] });
    await load({ cookies: [cookie("a", "1")] });
    expect(requests.map(({ headers }) => headers["cookie"])).toEqual(["a=1", "a=2"]);
  });
});

describe("rewriting", () => {
  const rewriteRules = [
    { name: "cdn_akm", find: String.raw`http://[^/]+/live/`, replace: "https://edge.example/$&" },
    { name: "cdn_b", find: "edge.example/http://[^/]+/", replace: "b.example/" },
    { name: "adfetch_x", find: ".*", replace: "https://never.example/" },
  ];

  test("names of rules that there are not make no copy of a playlist", async () => {
    const rule = { name: "cdn_akm", find: "^http:", replace: "https:" };
    const { load } = await contentWorld(always(VOD), { rewriteRules: [rule] });
    const { playlist } = await load();
    expect((await load({ query: "z=1&ptprotoswitch=cdn_a,b" })).playlist).toBe(playlist);
    expect((await load({ query: "z=1&ptprotoswitch=cdn_akm" })).playlist).not.toBe(playlist);
  });

  test("cdn_ rules that ptprotoswitch names are applied in its order; unknown ones and those for ads do nothing", async () => {
    const { load, requests, origin } = await contentWorld(always(VOD), { rewriteRules });
    const { playlist } = await load({ query: "z=1&ptprotoswitch=adfetch_x,cdn_akm,cdn_none,cdn_b" });
    expect(playlist.segments.map(({ uri }) => uri)).toEqual([
      "https://b.example/live/a.ts",
      "https://b.example/live/b.ts",
    ]);
    const plain = await load();
    expect(plain.playlist.segments[0]?.uri).toBe(`${origin}/live/a.ts`);
    expect(requests.map(({ url }) => url)).toEqual(["/live/m.m3u8?q=1"]);
  });

  test("is done once per set of rules", async () => {
    const { load } = await contentWorld(always(VOD), { rewriteRules });
    const query = "z=1&ptprotoswitch=cdn_akm";
    expect(await load({ query })).toBe(await load({ query: `${query}&u=other` }));
    expect(await load({ query })).not.toBe(await load());
  });
});

describe("pttoken", () => {
  const media = VOD.replace(
    "#EXTINF",
    '#EXT-X-MAP:URI="init.mp4"\n#EXT-X-KEY:METHOD=AES-128,URI="key"\n#EXTINF',
  ).replace("b.ts", "b.ts?own=1");

  test.each([
    ["akamai", "true", "/live/m.m3u8?hdnts=exp=1~acl=/*~hmac=a", "hdnts=exp=1~acl=/*~hmac=a"],
    ["akamai", "akamai", "/live/m.m3u8?x=1&hdnea=st=1~hmac=b", "hdnea=st=1~hmac=b"],
    ["centurylink", "ctl", "/live/m.m3u8?stime=1&etime=2&encoded=c", "stime=1&etime=2&encoded=c"],
    ["centurylink", "level3", "/live/m.m3u8?token=d", "token=d"],
    ["limelight", "llnw", "/live/m.m3u8?p=1&h=e", "p=1&h=e"],
  ])("%s (%s): the token of the playlist's address goes onto every segment", async (_cdn, scheme, path, token) => {
    const { load, origin } = await contentWorld(always(media));
    const { playlist } = await load({ query: `z=1&pttoken=${scheme}`, path });
    expect(playlist.segments.map(({ uri }) => uri)).toEqual([
      `${origin}/live/a.ts?${token}`,
      `${origin}/live/b.ts?own=1&${token}`,
    ]);
    expect(playlist.text).toContain(`#EXT-X-MAP:URI="${origin}/live/init.mp4?${token}"`);
    expect(playlist.text).toContain(`URI="${origin}/live/key"`);
  });

  test("akamai: a cookie that comes with the playlist, or that the session has", async () => {
    const { load } = await contentWorld(always(VOD, { "set-cookie": "hdntl=exp=9~acl=/live/*~hmac=f; Path=/live" }));
    const { playlist } = await load({ query: "z=1&pttoken=akamai" });
    expect(playlist.segments[0]?.uri).toMatch(/\/a\.ts\?hdntl=exp=9~acl=\/live\/\*~hmac=f$/);
    const known = await contentWorld(always(VOD));
    const second = await known.load({ query: "z=1&pttoken=akamai", cookies: [cookie("hdnts", "g")] });
    expect(second.playlist.segments[0]?.uri).toMatch(/\/a\.ts\?hdnts=g$/);
  });

  test("limelight: the secret header goes with the master, X-Adobe-Sig goes into the variants' addresses", async () => {
    const master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n";
    const originSecret = { name: "x-adobe-secret", value: "s3cret" };
    const { loadMaster, load, requests } = await contentWorld(
      (request, response) => {
        response.setHeader("x-adobe-sig", "http://x.example/?p=1&e=2&h=abc");
        response.end(request.url?.includes("low") === true ? VOD : master);
      },
      { originSecret },
    );
    const query = "z=1&pttoken=limelight";
    expect((await loadMaster({ query, path: "/m.m3u8" })).token).toBe("p=1&e=2&h=abc");
    await load({ query, path: "/low.m3u8" });
    expect(requests.map(({ headers }) => headers["x-adobe-secret"])).toEqual(["s3cret", undefined]);
  });

  test("a token that could end a line or an attribute is not written", async () => {
    const { load } = await contentWorld(always(VOD, { "x-adobe-sig": 'p=1"><x' }));
    const { playlist } = await load({ query: "z=1&pttoken=limelight" });
    expect(playlist.segments[0]?.uri).toMatch(/\/a\.ts$/);
  });

  test("is not asked for: nothing is appended", async () => {
    const { load } = await contentWorld(always(VOD));
    expect((await load({ path: "/live/m.m3u8?hdnts=a" })).playlist.segments[0]?.uri).toMatch(/\/a\.ts$/);
  });
});
