import { once } from "node:events";
import { createServer } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { formatDebugHeaders, formatLogLines, formatX1 } from "../../src/manifest/operations/debug-headers.ts";
import { createTrace, type TraceRecord } from "../../src/manifest/trace.ts";

const SESSION = "15126333-5ba9-49b8-a219-4f37e60d259c";

function adCall(url: string, body = "PFZBU1Q+"): TraceRecord {
  return { type: "TRACE_AD_CALL", fields: ["200", 199.25, url, "Example Ads", "avail-1", 30, body] };
}

function header(name: string, value: string): TraceRecord {
  return { type: "TRACE_HTTP_HEADER", fields: ["MAIN", "REQUEST", name, btoa(value)] };
}

describe("X-ADBE-AI-X1", () => {
  test("has the 20 fields of Primetime's documented sample, in its order", () => {
    const trace = createTrace();
    Object.assign(trace, {
      isActiveMidRoll: true,
      breaks: 1,
      breakSeconds: 30,
      adCalls: 2,
      redirectAdCalls: 1,
      adCallMs: 199.4,
      insertedAds: 2,
      sourceFetchMs: 184.7,
      adManifestSumMs: 204,
      adManifestMs: 104,
      contentMisses: 1,
      adManifestMisses: 4,
    });
    const facts = {
      requestId: 1594181097704,
      sessionId: SESSION,
      stream: "vod",
      isBootstrap: false,
      totalMs: 497,
    } as const;
    expect(formatX1(trace, facts)).toBe(`0 1 1594181097704 ${SESSION} v 0 1 30 2 1 199 2 185 497 204 104 0 1 0 4`);
  });

  test("keeps its 20 fields whatever a client calls its session, and where there is none", () => {
    const facts = { requestId: 1, stream: "variant", isBootstrap: true, totalMs: 0 } as const;
    const ids = ["a b\r\nset-cookie: x", "", undefined, "ü\u0000", `${"x".repeat(5000)}`];
    for (const sessionId of ids) {
      const line = formatX1(createTrace(), { ...facts, sessionId });
      expect(line).toMatch(/^[!-~ ]{1,400}$/);
      expect(line.split(" ")).toHaveLength(20);
      expect(line).toContain(" u 1 ");
    }
    expect(formatX1(createTrace(), { ...facts, stream: "live", sessionId: undefined }).split(" ")[4]).toBe("l");
  });
});

describe("ptdebug", () => {
  const records = [
    adCall("https://ads.example/vast?cb=1"),
    header("User-Agent", "player"),
    { type: "TRACE_MISC", fields: ["content\tplays\r\non"] },
    { type: "TRACE_AD_INSERT", fields: ["200", "avail-1", "DIRECT", 30, undefined] },
  ];

  test("true tells everything but headers and the bodies of ad calls", () => {
    expect(formatDebugHeaders(records, "all")).toEqual({
      "X-ADBE-AI-DBG-1": "TRACE_AD_CALL\t200\t199.25\thttps://ads.example/vast?cb=1\tExample Ads\tavail-1\t30",
      "X-ADBE-AI-DBG-2": "TRACE_MISC\tcontentplayson",
      "X-ADBE-AI-DBG-3": "TRACE_AD_INSERT\t200\tavail-1\tDIRECT\t30\t",
    });
  });

  test("AdCall tells what became of ads, bodies included", () => {
    expect(formatDebugHeaders(records, "adcall")).toEqual({
      "X-ADBE-AI-DBG-1":
        "TRACE_AD_CALL\t200\t199.25\thttps://ads.example/vast?cb=1\tExample Ads\tavail-1\t30\tPFZBU1Q+",
      "X-ADBE-AI-DBG-2": "TRACE_AD_INSERT\t200\tavail-1\tDIRECT\t30\t",
    });
  });

  test("Header tells headers, in base64", () => {
    expect(formatDebugHeaders(records, "header")).toEqual({
      "X-ADBE-AI-DBG-1": `TRACE_HTTP_HEADER\tMAIN\tREQUEST\tUser-Agent\t${btoa("player")}`,
    });
  });

  test("nothing is told where nothing was asked for", () => {
    expect(formatDebugHeaders(records, undefined)).toEqual({});
  });

  test.each([
    "Cookie",
    "Set-Cookie",
    "Authorization",
    "proxy-authorization",
    "X-Auth-Token",
    "X-Api-Key",
    "X-Adobe-Sig",
    "x-origin-secret",
  ])("the value of %s is not told", (name) => {
    expect(formatDebugHeaders([header(name, "hush")], "header")).toEqual({
      "X-ADBE-AI-DBG-1": `TRACE_HTTP_HEADER\tMAIN\tREQUEST\t${name}\t`,
    });
  });

  test.each([
    ["https://ads.example/vast?cb=1&token=hush&z=2", "https://ads.example/vast?cb=1&token=(hidden)&z=2"],
    ["https://o.example/a.m3u8?hdnts=exp=1~hmac=hush#t", "https://o.example/a.m3u8?hdnts=(hidden)#t"],
    [
      "https://o.example/a?X-Amz-Signature=hush&keywords=tea",
      "https://o.example/a?X-Amz-Signature=(hidden)&keywords=tea",
    ],
    ["https://user:hush@o.example/a", "https://o.example/a"],
    [
      "https://a.example/?to=https%3A%2F%2Fme%3Ahush@b.example%2F%3Faccess_token%3Dhush%26x%3D1&y=2",
      "https://a.example/?to=https%3A%2F%2Fb.example%2F%3Faccess_token%3D(hidden)%26x%3D1&y=2",
    ],
    [
      "https://a.example/?to=https%3A%2F%2Fme%3Ahush%40b.example%2F",
      "https://a.example/?to=https%3A%2F%2Fb.example%2F",
    ],
    ["https://a.example/?design=1&signal=2&sig=hush", "https://a.example/?design=1&signal=2&sig=(hidden)"],
  ])("secrets in %s are hidden", (url, shown) => {
    expect(formatDebugHeaders([{ type: "TRACE_MISC", fields: [url] }], "all")).toEqual({
      "X-ADBE-AI-DBG-1": `TRACE_MISC\t${shown}`,
    });
  });

  test("no text of others breaks out of a header, a record or a line of the log", () => {
    const text = "a\r\nSet-Cookie: x=1\u0000\u0007\u0085\tb ü € \ud800 \u{1f600}";
    const record = { type: "TRACE_MISC", fields: [text] };
    expect(formatDebugHeaders([record], "all")["X-ADBE-AI-DBG-1"]).toBe(
      "TRACE_MISC\taSet-Cookie: x=1b %C3%BC %E2%82%AC %EF%BF%BD %F0%9F%98%80",
    );
  });

  test("a thousand long records fit, with the word on how many are left out, through a real server and client", async () => {
    const many = Array.from({ length: 1000 }, (_, index) =>
      adCall(`https://ads.example/?n=${index}&x=${"y".repeat(3000)}`),
    );
    const few = Array.from({ length: 100 }, (_, index) => ({ type: "TRACE_MISC", fields: [index] }));
    for (const [records, left] of [
      [many, /^TRACE_MISC\t99\d of 1000 records are left out$/],
      [few, /^TRACE_MISC\t60 of 100 records are left out$/],
    ] as const) {
      const server = createServer((_request, response) => {
        for (const [name, value] of Object.entries(formatDebugHeaders(records, "all"))) response.setHeader(name, value);
        response.end();
      }).listen(0, "127.0.0.1");
      onTestFinished(() => void server.close());
      await once(server, "listening");
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("expected a port");
      const { headers } = await fetch(`http://127.0.0.1:${address.port}/`);
      const names = [...headers.keys()].filter((name) => name.startsWith("x-adbe-ai-dbg-"));
      const bytes = names.reduce((sum, name) => sum + name.length + (headers.get(name)?.length ?? 0) + 4, 0);
      expect(bytes).toBeLessThan(8_000);
      expect(headers.get(`x-adbe-ai-dbg-${names.length}`)).toMatch(left);
    }
  });

  test("a record that is too long says that it was cut", () => {
    const [line] = Object.values(formatDebugHeaders([adCall("https://ads.example/", "A".repeat(5000))], "adcall"));
    expect(line).toHaveLength(2000);
    expect(line).toMatch(/A\.\.\.\(cut\)$/);
  });

  test("the log has the same records, each on a line with its request, session and zone", () => {
    const place = { requestId: 1594181097704, sessionId: SESSION, zone: "1" };
    const at = Date.parse("2027-01-15T08:00:00Z");
    expect(formatLogLines(records, "all", place, at)).toEqual([
      `2027-01-15T08:00:00.000Z 1594181097704 ${SESSION} 1 TRACE_AD_CALL\t200\t199.25\thttps://ads.example/vast?cb=1\tExample Ads\tavail-1\t30`,
      `2027-01-15T08:00:00.000Z 1594181097704 ${SESSION} 1 TRACE_MISC\tcontentplayson`,
      `2027-01-15T08:00:00.000Z 1594181097704 ${SESSION} 1 TRACE_AD_INSERT\t200\tavail-1\tDIRECT\t30\t`,
    ]);
  });
});
