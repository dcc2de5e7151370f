import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Fastify, { type FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isLoopback, registerDemo } from "../routes.ts";

let directory = "";
let app: FastifyInstance;
const token = "a-token-of-this-boot";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "interlude-routes-"));
  await mkdir(join(directory, "media/content"), { recursive: true });
  await mkdir(join(directory, "page/assets"), { recursive: true });
  await writeFile(join(directory, "media/content/000.ts"), "0123456789");
  await writeFile(join(directory, "media/.made.json"), "{}");
  await writeFile(join(directory, "page/index.html"), "<!doctype html>");
  await writeFile(join(directory, "page/assets/index-1.js"), "");
  app = Fastify();
  const pageDirectory = join(directory, "page");
  await registerDemo(app, {
    mediaDirectory: join(directory, "media"),
    pageDirectory,
    apiToken: token,
    now: () => 5000,
  });
});
afterAll(async () => {
  await app.close();
  await rm(directory, { recursive: true, force: true });
});

describe("/demo/session", () => {
  async function askToken(headers: Readonly<Record<string, string>>, remoteAddress = "127.0.0.1"): Promise<unknown> {
    const answer = await app.inject({ url: "/demo/session", headers, remoteAddress });
    expect(answer.headers["cache-control"]).toBe("no-store");
    return answer.json().token;
  }

  test.each(["127.0.0.1:8080", "localhost:8080", "[::1]:8080"])("a page at %s gets the token", async (host) => {
    expect(await askToken({ host, "sec-fetch-site": "same-origin" })).toBe(token);
  });

  test.each([
    ["by a name that was pointed at this machine", { host: "evil.example:8080" }, "127.0.0.1"],
    ["from another machine", { host: "127.0.0.1:8080" }, "192.0.2.9"],
    ["through a proxy", { host: "127.0.0.1:8080", "x-forwarded-for": "192.0.2.9" }, "127.0.0.1"],
    ["from a page of another origin", { host: "127.0.0.1:8080", "sec-fetch-site": "cross-site" }, "127.0.0.1"],
  ])("a page that asks %s gets none", async (_how, headers, remoteAddress) => {
    expect(await askToken(headers, remoteAddress)).toBeUndefined();
  });

  test("tells when the live channel has its avails, so that a page can count down", async () => {
    const answer = await app.inject({ url: "/demo/session", headers: { host: "evil.example" } });
    expect(answer.json()).toEqual({ live: { start: 0, every: 60, length: 20, offset: 32, window: 8 } });
  });
});

describe("/media", () => {
  test("any page may read a part of a segment", async () => {
    const answer = await app.inject({
      url: "/media/content/000.ts",
      headers: { range: "bytes=2-4", origin: "http://x" },
    });
    expect([answer.statusCode, answer.body]).toEqual([206, "234"]);
    expect(answer.headers).toMatchObject({ "access-control-allow-origin": "*", "content-type": "video/mp2t" });
  });

  test.each(["/media/.made.json", "/media/../page/index.html", "/media/%2e%2e/page/index.html", "/media/none.ts"])(
    "%s is nothing that is shown",
    async (url) => {
      expect((await app.inject(url)).statusCode).toBe(404);
    },
  );
});

test("the page is asked for anew, its hashed files are kept, and it may load nothing but itself", async () => {
  const page = await app.inject("/?content=live");
  expect(page.headers["cache-control"]).toBe("no-cache");
  expect(page.headers["content-security-policy"]).toContain("default-src 'self'");
  expect((await app.inject("/assets/index-1.js")).headers["cache-control"]).toContain("immutable");
});

test("loopback is a name that no other machine can take", () => {
  expect(["localhost", "127.0.0.1", "127.8.9.1", "[::1]", "app.localhost"].map(isLoopback)).toEqual([
    true,
    true,
    true,
    true,
    true,
  ]);
  expect(["0.0.0.0", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.1.2", ""].map(isLoopback)).toEqual([
    false,
    false,
    false,
    false,
    false,
  ]);
});
