import { describe, expect, test } from "vitest";
import { formatPageCookies, readPageCookies, type UpstreamCookie } from "../../../src/ads/relay/page-cookies.ts";

const NOW = 1_700_000_000_000;

function cookie(more: Partial<UpstreamCookie> = {}): UpstreamCookie {
  return { host: "ads.example", name: "uid", value: "v1", path: "/", expiresAt: undefined, ...more };
}

function roundTrip(cookies: readonly UpstreamCookie[]): readonly UpstreamCookie[] {
  const lines = formatPageCookies(cookies, new URL("https://relay.example/"), NOW);
  return readPageCookies(lines.map((line) => line.split("; ")[0]).join("; "));
}

describe("cookies of upstreams at the client", () => {
  test("come back for the host, path and name that they were set for", () => {
    const cookies = [
      cookie(),
      cookie({ host: ".ads.example", path: "/gampad/", name: "__gads", value: 'ID=1:T=2:S="a=b"' }),
      cookie({ host: "127.0.0.1", isSecure: true }),
      cookie({ host: "[::1]" }),
    ];
    expect(roundTrip(cookies)).toEqual(cookies);
  });

  test("one that is over is deleted at the client, one with an end ends there", () => {
    const base = new URL("http://localhost/");
    const [over, later] = formatPageCookies(
      [cookie({ expiresAt: 0 }), cookie({ name: "b", expiresAt: NOW + 90_500 })],
      base,
      NOW,
    );
    expect(over).toMatch(/=v1; Path=\/ads\/; HttpOnly; Max-Age=0; SameSite=Lax$/);
    expect(later).toContain("; Max-Age=90;");
  });

  test("of too many the last ones go out, and one that no jar would take does not", () => {
    const many = Array.from({ length: 40 }, (_, n) => cookie({ name: `c${n}`, value: "x".repeat(50) }));
    const kept = roundTrip(many);
    expect(kept.length).toBeLessThanOrEqual(20);
    expect(kept.at(-1)?.name).toBe("c39");
    expect(roundTrip([cookie({ name: "n".repeat(250) })])).toEqual([]);
    const lines = formatPageCookies(many, new URL("https://relay.example/"), NOW);
    expect(lines.join("").length).toBeLessThanOrEqual(4096);
  });

  test.each([
    ["no header", undefined],
    ["somebody else's", "a=1; il=2"],
    ["no base64", "il.%%%=1"],
    ["no value", "il.YWRzLmV4YW1wbGUgLyB1aWQg"],
    ["a path that is none", `il.${Buffer.from("ads.example x uid ").toString("base64url")}=1`],
    ["a line break in the name", `il.${Buffer.from("ads.example / u\r\nid ").toString("base64url")}=1`],
    ["a host with a path", `il.${Buffer.from("ads.example/x / uid ").toString("base64url")}=1`],
    ["a control character in the value", `il.${Buffer.from("ads.example / uid ").toString("base64url")}=a\u0001b`],
  ])("%s is none", (_what, header) => {
    expect(readPageCookies(header)).toEqual([]);
  });
});
