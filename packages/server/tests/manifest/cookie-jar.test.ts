import { describe, expect, test } from "vitest";
import { mergeCookies, parseSetCookie, readCookieHeader } from "../../src/manifest/content/cookie-jar.ts";
import type { StoredCookie } from "../../src/manifest/session/session.ts";

const NOW = Date.UTC(2026, 0, 1);

function set(line: string, url = "https://ads.shop.example/a/b/tag"): readonly StoredCookie[] {
  return parseSetCookie([line], new URL(url), NOW);
}

function sent(cookies: readonly StoredCookie[], url: string): string | undefined {
  return readCookieHeader(cookies, new URL(url), NOW);
}

describe("a cookie", () => {
  test("goes to the host that set it and to no other, whatever that host's name ends in", () => {
    const cookies = set("uid=1; Path=/");
    expect(sent(cookies, "https://ads.shop.example/x")).toBe("uid=1");
    const others = [
      "shop.example",
      "other.shop.example",
      "x.ads.shop.example",
      "evilads.shop.example",
      "ads.shop.example.x",
    ];
    expect(others.filter((host) => sent(cookies, `https://${host}/x`) !== undefined)).toEqual([]);
  });

  test("with the domain of a parent goes to the hosts below that parent", () => {
    const cookies = set("uid=1; Path=/; Domain=.Shop.Example");
    expect(sent(cookies, "https://edge.shop.example/")).toBe("uid=1");
    expect(sent(cookies, "https://shop.example/")).toBe("uid=1");
    expect(sent(cookies, "https://myshop.example/")).toBeUndefined();
  });

  test.each([
    ["a top-level domain", "example", "https://shop.example/"],
    ["a registry below a country's domain", "co.uk", "https://shop.co.uk/"],
    ["a registry below a country's domain", "com.au", "https://shop.com.au/"],
    ["another host", "other.example", "https://shop.example/"],
    ["a host below", "x.shop.example", "https://shop.example/"],
    ["half a label", "op.example", "https://shop.example/"],
    ["part of an address", "0.0.1", "http://127.0.0.1/"],
  ])("for %s is refused", (_name, domain, url) => {
    expect(set(`uid=1; Domain=${domain}`, url)).toEqual([]);
  });

  test("of an address stays with that address", () => {
    const cookies = set("uid=1; Path=/; Domain=127.0.0.1", "http://127.0.0.1:8080/");
    expect(cookies).toMatchObject([{ host: "127.0.0.1" }]);
    expect(sent(cookies, "http://127.0.0.2/")).toBeUndefined();
  });

  test("goes to its path and below; without one, to the folder that set it", () => {
    const named = set("a=1; Path=/live");
    expect(["/live", "/live/x", "/lives", "/"].map((path) => sent(named, `https://ads.shop.example${path}`))).toEqual([
      "a=1",
      "a=1",
      undefined,
      undefined,
    ]);
    const folder = set("a=1");
    expect(folder).toMatchObject([{ path: "/a/b" }]);
    expect(sent(folder, "https://ads.shop.example/a/c")).toBeUndefined();
  });

  test("with a longer path comes first", () => {
    const cookies = [...set("a=1; Path=/"), ...set("b=2; Path=/deep/er"), ...set("c=3; Path=/deep")];
    expect(sent(cookies, "https://ads.shop.example/deep/er/x")).toBe("b=2; c=3; a=1");
  });

  test("that is Secure is taken and sent over TLS alone", () => {
    expect(set("a=1; Secure", "http://ads.shop.example/")).toEqual([]);
    const cookies = set("a=1; Path=/; Secure");
    expect(sent(cookies, "https://ads.shop.example/")).toBe("a=1");
    expect(sent(cookies, "http://ads.shop.example/")).toBeUndefined();
  });

  test("ends with Max-Age, else with Expires, else with the session", () => {
    expect(set("a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT")).toMatchObject([{ expiresAt: NOW + 60_000 }]);
    expect(set("a=1; Expires=Fri, 02 Jan 2026 00:00:00 GMT")).toMatchObject([{ expiresAt: NOW + 86_400_000 }]);
    expect(set("a=1; Expires=some day; Max-Age=soon")).toMatchObject([{ expiresAt: undefined }]);
    expect(sent(set("a=1; Path=/; Max-Age=-1"), "https://ads.shop.example/")).toBeUndefined();
  });

  test("that is deleted takes the place of the one that was there", () => {
    const merged = mergeCookies(set("a=1; Path=/"), set("a=; Path=/; Max-Age=0"), NOW);
    expect(merged).toEqual([]);
  });

  test.each([
    ["no name", "=1"],
    ["no pair", "justtext"],
    ["a name with a space", "a b=1"],
    ["a line break", "a=1\r\nX-Evil: 2"],
    ["a control character", "a=\u0001"],
    ["letters beyond ASCII", "a=é"],
    ["5,000 characters", `a=${"x".repeat(5000)}`],
  ])("with %s is left out", (_name, line) => {
    expect(set(line)).toEqual([]);
  });

  test("keeps its value as it came, quotes and equals signs too", () => {
    expect(set('hdntl="exp=1~acl=/*~hmac=ab=="; Path=/; HttpOnly; SameSite=None')).toMatchObject([
      { name: "hdntl", value: '"exp=1~acl=/*~hmac=ab=="' },
    ]);
  });
});

test("a host can neither fill a session with cookies nor make a header of any length", () => {
  const lines = Array.from({ length: 500 }, (_, index) => `c${index}=${"x".repeat(1000)}; Path=/`);
  const url = new URL("https://ads.shop.example/");
  const one = parseSetCookie(lines, url, NOW);
  expect(one).toHaveLength(20);
  const all = Array.from({ length: 10 }, (_, index) => parseSetCookie(lines.slice(index * 20), url, NOW));
  const jar = all.reduce((known, added) => mergeCookies(known, added, NOW), one);
  expect(jar).toHaveLength(50);
  expect(jar.at(-1)?.name).toBe("c199");
  expect(readCookieHeader(jar, url, NOW)?.length).toBeLessThanOrEqual(8192);
});
