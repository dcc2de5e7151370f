import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { listBoxes } from "../../src/remux/mp4-boxes.ts";
import { growSampleTable, readSampleTable } from "../../src/remux/mp4-samples.ts";
import type { SampleTable } from "../../src/remux/movie.ts";
import { box, fullBox, join, table, u16, u32, u64, zeros, type Part } from "./write-boxes.ts";

interface Sample {
  readonly size: number;
  readonly duration: number;
  readonly delay: number;
  readonly isKey: boolean;
}

interface Chunk {
  readonly offset: number;
  readonly entry: number;
  readonly samples: readonly Sample[];
}

/** How the same tables may be written. */
interface Writing {
  readonly sizes: "stsz" | 4 | 8 | 16;
  readonly isLong: boolean;
  readonly delayVersion: 0 | 1;
}

const ROWS = 3;
const sample = fc.record({
  size: fc.nat(15),
  duration: fc.oneof(fc.constantFrom(1, 1001), fc.nat(2 ** 32 - 1)),
  delay: fc.oneof(fc.constantFrom(0, 2002), fc.integer()),
  isKey: fc.boolean(),
});
const chunks = fc.array(
  fc.record({
    offset: fc.nat(2 ** 32 - 1),
    entry: fc.nat(ROWS - 1),
    samples: fc.oneof(fc.array(sample, { maxLength: 6 }), fc.array(sample, { minLength: 2, maxLength: 2 })),
  }),
  { maxLength: 12 },
);
const writings: fc.Arbitrary<Writing> = fc.record({
  sizes: fc.constantFrom<Writing["sizes"][]>("stsz", 4, 8, 16),
  isLong: fc.boolean(),
  delayVersion: fc.constantFrom<Writing["delayVersion"][]>(0, 1),
});

/** Equal neighbours in one row of (count, value). */
function writeRuns(values: readonly number[]): Uint8Array {
  const runs: { count: number; readonly value: number }[] = [];
  for (const value of values) {
    const last = runs.at(-1);
    if (last?.value === value) last.count += 1;
    else runs.push({ count: 1, value });
  }
  return table(runs.map(({ count, value }) => join(u32(count), u32(value))));
}

function writeSizes(sizes: readonly number[], kind: Writing["sizes"]): Uint8Array {
  const isEqual = sizes.length > 0 && sizes.every((size) => size === sizes[0] && size > 0);
  if (kind === "stsz" && isEqual) return fullBox("stsz", [0, 0], u32(sizes[0] ?? 0), u32(sizes.length));
  if (kind === "stsz") return fullBox("stsz", [0, 0], u32(0), table(sizes.map(u32)));
  const pairs = sizes.flatMap((size, index) => (index % 2 === 0 ? [size * 16 + (sizes[index + 1] ?? 0)] : []));
  const rows = kind === 4 ? pairs : kind === 8 ? sizes : sizes.flatMap((size) => [...u16(size)]);
  return fullBox("stz2", [0, 0], [0, 0, 0, kind], u32(sizes.length), rows);
}

function writeChunkRuns(all: readonly Chunk[]): Uint8Array {
  const rows = all.flatMap(({ samples, entry }, index) => {
    const before = all[index - 1];
    const isSame = before && before.samples.length === samples.length && before.entry === entry;
    return isSame ? [] : [join(u32(index + 1), u32(samples.length), u32(entry + 1))];
  });
  return fullBox("stsc", [0, 0], table(rows));
}

function writeTables(all: readonly Chunk[], { sizes, isLong, delayVersion }: Writing): Uint8Array {
  const samples = all.flatMap((chunk) => chunk.samples);
  const keys = samples.flatMap(({ isKey }, index) => (isKey ? [u32(index + 1)] : []));
  return join(
    fullBox("stts", [0, 0], writeRuns(samples.map(({ duration }) => duration))),
    samples.every(({ delay }) => delay === 0)
      ? box("free")
      : fullBox("ctts", [delayVersion, 0], writeRuns(samples.map(({ delay }) => delay))),
    keys.length === samples.length ? box("free") : fullBox("stss", [0, 0], table(keys)),
    writeSizes(
      samples.map(({ size }) => size),
      sizes,
    ),
    writeChunkRuns(all),
    isLong
      ? fullBox("co64", [0, 0], table(all.map(({ offset }) => u64(offset * 1024))))
      : fullBox("stco", [0, 0], table(all.map(({ offset }) => u32(offset)))),
  );
}

function expectedTable(all: readonly Chunk[], { isLong }: Writing): readonly object[] {
  let decodeTime = 0;
  return all.flatMap(({ offset, entry, samples }) => {
    let at = isLong ? offset * 1024 : offset;
    return samples.map(({ size, duration, delay, isKey }) => {
      const row = { offset: at, size, decodeTime, time: decodeTime + delay, duration, isKey, entry };
      at += size;
      decodeTime += duration;
      return row;
    });
  });
}

function listRows(samples: SampleTable): readonly object[] {
  return Array.from({ length: samples.count }, (_, index) => ({
    offset: samples.offsets[index],
    size: samples.sizes[index],
    decodeTime: samples.decodeTimes[index],
    time: samples.times[index],
    duration: samples.durations[index],
    isKey: samples.isKey[index] === 1,
    entry: samples.entries[index],
  }));
}

test("the samples of any movie are those that its tables were written of, however they were written", () => {
  fc.assert(
    fc.property(chunks, writings, (all, writing) => {
      const boxes = listBoxes(writeTables(all, writing), "stbl");
      expect(listRows(readSampleTable(boxes, ROWS))).toEqual(expectedTable(all, writing));
    }),
  );
});

describe("tables that are refused", () => {
  /** Three samples of 10 bytes in one chunk at byte 100. */
  const well: Readonly<Record<string, Uint8Array>> = {
    stts: fullBox("stts", [0, 0], table([join(u32(3), u32(1))])),
    stsz: fullBox("stsz", [0, 0], u32(10), u32(3)),
    stsc: fullBox("stsc", [0, 0], table([join(u32(1), u32(3), u32(1))])),
    stco: fullBox("stco", [0, 0], table([u32(100)])),
  };
  const readWith = (...changed: readonly Uint8Array[]): SampleTable => {
    const changes = listBoxes(join(...changed), "stbl");
    const others = listBoxes(join(...Object.values(well)), "stbl");
    return readSampleTable([...changes, ...others.filter(({ type }) => changes.every((box) => box.type !== type))], 1);
  };
  const claim = (type: string, ...parts: readonly Part[]): Uint8Array => fullBox(type, [0, 0], ...parts);
  const MANY = u32(2 ** 32 - 1);

  test("well, they are read", () => {
    expect([...readWith().offsets]).toEqual([100, 110, 120]);
  });

  test.each([
    { what: "fewer times than samples", changed: claim("stts", table([join(u32(2), u32(1))])) },
    { what: "more times than samples", changed: claim("stts", table([join(u32(4), u32(1))])) },
    { what: "4 294 967 295 equal times", changed: claim("stts", table([join(MANY, u32(1))])) },
    { what: "4 294 967 295 rows of times", changed: claim("stts", MANY, u32(1), u32(1)) },
    { what: "4 294 967 295 samples of one size", changed: claim("stsz", u32(1), MANY) },
    { what: "4 294 967 295 sizes", changed: claim("stsz", u32(0), MANY, u32(1)) },
    { what: "sizes of 5 bits", changed: claim("stz2", [0, 0, 0, 5], u32(3), zeros(3)) },
    { what: "fewer delays than samples", changed: claim("ctts", table([join(u32(2), u32(1))])) },
    { what: "a key frame 0", changed: claim("stss", table([u32(0)])) },
    { what: "a key frame behind the last", changed: claim("stss", table([u32(4)])) },
    { what: "more samples in chunks than there are", changed: claim("stsc", table([join(u32(1), u32(4), u32(1))])) },
    { what: "fewer samples in chunks than there are", changed: claim("stsc", table([join(u32(1), u32(2), u32(1))])) },
    { what: "4 294 967 295 samples in a chunk", changed: claim("stsc", table([join(u32(1), MANY, u32(1))])) },
    { what: "a row of stsd that is not there", changed: claim("stsc", table([join(u32(1), u32(3), u32(2))])) },
    { what: "a row of stsd before the first", changed: claim("stsc", table([join(u32(1), u32(3), u32(0))])) },
    { what: "a first run that begins later", changed: claim("stsc", table([join(u32(2), u32(3), u32(1))])) },
    {
      what: "runs that go backwards",
      changed: claim("stsc", table([join(u32(1), u32(3), u32(1)), join(u32(1), u32(3), u32(1))])),
    },
    { what: "4 294 967 295 chunks", changed: claim("stco", MANY, u32(100)) },
    { what: "a chunk beyond 2^53", changed: claim("co64", table([u64(2 ** 53)])) },
    { what: "an empty table", changed: box("stts") },
  ])("$what", ({ changed }) => {
    const expected = expect.objectContaining({ name: "MediaRefusal", reason: "source-unreadable" });
    expect(() => readWith(changed)).toThrow(expected);
  });
});

test("a table that grows keeps its samples", () => {
  const boxes = listBoxes(
    writeTables([{ offset: 9, entry: 1, samples: [{ size: 3, duration: 5, delay: 2, isKey: true }] }], {
      sizes: "stsz",
      isLong: false,
      delayVersion: 1,
    }),
    "stbl",
  );
  const grown = growSampleTable(readSampleTable(boxes, ROWS), 2);
  const empty = { offset: 0, size: 0, decodeTime: 0, time: 0, duration: 0, isKey: false, entry: 0 };
  expect(listRows(grown)).toEqual([
    { offset: 9, size: 3, decodeTime: 0, time: 2, duration: 5, isKey: true, entry: 1 },
    empty,
  ]);
  expect(listRows(growSampleTable(grown, 1))).toEqual(listRows(grown).slice(0, 1));
});
