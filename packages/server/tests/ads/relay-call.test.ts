import { describe, expect, test } from "vitest";
import { prefersJson } from "../../src/ads/accept.ts";
import { addCookies, aheadKey, readHint, readRelayRequest, type RelayCall } from "../../src/ads/relay/relay-call.ts";

function call(query: string, more: Partial<RelayCall> = {}): RelayCall {
  const baseUrl = new URL("https://ads.test/");
  return { form: "vast", zone: "1", query, headers: {}, ip: "203.0.113.9", baseUrl, ...more };
}

describe("readRelayRequest", () => {
  test("reads break, session, place and length, and leaves the query as it was written", () => {
    const query = "zone=1&session=s%201&break=mid-2&position=3&duration=30.5&x=a+b";
    const read = readRelayRequest(call(query));
    expect(read).toMatchObject({ session: "s 1", breakId: "mid-2", position: 3, duration: 30.5, query, depth: 0 });
  });

  test("without a session, a player of interstitials is known by the id that it appends", () => {
    const sessionOf = (query: string): string => readRelayRequest(call(query)).session;
    expect(sessionOf("_HLS_primary_id=abc&_HLS_start_offset=0")).toBe("abc");
    expect(sessionOf("session=s&_HLS_primary_id=abc")).toBe("s");
    expect([sessionOf(`_HLS_primary_id=${"x".repeat(201)}`), sessionOf("_HLS_primary_id=a%0A"), sessionOf("")]).toEqual(
      ["", "", ""],
    );
  });

  test("a macro that nobody filled in is no session and no break", () => {
    const read = (query: string): unknown => {
      const { session, breakId } = readRelayRequest(call(query));
      return [session, breakId];
    };
    expect(read("session=[SESSION]&break=%7BBREAK%7D")).toEqual(["", ""]);
    expect(read("session=$%7BSESSION%7D&_HLS_primary_id=abc&break=50%25")).toEqual(["abc", "50%"]);
    expect(read("_HLS_primary_id=%25%25ID%25%25")).toEqual(["", ""]);
  });

  test.each([
    ["break=pre", "pre"],
    ["break=preroll", "pre"],
    ["break=pre-roll-1", "pre"],
    ["break=start", "pre"],
    ["break=mid-1", "mid"],
    ["break=post", "post"],
    ["break=end", "post"],
    ["break=endless", undefined],
    ["break=premium", undefined],
    ["break=avail-7", undefined],
    ["tl=l,150,30,m", "mid"],
  ])("%s is a break at %s", (query, breakPosition) => {
    expect(readRelayRequest(call(query)).breakPosition).toBe(breakPosition);
  });

  test("a length by tl, and one that is a macro nobody filled in", () => {
    expect(readRelayRequest(call("tl=l,150,30,m")).duration).toBe(150);
    expect(readRelayRequest(call("duration=[BREAKMAXDURATION]")).duration).toBeUndefined();
  });

  test("X-Device headers name the viewer; the address in them only where this machine says so", () => {
    const headers = {
      "user-agent": "Server/1",
      "x-device-user-agent": "TV/1",
      "x-device-ip": "198.51.100.1",
      "x-device-referer": "https://page.example/",
      "x-device-accept-language": "de",
    };
    const device = { userAgent: "TV/1", referer: "https://page.example/", acceptLanguage: "de" };
    const viewerAt = (ip: string): unknown => readRelayRequest(call("", { headers, ip })).viewer;
    expect(viewerAt("203.0.113.9")).toEqual({ ...device, ip: "203.0.113.9" });
    for (const own of ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
      expect(viewerAt(own)).toEqual({ ...device, ip: "198.51.100.1" });
    const odd = { ...headers, "x-device-ip": "198.51.100.1, 10.0.0.1" };
    expect(readRelayRequest(call("", { headers: odd, ip: "::1" })).viewer.ip).toBe("::1");
  });
});

describe("readHint", () => {
  const next = (hint: string): string | undefined =>
    readHint(call(`zone=1&session=s&break=b-1&position=2&x=1&prefetch=${encodeURIComponent(hint)}`))?.query;

  test("a name is the next break, a list of parameters says what will be another", () => {
    expect(next("b-2")).toBe("zone=1&session=s&break=b-2&position=2&x=1");
    expect(next("break=b-2&position=1&y=2")).toBe("zone=1&session=s&break=b-2&position=1&x=1&y=2");
  });

  test("no hint, one that changes nothing, one of another zone, one that cannot be a request: nothing is asked ahead", () => {
    expect(readHint(call("zone=1&session=s&break=b-1"))).toBeUndefined();
    for (const hint of ["", "b-1", "zone=2", "break=b-2&position=0", "b\n2", "x".repeat(2001), "y".repeat(201)])
      expect(next(hint)).toBeUndefined();
  });
});

describe("readHint, of whom", () => {
  test("nothing is asked ahead for a viewer without a name, who could be anybody behind his address", () => {
    const queryOf = (query: string): string | undefined => readHint(call(`zone=1&prefetch=b-2${query}`))?.query;
    expect([queryOf(""), queryOf("&session=&viewer=")]).toEqual([undefined, undefined]);
    expect(queryOf("&session=[SESSION]&viewer=%7BVIEWER%7D")).toBeUndefined();
    expect(queryOf("&viewer=v")).toBe("zone=1&viewer=v&break=b-2");
    expect(queryOf("&_HLS_primary_id=p")).toBe("zone=1&_HLS_primary_id=p&break=b-2");
  });
});

describe("aheadKey", () => {
  const key = (query: string, more: Partial<RelayCall> = {}): string => aheadKey(readRelayRequest(call(query, more)));

  test("is the same for the same request in another order, whatever stands against caches", () => {
    expect(key("a=1&b=2&cb=7&prefetch=x")).toBe(key("b=2&a=1&CB=8&correlator=9"));
  });

  test("is another for another viewer, parameter, zone or form", () => {
    const all = [
      key("a=1"),
      key("a=2"),
      key("a=1&a=1"),
      key("a=1", { ip: "203.0.113.10" }),
      key("a=1", { headers: { "user-agent": "TV/1" } }),
      key("a=1", { zone: "2" }),
      key("a=1", { form: "vmap" }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});

test("cookies that an answer set go with what is asked ahead, in place of those of the same name", () => {
  expect(addCookies("a=1; il.x=old; b", ["il.x=new; Path=/ads/", "il.y=2; HttpOnly"])).toBe("a=1; b; il.x=new; il.y=2");
  expect(addCookies(undefined, [])).toBeUndefined();
});

test("a cookie that the answer takes back is not sent on", () => {
  const gone = "il.x=gone; Path=/ads/; HttpOnly; Max-Age=0";
  expect(addCookies("a=1; il.x=old", [gone])).toBe("a=1");
  expect(addCookies("il.x=old", ["il.x=new", gone])).toBeUndefined();
  expect(addCookies("il.x=old", [gone, "il.x=new; max-age=60"])).toBe("il.x=new");
});

test.each([
  ["application/json", true],
  ["application/json, text/plain, */*", true],
  ["Application/JSON;q=0.5", true],
  ["application/xml;q=0.9, application/json", true],
  ["application/xml, application/json;q=0.9", false],
  ["text/xml,application/json;q=0", false],
  ["application/json;q=0", false],
  ["*/*", false],
  ["application/*", false],
  [undefined, false],
])("Accept: %s wants an asset list: %s", (accept, isJson) => {
  expect(prefersJson(accept)).toBe(isJson);
});
