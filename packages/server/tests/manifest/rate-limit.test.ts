import { describe, expect, test } from "vitest";
import { createRateLimit, RATE_LIMIT } from "../../src/manifest/operations/rate-limit.ts";

/** A limit on a clock that only the test moves; timers run when their time has come. */
function createLimit(options: { readonly perSecond?: number; readonly maxQueued?: number } = {}) {
  let at = 0;
  let timers: { readonly due: number; readonly run: () => void }[] = [];
  const limit = createRateLimit({
    ...RATE_LIMIT,
    ...options,
    now: () => at,
    after: (ms, run) => {
      const timer = { due: at + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
  });
  const pass = async (ms: number): Promise<void> => {
    const end = at + ms;
    for (;;) {
      const [next] = timers.filter(({ due }) => due <= end).toSorted((a, b) => a.due - b.due);
      if (!next) break;
      at = next.due;
      timers = timers.filter((other) => other !== next);
      next.run();
    }
    at = end;
    // What was let go has to be told.
    await Promise.resolve();
    await Promise.resolve();
  };
  return { limit, pass, countTimers: () => timers.length };
}

/** Asks so often, and notes in which order the requests get their turn. */
function ask(limit: ReturnType<typeof createLimit>["limit"], count: number, session = "one") {
  const turns: number[] = [];
  const gone: number[] = [];
  const leave: (() => void)[] = [];
  for (let index = 0; index < count; index++) {
    const turn = limit.enter(session, (leaveQueue) => (leave[index] = leaveQueue));
    if (turn === true) turns.push(index);
    else void Promise.resolve(turn).then((isTurn) => (isTurn ? turns : gone).push(index));
  }
  return { turns, gone, leave };
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

describe("the rate limit of a session", () => {
  test("lets ten requests through at once, and then one every 100 ms in the order in which they came", async () => {
    const { limit, pass } = createLimit();
    const { turns } = ask(limit, 30);
    expect(turns).toEqual(range(0, 10));
    await pass(100);
    expect(turns).toEqual(range(0, 11));
    await pass(950);
    expect(turns).toEqual(range(0, 20));
    await pass(10_000);
    expect(turns).toEqual(range(0, 30));
  });

  test("ten requests a second never wait", async () => {
    const { limit, pass } = createLimit();
    for (let index = 0; index < 50; index++) {
      expect(limit.enter("one", () => undefined)).toBe(true);
      await pass(100);
    }
  });

  test("the 111th request at once is refused with 429 and the time that the queue takes", () => {
    const { limit } = createLimit();
    ask(limit, 110);
    expect(() => limit.enter("one", () => undefined)).toThrow(
      expect.objectContaining({ code: "quota-exceeded", retryAfterSeconds: 10 }),
    );
  });

  test("a request does not overtake those that wait", async () => {
    const { limit, pass } = createLimit();
    const first = ask(limit, 11);
    await pass(99);
    const second = ask(limit, 1);
    await pass(1);
    expect(first.turns).toEqual(range(0, 11));
    expect(second.turns).toEqual([]);
    await pass(100);
    expect(second.turns).toEqual([0]);
  });

  test("a waiting request whose client goes away leaves its place to the one behind it", async () => {
    const { limit, pass } = createLimit();
    const { turns, gone, leave } = ask(limit, 12);
    leave[10]?.();
    await pass(100);
    expect(gone).toEqual([10]);
    expect(turns).toEqual([...range(0, 10), 11]);
    leave[10]?.();
    leave[11]?.();
    expect(gone).toEqual([10]);
  });

  test("a queue that all have left needs no timer, and has room for a hundred again", async () => {
    const { limit, countTimers } = createLimit();
    const { leave } = ask(limit, 110);
    expect(countTimers()).toBe(1);
    for (const each of leave) each?.();
    expect(countTimers()).toBe(0);
    expect(() => ask(limit, 100)).not.toThrow();
  });

  test("sessions do not share it", () => {
    const { limit } = createLimit();
    ask(limit, 110, "one");
    expect(ask(limit, 10, "two").turns).toEqual(range(0, 10));
  });

  test("a session that was quiet for a second is not remembered, also behind one that waits", async () => {
    const { limit, pass } = createLimit();
    ask(limit, 60, "busy");
    for (let index = 0; index < 1000; index++) limit.enter(`session-${index}`, () => undefined);
    expect(limit.count()).toBe(1001);
    await pass(1500);
    for (let index = 0; index < 5; index++) limit.enter("last", () => undefined);
    expect(limit.count()).toBe(2);
    await pass(10_000);
    limit.enter("last", () => undefined);
    expect(limit.count()).toBe(1);
  });

  test("closing lets all that wait go, and leaves no timer", async () => {
    const { limit, pass, countTimers } = createLimit();
    const { gone } = ask(limit, 15);
    limit.close();
    await pass(0);
    expect(gone).toEqual(range(10, 15));
    expect(countTimers()).toBe(0);
  });
});
