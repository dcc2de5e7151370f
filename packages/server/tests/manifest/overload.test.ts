import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { buildServer } from "../../src/server.ts";
import { createOverload } from "../../src/manifest/operations/overload.ts";
import { encodeContentUrl } from "../../src/manifest/urls.ts";
import { placeDatabase } from "../database/new-database.ts";
import { type Loopback, loopback } from "../http/loopback.ts";
import { testConfig } from "../http/test-app.ts";
import { MASTER, ZONE_MANIFEST } from "./manifest-world.ts";

const OPTIONS = { lean: { delayMs: 100, inFlight: 20 }, shed: { delayMs: 300, inFlight: 40 } };

/** An overload whose measure the test gives. */
function createMeasured() {
  let round: () => void = () => undefined;
  let delayMs = 0;
  const overload = createOverload(OPTIONS, {
    measureDelayMs: () => delayMs,
    every: (_ms, run) => {
      round = run;
      return () => undefined;
    },
  });
  const observe = (ms: number, rounds = 1): string => {
    delayMs = ms;
    for (let index = 0; index < rounds; index++) round();
    return overload.isShedding ? "shedding" : overload.isLean ? "lean" : "calm";
  };
  return { overload, observe };
}

describe("overload", () => {
  test("ads give way first, new sessions are refused later", () => {
    const { overload, observe } = createMeasured();
    expect(observe(99)).toBe("calm");
    expect(observe(100)).toBe("lean");
    expect(() => overload.admitSession()).not.toThrow();
    expect(observe(300)).toBe("shedding");
    expect(overload.isLean).toBe(true);
    expect(() => overload.admitSession()).toThrow(expect.objectContaining({ code: "overload", retryAfterSeconds: 5 }));
  });

  test("it is over when the measure was below half of the threshold for four rounds, not when it was a little better", () => {
    const { observe } = createMeasured();
    observe(300);
    expect(observe(160, 20)).toBe("shedding");
    expect(observe(140, 3)).toBe("shedding");
    expect(observe(301)).toBe("shedding");
    expect(observe(140, 4)).toBe("lean");
    expect(observe(60, 20)).toBe("lean");
    expect(observe(40, 4)).toBe("calm");
  });

  test("requests under way count as well, at once, and no longer when they are answered or their clients gone", () => {
    const { overload, observe } = createMeasured();
    const begin = (count: number) => Array.from({ length: count }, () => overload.begin());
    const ends = begin(19);
    expect(overload.isLean).toBe(false);
    ends.push(...begin(1));
    expect([overload.isLean, overload.isShedding]).toEqual([true, false]);
    ends.push(...begin(20));
    expect(overload.isShedding).toBe(true);
    expect(overload.read().inFlight).toBe(40);
    for (const end of ends) end();
    expect(overload.read().inFlight).toBe(0);
    expect(observe(0, 4)).toBe("calm");
  });

  test("a server whose event loop was blocked refuses new sessions, serves those that are there, and takes new ones again", async () => {
    const content = await loopback((_request, response) => response.end(MASTER));
    const server = await startServer(content);
    const page = { headers: { origin: "https://player.example" }, redirect: "manual" } as const;
    const path = encodeContentUrl(`${content.origin}/show/master.m3u8`);
    const bootstrap = (): Promise<Response> =>
      fetch(new URL(`/auditude/variant/a/${path}.m3u8?z=1&live=false`, server), page);

    /** The start of a server, and tests beside this one, may keep it busy as well. */
    const bootstrapWhenCalm = async (): Promise<Response> => {
      let answer = await bootstrap();
      while (answer.status === 503) {
        await once(AbortSignal.timeout(200), "abort");
        answer = await bootstrap();
      }
      return answer;
    };
    const opened = await bootstrapWhenCalm();
    expect(opened.status).toBe(302);
    while ((await bootstrap()).status === 302) block(700);
    const refused = await bootstrap();
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("5");
    expect(refused.headers.get("access-control-allow-origin")).toBe("https://player.example");
    expect(refused.headers.get("access-control-allow-credentials")).toBe("true");
    expect(refused.headers.get("x-adbe-ai-x1")?.split(" ")).toHaveLength(20);
    expect(await refused.json()).toMatchObject({ error: { code: "overload" } });
    expect(await (await fetch(new URL("/metrics", server))).text()).toContain("\ninterlude_overload 2\n");
    expect((await fetch(opened.headers.get("location") ?? "", page)).status).toBe(200);
    expect((await bootstrapWhenCalm()).status).toBe(302);
  });
});

/** A whole server on a port of its own, that may fetch from this origin. */
async function startServer({ origin, port }: Loopback): Promise<URL> {
  const folder = mkdtempSync(join(tmpdir(), "interlude-overload-"));
  const config = testConfig({
    INTERLUDE_STATE: folder,
    INTERLUDE_CRS: "off",
    INTERLUDE_FETCH_ALLOW_PRIVATE: `127.0.0.1:${port}`,
    PORT: "0",
  });
  const manifest = { ...ZONE_MANIFEST, contentOrigins: [origin] };
  const zones = config.zones.map((zone) => ({ ...zone, manifest }));
  await placeDatabase(join(folder, "database"));
  const { start, stop } = await buildServer({ ...config, zones, overload: OPTIONS });
  onTestFinished(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return start();
}

/** Keeps this thread from everything else. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
