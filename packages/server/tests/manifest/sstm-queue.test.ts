import { describe, expect, test } from "vitest";
import { createBeaconQueue } from "../../src/manifest/tracking/beacon-queue.ts";

const LIMITS = { perHost: 2, overall: 3, waitingPerHost: 2, waitingOverall: 3 };

/** A queue whose requests end when the test says so. */
function world(limits = LIMITS) {
  const queue = createBeaconQueue(limits);
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const push = (host: string, name: string): boolean =>
    queue.push(host, () => {
      started.push(name);
      return new Promise((resolve) => ends.set(name, resolve));
    });
  /** Ends a request and lets those that waited start. */
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { queue, started, push, end };
}

describe("the queue of beacons", () => {
  test("has only so many requests under way to one host, and others go on beside it", () => {
    const { started, push } = world();
    for (const name of ["a1", "a2", "a3"]) push("a", name);
    push("b", "b1");
    expect(started).toEqual(["a1", "a2", "b1"]);
  });

  test("starts what waits in the order of its coming, hosts in turn", async () => {
    const { started, push, end } = world({ perHost: 1, overall: 2, waitingPerHost: 9, waitingOverall: 9 });
    for (const name of ["a1", "a2", "a3"]) push("a", name);
    for (const name of ["b1", "b2"]) push("b", name);
    push("c", "c1");
    for (let ended = 0; ended < 6; ended++) await end(started[ended] ?? "");
    expect(started).toEqual(["a1", "b1", "a2", "b2", "c1", "a3"]);
  });

  test("drops what has no room, per host and overall, without calling it", async () => {
    const { queue, started, push, end } = world();
    const taken = ["a1", "a2", "a3", "a4", "a5"].map((name) => push("a", name));
    expect(taken).toEqual([true, true, true, true, false]);
    expect(queue.hasRoom("a")).toBe(false);
    expect([push("b", "b1"), push("b", "b2"), push("b", "b3")]).toEqual([true, true, false]);
    expect(queue.hasRoom("c")).toBe(false);
    for (const name of ["a1", "a2", "b1", "a3", "a4", "b2"]) await end(name);
    await queue.idle();
    expect(started.toSorted()).toEqual(["a1", "a2", "a3", "a4", "b1", "b2"]);
    expect(queue.hasRoom("c")).toBe(true);
  });

  test("closing drops what waits, takes nothing more and ends with what is under way", async () => {
    const { queue, started, push, end } = world();
    for (const name of ["a1", "a2", "a3"]) push("a", name);
    let isClosed = false;
    const closing = queue.close().then(() => (isClosed = true));
    expect(push("b", "b1")).toBe(false);
    await end("a1");
    expect(isClosed).toBe(false);
    await end("a2");
    await closing;
    expect(started).toEqual(["a1", "a2"]);
  });
});
