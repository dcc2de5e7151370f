import { describe, expect, test } from "vitest";
import { manifestWorld } from "./manifest-world.ts";

const PAGE = "https://player.example";

/** What the founding text says, by whether the request has an Origin. */
const NAMED = {
  "access-control-allow-origin": PAGE,
  "access-control-allow-credentials": "true",
  "access-control-allow-methods": "GET",
};
const UNNAMED = { "access-control-allow-origin": "*", "access-control-allow-methods": "GET" };

describe("CORS of the manifest server", () => {
  test("is the founding text's on every answer: 200, 302, 304, 400, 403, 404, 405, 502", async () => {
    const { app, get, start, bootstrap, pages } = await manifestWorld();
    const { masterUrl, addresses } = await start();
    const media = addresses.find((address) => address.includes("/500/")) ?? "";
    pages.set("/broken.m3u8", (_request, response) => response.writeHead(500).end());
    const broken = await start("z=1&live=true", "/broken.m3u8");
    const post = {
      method: "POST",
      url: bootstrap("/show/master.m3u8"),
      headers: { host: "manifest.example" },
    } as const;
    const ask: readonly (readonly [number, (headers: Record<string, string>) => ReturnType<typeof get>])[] = [
      [302, (headers) => get(bootstrap("/show/master.m3u8"), headers)],
      [200, (headers) => get(bootstrap("/show/master.m3u8", "z=1&pttrackingmode=simple"), headers)],
      [200, (headers) => get(masterUrl, headers)],
      [304, (headers) => get(masterUrl, { ...headers, "if-none-match": "*" })],
      [200, (headers) => get(media, headers)],
      [304, (headers) => get(media, { ...headers, "if-none-match": '"media"' })],
      [400, (headers) => get("/auditude/variant/a/$$$.m3u8?z=1", headers)],
      [403, (headers) => get(media.replace("ptsig=", "x="), headers)],
      [404, (headers) => get("/auditude/none", headers)],
      [404, (headers) => get(bootstrap("/show/master.m3u8", "z=none"), headers)],
      [405, (headers) => app.inject({ ...post, headers: { ...post.headers, ...headers } })],
      [502, (headers) => get(broken.masterUrl, headers)],
    ];
    for (const [status, answer] of ask) {
      const named = await answer({ origin: PAGE });
      expect([named.statusCode, named.headers]).toEqual([
        status,
        expect.objectContaining({ ...NAMED, vary: "Origin" }),
      ]);
      expect(named.headers["access-control-expose-headers"]).toMatch(/X-ADBE-AI-X1/);
      const unnamed = await answer({});
      expect([unnamed.statusCode, unnamed.headers]).toEqual([
        status,
        expect.objectContaining({ ...UNNAMED, vary: "Origin" }),
      ]);
      expect(unnamed.headers).not.toHaveProperty("access-control-allow-credentials");
    }
  });

  test("a sandboxed page's `null` is an origin like others; what is none is not repeated", async () => {
    const { get, bootstrap } = await manifestWorld();
    const answer = await get(bootstrap("/show/master.m3u8"), { origin: "null" });
    expect(answer.headers["access-control-allow-origin"]).toBe("null");
    const forged = await get(bootstrap("/show/master.m3u8"), { origin: "x, https://evil.example" });
    expect(forged.headers).toMatchObject(UNNAMED);
  });

  test("a preflight is granted", async () => {
    const { app } = await manifestWorld();
    const headers = { origin: PAGE, "access-control-request-method": "GET", "access-control-request-headers": "range" };
    const answer = await app.inject({ method: "OPTIONS", url: "/auditude/vod/a/1/s/x.m3u8?z=1", headers });
    expect([answer.statusCode, answer.headers]).toEqual([204, expect.objectContaining(NAMED)]);
    expect(answer.headers["access-control-allow-headers"]).toContain("range");
  });

  test("the numbered debug headers can be read where they are asked for", async () => {
    const { get, bootstrap } = await manifestWorld();
    const exposed = async (query: string): Promise<unknown> =>
      (await get(bootstrap("/show/master.m3u8", query), { origin: PAGE })).headers["access-control-expose-headers"];
    expect(await exposed("z=1&ptdebug=true")).toContain("X-ADBE-AI-DBG-41");
    expect(await exposed("z=1")).not.toContain("DBG");
  });

  test("a zone may list the pages that may read its manifests", async () => {
    const { get, bootstrap } = await manifestWorld({ manifest: { corsOrigins: [PAGE] } });
    const listed = await get(bootstrap("/show/master.m3u8", "u=1&z=1"), { origin: PAGE });
    expect(listed.headers).toMatchObject(NAMED);
    for (const origin of ["https://other.example", "null", undefined]) {
      const answer = await get(bootstrap("/show/master.m3u8", "u=1&z=1"), origin === undefined ? {} : { origin });
      expect(answer.headers).not.toHaveProperty("access-control-allow-origin");
      expect(answer.headers).toMatchObject({ vary: "Origin" });
    }
  });
});

describe("debug headers", () => {
  test("X-ADBE-AI-X1 with its 20 fields is on every answer, errors included", async () => {
    const { get, start, bootstrap } = await manifestWorld();
    const { masterUrl, addresses } = await start();
    const fields = async (url: string): Promise<readonly string[]> =>
      String((await get(url)).headers["x-adbe-ai-x1"]).split(" ");
    const session = masterUrl.split("/")[6];
    expect((await fields(bootstrap("/show/master.m3u8"))).slice(4, 6)).toEqual(["u", "1"]);
    expect((await fields(masterUrl)).slice(3, 6)).toEqual([session, "u", "0"]);
    expect((await fields(addresses[0] ?? "")).slice(3, 6)).toEqual([session, "v", "0"]);
    expect(await fields(`${masterUrl}x`)).toHaveLength(20);
  });

  test("ptdebug tells the request, and its headers where it asks for them", async () => {
    const { get, start } = await manifestWorld();
    const all = await start("z=1&ptdebug=true");
    const record = String((await get(all.masterUrl)).headers["x-adbe-ai-dbg-1"]).split("\t");
    expect([record[0], record[1], record[2], record[7]]).toEqual(["TRACE_REQUEST_INFO", "200", "GET", "Variant"]);
    const header = await start("z=1&ptdebug=Header");
    const records = Object.entries((await get(header.masterUrl, { "x-a": "b" })).headers)
      .filter(([name]) => name.startsWith("x-adbe-ai-dbg-"))
      .map(([, value]) => String(value));
    expect(records).toContain(`TRACE_HTTP_HEADER\tMAIN\tREQUEST\tx-a\t${Buffer.from("b").toString("base64")}`);
  });
});
