import { Agent, request } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";
import { decodeContentUrl, encodeContentUrl } from "../../src/manifest/urls.ts";
import { manifestWorld, VOD } from "./manifest-world.ts";

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;

describe("bootstrap", () => {
  test("sends the client to a master of a session of its own, which no cache keeps", async () => {
    const { get, bootstrap } = await manifestWorld();
    const answers = [await get(bootstrap("/show/master.m3u8")), await get(bootstrap("/show/master.m3u8"))];
    for (const answer of answers) {
      expect([answer.statusCode, answer.headers["cache-control"]]).toEqual([302, "no-store"]);
      expect(answer.headers.location).toMatch(
        new RegExp(`^http://manifest.example/auditude/variant/asset-1/${UUID.source}/[\\w-]+\\.m3u8\\?z=1&ptsig=p\\.`),
      );
    }
    expect(answers[0]?.headers.location).not.toBe(answers[1]?.headers.location);
  });

  test.each(["pttrackingmode=simple", "ptplayer=ios-mobileweb"])("answers JSON for %s", async (parameter) => {
    const { get, bootstrap } = await manifestWorld();
    const answer = await get(bootstrap("/show/master.m3u8", `z=1&${parameter}`));
    expect([answer.statusCode, answer.headers["cache-control"]]).toEqual([200, "no-store"]);
    const url: string = answer.json()["Master-M3U8"];
    expect(Object.keys(answer.json())).toEqual(["Master-M3U8"]);
    expect((await get(url)).body).toContain("#EXT-X-STREAM-INF");
  });

  test.each(["simplesstm", "sstm", "unheard-of"])("redirects for pttrackingmode=%s", async (mode) => {
    const { get, bootstrap } = await manifestWorld();
    expect((await get(bootstrap("/show/master.m3u8", `z=1&pttrackingmode=${mode}`))).statusCode).toBe(302);
  });

  test("does not ask the origin for anything yet", async () => {
    const { get, bootstrap, asked } = await manifestWorld();
    await get(bootstrap("/show/master.m3u8"));
    expect(asked).toEqual([]);
  });

  test("takes base64url and base64, padded or not", () => {
    const url = "https://cdn.example/a?b=~~~>>>???&c=ÿ";
    const { href } = new URL(url);
    const standard = Buffer.from(href).toString("base64");
    expect(standard).toMatch(/[+/]/);
    expect(decodeContentUrl(standard).href).toBe(href);
    expect(decodeContentUrl(standard.replace(/=+$/, "")).href).toBe(href);
    expect(decodeContentUrl(encodeContentUrl(href)).href).toBe(href);
    for (const extra of ["", "x", "xy"]) {
      const padded = Buffer.from(`http://a.example/${extra}`).toString("base64");
      expect(decodeContentUrl(padded).href).toBe(`http://a.example/${extra}`);
    }
  });

  test("takes standard base64 whose + and / are percent-encoded in the path", async () => {
    const { get, origin, pages } = await manifestWorld();
    const url = `${origin.origin}/show/~~~~~???~~~`;
    pages.set("/show/~~~~~", VOD);
    const standard = Buffer.from(url).toString("base64");
    expect(standard).toMatch(/[+/]/);
    const answer = await get(`/auditude/variant/a/${encodeURIComponent(standard)}.m3u8?z=1`);
    expect(answer.statusCode).toBe(302);
    expect((await get(answer.headers.location ?? "")).statusCode).toBe(200);
  });

  test("takes content URLs of 2,048 characters, all the way to the media playlist", async () => {
    const { get, origin, pages, start } = await manifestWorld();
    const path = `/${"d".repeat(2048 - origin.origin.length - 12)}/`;
    pages.set(`${path}m.m3u8`, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nlow.m3u8?1\n");
    pages.set(`${path}low.m3u8`, VOD);
    const { addresses } = await start("z=1", `${path}m.m3u8?x`);
    expect((await get(addresses[0] ?? "")).body).toContain(`${path}a.ts`);
    const tooLong = await get(
      `/auditude/variant/a/${encodeContentUrl(`${origin.origin}/${"d".repeat(2048)}`)}.m3u8?z=1`,
    );
    expect([tooLong.statusCode, tooLong.json().error.code]).toEqual([400, "content-url-invalid"]);
  });

  test("own addresses have scheme and host as the client came", async () => {
    const { get, bootstrap } = await manifestWorld();
    const headers = { "x-forwarded-proto": "https", "x-forwarded-host": "manifest.example:8443" };
    const answer = await get(bootstrap("/show/master.m3u8"), headers);
    expect(answer.headers.location).toMatch(/^https:\/\/manifest\.example:8443\/auditude/);
    const { body } = await get(answer.headers.location ?? "", headers);
    expect(body).toMatch(/^https:\/\/manifest\.example:8443\/auditude\/vod\//m);
  });

  test.each(["_sid_=abc&", "__sid__=abc&", ""])("carries the query on in its order, without %s", async (sid) => {
    const { get, bootstrap } = await manifestWorld();
    const query = `${sid}u=0f&k=a%3D1;b=%20x&z=1&g=1000002&u=again&pttrackingposition=1&ptrendition=9`;
    const answer = await get(bootstrap("/show/master.m3u8", query));
    const carried = "u=0f&k=a%3D1;b=%20x&z=1&g=1000002&u=again";
    expect(answer.headers.location?.split("?")[1]).toMatch(new RegExp(`^${carried}&ptsig=p\\.[\\w-]{22}$`));
    const { body } = await get(answer.headers.location ?? "");
    const media = body.split("\n").find((line) => line.startsWith("http")) ?? "";
    expect(media.split("?")[1]).toMatch(new RegExp(`^${carried}&ptmaster=[\\w-]+&ptsig=p\\.[\\w-]{22}$`));
  });

  test("the session keeps the query as the client wrote it, for the ad server", async () => {
    const { get, store, start } = await manifestWorld();
    const { masterUrl } = await start("_sid_=abc&z=1&x=%C3%A9");
    const session = (await store.load(UUID.exec(masterUrl)?.[0] ?? ""))?.session;
    expect(session).toMatchObject({ query: "_sid_=abc&z=1&x=%C3%A9", zone: "1", assetId: "asset-1", isBackup: false });
    await get(masterUrl);
  });
});

describe("signed addresses", () => {
  test("survive what players append and reorder", async () => {
    const { get, start, media } = await manifestWorld();
    const { masterUrl, addresses } = await start();
    const url = addresses.find((address) => address.includes("/500/")) ?? "";
    expect((await get(`${masterUrl}&_=1700000000`)).statusCode).toBe(200);
    for (const more of ["&pttrackingposition=12", "&_HLS_msn=4&_HLS_part=1", "&cb=1", "&z=2"]) {
      expect((await get(url + more)).statusCode).toBe(200);
    }
    const { origin, pathname, searchParams } = new URL(url);
    searchParams.sort();
    expect((await get(`${origin}${pathname}?${searchParams}`)).statusCode).toBe(200);
    expect(media.map(({ wantsSidecar }) => wantsSidecar)).toEqual([true, false, false, false, false]);
    await get(`${url}&pttrackingposition=`);
    expect(media.at(-1)?.wantsSidecar).toBe(false);
  });

  test.each<readonly [string, (url: URL, foreign: string) => void]>([
    ["no signature", (url) => url.searchParams.delete("ptsig")],
    ["an empty signature", (url) => url.searchParams.set("ptsig", "")],
    ["a signature of another length", (url) => url.searchParams.set("ptsig", "p.abc")],
    ["a signature of non-ASCII characters", (url) => url.searchParams.set("ptsig", `p.${"é".repeat(22)}`)],
    [
      "the other failover set",
      (url) => url.searchParams.set("ptsig", url.searchParams.get("ptsig")?.replace("p.", "b.") ?? ""),
    ],
    ["another zone", (url) => url.searchParams.set("z", "bare")],
    ["another master", (url) => url.searchParams.set("ptmaster", encodeContentUrl("/x.m3u8"))],
    ["another slot", (url) => (url.pathname = url.pathname.replace("/500/", "/501/"))],
    ["another kind", (url) => (url.pathname = url.pathname.replace("/vod/", "/live/"))],
    ["another asset", (url) => (url.pathname = url.pathname.replace("/asset-1/", "/asset-2/"))],
    ["another session", (url) => (url.pathname = url.pathname.replace(UUID, "00000000-0000-4000-8000-000000000000"))],
    ["other content", (url, foreign) => (url.pathname = url.pathname.replace(/[^/]+\.m3u8$/, `${foreign}.m3u8`))],
  ])("with %s are refused", async (_change, change) => {
    const { get, start, origin, asked } = await manifestWorld();
    const { addresses } = await start();
    const url = new URL(addresses.find((address) => address.includes("/500/")) ?? "");
    change(url, encodeContentUrl(`${origin.origin}/secret.m3u8`));
    const before = asked.length;
    const answer = await get(url.href);
    expect([answer.statusCode, answer.json().error.code]).toEqual([403, "signature-invalid"]);
    expect(asked.length).toBe(before);
  });

  test("on one connection of a proxy are each their own viewer's, and the address by which it came", async () => {
    const { app, start, media } = await manifestWorld();
    const { addresses } = await start();
    const url = new URL(addresses.find((address) => address.includes("/500/")) ?? "");
    const { port } = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
    const agent = new Agent({ connections: 1 });
    onTestFinished(() => agent.close());
    const asked = [
      ["198.51.100.1", "manifest.example", "one"],
      ["198.51.100.1", "manifest.example", "one"],
      ["198.51.100.2", "manifest.example", "one"],
      ["198.51.100.2", "manifest.example:8443", "one"],
      ["198.51.100.2", "manifest.example:8443", "two"],
    ] as const;
    for (const [ip, host, userAgent] of asked) {
      const headers = { "x-forwarded-for": ip, "x-forwarded-host": host, "user-agent": userAgent };
      const at = `http://127.0.0.1:${port}${url.pathname}${url.search}`;
      const { statusCode, body } = await request(at, { dispatcher: agent, headers });
      await body.dump();
      expect(statusCode).toBe(200);
    }
    expect(media.map(({ viewer, baseUrl }) => [viewer.ip, baseUrl.host, viewer.userAgent])).toEqual(asked);
    expect(media[1]?.viewer).toBe(media[0]?.viewer);
  });

  test("open a session anew that the server has forgotten", async () => {
    const { get, start, media, clock, store } = await manifestWorld({ maxSessions: 1 });
    const first = await start("z=1&u=first&_sid_=x");
    clock.now += 60_000;
    const second = await start("z=1&u=second");
    expect(await store.count()).toBe(1);
    const url = first.addresses.find((address) => address.includes("/500/")) ?? "";
    expect((await get(url)).statusCode).toBe(200);
    const { session } = media.at(-1)?.state ?? {};
    expect(session).toMatchObject({ id: UUID.exec(url)?.[0], query: "z=1&u=first", zone: "1", assetId: "asset-1" });
    expect(session?.contentUrl).toMatch(/\/show\/master\.m3u8$/);
    expect(second.addresses[0]).not.toContain(session?.id);
  });
});
