import { fastify, type FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { requireBearer } from "../../src/bearer.ts";
import { registerErrors } from "../../src/http-error.ts";
import { type CreativeStatus, QueueFull } from "../../src/crs/crs.ts";
import { crsRoutes, type CrsRoutesOptions } from "../../src/crs/routes.ts";

const KEY = "0123456789abcdef".repeat(2);
const STATUS: CreativeStatus = {
  zone: "1",
  key: KEY,
  creativeUrl: "https://ads.example/spot.mp4",
  state: "ready",
  progress: 1,
  attempts: 0,
  packages: [{ packaging: "hls", targetDuration: 6, path: `1/012/345/${KEY}_${KEY}.m3u8`, cdns: ["a"], isWhole: true }],
  refused: [],
  adSystem: "Example Ads",
  duration: 9,
  renditions: [{ name: "360p", width: 640, height: 360, bandwidthBps: 900_000, frameRate: 25, codec: "avc1.64001e" }],
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:01.000Z",
};
const AUTHORIZED = { authorization: "Bearer 0123456789abcdef" };

let app: FastifyInstance;
let listener: ((status: CreativeStatus) => void) | undefined;
beforeEach(async () => {
  const crs: CrsRoutesOptions["crs"] = {
    submit: async (input) => {
      const down = Object.assign(new Error("connect ECONNREFUSED 10.1.2.3:5432"), { code: "ECONNREFUSED" });
      if (input.creativeUrl.includes("down")) throw down;
      if (input.creativeUrl.includes("full")) throw new QueueFull("queue: expected room, got none");
      return { key: KEY, before: "absent", status: { ...STATUS, zone: input.zone, state: "queued" } };
    },
    status: async (_zone, key) => (key === KEY ? STATUS : undefined),
    list: async ({ state }) =>
      state === undefined || state === "ready" ? { creatives: [STATUS], total: 1 } : { creatives: [], total: 0 },
    forget: async (_zone, key) => key === KEY,
    retry: async (_zone, key) => (key === KEY ? { ...STATUS, state: "queued", progress: 0 } : undefined),
    purge: async (_zone, key) => (key === KEY ? { ...STATUS, packages: [] } : undefined),
    blocks: {
      list: async () => ({ entries: [], total: 0 }),
      add: async (order) => ({ entry: { ...order, id: "7", isAutomatic: false, createdAt: new Date(0) }, isNew: true }),
      remove: async (id) => id === "7",
    },
    preview: async (_zone, key) => (key === KEY ? { image: Buffer.from("a JPEG"), version: "1-encoding" } : undefined),
    subscribe: (one) => {
      listener = one;
      return () => {
        listener = undefined;
      };
    },
  };
  app = fastify();
  registerErrors(app);
  await app.register(crsRoutes, { crs, authorise: requireBearer("0123456789abcdef"), isZone: (zone) => zone === "1" });
});
afterEach(() => app.close());

const post = (items: unknown) =>
  app.inject({ method: "POST", url: "/v1/repackage", headers: AUTHORIZED, payload: { items } });

describe("/v1", () => {
  test.each([
    ["POST", "/v1/repackage"],
    ["GET", "/v1/creatives"],
    ["GET", `/v1/creatives/1/${KEY}`],
    ["DELETE", `/v1/creatives/1/${KEY}`],
    ["POST", `/v1/creatives/1/${KEY}/retry`],
    ["DELETE", `/v1/creatives/1/${KEY}/cdns/a`],
    ["GET", `/v1/creatives/1/${KEY}/preview.jpg`],
    ["GET", "/v1/blocklist"],
    ["POST", "/v1/blocklist"],
    ["DELETE", "/v1/blocklist/7"],
    ["GET", "/v1/events"],
  ] as const)("%s %s wants the token", async (method, url) => {
    expect((await app.inject({ method, url })).statusCode).toBe(401);
    expect((await app.inject({ method, url, headers: { authorization: "Bearer wrong" } })).statusCode).toBe(401);
  });

  test("POST /v1/repackage answers item by item, in their order", async () => {
    const answer = await post([
      { zone: "1", creativeUrl: "https://ads.example/spot.mp4" },
      { zone: "9", creativeUrl: "https://ads.example/spot.mp4" },
      { zone: "1", creativeUrl: "https://ads.example/full.mp4", packaging: "hls", targetDuration: 4 },
    ]);
    expect(answer.statusCode).toBe(202);
    expect(answer.json().items).toMatchObject([
      { key: KEY, before: "absent", status: { state: "queued" } },
      { error: { code: "zone-unknown" } },
      { error: { code: "queue-full" } },
    ]);
  });

  test("several items are answered item by item, also when none was taken", async () => {
    const answer = await post([
      { zone: "1", creativeUrl: "https://ads.example/full.mp4" },
      { zone: "9", creativeUrl: "https://ads.example/spot.mp4" },
    ]);
    expect([answer.statusCode, answer.json().items]).toEqual([
      202,
      [
        { error: { code: "queue-full", message: "queue: expected room, got none" } },
        { error: { code: "zone-unknown", message: 'zone: expected one that this server knows, got "9"' } },
      ],
    ]);
  });

  test("a fault of ours among the items is 500 without its detail, not an item's error", async () => {
    const answer = await post(["spot", "down"].map((name) => ({ zone: "1", creativeUrl: `https://${name}.example/` })));
    expect([answer.statusCode, answer.body.includes("10.1.2.3")]).toEqual([500, false]);
    expect(answer.json().error.code).toBe("internal");
  });

  test("an item that was refused and is alone answers with its own status", async () => {
    const answer = await post([{ zone: "1", creativeUrl: "https://ads.example/full.mp4" }]);
    expect([answer.statusCode, answer.json().error.code, answer.headers["retry-after"]]).toEqual([
      429,
      "queue-full",
      "30",
    ]);
  });

  test.each([
    [[]],
    [Array.from({ length: 301 }, () => ({ zone: "1", creativeUrl: "https://a.example/" }))],
    [[{ zone: "1" }]],
    ["x"],
  ])("items that are none, too many or not whole are refused", async (items) => {
    expect((await post(items)).statusCode).toBe(400);
  });

  test("GET /v1/creatives lists, by state if asked", async () => {
    const all = await app.inject({ url: "/v1/creatives", headers: AUTHORIZED });
    expect(all.json()).toEqual({ creatives: [STATUS], total: 1 });
    const failed = await app.inject({ url: "/v1/creatives?state=failed", headers: AUTHORIZED });
    expect(failed.json()).toEqual({ creatives: [], total: 0 });
    expect((await app.inject({ url: "/v1/creatives?state=lost", headers: AUTHORIZED })).statusCode).toBe(400);
  });

  test("a picture is asked for again only where it is another one, and a creative without one says 404", async () => {
    const url = `/v1/creatives/1/${KEY}/preview.jpg`;
    const answer = await app.inject({ url, headers: AUTHORIZED });
    expect([answer.statusCode, answer.body]).toEqual([200, "a JPEG"]);
    expect(answer.headers).toMatchObject({ "content-type": "image/jpeg", "cache-control": "private, no-cache" });
    const etag = String(answer.headers["etag"]);
    const again = await app.inject({ url, headers: { ...AUTHORIZED, "if-none-match": `"other", W/${etag}` } });
    expect([again.statusCode, again.body]).toEqual([304, ""]);
    const other = await app.inject({ url: `/v1/creatives/1/${"f".repeat(32)}/preview.jpg`, headers: AUTHORIZED });
    expect([other.statusCode, other.headers["cache-control"], other.json().error.code]).toEqual([
      404,
      "no-store",
      "not-found",
    ]);
  });

  test("GET and DELETE of one creative know it or say 404", async () => {
    const other = `/v1/creatives/1/${"f".repeat(32)}`;
    expect((await app.inject({ url: `/v1/creatives/1/${KEY}`, headers: AUTHORIZED })).json()).toEqual(STATUS);
    expect((await app.inject({ url: other, headers: AUTHORIZED })).statusCode).toBe(404);
    const forget = (url: string) => app.inject({ method: "DELETE", url, headers: AUTHORIZED });
    expect((await forget(`/v1/creatives/1/${KEY}`)).statusCode).toBe(204);
    expect((await forget(other)).statusCode).toBe(404);
    expect((await forget("/v1/creatives/1/nothex")).statusCode).toBe(400);
  });

  test("retry, purge and the end of a block know what they are about or say 404", async () => {
    const ask = (method: "POST" | "DELETE", url: string) => app.inject({ method, url, headers: AUTHORIZED });
    const other = "f".repeat(32);
    expect((await ask("POST", `/v1/creatives/1/${KEY}/retry`)).json()).toMatchObject({ state: "queued" });
    expect((await ask("POST", `/v1/creatives/1/${other}/retry`)).statusCode).toBe(404);
    expect((await ask("DELETE", `/v1/creatives/1/${KEY}/cdns/a`)).json()).toMatchObject({ packages: [] });
    expect((await ask("DELETE", `/v1/creatives/1/${other}/cdns/a`)).statusCode).toBe(404);
    expect((await ask("DELETE", "/v1/blocklist/7")).statusCode).toBe(204);
    expect((await ask("DELETE", "/v1/blocklist/8")).statusCode).toBe(404);
    expect((await ask("DELETE", "/v1/blocklist/x")).statusCode).toBe(400);
  });

  test("POST /v1/blocklist takes known kinds and known zones", async () => {
    const add = (payload: object) => app.inject({ method: "POST", url: "/v1/blocklist", headers: AUTHORIZED, payload });
    const entry = { kind: "host", value: "ads.example" };
    const added = await add(entry);
    expect([added.statusCode, added.json()]).toEqual([
      201,
      {
        ...entry,
        id: "7",
        reason: "blocked by an operator",
        isAutomatic: false,
        createdAt: "1970-01-01T00:00:00.000Z",
      },
    ]);
    expect((await add({ ...entry, zone: "9" })).json().error.code).toBe("zone-unknown");
    expect((await add({ ...entry, kind: "planet" })).statusCode).toBe(400);
    expect((await add({ kind: "host" })).json().error.message).toContain("value");
  });

  test("a URL with a control character, which no database column takes, is refused", async () => {
    expect((await post([{ zone: "1", creativeUrl: "https://ads.example/\u0000" }])).statusCode).toBe(400);
  });

  test("what only a token may read is in no cache, found or not", async () => {
    for (const url of ["/v1/creatives", `/v1/creatives/1/${KEY}`, `/v1/creatives/1/${"f".repeat(32)}`]) {
      expect((await app.inject({ url, headers: AUTHORIZED })).headers["cache-control"]).toBe("no-store");
    }
  });

  test("one reader more than there may be is told when to come back", async () => {
    const address = await app.listen({ port: 0, host: "127.0.0.1" });
    const read = () => fetch(`${address}/v1/events`, { headers: AUTHORIZED });
    expect(new Set((await Promise.all(Array.from({ length: 100 }, read))).map(({ status }) => status))).toEqual(
      new Set([200]),
    );
    const refused = await read();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "30"]);
    expect(await refused.json()).toMatchObject({ error: { code: "overload" } });
  });

  test("GET /v1/events sends each change as it happens, and lets go when the reader leaves", async () => {
    const address = await app.listen({ port: 0, host: "127.0.0.1" });
    const controller = new AbortController();
    const answer = await fetch(`${address}/v1/events`, { headers: AUTHORIZED, signal: controller.signal });
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    listener?.(STATUS);
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n\n", 5)) text += (await reader?.read())?.value ?? "";
    expect(text).toContain(`event: creative\ndata: ${JSON.stringify(STATUS)}\n\n`);
    const left = new Promise((resolve) => app.server.once("interlude-test", resolve));
    controller.abort();
    const watch = setInterval(() => {
      if (listener === undefined) app.server.emit("interlude-test");
    }, 10);
    await left;
    clearInterval(watch);
  });

  test("closing the server ends the readers", async () => {
    const address = await app.listen({ port: 0, host: "127.0.0.1" });
    const answer = await fetch(`${address}/v1/events`, { headers: AUTHORIZED });
    const text = answer.text();
    await app.close();
    expect(await text).toBe(":\n\n");
  });
});
