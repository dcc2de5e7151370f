/** Reading a creative's file by ranges, from servers as they are. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createFakeFile, type FakeFile } from "./fake-file.ts";
import { open, range, slice, take } from "./read-file.ts";

function nameOf(cause: unknown): string {
  return cause instanceof Error ? cause.name : typeof cause;
}

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
