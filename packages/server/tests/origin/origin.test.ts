import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fastify, type FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { originRoutes } from "../../src/origin/routes.ts";
import { directoryStore } from "../../src/origin/store.ts";

const H = "0123456789abcdef".repeat(2);
const MASTER = `1/012/345/${H}_${H}.m3u8`;
const SEGMENT = `1/012/345/${H}_${H}/v1/360p/00000.ts`;

let folder = "";
let app: FastifyInstance;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "interlude-origin-"));
  writeFileSync(join(folder, "secret"), "not for you");
  app = fastify();
  await app.register(originRoutes, { prefix: "/cdn", cdns: { a: join(folder, "a"), b: join(folder, "b") } });
  const store = directoryStore("a", join(folder, "a"));
  await store.put(MASTER, "#EXTM3U\n");
  writeFileSync(join(folder, "segment"), "0123456789");
  await store.put(SEGMENT, { file: join(folder, "segment") });
});
afterEach(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string> = {}) => app.inject({ url: path, headers });

describe("GET /cdn/{name}/…", () => {
  test("a master may be replaced: any page may read it, caches keep it five seconds", async () => {
    const answer = await get(`/cdn/a/${MASTER}`);
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toBe("#EXTM3U\n");
    expect(answer.headers).toMatchObject({
      "content-type": "application/vnd.apple.mpegurl",
      "cache-control": "public, max-age=5",
      "access-control-allow-origin": "*",
    });
    expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
  });

  test("a segment is immutable", async () => {
    const answer = await get(`/cdn/a/${SEGMENT}`);
    expect(answer.headers).toMatchObject({
      "content-type": "video/mp2t",
      "cache-control": "public, max-age=31536000, immutable",
    });
  });

  test("HEAD answers like GET without the body", async () => {
    const answer = await app.inject({ method: "HEAD", url: `/cdn/a/${SEGMENT}` });
    expect([answer.statusCode, answer.headers["content-length"], answer.body]).toEqual([200, "10", ""]);
  });

  test("a range gets its part, one beyond the end gets 416", async () => {
    const part = await get(`/cdn/a/${SEGMENT}`, { range: "bytes=2-4" });
    expect([part.statusCode, part.body, part.headers["content-range"]]).toEqual([206, "234", "bytes 2-4/10"]);
    expect(part.headers["access-control-allow-origin"]).toBe("*");
    expect((await get(`/cdn/a/${SEGMENT}`, { range: "bytes=20-" })).statusCode).toBe(416);
  });

  test("what has not changed is not sent again, and is still readable by any page", async () => {
    const { etag } = (await get(`/cdn/a/${MASTER}`)).headers;
    const again = await get(`/cdn/a/${MASTER}`, { "if-none-match": String(etag) });
    expect(again.statusCode).toBe(304);
    expect(again.headers["access-control-allow-origin"]).toBe("*");
  });

  test.each([`/cdn/b/${MASTER}`, `/cdn/c/${MASTER}`, "/cdn/a/", "/cdn/a/1/012", "/cdn/a"])(
    "%s is a miss that no cache keeps and any page may read",
    async (path) => {
      const answer = await get(path);
      expect(answer.statusCode).toBe(404);
      expect(answer.headers).toMatchObject({ "cache-control": "no-store", "access-control-allow-origin": "*" });
    },
  );

  test.each([
    "/cdn/a/../secret",
    "/cdn/a/%2e%2e/secret",
    "/cdn/a/..%2fsecret",
    "/cdn/a/1/%2e%2e%2f%2e%2e%2fsecret",
    "/cdn/a/..%5csecret",
    "/cdn/a//etc/passwd",
    "/cdn/a/%00",
  ])("%s does not lead out of the folder", async (path) => {
    const answer = await get(path);
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect(answer.body).not.toContain("not for you");
  });

  test("hidden files, such as those being written, are not served", async () => {
    writeFileSync(join(folder, "a/.x.tmp"), "half");
    expect((await get("/cdn/a/.x.tmp")).statusCode).toBe(404);
  });
});

describe("directoryStore", () => {
  test("replaces an object whole and leaves nothing beside it", async () => {
    const store = directoryStore("a", join(folder, "a"));
    await store.put("1/x.m3u8", "old");
    await store.put("1/x.m3u8", "new");
    expect(readFileSync(join(folder, "a/1/x.m3u8"), "utf8")).toBe("new");
    expect(readdirSync(join(folder, "a/1"))).toContain("x.m3u8");
    await expect(store.put("1/y.ts", { file: join(folder, "missing") })).rejects.toThrow("ENOENT");
    expect(readdirSync(join(folder, "a/1")).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test.each(["../x", "1/../../x", "/etc/x", "1//x", ".hidden", "1/./x", ""])("%s is no path", async (path) => {
    const store = directoryStore("a", join(folder, "a"));
    await expect(store.put(path, "x")).rejects.toThrow("expected parts of letters");
    await expect(store.remove(path)).rejects.toThrow("expected parts of letters");
    await expect(store.removeFolder(path)).rejects.toThrow("expected parts of letters");
  });

  test("removes one object, or all below a folder, and only that", async () => {
    const store = directoryStore("a", join(folder, "a"));
    await store.removeFolder(`1/012/345/${H}_${H}`);
    expect(readdirSync(join(folder, "a/1/012/345"))).toEqual([`${H}_${H}.m3u8`]);
    await store.put(`1/012/345/${H}_2.m3u8`, "x");
    await store.remove(MASTER);
    expect(readdirSync(join(folder, "a/1/012/345"))).toEqual([`${H}_2.m3u8`]);
    await store.remove("2/nothing");
    await store.removeFolder("2/nothing");
  });

  test("a symbolic link that somebody put into the folder is not followed out of it by removal", async () => {
    const store = directoryStore("a", join(folder, "a"));
    mkdirSync(join(folder, "outside"));
    writeFileSync(join(folder, "outside/kept"), "x");
    symlinkSync(join(folder, "outside"), join(folder, "a/link"));
    await store.removeFolder("link");
    expect(readdirSync(join(folder, "outside"))).toEqual(["kept"]);
  });
});
