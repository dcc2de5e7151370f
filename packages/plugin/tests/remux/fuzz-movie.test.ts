/** What a hostile file may do to the reader of its boxes: be refused, soon and by name. */
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { listBoxes } from "../../src/remux/mp4-boxes.ts";
import { parseFragments, type Fragment } from "../../src/remux/mp4-fragments.ts";
import { parseMovie } from "../../src/remux/mp4-movie.ts";
import { planRemux } from "../../src/remux/plan.ts";
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

/** One change of some bytes. */
type Damage = (bytes: Uint8Array) => Uint8Array;

const EXTREMES = [0, 1, 2, 7, 8, 15, 16, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff7];
const CONTAINERS = ["moov", "trak", "edts", "mdia", "minf", "stbl", "mvex", "moof", "traf"];
// any place as often as another: a double of fast-check's is mostly one close to 0, which is one header for ever
const place = fc.noBias(fc.nat(2 ** 30 - 1)).map((number) => number / 2 ** 30);

/** The contents of the boxes that hold no others, as views of `bytes`. */
function listLeaves(bytes: Uint8Array): readonly Uint8Array[] {
  const boxes = listBoxes(bytes, "test");
  return boxes.flatMap(({ type, body }) => (CONTAINERS.includes(type) ? listLeaves(body) : [body]));
}

/** A field of one box, chosen before how large the box is: sizes of boxes stay as they are. */
const fieldDamages = fc
  .tuple(place, place, fc.constantFrom(...EXTREMES))
  .map(([leaf, at, value]): Damage => (bytes) => {
    const copy = bytes.slice();
    const leaves = listLeaves(copy).filter(({ length }) => length >= 4);
    const body = leaves[Math.floor(leaf * leaves.length)] ?? copy;
    body.set([...u32(value)], Math.floor(at * Math.floor(body.length / 4)) * 4);
    return copy;
  });
const bitDamages = fc.tuple(place, fc.nat(7)).map(([at, bit]): Damage => (bytes) => {
  const copy = bytes.slice();
  const index = Math.floor(at * copy.length);
  copy[index] = (copy[index] ?? 0) ^ (1 << bit);
  return copy;
});
/** A part left out, or said twice. The size at the front is mended: nobody hands out a box that is not whole. */
const partDamages = fc.tuple(place, place, fc.boolean()).map(([one, other, isTwice]): Damage => (bytes) => {
  const [start = 8, end = 8] = [one, other]
    .map((at) => 8 + Math.floor(at * (bytes.length - 8)))
    .toSorted((a, b) => a - b);
  const body = join(bytes.subarray(8, isTwice ? end : start), bytes.subarray(isTwice ? start : end));
  return join(u32(8 + body.length), bytes.subarray(4, 8), body);
});
const damaged = fc.oneof(
  { weight: 6, arbitrary: fc.array(fieldDamages, { minLength: 1, maxLength: 3 }) },
  { weight: 3, arbitrary: fc.array(bitDamages, { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.array(partDamages, { minLength: 1, maxLength: 1 }) },
);

function damage(bytes: Uint8Array, changes: readonly Damage[]): Uint8Array {
  return changes.reduce((changed, change) => change(changed), bytes);
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
  fc.assert(
    fc.property(damaged, fc.boolean(), (changes, isMoov) => {
      const { moov, fragments } = fragmented;
      const changed = fragments.map(({ offset, moof }) => ({ offset, moof: damage(moof, changes) }));
      const parse = (): Movie =>
        isMoov ? parseFragments(damage(moov, changes), fragments) : parseFragments(moov, changed);
      expect(findFault(parse)).toBeUndefined();
    }),
    { numRuns: inject("isFullMatrix") ? 5000 : 500 },
  );
});

test("what is read of a damaged movie is planned within the file, or refused", () => {
  const planAll = (movie: Movie): void => {
    for (const { ranges } of planRemux(movie, { packaging: "hls", targetDuration: undefined }).segments) {
      for (const { start, end } of ranges)
        if (!(start >= 0 && end > start)) throw new Error(`bytes ${start} to ${end}`);
    }
  };
  fc.assert(
    fc.property(fc.nat(1), damaged, (file, changes) => {
      const parse = (): Movie => {
        const movie = parseMovie(damage(whole[file] ?? new Uint8Array(), changes));
        planAll(movie);
        return movie;
      };
      expect(findFault(parse)).toBeUndefined();
    }),
    { numRuns: inject("isFullMatrix") ? 2000 : 200 },
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
  const run = fullBox("trun", [0, 0], u32(50_000));
  const traf = box("traf", fullBox("tfhd", [0, 0], u32(9)), ...Array.from({ length: 1000 }, () => run));
  const fragment = { offset: 0, moof: box("moof", traf) };
  expect(() => parseFragments(moov, [fragment])).toThrow(MediaRefusal);
});
