/** Reading a creative's file by ranges. */
import { describe, expect, test } from "vitest";
import { type Answering, createFakeFile, type FakeFile } from "./fake-file.ts";
import { NEVER, open, range, slice, take } from "./read-file.ts";

describe("createByteSource", () => {
  test("lays ranges end to end, with one request for those that lie close together", async () => {
    const file = createFakeFile(300_000);
    const wanted = [range(10, 2000), range(9000, 20_000), range(200_000, 250_000)];
    expect(await take(open(file), ...wanted)).toEqual(slice(file, ...wanted));
    expect(file.asked).toEqual(["10-20000", "200000-250000"]);
  });

  test("keeps what it has read along: it is not asked for again", async () => {
    const file = createFakeFile(50_000);
    const source = open(file);
    await take(source, range(0, 1000), range(9000, 10_000));
    expect(await take(source, range(1000, 9000))).toEqual(slice(file, range(1000, 9000)));
    expect(file.asked).toEqual(["0-10000"]);
  });

  test("lets go of what was taken: a second taker has it read again", async () => {
    const file = createFakeFile(50_000);
    const source = open(file);
    await take(source, range(0, 1000));
    expect(await take(source, range(0, 1000))).toEqual(slice(file, range(0, 1000)));
    expect(file.asked).toEqual(["0-1000", "0-1000"]);
  });

  test("gives both of two takers of the same bytes theirs", async () => {
    const file = createFakeFile(50_000);
    const source = open(file);
    const both = await Promise.all([take(source, range(0, 3000)), take(source, range(0, 3000))]);
    expect(both).toEqual([slice(file, range(0, 3000)), slice(file, range(0, 3000))]);
  });

  test("asks for the rest while the first request is still being answered, and for none of its bytes again", async () => {
    const file = createFakeFile(50_000);
    const first = { range: range(0, 10_000), answer: file.fetchRange(file.url, range(0, 10_000), NEVER) };
    const source = open(file, { first });
    expect(await take(source, range(5000, 30_000))).toEqual(slice(file, range(5000, 30_000)));
    expect(file.asked).toEqual(["0-10000", "10000-30000"]);
  });

  test("sends at most three requests at a time", async () => {
    let open3: () => void = () => undefined;
    const until = new Promise<void>((resolve) => (open3 = resolve));
    const file = createFakeFile(500_000, () => ({ until }));
    const wanted = [0, 1, 2, 3, 4].map((index) => range(index * 100_000, index * 100_000 + 1000));
    const taken = take(open(file), ...wanted);
    expect(file.asked).toHaveLength(3);
    open3();
    expect(await taken).toEqual(slice(file, ...wanted));
    expect(file.asked).toHaveLength(5);
  });

  test("peeks at what there is where the file ends before", async () => {
    const file = createFakeFile(5000);
    const source = open(file);
    expect(Buffer.from(await source.peek(4000, 3000))).toEqual(slice(file, range(4000, 5000)));
    expect(await source.peek(5000, 10)).toHaveLength(0);
    expect(source.size()).toBe(5000);
  });

  test.each<[string, Answering]>([
    ["the length", { hidesRange: true }],
    ["neither range nor length", { hidesRange: true, hidesLength: true }],
  ])("finds where the file ends when a server tells %s", async (_, answering) => {
    const file = createFakeFile(5000, () => answering);
    const source = open(file);
    expect(await source.peek(4000, 3000)).toHaveLength(1000);
    expect(source.size()).toBe(5000);
  });

  test("a position behind the file's end is no failure of a peek", async () => {
    const file = createFakeFile(5000);
    expect(await open(file).peek(6000, 10)).toHaveLength(0);
  });

  test("tells what the network took for bytes, not how long they have been there", async () => {
    let time = 0;
    const file = createFakeFile(50_000);
    const fetchRange: FakeFile["fetchRange"] = (...request) => {
      time += 100;
      return file.fetchRange(...request);
    };
    const source = open({ ...file, fetchRange }, { now: () => time });
    const asked = await source.take([range(0, 1000), range(9000, 10_000)], NEVER, () => undefined);
    expect(asked).toMatchObject({ networkBytes: 10_000, networkMs: 100, ttfbMs: 100 });
    await new Promise((resolve) => setImmediate(resolve));
    time += 60_000;
    const there = await source.take([range(1000, 6000)], NEVER, () => undefined);
    expect(there).toMatchObject({ networkBytes: 5000, networkMs: 50, ttfbMs: 0 });
  });

  test("tells how far it is, by the bytes that were asked for", async () => {
    const file = createFakeFile(5000);
    const told: string[] = [];
    await open(file).take([range(0, 1500), range(2000, 2500)], NEVER, (loaded, total) =>
      told.push(`${loaded}/${total}`),
    );
    expect(told).toEqual(["1000/2000", "1500/2000", "2000/2000"]);
  });
});

describe("who has enough", () => {
  test("ends his requests, and nobody else's", async () => {
    const file = createFakeFile(90_000, () => ({ fallsSilentAt: 500 }));
    const source = open(file);
    const [one, other] = [new AbortController(), new AbortController()];
    const taken = [
      source.take([range(0, 1000)], one.signal, () => undefined),
      source.take([range(50_000, 51_000)], other.signal, () => undefined),
    ];
    await expect.poll(() => source.stats().bytesRead).toBe(1000);
    one.abort();
    await expect(taken[0]).rejects.toMatchObject({ name: "AbortError" });
    await expect.poll(() => file.cancelled).toEqual(["0-1000"]);
    other.abort();
    await expect(taken[1]).rejects.toMatchObject({ name: "AbortError" });
    await expect.poll(() => file.cancelled).toEqual(["0-1000", "50000-51000"]);
  });

  test("has nothing asked for again that was waiting for it", async () => {
    const file = createFakeFile(90_000, (request) => (request === 1 ? { status: 503 } : {}));
    const source = open(file, { retryMs: 60_000 });
    await take(source, range(0, 1000));
    const enough = new AbortController();
    const taken = source.take([range(50_000, 51_000)], enough.signal, () => undefined);
    await expect.poll(() => file.asked).toHaveLength(2);
    enough.abort();
    await expect(taken).rejects.toMatchObject({ name: "AbortError" });
    await new Promise(setImmediate);
    expect(file.asked).toEqual(["0-1000", "50000-51000"]);
  });

  test("makes room for who waits for his requests to end", async () => {
    const file = createFakeFile(300_000, (request) => (request < 3 ? { fallsSilentAt: 0 } : {}));
    const source = open(file);
    const enough = new AbortController();
    const wanted = [range(0, 1000), range(50_000, 51_000), range(100_000, 101_000)];
    const left = source.take(wanted, enough.signal, () => undefined);
    const waiting = take(source, range(200_000, 201_000));
    expect(file.asked).toHaveLength(3);
    enough.abort();
    await expect(left).rejects.toMatchObject({ name: "AbortError" });
    expect(await waiting).toEqual(slice(file, range(200_000, 201_000)));
  });

  test("ends all of them, with his reason", async () => {
    const file = createFakeFile(90_000, () => ({ fallsSilentAt: 500 }));
    const source = open(file);
    const taken = take(source, range(0, 1000));
    await expect.poll(() => source.stats().bytesRead).toBe(500);
    source.end(new Error("over"));
    await expect(taken).rejects.toThrow("over");
    await expect(take(source, range(0, 100))).rejects.toThrow("over");
    await expect.poll(() => file.cancelled).toEqual(["0-1000"]);
  });
});
