import { readFileSync } from "node:fs";
import type { LightMyRequestResponse } from "fastify";
import { describe, expect, test } from "vitest";
import { HttpError } from "../../src/http-error.ts";
import { encodeContentUrl } from "../../src/manifest/urls.ts";
import { loopback } from "../http/loopback.ts";
import { LIVE, type ManifestWorld, MASTER, manifestWorld, VOD } from "./manifest-world.ts";

const TABLE = readFileSync(new URL("../../../../docs/manifest-server.md", import.meta.url), "utf8");

/** What a client is told, and whether it is told as it should be: documented, kept by no cache, nothing of the program in it. */
function told(answer: LightMyRequestResponse): object {
  const { statusCode: status, body, headers } = answer;
  const { code, message } = answer.json().error;
  const isDocumented = new RegExp(`\\|\\s*${status}\\s*\\|\\s*\`${code}\`\\s*\\|`).test(TABLE);
  const hasTrace = /\bat .*:\d+|node_modules|\.ts\b/.test(body);
  return { status, code, message, isDocumented, hasTrace, cacheControl: headers["cache-control"] };
}

function failure(status: number, code: string, sentence: RegExp): object {
  const message = expect.stringMatching(sentence);
  return { status, code, message, isDocumented: true, hasTrace: false, cacheControl: "no-store" };
}

describe("an address that is none", () => {
  const encoded = (text: string): string => Buffer.from(text).toString("base64url");

  test.each<readonly [string, string, number, string, RegExp]>([
    ["malformed base64", "/auditude/variant/a/%24%24.m3u8?z=1", 400, "content-url-invalid", /base64url/],
    ["base64 that was cut", "/auditude/variant/a/abcde.m3u8?z=1", 400, "content-url-invalid", /base64url/],
    [
      "a query that no client could send on",
      `/auditude/variant/a/${encoded("http://a.example/")}.m3u8?z=1&k=${"x".repeat(8200)}`,
      400,
      "invalid-request",
      /8192 characters/,
    ],
    ["padding in its middle", "/auditude/variant/a/ab=cd.m3u8?z=1", 400, "content-url-invalid", /base64url/],
    [
      "base64 of no URL",
      `/auditude/variant/a/${encoded("hello")}.m3u8?z=1`,
      400,
      "content-url-invalid",
      /absolute URL/,
    ],
    [
      "base64 of bytes that are no text",
      "/auditude/variant/a/_____w.m3u8?z=1",
      400,
      "content-url-invalid",
      /absolute URL/,
    ],
    [
      "a file",
      `/auditude/variant/a/${encoded("file:///etc/passwd")}.m3u8?z=1`,
      400,
      "content-url-invalid",
      /http or https/,
    ],
    ["data", `/auditude/variant/a/${encoded("data:,x")}.m3u8?z=1`, 400, "content-url-invalid", /http or https/],
    [
      "user information",
      `/auditude/variant/a/${encoded("http://u:p@a.example/")}.m3u8?z=1`,
      400,
      "content-url-invalid",
      /no user information/,
    ],
    [
      "a line break",
      `/auditude/variant/a/${encoded("http://a.example/\r\nx")}.m3u8?z=1`,
      400,
      "content-url-invalid",
      /absolute URL/,
    ],
    [
      "an origin that is not listed",
      `/auditude/variant/a/${encoded("http://a.example/")}.m3u8?z=1`,
      403,
      "content-origin-refused",
      /zone 1 lists/,
    ],
    [
      "a zone without content",
      `/auditude/variant/a/${encoded("http://a.example/")}.m3u8?z=bare`,
      403,
      "content-origin-refused",
      /nothing/,
    ],
    ["no zone", `/auditude/variant/a/${encoded("http://a.example/")}.m3u8`, 400, "option-invalid", /^z: expected/],
    [
      "a zone that is not there",
      `/auditude/variant/a/${encoded("http://a.example/")}.m3u8?z=7`,
      404,
      "zone-unknown",
      /"7"/,
    ],
    [
      "a CDN that is not there",
      `/auditude/variant/a/${encoded("http://a.example/")}.m3u8?z=1&ptcdn=x`,
      400,
      "option-invalid",
      /^ptcdn: expected one of main/,
    ],
    [
      "an asset of control characters",
      `/auditude/variant/a%0Ab/${encoded("http://a.example/")}.m3u8?z=1`,
      400,
      "invalid-request",
      /asset/,
    ],
    [
      "an asset that leads away",
      `/auditude/variant/%2e%2e%2f/${encoded("http://a.example/")}.m3u8?z=1`,
      403,
      "content-origin-refused",
      /lists/,
    ],
    ["DASH", `/auditude/variant/a/${encoded("http://a.example/")}.mpd?z=1`, 404, "not-found", /DASH/],
    ["DASH of a session", `/auditude/vod/a/500/s/${encoded("http://a.example/")}.mpd?z=1`, 404, "not-found", /DASH/],
    ["no playlist", "/auditude/variant/a", 404, "not-found", /\/auditude\/variant\//],
    ["nothing at all", "/auditude/", 404, "not-found", /\/auditude\/variant\//],
    [
      "an address that was never signed",
      `/auditude/vod/a/500/s/${encoded("http://a.example/")}.m3u8?z=1`,
      403,
      "signature-invalid",
      /ptsig/,
    ],
  ])("%s", async (_what, url, status, code, sentence) => {
    const { app, asked } = await manifestWorld();
    expect(told(await app.inject({ url, headers: { host: "manifest.example" } }))).toEqual(
      failure(status, code, sentence),
    );
    expect(asked).toEqual([]);
  });

  test.each(["POST", "PUT", "DELETE", "PATCH"] as const)("%s, whatever its body", async (method) => {
    const { app, start } = await manifestWorld();
    const { masterUrl } = await start();
    for (const url of [new URL(masterUrl).pathname, "/auditude/variant/a/x.m3u8", "/auditude/x"]) {
      const headers = { host: "manifest.example", "content-type": "text/xml" };
      const answer = await app.inject({ method, url, headers, payload: "<x/>" });
      expect(told(answer)).toEqual(failure(405, "method-not-allowed", /expected GET, got/));
      expect(answer.headers["allow"]).toBe("GET, OPTIONS");
    }
  });

  test("HEAD", async () => {
    const { app, start } = await manifestWorld();
    const { masterUrl } = await start();
    for (const url of [masterUrl, "/auditude/variant/a/x.m3u8"]) {
      const answer = await app.inject({ method: "HEAD", url, headers: { host: "manifest.example" } });
      expect([answer.statusCode, answer.headers["allow"], answer.body]).toEqual([405, "GET, OPTIONS", ""]);
    }
  });

  test("a host that is not this server's", async () => {
    const { app, bootstrap } = await manifestWorld();
    const answer = await app.inject({ url: bootstrap("/x"), headers: { host: "evil.example" } });
    expect(told(answer)).toEqual(failure(421, "host-unknown", /INTERLUDE_PUBLIC_HOSTS/));
  });

  test("this server's own manifests are no content", async () => {
    const { get } = await manifestWorld({ manifest: { contentOrigins: ["self"] } });
    for (const path of ["/auditude/variant/a/b.m3u8", "//auditude/x", "/AUDITUDE/x"]) {
      const url = `/auditude/variant/a/${encodeContentUrl(`http://manifest.example${path}`)}.m3u8?z=1`;
      expect(told(await get(url))).toEqual(failure(403, "content-origin-refused", /self/));
    }
    const own = `/auditude/variant/a/${encodeContentUrl("http://manifest.example/cdn/x.m3u8")}.m3u8?z=1`;
    expect((await get(own)).statusCode).toBe(302);
  });

  test.each([
    ["https://*.cdn.example", "https://a.b.cdn.example/m.m3u8", 302],
    ["https://*.cdn.example", "https://cdn.example/m.m3u8", 403],
    ["https://*.cdn.example", "https://evilcdn.example/m.m3u8", 403],
    ["https://*.cdn.example", "http://a.cdn.example/m.m3u8", 403],
    ["https://*.cdn.example", "https://a.cdn.example:444/m.m3u8", 403],
    ["https://*.cdn.example", "https://a.cdn.example.evil.example/m.m3u8", 403],
    ["https://cdn.example", "https://CDN.example:443/m.m3u8", 302],
    ["https://cdn.example", "https://a.cdn.example/m.m3u8", 403],
  ])("of the list %s, %s is answered %i", async (listed, url, status) => {
    const { get } = await manifestWorld({ manifest: { contentOrigins: [listed] } });
    expect((await get(`/auditude/variant/a/${encodeContentUrl(url)}.m3u8?z=1`)).statusCode).toBe(status);
  });
});

/** What an origin may do wrong, with what is told then. */
type Fault = readonly [what: string, serve: (world: ManifestWorld, path: string) => void, number, string, RegExp];

const answerWith =
  (status: number, text = "") =>
  ({ pages }: ManifestWorld, path: string): unknown =>
    pages.set(path, (_request, response) => response.writeHead(status).end(text));

const FAULTS: readonly Fault[] = [
  ["is not there", answerWith(404), 404, "content-not-found", /got 404/],
  ["is gone", answerWith(410), 404, "content-not-found", /got 410/],
  ["is forbidden", answerWith(403), 403, "content-forbidden", /got 403/],
  ["fails", answerWith(500), 502, "content-unavailable", /got 500/],
  ["is too busy", answerWith(503), 502, "content-unavailable", /got 503/],
  ["has not changed, although it was never read", answerWith(304), 502, "content-unavailable", /got 304/],
  ["is empty", answerWith(200, " \n"), 502, "content-malformed", /got nothing/],
  ["is a page", answerWith(200, "<html><body>secret</body></html>"), 502, "content-malformed", /^((?!secret).)*$/],
  ["is 20 MB", answerWith(200, `${LIVE}${"#".repeat(20_000_000)}`), 502, "content-too-large", /5 MB/],
  ["is cut in the middle", serveCut, 502, "content-unavailable", /whole/],
  [
    "hangs up",
    ({ pages }, path) => pages.set(path, (request) => request.socket.destroy()),
    502,
    "content-unavailable",
    /none/,
  ],
  ["never answers", ({ pages }, path) => pages.set(path, () => undefined), 504, "content-timeout", /in time/],
  ["never ends", serveWithoutEnd, 504, "content-timeout", /in time/],
  ["redirects in a circle", redirectTo("/round"), 502, "content-unavailable", /none/],
  ["redirects to a private address", redirectTo("http://10.0.0.1/x"), 403, "address-refused", /may not fetch/],
  ["redirects to a file", redirectTo("file:///etc/passwd"), 403, "address-refused", /may not fetch/],
  ["redirects to user information", redirectTo("http://u:p@a.example/"), 403, "address-refused", /may not fetch/],
];

function serveCut({ pages }: ManifestWorld, path: string): void {
  pages.set(path, (request, response) => {
    response.writeHead(200, { "content-length": "1000" }).write("#EXTM3U\n", () => request.socket.destroy());
  });
}

function serveWithoutEnd({ pages }: ManifestWorld, path: string): void {
  pages.set(path, (_request, response) => response.writeHead(200).write("#EXTM3U\n"));
}

function redirectTo(location: string): (world: ManifestWorld, path: string) => void {
  return ({ pages }, path) => {
    const redirect = location.startsWith("/") ? path : location;
    pages.set(path, (_request, response) => response.writeHead(302, { location: redirect }).end());
  };
}

describe("content that cannot be had", () => {
  describe.each(FAULTS)("a playlist that %s", (_what, serve, status, code, sentence) => {
    test("master", async () => {
      const world = await manifestWorld({ timeoutMs: 400 });
      serve(world, "/show/master.m3u8");
      const { headers } = await world.get(world.bootstrap("/show/master.m3u8"));
      expect(told(await world.get(headers.location ?? ""))).toEqual(failure(status, code, sentence));
    });

    test("media playlist", async () => {
      const world = await manifestWorld({ timeoutMs: 400 });
      const { addresses } = await world.start("z=1&live=true");
      serve(world, "/show/low.m3u8");
      const url = addresses.find((address) => address.includes("/500/")) ?? "";
      expect(told(await world.get(url))).toEqual(failure(status, code, sentence));
    });
  });

  test.each([
    ["a master playlist where a media playlist should be", MASTER, /expected a media playlist, got a master/],
    ["no target duration", "#EXTM3U\n#EXTINF:2,\na.ts\n", /expected HLS/],
    ["a segment without EXTINF", "#EXTM3U\n#EXT-X-TARGETDURATION:2\na.ts\n", /expected HLS/],
  ])("%s", async (_what, text, sentence) => {
    const { pages, get, start } = await manifestWorld();
    const { addresses } = await start("z=1&live=true");
    pages.set("/show/low.m3u8", text);
    const url = addresses.find((address) => address.includes("/500/")) ?? "";
    for (let time = 0; time < 2; time++)
      expect(told(await get(url))).toEqual(failure(502, "content-malformed", sentence));
  });

  test("a master that ends in a variant without its address", async () => {
    const { pages, get, bootstrap } = await manifestWorld();
    pages.set("/show/master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n");
    const { headers } = await get(bootstrap("/show/master.m3u8"));
    expect(told(await get(headers.location ?? ""))).toEqual(failure(502, "content-malformed", /expected HLS/));
  });

  test("a master whose variants all fail while it is not known whether it is live", async () => {
    const { pages, get, bootstrap } = await manifestWorld();
    pages.delete("/show/low.m3u8");
    const { headers } = await get(bootstrap("/show/master.m3u8"));
    expect(told(await get(headers.location ?? ""))).toEqual(failure(404, "content-not-found", /got 404/));
  });

  test("an origin that is away", async () => {
    const gone = await loopback(() => undefined);
    await new Promise((resolve) => gone.server.close(resolve));
    const { get } = await manifestWorld({ manifest: { contentOrigins: [gone.origin] } });
    const { headers } = await get(`/auditude/variant/a/${encodeContentUrl(`${gone.origin}/x`)}.m3u8?z=1`);
    const answer = await get(headers.location ?? "");
    // A private port that nobody allowed: the guard is asked first.
    expect(told(answer)).toEqual(failure(403, "address-refused", /may not fetch/));
  });

  test("more than 100 requests that wait", async () => {
    const { get, start } = await manifestWorld();
    const { masterUrl } = await start();
    // One was asked for already: nine more at once, and a hundred that wait.
    const answers = Array.from({ length: 110 }, () => get(masterUrl));
    const refused = await Promise.any(answers.slice(109));
    expect(told(refused)).toEqual(failure(429, "quota-exceeded", /100 waiting/));
    expect(refused.headers["retry-after"]).toBe("10");
  });

  test("more than the server can do: new sessions are refused, those that are there go on, nothing counts twice", async () => {
    let isShed = false;
    let running = 0;
    const overload = {
      get isLean() {
        return isShed;
      },
      admitSession: () => {
        if (isShed) throw new HttpError("overload", "no new sessions for a moment", { retryAfterSeconds: 5 });
      },
      begin: () => {
        running++;
        return () => running--;
      },
    };
    const { get, start, bootstrap, media } = await manifestWorld({ overload });
    const { addresses } = await start();
    isShed = true;
    const refused = await get(bootstrap("/show/master.m3u8"));
    expect(told(refused)).toEqual(failure(503, "overload", /no new sessions/));
    expect(refused.headers["retry-after"]).toBe("5");
    expect((await get(addresses.find((address) => address.includes("/500/")) ?? "")).statusCode).toBe(200);
    expect(media.map((request) => request.isShed)).toEqual([true]);
    expect(running).toBe(0);
  });

  test("a session store that is away costs no content, and nothing is said of it", async () => {
    const broken = async (): Promise<never> => {
      throw new Error("connect ECONNREFUSED postgres://user:hunter2@db");
    };
    const { store } = await manifestWorld();
    const { get, start, media } = await manifestWorld({ store: { ...store, create: broken, load: broken } });
    const { addresses } = await start("z=1&live=false&ptfailover=true");
    const answer = await get(addresses.find((address) => address.includes("/500/")) ?? "");
    expect([answer.statusCode, media.map(({ isDetached }) => isDetached)]).toEqual([200, [true]]);
    expect(answer.body + JSON.stringify(answer.headers)).not.toContain("hunter2");
  });

  test("of two viewers, the one whose content is well is not held up", async () => {
    const { pages, get, start } = await manifestWorld({ timeoutMs: 400 });
    const { addresses } = await start("z=1&live=true");
    pages.set("/show/low.m3u8", () => undefined);
    pages.set("/other/high.m3u8", VOD);
    const [slow = "", well = ""] = ["/500/", "/10000/"].map(
      (slot) => addresses.find((url) => url.includes(slot)) ?? "",
    );
    const order: number[] = [];
    await Promise.all([slow, well].map(async (url) => order.push((await get(url)).statusCode)));
    expect(order).toEqual([200, 504]);
  });
});
