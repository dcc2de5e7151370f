/** Which segments are made when, and how many are held. */
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { setUp } from "./store-fixture.ts";

afterEach(() => void vi.useRealTimers());

describe("createSegmentStore", () => {
  test("makes the first segment before anybody asks, and no other", async () => {
    const { store, log, finish } = setUp();
    store.begin(0);
    await finish(0);
    expect(log).toEqual(["read 0", "made 0"]);
  });

  test("reads the two after the one that is taken, one after the other, and not before it is whole", async () => {
    const { log, finish, take } = setUp();
    const taken = take(0);
    await finish(9);
    expect(log).toEqual(["read 0"]);
    await finish(0);
    expect(await taken).toBe("segment of bytes 0");
    expect(log).toEqual(["read 0", "read 1", "made 0"]);
    await finish(1);
    expect(log).toEqual(["read 0", "read 1", "made 0", "read 2", "made 1"]);
    await finish(2);
    expect(log.filter((line) => line.startsWith("read"))).toEqual(["read 0", "read 1", "read 2"]);
  });

  test("gives one segment to two takers, and reads it once", async () => {
    const { log, finish, take } = setUp();
    const taken = [take(0), take(0)];
    await finish(0);
    expect(await Promise.all(taken)).toEqual(["segment of bytes 0", "segment of bytes 0"]);
    expect(log.filter((line) => line === "read 0")).toHaveLength(1);
  });

  test("keeps what sound has not taken yet, where sound and pictures are taken apart", async () => {
    const { store, log, finish, take } = setUp({ takers: 2 });
    for (const index of [0, 1]) {
      const taken = take(index);
      await finish(index);
      await taken;
    }
    await finish(2);
    expect(store.held()).toEqual([0, 1, 2]);
    await take(0);
    expect(store.held()).toEqual([1, 2, 3]);
    expect(log.filter((line) => line === "read 0")).toHaveLength(1);
  });

  test("reads a segment that is asked for at once, whatever is being read ahead", async () => {
    const { log, finish, take } = setUp();
    const first = take(0);
    await finish(0);
    await first;
    const sought = take(4);
    expect(log.filter((line) => line.startsWith("read"))).toEqual(["read 0", "read 1", "read 4"]);
    await finish(4);
    expect(await sought).toBe("segment of bytes 4");
  });

  test("lets the farthest give way to one that is asked for, and ends its requests", async () => {
    const { store, log, finish, take } = setUp({ takers: 2 });
    const first = take(0);
    await finish(0);
    await first;
    await finish(1);
    const sought = take(5);
    expect(log).toContain("read 5");
    expect(store.held()).toEqual([1, 2, 5]);
    await finish(5);
    await sought;
  });

  test("has a fourth that is asked for wait while three are waited for", async () => {
    const { log, finish, take } = setUp({ count: 9 });
    const taken = [take(0), take(3), take(6), take(8)];
    await finish(9);
    expect(log.filter((line) => line.startsWith("read"))).toEqual(["read 0", "read 3", "read 6"]);
    await finish(3);
    await finish(8);
    expect(await taken[3]).toBe("segment of bytes 8");
  });

  test("goes on with a segment whose taker has given up", async () => {
    const { log, finish, take } = setUp();
    const leaving = new AbortController();
    const taken = take(0, leaving.signal);
    leaving.abort();
    await expect(taken).rejects.toMatchObject({ name: "AbortError" });
    const again = take(0);
    await finish(0);
    expect(await again).toBe("segment of bytes 0");
    expect(log.filter((line) => line === "read 0")).toHaveLength(1);
  });

  test("reads nothing further once nobody waits any more", async () => {
    const { log, finish, take } = setUp();
    const leaving = new AbortController();
    const taken = take(0, leaving.signal);
    leaving.abort();
    await expect(taken).rejects.toMatchObject({ name: "AbortError" });
    await finish(0);
    expect(log).toEqual(["read 0", "made 0"]);
  });

  test("ends what is read for nobody after a second", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { store, log, take } = setUp();
    const leaving = new AbortController();
    const taken = take(0, leaving.signal);
    leaving.abort();
    await expect(taken).rejects.toMatchObject({ name: "AbortError" });
    vi.advanceTimersByTime(1000);
    expect(log).toEqual(["read 0", "aborted 0"]);
    expect(store.held()).toEqual([]);
  });

  test("reads on for who asks again within a second", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { log, finish, take } = setUp();
    const leaving = new AbortController();
    const taken = take(0, leaving.signal);
    leaving.abort();
    await expect(taken).rejects.toMatchObject({ name: "AbortError" });
    vi.advanceTimersByTime(999);
    const again = take(0);
    vi.advanceTimersByTime(60_000);
    await finish(0);
    expect(await again).toBe("segment of bytes 0");
    expect(log).toEqual(["read 0", "read 1", "made 0"]);
  });

  test("reads on for one while another gives up", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { log, finish, take } = setUp({ takers: 2 });
    const leaving = new AbortController();
    const taken = [take(0, leaving.signal), take(0)];
    leaving.abort();
    await expect(taken[0]).rejects.toMatchObject({ name: "AbortError" });
    vi.advanceTimersByTime(60_000);
    await finish(0);
    expect(await taken[1]).toBe("segment of bytes 0");
    expect(log).toEqual(["read 0", "read 1", "made 0"]);
  });

  test("goes on reading ahead for one who has taken a segment twice", async () => {
    const { log, finish, take } = setUp();
    for (const index of [0, 0, 1, 2, 3]) {
      const taken = take(index);
      await finish(index);
      await taken;
    }
    await finish(4);
    expect(log.filter((line) => line.startsWith("read"))).toEqual([0, 1, 2, 3, 4, 5].map((index) => `read ${index}`));
  });

  test("reads no fourth while one of three is being made", async () => {
    let allow = (): void => undefined;
    const until = new Promise<void>((resolve) => (allow = resolve));
    const { log, finish, take } = setUp({ until });
    const leaving = new AbortController();
    const left = [0, 1, 2].map((index) => take(index, leaving.signal));
    for (const index of [0, 1, 2]) await finish(index);
    leaving.abort();
    await Promise.allSettled(left);
    const sought = take(5);
    await finish(9);
    expect(log.filter((line) => line.startsWith("read"))).toEqual(["read 0", "read 1", "read 2"]);
    allow();
    await finish(9);
    await finish(5);
    expect(await sought).toBe("segment of bytes 5");
  });

  test("makes a segment again that has failed, when it is asked for again", async () => {
    const { log, finish, fail, take } = setUp();
    const taken = take(0);
    const [, failed] = await Promise.allSettled([fail(0), taken]);
    expect(failed).toMatchObject({ status: "rejected", reason: { message: "no bytes 0" } });
    const again = take(0);
    await finish(0);
    expect(await again).toBe("segment of bytes 0");
    expect(log.filter((line) => line === "read 0")).toHaveLength(2);
  });

  test("does not try for ever to read ahead what fails", async () => {
    const { log, finish, fail, take } = setUp();
    const taken = take(0);
    await finish(0);
    await taken;
    for (const index of [1, 2, 1, 2]) await fail(index);
    expect(log.filter((line) => line.startsWith("read"))).toEqual(["read 0", "read 1", "read 2"]);
  });

  test("holds nothing once the last was taken", async () => {
    const { store, finish, take } = setUp({ count: 2 });
    for (const index of [0, 1]) {
      const taken = take(index);
      await finish(index);
      await taken;
    }
    expect(store.held()).toEqual([]);
  });

  test("ends what is under way when it is let go of, with the reason", async () => {
    const { store, log, take } = setUp();
    const taken = take(0);
    store.release(new Error("over"));
    await expect(taken).rejects.toThrow("over");
    expect(log).toContain("aborted 0");
    await expect(take(0)).rejects.toThrow("over");
    expect(store.held()).toEqual([]);
  });

  test("has no segment beyond the last", async () => {
    await expect(setUp().take(6)).rejects.toMatchObject({ name: "MediaRefusal" });
  });

  test("never holds more than three, in whatever order they are asked for, and gives each", async () => {
    const step = fc.tuple(fc.constantFrom("take", "finish", "leave"), fc.integer({ min: 0, max: 5 }));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.constantFrom(1, 2), async (steps, takers) => {
        const { store, finish, take } = setUp({ takers: takers === 1 ? 1 : 2 });
        let most = 0;
        const pending: { readonly index: number; readonly left: AbortController; readonly taken: Promise<string> }[] =
          [];
        for (const [what, index] of steps) {
          if (what === "take") {
            const left = new AbortController();
            const taken = take(index, left.signal);
            taken.catch(() => undefined);
            pending.push({ index, left, taken });
          } else if (what === "finish") await finish(index);
          else pending[index]?.left.abort();
          most = Math.max(most, store.held().length);
        }
        for (let round = 0; round < 40; round += 1) {
          await finish(round % 6);
          most = Math.max(most, store.held().length);
        }
        const given = await Promise.allSettled(pending.map(({ taken }) => taken));
        const wanted = pending.map(({ index, left }, at) =>
          left.signal.aborted && given[at]?.status === "rejected"
            ? given[at]
            : { status: "fulfilled", value: `segment of bytes ${index}` },
        );
        expect(given).toEqual(wanted);
        expect(most).toBeLessThanOrEqual(3);
      }),
      { numRuns: 100 },
    );
  });
});
