/** What a hostile file may do to the reader of its boxes: be refused, soon and by name. */
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { parseFragments, type Fragment } from "../../src/remux/mp4-fragments.ts";
import { parseMovie } from "../../src/remux/mp4-movie.ts";
import { MediaRefusal, type Movie, type SampleTable } from "../../src/remux/movie.ts";
import { createMediaFolder, readMoov, readTopBoxes, type MediaFolder } from "./make-mp4.ts";
import { box, fullBox, join, u32 } from "./write-boxes.ts";

let media: MediaFolder;
let whole: readonly Uint8Array[];
let fragmented: { readonly moov: Uint8Array; readonly fragments: readonly Fragment[] };
beforeAll(() => {
  media = createMediaFolder();
  const paths = [
    media.make("whole.mp4", { pictures: "bFrames", sound: "stereo", soundDelay: 0.3 }),
    media.make("whole.mov", { pictures: "bFrames", sound: "cd" }),
  ];
  whole = paths.map(readMoov);
  const options = ["-movflags", "frag_keyframe+delay_moov"];
  const path = media.make("fragmented.mp4", { pictures: "bFrames", sound: "stereo", options });
  const moofs = readTopBoxes(path).filter(({ type }) => type === "moof");
  fragmented = { moov: readMoov(path), fragments: moofs.map(({ offset, bytes }) => ({ offset, moof: bytes })) };
});
afterAll(() => media.remove());

/** One change of some bytes; `at` is a part of their length. */
type Damage = (bytes: Uint8Array) => Uint8Array;

const EXTREMES = [0, 1, 2, 7, 8, 15, 16, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff7];
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

function overwrite(bytes: Uint8Array, at: number, written: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  const start = Math.floor(at * Math.max(0, copy.length - written.length));
  copy.set(written.slice(0, copy.length - start), start);
  return copy;
}

const damages: fc.Arbitrary<Damage> = fc.oneof(
  fc.tuple(place, fc.nat(7)).map(([at, bit]): Damage => (bytes) => {
    const index = Math.floor(at * bytes.length);
    return overwrite(bytes, at, [(bytes[index] ?? 0) ^ (1 << bit)]);
  }),
  fc.tuple(place, fc.constantFrom(...EXTREMES)).map(
    ([at, value]): Damage =>
      (bytes) =>
        overwrite(bytes, at, [...u32(value)]),
  ),
  // on the fields themselves: most of them begin at a multiple of four
  fc.tuple(place, fc.constantFrom(...EXTREMES)).map(([at, value]): Damage => (bytes) => {
    const start = Math.floor((at * bytes.length) / 4) * 4;
    return overwrite(bytes, start / Math.max(1, bytes.length - 4), [...u32(value)]);
  }),
  fc.tuple(place, place).map(([from, to]): Damage => (bytes) => {
    const [start = 0, end = 0] = [from, to].map((at) => Math.floor(at * bytes.length)).toSorted((a, b) => a - b);
    return join(bytes.subarray(0, start), bytes.subarray(end));
  }),
  fc.tuple(place, place).map(([from, to]): Damage => (bytes) => {
    const [start = 0, end = 0] = [from, to].map((at) => Math.floor(at * bytes.length)).toSorted((a, b) => a - b);
    return join(bytes.subarray(0, end), bytes.subarray(start));
  }),
);
const damaged = fc.array(damages, { minLength: 1, maxLength: 4 });

/** The size at the front is mended: nobody hands out a box that is not whole. */
function damage(bytes: Uint8Array, changes: readonly Damage[]): Uint8Array {
  const body = changes.reduce((changed, change) => change(changed), bytes.subarray(8));
  return join(u32(8 + body.length), bytes.subarray(4, 8), body);
}

/** @returns what is wrong with an answer that is neither a movie nor a refusal */
function findFault(parse: () => Movie): unknown {
  try {
    const { video, audio } = parse();
    return [video, audio].map((track) => track && findTableFault(track.samples)).find((fault) => fault !== undefined);
  } catch (error) {
    return error instanceof MediaRefusal ? undefined : error;
  }
}

function findTableFault({ count, ...columns }: SampleTable): string | undefined {
  const { offsets, decodeTimes } = columns;
  if (count === 0) return "a track without samples";
  if (Object.values(columns).some((column) => column.length !== count)) return "a column of another length";
  if (Object.values(columns).some((column) => !column.every(Number.isFinite))) return "no number";
  if (offsets.some((offset) => offset < 0)) return "an offset before the file";
  if (decodeTimes.some((time, index) => time < (decodeTimes[index - 1] ?? -Infinity))) return "times that fall";
  return undefined;
}

test("a damaged movie is read or refused", () => {
  fc.assert(
    fc.property(fc.nat(1), damaged, (file, changes) => {
      expect(findFault(() => parseMovie(damage(whole[file] ?? new Uint8Array(), changes)))).toBeUndefined();
    }),
    { numRuns: inject("isFullMatrix") ? 5000 : 500 },
  );
});

test("a movie of damaged fragments is read or refused", () => {
  const offsets = fc.nat(2 ** 31 - 1);
  fc.assert(
    fc.property(damaged, fc.boolean(), offsets, (changes, isMoov, offset) => {
      const { moov, fragments } = fragmented;
      const added = { offset, moof: damage(fragments.at(-1)?.moof ?? moov, changes) };
      const parse = (): Movie =>
        isMoov ? parseFragments(damage(moov, changes), fragments) : parseFragments(moov, [...fragments, added]);
      expect(findFault(parse)).toBeUndefined();
    }),
    { numRuns: inject("isFullMatrix") ? 5000 : 500 },
  );
});

test("any bytes are read or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const moov = box("moov", bytes);
      expect(findFault(() => parseMovie(bytes))).toBeUndefined();
      expect(findFault(() => parseFragments(moov, [{ offset: 0, moof: box("moof", bytes) }]))).toBeUndefined();
    }),
  );
});

test("boxes in one another without end are not followed", () => {
  const depths = Array.from({ length: 20_000 }, (_, depth) => depth);
  const nest = join(...depths.flatMap((depth) => [u32((depths.length - depth) * 8), [0x6d, 0x6f, 0x6f, 0x76]]));
  expect(() => parseMovie(nest)).toThrow("MP4 moov: expected mvhd, got moov");
});

test("millions of samples that a few bytes claim are refused before there is room for them", () => {
  const { moov } = fragmented;
  const run = fullBox("trun", [0, 0], u32(300_000));
  const traf = box("traf", fullBox("tfhd", [0, 0], u32(9)), ...Array.from({ length: 1000 }, () => run));
  const fragment = { offset: 0, moof: box("moof", traf) };
  expect(() => parseFragments(moov, [fragment])).toThrow(MediaRefusal);
});
