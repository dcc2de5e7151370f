import { describe, expect, test } from "vitest";
import { type Breaker, BREAKER_DEFAULTS, createBreaker, type Permit } from "../../../src/ads/relay/breaker.ts";

function admit(breaker: Breaker): Permit {
  const permit = breaker.admit();
  if (typeof permit === "string") throw new Error(`expected a permit, got ${permit}`);
  return permit;
}

function build(more: Partial<typeof BREAKER_DEFAULTS> = {}): { breaker: Breaker; wait: (ms: number) => void } {
  let at = 1000;
  const breaker = createBreaker({ ...BREAKER_DEFAULTS, ...more }, () => at);
  return { breaker, wait: (ms) => (at += ms) };
}

function fail(breaker: Breaker, times: number): void {
  for (let i = 0; i < times; i++) admit(breaker).fail();
}

describe("createBreaker", () => {
  test("opens at the fifth failure in a row, not at the fifth of all", () => {
    const { breaker } = build();
    fail(breaker, 4);
    admit(breaker).succeed();
    fail(breaker, 4);
    expect(breaker.state()).toBe("closed");
    fail(breaker, 1);
    expect(breaker.state()).toBe("open");
    expect(breaker.admit()).toBe("open");
  });

  test("opens where half of the last twenty failed", () => {
    const { breaker } = build();
    for (let i = 0; i < 9; i++) {
      admit(breaker).fail();
      admit(breaker).succeed();
    }
    expect(breaker.state()).toBe("closed");
    admit(breaker).succeed();
    admit(breaker).fail();
    expect(breaker.state()).toBe("open");
  });

  test("lets one request through when its time is over, and no second one meanwhile", () => {
    const { breaker, wait } = build();
    fail(breaker, 5);
    wait(1999);
    expect(breaker.admit()).toBe("open");
    wait(1);
    expect(breaker.state()).toBe("half-open");
    const probe = admit(breaker);
    expect(breaker.admit()).toBe("open");
    probe.succeed();
    expect(breaker.state()).toBe("closed");
    expect(breaker.admit()).not.toBe("open");
  });

  test("stays open twice as long after each probe that failed, up to its bound", () => {
    const { breaker, wait } = build({ openMs: 100, maxOpenMs: 300 });
    fail(breaker, 5);
    for (const ms of [100, 200, 300, 300]) {
      wait(ms - 1);
      expect(breaker.state()).toBe("open");
      wait(1);
      admit(breaker).fail();
    }
    wait(300);
    admit(breaker).succeed();
    fail(breaker, 5);
    wait(100);
    expect(breaker.state()).toBe("half-open");
  });

  test("a probe that is given up lets the next one through", () => {
    const { breaker, wait } = build();
    fail(breaker, 5);
    wait(2000);
    admit(breaker).giveUp();
    expect(breaker.state()).toBe("half-open");
    admit(breaker).succeed();
    expect(breaker.state()).toBe("closed");
  });

  test("what was asked before it opened does not close it, nor does it open it anew", () => {
    const { breaker, wait } = build();
    const [early, late] = [admit(breaker), admit(breaker)];
    fail(breaker, 5);
    early.succeed();
    expect(breaker.state()).toBe("open");
    wait(2000);
    late.fail();
    expect(breaker.state()).toBe("half-open");
  });

  test("as many requests as may wait for it wait for it; each counts once", () => {
    const { breaker } = build({ maxPending: 2 });
    const first = admit(breaker);
    admit(breaker);
    expect(breaker.admit()).toBe("busy");
    first.succeed();
    first.fail();
    expect(breaker.pending()).toBe(1);
    admit(breaker);
    expect(breaker.admit()).toBe("busy");
  });
});
