import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ABSENT,
  type CreativeEvent,
  type CreativeLife,
  failureKind,
  isInProgress,
  isTransient,
  transition,
} from "../../src/crs/creative-state.ts";

const POLICY = { maxAttempts: 3, permanentBackoff: 300, transientBackoff: 15 };
const at = (seconds: number): Date => new Date(seconds * 1000);
const submit = (now: number, isIncomplete = false): CreativeEvent => ({ type: "submit", now: at(now), isIncomplete });
const fail = (reason: "too-long" | "source-unavailable", now: number): CreativeEvent => ({
  type: "fail",
  reason,
  now: at(now),
});
const live = (events: readonly CreativeEvent[], life: CreativeLife = ABSENT): CreativeLife =>
  events.reduce((before, event) => transition(before, event, POLICY), life);

const MADE: readonly CreativeEvent[] = [
  { type: "start" },
  { type: "transcode" },
  { type: "publish" },
  { type: "finish" },
];

const anyEvent: fc.Arbitrary<CreativeEvent> = fc.oneof(
  fc.record({
    type: fc.constant("submit" as const),
    now: fc.integer({ min: 0, max: 100_000 }).map(at),
    isIncomplete: fc.boolean(),
  }),
  fc.constantFrom<CreativeEvent>(
    { type: "start" },
    { type: "transcode" },
    { type: "publish" },
    { type: "finish" },
    { type: "keep" },
    { type: "retry" },
    { type: "refuse", reason: "not-made-here" },
    { type: "release" },
    { type: "block" },
    { type: "forget" },
  ),
  fc.record({
    type: fc.constant("fail" as const),
    reason: fc.constantFrom("too-long" as const, "source-unavailable" as const, "worker-lost" as const),
    now: fc.integer({ min: 0, max: 100_000 }).map(at),
  }),
);

describe("transition", () => {
  test("a creative that is asked for goes through every phase to ready", () => {
    const states = [submit(0), ...MADE].map((_, index, events) => live(events.slice(0, index + 1)).state);
    expect(states).toEqual(["queued", "fetching", "transcoding", "publishing", "ready"]);
  });

  test("asking again for what is being made changes nothing", () => {
    const life = live([submit(0), { type: "start" }]);
    expect(transition(life, submit(1, true), POLICY)).toBe(life);
  });

  test("a ready creative is queued again only for a package that it lacks", () => {
    const ready = live([submit(0), ...MADE]);
    expect(transition(ready, submit(1), POLICY)).toBe(ready);
    expect(transition(ready, submit(1, true), POLICY).state).toBe("queued");
  });

  test("a permanent failure waits twice as long after each attempt, is begun only when asked for, and blocks itself", () => {
    const first = live([submit(0), { type: "start" }, fail("too-long", 0)]);
    expect(first).toMatchObject({ state: "failed", attempts: 1, retryAt: at(300) });
    expect(transition(first, submit(299), POLICY)).toBe(first);
    expect(transition(first, { type: "start" }, POLICY)).toBe(first);
    const second = live([submit(300), { type: "start" }, fail("too-long", 400)], first);
    expect(second).toMatchObject({ state: "failed", attempts: 2, retryAt: at(1000) });
    const third = live([submit(1000), { type: "start" }, fail("too-long", 1000)], second);
    expect(third).toEqual({ state: "blocked", attempts: 3, reason: "too-long" });
    expect(transition(third, submit(1e6, true), POLICY)).toBe(third);
  });

  test("a transient failure is begun again without being asked for", () => {
    const failed = live([submit(0), { type: "start" }, fail("source-unavailable", 0)]);
    expect(isTransient(failed)).toBe(true);
    expect(transition(failed, { type: "start" }, POLICY)).toEqual({ state: "fetching", attempts: 2 });
  });

  test("an upstream that is down for long never blocks a creative: it is tried whenever it is asked for and due", () => {
    const down = [fail("source-unavailable", 0), { type: "start" } as const];
    const life = live([submit(0), { type: "start" }, ...down, ...down, fail("source-unavailable", 100)]);
    expect(life).toMatchObject({ state: "failed", attempts: 3, retryAt: at(160) });
    expect(transition(life, { type: "start" }, POLICY)).toBe(life);
    const asked = live([submit(160), { type: "start" }], life);
    expect(asked).toEqual({ state: "fetching", attempts: 3 });
    expect(live([fail("source-unavailable", 200)], asked)).toMatchObject({ state: "failed", retryAt: at(260) });
  });

  test("what this service does not make fails at once, and does not stand in the way of what it makes", () => {
    const refused = live([{ type: "refuse", reason: "not-made-here" }]);
    expect(refused).toEqual({ state: "failed", attempts: 0, reason: "not-made-here" });
    expect(transition(refused, submit(0), POLICY)).toEqual({ state: "queued", attempts: 0 });
    const ready = live([submit(0), ...MADE]);
    expect(transition(ready, { type: "refuse", reason: "not-made-here" }, POLICY)).toBe(ready);
  });

  test("a creative whose worker died is taken up again, but not for ever", () => {
    const life = live([submit(0), { type: "start" }, { type: "transcode" }, { type: "start" }]);
    expect(life).toEqual({ state: "fetching", attempts: 2 });
    expect(live([{ type: "start" }, { type: "start" }], life)).toMatchObject({
      state: "blocked",
      reason: "worker-lost",
    });
  });

  test("a worker that is asked to stop gives its attempt back", () => {
    expect(live([submit(0), { type: "start" }, { type: "release" }])).toEqual({ state: "queued", attempts: 0 });
  });

  test("success forgets the failures before it", () => {
    expect(live([submit(0), { type: "start" }, fail("too-long", 0), submit(300), ...MADE])).toEqual({
      state: "ready",
      attempts: 0,
    });
  });
});

describe("transition, whatever happens in whatever order", () => {
  const anyHistory = fc.array(anyEvent, { maxLength: 40 });

  test("attempts never go above the policy's, and only failed creatives have a time of retry", () => {
    fc.assert(
      fc.property(anyHistory, (events) => {
        const life = live(events);
        expect(life.attempts).toBeLessThanOrEqual(POLICY.maxAttempts);
        expect(life.retryAt === undefined || life.state === "failed").toBe(true);
      }),
    );
  });

  test("only an operator leads out of blocked: by forgetting the creative, or by having it tried again", () => {
    fc.assert(
      fc.property(anyHistory, anyEvent, (events, event) => {
        const life = live([...events, { type: "block" }]);
        const after = transition(life, event, POLICY);
        const expected = { forget: "absent", retry: "queued" };
        expect(after.state).toBe(event.type === "forget" || event.type === "retry" ? expected[event.type] : "blocked");
      }),
    );
  });

  test("ready is only ever reached from publishing, or kept by a look at the source, and work begins only from queued, from work, or from a transient failure", () => {
    fc.assert(
      fc.property(anyHistory, anyEvent, (events, event) => {
        const before = live(events);
        const after = transition(before, event, POLICY);
        const isMadeReady = after.state === "ready" && before.state !== "ready";
        const isKept = event.type === "keep" && before.state === "fetching";
        expect(!isMadeReady || isKept || before.state === "publishing").toBe(true);
        const isBegun = after.state === "fetching" && after !== before;
        const isRetry = before.reason !== undefined && failureKind(before.reason) === "transient";
        expect(!isBegun || before.state === "queued" || isInProgress(before.state) || isRetry).toBe(true);
      }),
    );
  });

  test("from every state but blocked, asking late enough leads to ready", () => {
    fc.assert(
      fc.property(anyHistory, (events) => {
        const life = live(events);
        fc.pre(life.state !== "blocked" && (life.attempts < POLICY.maxAttempts || isTransient(life)));
        const begun = live([submit(1e9), { type: "start" }], life);
        expect(live(MADE.slice(1), begun).state).toBe("ready");
      }),
    );
  });
});
