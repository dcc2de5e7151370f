import { once } from "node:events";
import { fastify } from "fastify";
import { describe, expect, onTestFinished, test } from "vitest";
import { registerErrors } from "../../src/http-error.ts";
import { createOverload, processLoad } from "../../src/manifest/overload.ts";

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

  test("a server whose event loop was blocked refuses new sessions with 503 and Retry-After, and takes them again", async () => {
    const overload = createOverload(OPTIONS, processLoad());
    const app = fastify();
    registerErrors(app);
    app.get("/bootstrap", async () => {
      overload.admitSession();
      return "session";
    });
    onTestFinished(async () => {
      overload.close();
      await app.close();
    });
    const url = `${await app.listen({ port: 0, host: "127.0.0.1" })}/bootstrap`;
    expect((await fetch(url)).status).toBe(200);
    while ((await fetch(url)).status === 200) block(700);
    const refused = await fetch(url);
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("5");
    expect(await refused.json()).toMatchObject({ error: { code: "overload" } });
    expect(overload.isLean).toBe(true);
    while ((await fetch(url)).status === 503) await once(AbortSignal.timeout(200), "abort");
    expect(overload.isShedding).toBe(false);
  });
});

/** Keeps this thread from everything else. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
