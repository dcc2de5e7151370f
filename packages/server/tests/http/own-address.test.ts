/** This server as its own client: which addresses are its own, and what a request to itself is told. */
import { fastify, type FastifyInstance } from "fastify";
import { describe, expect, onTestFinished, test } from "vitest";
import { readBaseUrl } from "../../src/base-url.ts";
import { createManifestFetch, limitOwn } from "../../src/manifest/own-fetch.ts";
import { createOwnFetch, OWN_TAG, OWN_TRACKING } from "../../src/own-address.ts";

async function listeningApp(): Promise<{ readonly app: FastifyInstance; readonly port: number }> {
  const app = fastify();
  app.get("/headers", async (request, reply) => reply.header("x-ip", request.ip).send(request.headers));
  app.get("/bytes", async (_request, reply) => reply.send(Buffer.from([0xff, 0x00, 0x80])));
  const url = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
  onTestFinished(() => app.close());
  return { app, port: Number(url.port) };
}

describe("isOwn", () => {
  test("loopback at the port that it listens on is its own, another port is not", async () => {
    const { app, port } = await listeningApp();
    const { isOwn } = createOwnFetch(app, []);
    expect(isOwn(new URL(`http://127.0.0.1:${port}/x`))).toBe(true);
    expect(isOwn(new URL(`http://localhost:${port}/x`))).toBe(true);
    expect(isOwn(new URL(`http://127.0.0.1:${port === 65_535 ? port - 1 : port + 1}/x`))).toBe(false);
    expect(isOwn(new URL(`http://192.0.2.1:${port}/x`))).toBe(false);
  });

  test("a listed name is its own; a Host that anybody may send under * is not", async () => {
    const { app } = await listeningApp();
    expect(createOwnFetch(app, ["ads.example"]).isOwn(new URL("http://ads.example/x"))).toBe(true);
    expect(createOwnFetch(app, ["*"]).isOwn(new URL("http://cdn.example/x"))).toBe(false);
  });

  test("over https a listed name is its own where its tags and tracking are: a proxy may send its other paths elsewhere", async () => {
    const { app, port } = await listeningApp();
    const { isOwn } = createOwnFetch(app, ["pub.example"]);
    const isOwnPath = (path: string): boolean => isOwn(new URL(path, "https://pub.example"));
    expect(["/ads/vast?zone=1", "/ads/vmap?zone=1", "/track/start"].map(isOwnPath)).toEqual([true, true, true]);
    expect(["/vod/master.m3u8", "/ads/serve?x=1", "/ads/vast.js"].map(isOwnPath)).toEqual([false, false, false]);
    expect(isOwn(new URL(`https://127.0.0.1:${port}/ads/vast`))).toBe(false);
    expect(isOwn(new URL("https://other.example/ads/vast"))).toBe(false);
  });

  test("nothing is its own before it listens", () => {
    const app = fastify();
    expect(createOwnFetch(app, []).isOwn(new URL("http://127.0.0.1:80/"))).toBe(false);
  });
});

describe("an ad tag of this server that the manifest server asks", () => {
  async function proxiedApp(): Promise<FastifyInstance> {
    const app = fastify({ trustProxy: ["127.0.0.1"] });
    app.get("/ads/vast", async (request, reply) => reply.send(readBaseUrl(request, ["pub.example"]).href));
    await app.listen({ host: "127.0.0.1", port: 0 });
    onTestFinished(() => app.close());
    return app;
  }
  const options = { headers: { "x-forwarded-for": "203.0.113.9" }, timeoutMs: 5000, maxBytes: 1000 };
  const far = () => Promise.reject(new Error("not asked"));

  test("is answered for a viewer behind a proxy, by any of its names, with addresses where he came in", async () => {
    const app = await proxiedApp();
    const fetch = createManifestFetch({ fetch: far, ...createOwnFetch(app, ["pub.example"]) });
    const { port } = new URL(app.listeningOrigin);
    for (const origin of [`http://localhost:${port}`, "http://pub.example", "https://pub.example"]) {
      const url = new URL(`${origin}/ads/vast`);
      expect((await fetch(url, options)).text).toBe(`${origin}/`);
      const baseUrl = new URL("https://pub.example/");
      expect((await fetch(url, { ...options, baseUrl })).text).toBe("https://pub.example/");
    }
  });
});

test("an ad tag where the viewer came in is this server's, though it listens on every address; content there is not", async () => {
  const app = fastify();
  app.get("/ads/vast", async (_request, reply) => reply.send("ads"));
  await app.listen({ host: "0.0.0.0", port: 0 });
  onTestFinished(() => app.close());
  const far = () => Promise.reject(new Error("not asked"));
  const fetch = createManifestFetch({ fetch: far, ...createOwnFetch(app, []) });
  const baseUrl = new URL(`http://192.0.2.1:${new URL(app.listeningOrigin).port}/`);
  const options = { headers: {}, timeoutMs: 5000, maxBytes: 1000, baseUrl };
  expect((await fetch(new URL("/ads/vast", baseUrl), options)).text).toBe("ads");
  await expect(fetch(new URL("/vod/a.m3u8", baseUrl), options)).rejects.toThrow("not asked");
});

test("what a third party names is answered here where its kind is, and nowhere else in this server", async () => {
  const app = fastify();
  app.get("/*", async (request, reply) => reply.send(request.url));
  onTestFinished(() => app.close());
  const far = () => Promise.reject(new Error("not asked"));
  const world = { fetch: far, ...createOwnFetch(app, ["pub.example"]) };
  const options = { headers: {}, timeoutMs: 5000, maxBytes: 1000 };
  const reach = async (paths: RegExp, path: string): Promise<string> => {
    const fetch = createManifestFetch(limitOwn(world, paths));
    return fetch(new URL(path, "http://pub.example/"), options).then(({ text }) => text, String);
  };
  for (const path of ["/ads/vast?zone=1", "/ads/vmap?zone=1"]) expect(await reach(OWN_TAG, path)).toBe(path);
  expect(await reach(OWN_TRACKING, "/track/start?zone=1")).toBe("/track/start?zone=1");
  for (const path of ["/auditude/1/master.m3u8", "/v1/config", "/ads/serve", "/ads/vast/x", "/vast?/ads/vast"]) {
    for (const paths of [OWN_TAG, OWN_TRACKING]) expect(await reach(paths, path)).toBe("Error: not asked");
  }
});

describe("own", () => {
  test("the request has the name of the address, the headers given, and says that it came through a server", async () => {
    const { app } = await listeningApp();
    const { own } = createOwnFetch(app, []);
    const { bytes } = await own(new URL("http://ads.example/headers"), { "user-agent": "Player" });
    const told: unknown = JSON.parse(Buffer.from(bytes).toString());
    expect(told).toMatchObject({ host: "ads.example", "user-agent": "Player", via: "1.1 interlude" });
  });

  test("bytes stay bytes, and any status is a value", async () => {
    const { app } = await listeningApp();
    const { own } = createOwnFetch(app, []);
    expect([...(await own(new URL("http://ads.example/bytes"), {})).bytes]).toEqual([0xff, 0x00, 0x80]);
    expect((await own(new URL("http://ads.example/nothing"), {})).status).toBe(404);
  });
});
