import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { checkSource, type SourceFacts } from "../../src/crs/fetch-source.ts";
import { identifySource } from "../../src/crs/source-format.ts";
import { edit, fetchFrom, hashFrames, inputOf, makeDeps, makeFolder, makeHls, serveFolder, VOD } from "./fetch-hls.ts";
import { type MediaServer, startServer } from "./test-crs.ts";
import { testMedia } from "./test-media.ts";

function folderOfTest(): string {
  const folder = makeFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<MediaServer> {
  const server = await startServer(answer);
  onTestFinished(() => server.close());
  return server;
}

const check = (server: MediaServer, facts: SourceFacts, path = "film.mp4"): Promise<string> =>
  checkSource(new URL(path, server.base).href, facts, makeDeps([server]), new AbortController().signal);

describe("a creative that is one file", () => {
  test("is kept with its validators, its length and its hash, in one request", async () => {
    const body = readFileSync(testMedia("short.mp4"));
    const lastModified = "Tue, 03 Feb 2026 10:00:00 GMT";
    const headers = { etag: '"one"', "last-modified": lastModified, "content-length": body.length };
    const server = await serve((_request, response) => response.writeHead(200, headers).end(body));
    const fetched = await fetchFrom(server, "film.mp4");
    expect(readFileSync(fetched.video.path).equals(body)).toBe(true);
    expect(fetched).toEqual({
      video: { path: fetched.video.path, format: "mov" },
      facts: {
        etag: '"one"',
        lastModified,
        bytes: body.length,
        sha256: createHash("sha256").update(body).digest("hex"),
      },
    });
    expect(server.requests).toEqual(["/film.mp4"]);
  });

  test("is refused where it is more than the limit, whether the length is told or not", async () => {
    for (const headers of [{}, { "content-length": 2000 }]) {
      const server = await serve((_request, response) => response.writeHead(200, headers).end(Buffer.alloc(2000)));
      await expect(fetchFrom(server, "x.mp4", { limits: { maxBytes: 1999 } })).rejects.toMatchObject({
        reason: "too-large",
      });
    }
  });

  test.each([
    [404, "source-missing"],
    [403, "source-missing"],
    [503, "source-unavailable"],
    [304, "source-unavailable"],
  ])("status %i: %s", async (status, reason) => {
    const server = await serve((_request, response) => response.writeHead(status).end());
    await expect(fetchFrom(server, "x.mp4")).rejects.toMatchObject({ reason });
  });

  test("whoever gives up is told their own reason", async () => {
    const stop = new AbortController();
    const server = await serve((_request, response) => {
      response.writeHead(200).write("x".repeat(100));
      stop.abort(new Error("no longer wanted"));
    });
    await expect(fetchFrom(server, "x.mp4", { signal: stop.signal })).rejects.toThrow("no longer wanted");
  });
});

describe("whether a file has changed", () => {
  const facts: SourceFacts = { bytes: 1000, sha256: "" };
  const modified = "Tue, 03 Feb 2026 10:00:00 GMT";

  test("304 to its ETag or its date: it has not", async () => {
    const server = await serve(({ headers }, response) => {
      const isSame = headers["if-none-match"] === 'W/"one"' || headers["if-modified-since"] === modified;
      response.writeHead(isSame ? 304 : 200).end();
    });
    expect(await check(server, { ...facts, etag: 'W/"one"' })).toBe("same");
    expect(await check(server, { ...facts, lastModified: modified })).toBe("same");
  });

  test.each([
    ["the same strong ETag", { etag: '"one"', "content-length": 1000 }, "same"],
    ["the same weak ETag", { etag: 'W/"one"', "content-length": 1000 }, "unknown"],
    ["another ETag and the same length", { etag: '"two"', "content-length": 1000 }, "unknown"],
    ["another ETag and another length", { etag: '"two"', "content-length": 999 }, "changed"],
    ["no validator and the same length", { "content-length": 1000 }, "unknown"],
    ["no validator and another length", { "content-length": 1001 }, "changed"],
    ["no validator and no length", {}, "unknown"],
  ])("200 with %s", async (_title, headers, found) => {
    const { etag } = { etag: undefined, ...headers };
    const closed = Promise.withResolvers<void>();
    const server = await serve((_request, response) => {
      response.once("close", () => closed.resolve());
      response.writeHead(200, headers).write("x");
    });
    expect(await check(server, { ...facts, ...(etag && { etag: etag.replace("two", "one") }) })).toBe(found);
    // The body is not waited for.
    await closed.promise;
  });

  test("a file that is gone is a failure, not a change", async () => {
    const server = await serve((_request, response) => response.writeHead(410).end());
    await expect(check(server, facts)).rejects.toMatchObject({ reason: "source-missing" });
  });
});

describe("whether HLS has changed", () => {
  test("the text of its playlist tells, and no segment is asked for", async () => {
    const folder = folderOfTest();
    const path = join(makeHls(folder, "hls", ["-i", testMedia("short.mp4"), "-c", "copy", ...VOD]), "index.m3u8");
    const server = await serveFolder(folder);
    onTestFinished(() => server.close());
    const { facts } = await fetchFrom(server, "hls/index.m3u8");
    const asked = server.requests.length;
    expect(await check(server, facts, "hls/index.m3u8")).toBe("same");
    edit(path, (text) => text.replace("#EXTINF:", "#EXTINF:0"));
    expect(await check(server, facts, "hls/index.m3u8")).toBe("changed");
    edit(path, (text) => text.replaceAll(".ts", ".ts?signature=2"));
    expect(await check(server, facts, "hls/index.m3u8")).toBe("unknown");
    writeFileSync(path, "no playlist any more");
    expect(await check(server, facts, "hls/index.m3u8")).toBe("changed");
    expect(server.requests.slice(asked)).toEqual(Array.from({ length: 4 }, () => "/hls/index.m3u8"));
  });

  test("the same media under new signatures has the same hash", async () => {
    const folder = folderOfTest();
    const path = join(makeHls(folder, "hls", ["-i", testMedia("short.mp4"), "-c", "copy", ...VOD]), "index.m3u8");
    const server = await serveFolder(folder);
    onTestFinished(() => server.close());
    const before = await fetchFrom(server, "hls/index.m3u8");
    edit(path, (text) => text.replaceAll(".ts", ".ts?signature=2"));
    const { facts } = await fetchFrom(server, "hls/index.m3u8");
    expect(facts).toMatchObject({ bytes: before.facts.bytes, sha256: before.facts.sha256 });
    expect(facts.playlistsSha256).not.toBe(before.facts.playlistsSha256);
  });
});

describe("an MP4 whose first box is not ftyp", () => {
  const box = (type: string, length = 16): Buffer => {
    const bytes = Buffer.alloc(length);
    bytes.writeUInt32BE(length);
    bytes.write(type, 4, "latin1");
    return bytes;
  };
  const film = (): Buffer => readFileSync(testMedia("short.mp4"));

  test.each(["free", "skip", "wide", "mdat", "pdin"])("%s in its place: read", async (type) => {
    const bytes = film();
    bytes.write(type, 4, "latin1");
    const server = await serve((_request, response) => response.end(bytes));
    const fetched = await fetchFrom(server, "film.mp4");
    expect(fetched.video.format).toBe("mov");
    expect(hashFrames(inputOf(fetched), "v")).toEqual(hashFrames([testMedia("short.mp4")], "v"));
  });

  test.each([
    ["media alone", () => Buffer.concat([box("mdat", 400), box("free")]), "truncated"],
    ["a box without end", () => Buffer.concat([Buffer.from("\0\0\0\0free"), film()]), "unsupported"],
    ["a box of 7 bytes", () => Buffer.concat([Buffer.from("\0\0\0\u0007free"), film()]), "unsupported"],
    ["a box that goes on after the end", () => box("free", 64).subarray(0, 40), "truncated"],
    ["fragments without their beginning", () => Buffer.concat([box("styp"), box("moof"), box("mdat")]), "unsupported"],
    ["the word free in a text", () => Buffer.from("    free beer"), "truncated"],
  ])("%s: refused", async (_title, bytes, reason) => {
    const path = join(folderOfTest(), "file");
    writeFileSync(path, bytes());
    await expect(identifySource(path)).rejects.toMatchObject({ reason });
  });
});
