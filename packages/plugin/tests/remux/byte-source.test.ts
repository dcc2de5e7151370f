/** Reading a creative's file by ranges, from servers as they are. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createByteSource, type ByteSource } from "../../src/remux/byte-source.ts";
import type { ByteSourceOptions } from "../../src/remux/byte-requests.ts";
import { type ByteRange } from "../../src/remux/segment-job.ts";
import { type Answering, createFakeFile, type FakeFile } from "./fake-file.ts";

const NEVER = new AbortController().signal;

function open(file: FakeFile, options: Partial<ByteSourceOptions> = {}): ByteSource {
  return createByteSource({
    url: file.url,
    maxBytes: 10_000_000,
    maxWholeBytes: 1_000_000,
    fetchRange: file.fetchRange,
    now: () => performance.now(),
    retryMs: 0,
    ...options,
  });
}

function take(source: ByteSource, ...ranges: readonly ByteRange[]): Promise<Buffer> {
  return source.take(ranges, NEVER, () => undefined).then(({ bytes }) => Buffer.from(bytes));
}

function slice({ bytes }: FakeFile, ...ranges: readonly ByteRange[]): Buffer {
  return Buffer.concat(ranges.map(({ start, end }) => bytes.subarray(start, end)));
}

function nameOf(cause: unknown): string {
  return cause instanceof Error ? cause.name : typeof cause;
}

const range = (start: number, end: number): ByteRange => ({ start, end });

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

describe("a server that", () => {
  test("breaks off is asked once more, for what is missing", async () => {
    const file = createFakeFile(9000, (request) => (request === 0 ? { breaksAt: 4000 } : {}));
    expect(await take(open(file), range(0, 8000))).toEqual(slice(file, range(0, 8000)));
    expect(file.asked).toEqual(["0-8000", "4000-8000"]);
  });

  test("falls silent is asked once more", async () => {
    const file = createFakeFile(9000, (request) => (request === 0 ? { fallsSilentAt: 4000 } : {}));
    expect(await take(open(file, { stallMs: 50 }), range(0, 8000))).toEqual(slice(file, range(0, 8000)));
    expect(file.asked).toEqual(["0-8000", "4000-8000"]);
    expect(file.cancelled).toEqual(["0-8000"]);
  });

  test.each([404, 403, 500, 503])("answers %i twice is not read", async (status) => {
    const file = createFakeFile(9000, () => ({ status }));
    await expect(take(open(file), range(0, 8000))).rejects.toMatchObject({
      name: "MediaRefusal",
      reason: "source-unreadable",
      message: `https://ads.example/spot.mp4: expected bytes, got https://ads.example/spot.mp4: expected status 206, got ${status}`,
    });
    expect(file.asked).toHaveLength(2);
  });

  test("cannot be asked by a page is asked once, and CORS is named", async () => {
    const file = createFakeFile(9000, () => ({ isUnreachable: true }));
    await expect(take(open(file), range(0, 8000))).rejects.toMatchObject({
      reason: "source-unreadable",
      message: expect.stringContaining("Access-Control-Allow-Origin"),
    });
    expect(file.asked).toHaveLength(1);
  });

  test("was down for a moment can be read later", async () => {
    let isDown = false;
    const file = createFakeFile(90_000, () => ({ isUnreachable: isDown }));
    const source = open(file);
    await take(source, range(0, 1000));
    isDown = true;
    await expect(take(source, range(1000, 2000))).rejects.toMatchObject({ reason: "source-unreadable" });
    isDown = false;
    expect(await take(source, range(1000, 2000))).toEqual(slice(file, range(1000, 2000)));
  });

  test("sends other bytes than were asked for is not read", async () => {
    const file = createFakeFile(9000, () => ({ shift: 1 }));
    await expect(take(open(file), range(10, 2000))).rejects.toMatchObject({ reason: "source-unreadable" });
  });

  test("sends the whole file instead of a range is read once, to the end", async () => {
    const file = createFakeFile(90_000, () => ({ status: 200 }));
    const source = open(file, { first: undefined });
    expect(await take(source, range(1000, 2000))).toEqual(slice(file, range(1000, 2000)));
    expect(await take(source, range(80_000, 90_000))).toEqual(slice(file, range(80_000, 90_000)));
    expect(await take(source, range(0, 90_000))).toEqual(slice(file, range(0, 90_000)));
    expect(file.asked).toHaveLength(1);
  });

  test("sends the whole file gives its first bytes before the last has come", async () => {
    const file = createFakeFile(90_000, () => ({ status: 200, fallsSilentAt: 5000 }));
    expect(await take(open(file), range(1000, 2000))).toEqual(slice(file, range(1000, 2000)));
  });

  test("sends a whole file that is too large is stopped at its headers", async () => {
    const file = createFakeFile(90_000, () => ({ status: 200 }));
    const source = open(file, { maxWholeBytes: 80_000 });
    await expect(take(source, range(0, 1000))).rejects.toMatchObject({ reason: "source-unreadable" });
    expect(source.stats().bytesRead).toBe(0);
    expect(file.cancelled).toHaveLength(1);
  });

  test("sends a whole file that is too large where it has sent parts of it before is asked once more", async () => {
    const file = createFakeFile(90_000, (request) => (request === 1 || request > 2 ? { status: 200 } : {}));
    const source = open(file, { maxWholeBytes: 80_000 });
    await take(source, range(0, 1000));
    expect(await take(source, range(50_000, 51_000))).toEqual(slice(file, range(50_000, 51_000)));
    await expect(take(source, range(60_000, 61_000))).rejects.toMatchObject({ reason: "source-unreadable" });
    expect(file.asked).toHaveLength(5);
    expect(source.stats().bytesRead).toBe(2000);
  });

  test("sends a whole file without its length is stopped where it is too much", async () => {
    const file = createFakeFile(90_000, () => ({ status: 200, hidesLength: true }));
    const source = open(file, { maxWholeBytes: 80_000 });
    await expect(take(source, range(85_000, 86_000))).rejects.toMatchObject({ reason: "source-unreadable" });
    expect(source.stats().bytesRead).toBeLessThan(82_000);
  });

  test("tells of a file that is too large is not read", async () => {
    const file = createFakeFile(9000, () => ({ size: 11_000_000 }));
    await expect(take(open(file), range(0, 1000))).rejects.toMatchObject({ reason: "unsupported-media-file" });
  });

  test("hides how large a file is has nothing read of it behind what a page may read", async () => {
    const file = createFakeFile(9000, () => ({ hidesRange: true }));
    await expect(open(file).peek(10_000_000, 16)).rejects.toMatchObject({ reason: "unsupported-media-file" });
    expect(file.asked).toEqual([]);
  });

  test("has another file at the address meanwhile is not read on", async () => {
    const file = createFakeFile(90_000, (request) => ({ size: request === 0 ? 90_000 : 91_000 }));
    const source = open(file);
    await take(source, range(0, 1000));
    await expect(take(source, range(50_000, 51_000))).rejects.toMatchObject({ reason: "source-unreadable" });
    await expect(take(source, range(0, 1000))).rejects.toMatchObject({ reason: "source-unreadable" });
  });

  test("ends the file before the ranges do is not waited for", async () => {
    const file = createFakeFile(9000);
    await expect(take(open(file), range(8000, 9500))).rejects.toMatchObject({ reason: "source-unreadable" });
  });

  test("answers with less than was asked for is asked for the rest, but not for ever", async () => {
    const file = createFakeFile(9000);
    const short = createFakeFile(file.bytes);
    const fetchRange: FakeFile["fetchRange"] = (url, { start }, signal) =>
      short.fetchRange(url, range(start, start + 1), signal);
    const source = open({ ...short, fetchRange });
    expect(await take(source, range(0, 100))).toEqual(slice(file, range(0, 100)));
    await expect(take(source, range(100, 9000))).rejects.toMatchObject({ reason: "source-unreadable" });
    expect(short.asked.length).toBeLessThanOrEqual(2000);
  });

  test("redirects is asked where that leads from then on, and at the first address where that has expired", async () => {
    const signed = "https://ads.example/signed?token=1";
    const file = createFakeFile(90_000, (request) => (request === 2 ? { status: 403 } : { url: signed }));
    const source = open(file);
    await take(source, range(0, 1000));
    await take(source, range(30_000, 31_000));
    await take(source, range(60_000, 61_000));
    expect(file.urls).toEqual([file.url.href, signed, signed, file.url.href]);
  });

  test("redirects to another origin is asked at the first address each time", async () => {
    const file = createFakeFile(90_000, () => ({ url: "https://cdn.example/spot.mp4" }));
    const source = open(file);
    await take(source, range(0, 1000));
    await take(source, range(30_000, 31_000));
    expect(new Set(file.urls)).toEqual(new Set([file.url.href]));
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

test("whatever a server does to it, bytes that are given are the file's", async () => {
  const answering = fc.record(
    {
      status: fc.constantFrom(200, 206, 206, 206, 404, 500),
      hidesRange: fc.boolean(),
      hidesLength: fc.boolean(),
      breaksAt: fc.integer({ min: 0, max: 3000 }),
      chunk: fc.integer({ min: 1, max: 700 }),
      shift: fc.constantFrom(0, 0, 0, 1),
      isUnreachable: fc.constantFrom(false, false, false, true),
    },
    { requiredKeys: [] },
  );
  const ranges = fc.uniqueArray(fc.integer({ min: 0, max: 4000 }), { minLength: 2, maxLength: 8 }).map((numbers) => {
    const sorted = numbers.toSorted((a, b) => a - b);
    return sorted.flatMap((start, index) => {
      const end = sorted[index + 1];
      return index % 2 === 0 && end !== undefined ? [range(start, end)] : [];
    });
  });
  await fc.assert(
    fc.asyncProperty(fc.array(answering, { maxLength: 6 }), fc.array(ranges, { maxLength: 4 }), async (how, wanted) => {
      // a range that is hidden and wrong is found out by what is in it, not here
      const sane = how.map((one) => (one.hidesRange ? { ...one, shift: 0 } : one));
      const file = createFakeFile(4000, (request) => sane[request] ?? {});
      const source = open(file);
      const outcomes = await Promise.allSettled(wanted.map((one) => take(source, ...one)));
      const given = outcomes.map((outcome) =>
        outcome.status === "fulfilled" ? outcome.value : nameOf(outcome.reason),
      );
      const right = outcomes.map(({ status }, index) =>
        status === "fulfilled" ? slice(file, ...(wanted[index] ?? [])) : "MediaRefusal",
      );
      expect(given).toEqual(right);
      expect(file.asked.length).toBeLessThanOrEqual(50);
    }),
    { numRuns: 200 },
  );
});
