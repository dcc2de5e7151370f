import { describe, expect, test } from "vitest";
import type { ManifestFetch } from "../../src/manifest/manifest-fetch.ts";
import { createProbeCache } from "../../src/manifest/ads/probe-cache.ts";
import { createTrace } from "../../src/manifest/trace.ts";
import { answering, manifestFetch } from "./ad-world.ts";

const MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\na.m3u8\n";

/** A cache whose clock the test sets. */
function cacheAt(fetch: ManifestFetch, more: Partial<Parameters<typeof createProbeCache>[0]> = {}) {
  const clock = { ms: 0 };
  return { clock, cache: createProbeCache({ fetch, now: () => clock.ms, ...more }) };
}

describe("a probe", () => {
  test("of a hundred viewers at once is one request to the CDN, and brings the playlist along", async () => {
    const cdn = await answering({ "/a.m3u8": MASTER });
    const { cache } = cacheAt(manifestFetch([cdn]));
    const url = new URL(`${cdn.origin}/a.m3u8`);
    const probes = await Promise.all(Array.from({ length: 100 }, () => cache.probe(url, createTrace())));
    expect(cdn.requests.map(({ method }) => method)).toEqual(["GET"]);
    expect(new Set(probes.map(({ result, playlist }) => `${result} ${playlist?.text}`))).toEqual(
      new Set([`hit ${MASTER}`]),
    );
  });

  test.each([
    ["404", 404, "", "miss"],
    ["410", 410, "", "miss"],
    ["403", 403, "", "error"],
    ["500", 500, "", "error"],
    ["200 with a page", 200, "<html>", "error"],
  ] as const)("answered by %s is remembered for two seconds and no longer", async (_name, status, body, result) => {
    const cdn = await answering({ "/a.m3u8": (_request, response) => void response.writeHead(status).end(body) });
    const { cache, clock } = cacheAt(manifestFetch([cdn]));
    const url = new URL(`${cdn.origin}/a.m3u8`);
    const trace = createTrace();
    expect(await cache.probe(url, trace)).toMatchObject({ result, status });
    clock.ms = 1999;
    expect(await cache.probe(url, trace)).toMatchObject({ result });
    expect(cdn.requests).toHaveLength(1);
    clock.ms = 2000;
    await cache.probe(url, trace);
    expect(cdn.requests).toHaveLength(2);
    expect(trace).toMatchObject({ adManifestHits: 1, adManifestMisses: 2 });
  });

  test("of a CDN that hangs, or is away, is an error", async () => {
    const cdn = await answering({ "/a.m3u8": () => undefined });
    const { cache } = cacheAt(manifestFetch([cdn]), { timeoutMs: 100 });
    expect(await cache.probe(new URL(`${cdn.origin}/a.m3u8`), createTrace())).toMatchObject({
      result: "error",
      status: undefined,
    });
    expect(await cache.probe(new URL("http://127.0.0.1:1/a.m3u8"), createTrace())).toMatchObject({ result: "error" });
  });
});

describe("a hit", () => {
  test("is used while its playlist is fetched anew, once its max-age is over; the new one follows", async () => {
    const versions = [MASTER, `${MASTER}#second\n`];
    const cdn = await answering({
      "/a.m3u8": (_request, response) => {
        const body = versions.shift();
        response.setHeader("cache-control", "public, max-age=5").end(body);
      },
    });
    const fetched: Promise<unknown>[] = [];
    const real = manifestFetch([cdn]);
    const fetch: ManifestFetch = (...given) => {
      const response = real(...given);
      fetched.push(response);
      return response;
    };
    const { cache, clock } = cacheAt(fetch);
    const url = new URL(`${cdn.origin}/a.m3u8`);
    await cache.probe(url, createTrace());
    clock.ms = 4999;
    await cache.probe(url, createTrace());
    expect(fetched).toHaveLength(1);
    clock.ms = 5000;
    expect((await cache.probe(url, createTrace())).playlist?.text).toBe(MASTER);
    await cache.probe(url, createTrace());
    expect(fetched).toHaveLength(2);
    await Promise.all(fetched);
    await new Promise(setImmediate);
    expect((await cache.probe(url, createTrace())).playlist?.text).toContain("#second");
  });

  test("stays one for half an hour although the CDN fails, and is asked for again after that", async () => {
    let status = 200;
    const cdn = await answering({
      "/a.m3u8": (_request, response) => void response.writeHead(status, { "cache-control": "max-age=5" }).end(MASTER),
    });
    const fetched: Promise<unknown>[] = [];
    const real = manifestFetch([cdn]);
    const { cache, clock } = cacheAt((...given) => {
      const response = real(...given);
      fetched.push(response);
      return response;
    });
    const url = new URL(`${cdn.origin}/a.m3u8`);
    await cache.probe(url, createTrace());
    status = 404;
    for (const ms of [10_000, 20_000, 1_799_999]) {
      clock.ms = ms;
      expect(await cache.probe(url, createTrace())).toMatchObject({ result: "hit" });
      await Promise.all(fetched);
      await new Promise(setImmediate);
    }
    expect(fetched).toHaveLength(4);
    clock.ms = 1_800_000;
    expect(await cache.probe(url, createTrace())).toMatchObject({ result: "miss" });
  });
});

test("what is kept is bounded: the address that was not asked for longest is forgotten", async () => {
  const cdn = await answering({ "/a": MASTER, "/b": MASTER, "/c": MASTER });
  const { cache } = cacheAt(manifestFetch([cdn]), { maxBytes: 1500 });
  const ask = (path: string): Promise<unknown> => cache.probe(new URL(`${cdn.origin}/${path}`), createTrace());
  for (const path of ["a", "b", "a", "c", "a", "b"]) await ask(path);
  expect(cdn.urls()).toEqual(["/a", "/b", "/c", "/b"]);
});
