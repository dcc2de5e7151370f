import { describe, expect, onTestFinished, test } from "vitest";
import { createRelayFetch, type RelayFetch } from "../../../src/ads/relay/relay-fetch.ts";
import { openUpstream } from "../../../src/ads/relay/upstream.ts";
import { createGuardedFetch } from "../../../src/guarded-fetch.ts";
import { mergeCookies, parseSetCookie, readCookieHeader } from "../../../src/manifest/content/cookie-jar.ts";
import { openAdServer } from "./ad-server.ts";
import { exchangeVast42, podOf, wrapper } from "./documents.ts";
import { openRelay, relayRequest, upstream, zoneRelay } from "./relay-world.ts";

describe("createRelayFetch", () => {
  const far = () => Promise.reject(new Error("not asked"));
  const isOwn = (url: URL): boolean => url.host === "relay.test";
  const asked = { headers: { "x-device-ip": "203.0.113.9" }, timeoutMs: 1000, maxBytes: 10 };
  const url = new URL("http://relay.test/ads/vast?li=house");

  test("an address of this server is answered without the network", async () => {
    const headers: unknown[] = [];
    const own = async (at: URL, sent: Readonly<Record<string, string>>) => {
      headers.push(sent);
      return { status: 200, headers: new Headers(), bytes: Buffer.from(at.pathname), url: at };
    };
    const fetch = createRelayFetch({ fetch: far, own, isOwn });
    const { bytes } = await fetch(url, asked);
    expect(Buffer.from(bytes).toString()).toBe("/ads/vast");
    expect(headers).toEqual([asked.headers]);
    const secure = new URL("https://relay.test/ads/vast");
    expect(Buffer.from((await fetch(secure, asked)).bytes).toString()).toBe("/ads/vast");
    // what others wrote into their answers gets at nothing else
    for (const path of ["/auditude/x", "/ads/serve", "/ads/vast/x"])
      await expect(fetch(new URL(path, url), asked)).rejects.toThrow("not asked");
  });

  test("it may not be too long there, nor take too long", async () => {
    const long = async (at: URL) => ({ status: 200, headers: new Headers(), bytes: Buffer.alloc(11), url: at });
    const never = () => new Promise<never>(() => undefined);
    await expect(createRelayFetch({ fetch: far, own: long, isOwn })(url, asked)).rejects.toMatchObject({
      code: "response-too-large",
    });
    const hurried = { ...asked, timeoutMs: 5 };
    await expect(createRelayFetch({ fetch: far, own: never, isOwn })(url, hurried)).rejects.toMatchObject({
      code: "upstream-timeout",
    });
  });
});

describe("openUpstream", () => {
  const bounds = { timeoutMs: 1000, maxBytes: 1000, spend: () => undefined, admit: () => undefined };
  const open = (locations: Readonly<Record<string, string>>, sent: string[] = []) =>
    openUpstream(
      {
        viewer: { ip: "", userAgent: "" },
        depth: 0,
        cookies: [{ host: "ads.example", name: "a", value: "1", path: "/", expiresAt: undefined, isSecure: true }],
        secret: { origin: "https://ads.example", headers: { authorization: "key" } },
      },
      {
        fetch: async ({ href }, { headers }) => {
          sent.push(`${href} ${headers["authorization"] ?? "-"} ${headers["cookie"] ?? "-"}`);
          const location = locations[href];
          const answer = new Headers(location === undefined ? {} : { location });
          return { status: location === undefined ? 200 : 302, headers: answer, bytes: Buffer.from("<VAST/>") };
        },
        cookies: { parse: parseSetCookie, merge: mergeCookies, header: readCookieHeader },
        now: () => 0,
        clock: () => 0,
      },
    );

  test("each host of a redirect gets what is its own", async () => {
    const sent: string[] = [];
    const { fetchTag } = open(
      { "https://ads.example/t": "https://b.example/#x", "https://b.example/": "//ads.example/e" },
      sent,
    );
    const { url } = await fetchTag(new URL("https://ads.example/t"), bounds);
    expect(url.href).toBe("https://ads.example/e");
    expect(sent).toEqual(["https://ads.example/t key a=1", "https://b.example/ - -", "https://ads.example/e key a=1"]);
  });

  test("a redirect from https to http is not followed", async () => {
    const { fetchTag } = open({ "https://ads.example/t": "http://ads.example/t" });
    await expect(fetchTag(new URL("https://ads.example/t"), bounds)).rejects.toMatchObject({ code: "address-refused" });
  });
});

test("all that one answer asks for at a time takes no more than one answer may", async () => {
  const server = await openAdServer({
    "/pod": (_request, response, o) => {
      const wrappers = Array.from({ length: 12 }, (_, n) => wrapper(o, n, `${o}/heavy`));
      response.end(podOf("3.0", ...wrappers));
    },
    "/heavy": (_request, response, o) =>
      response.end(
        exchangeVast42(o).replace("<Extensions>", `<Extensions><Extension>${"x".repeat(1_000_000)}</Extension>`),
      ),
  });
  const guarded = createGuardedFetch({ allowPrivate: [`127.0.0.1:${server.port}`] });
  onTestFinished(() => guarded.close());
  const fetch = createRelayFetch({
    fetch: guarded,
    own: () => Promise.reject(new Error("not ours")),
    isOwn: () => false,
  });
  let bytes = 0;
  const counting: RelayFetch = async (url, options) => {
    const response = await fetch(url, options);
    bytes += response.bytes.length;
    return response;
  };
  const { relay } = openRelay([server], { fetch: counting });
  const answer = await relay.answerAdRequest(relayRequest(), zoneRelay([upstream(`${server.origin}/pod`)]));
  expect(bytes).toBeLessThanOrEqual(5_000_000);
  expect(answer.failures.length).toBeGreaterThanOrEqual(8);
  expect(new Set(answer.failures.map(({ message }) => /bytes of the whole answer/.test(message)))).toEqual(
    new Set([true]),
  );
});
