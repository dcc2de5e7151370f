/**
 * Where in a file its tables are, and the movie that they tell of: nothing but tables is asked for on the way there.
 *
 *   moov before mdat   it comes with the first bytes
 *   mdat before moov   its size says where the moov is; what came with the first bytes stays
 *   moov and moofs     from fragment to fragment by their sizes; where a sidx says where they are, some of them at a time
 *
 * @see ISO/IEC 14496-12 §4.2, §8.1.1, §8.16.3
 */
import type { ByteSource } from "./byte-source.ts";
import { MediaRefusal, type Movie } from "./movie.ts";
import { type BoxHeader, readBoxHeader } from "./mp4-boxes.ts";
import { type Fragment, parseFragments } from "./mp4-fragments.ts";
import { isFragmented, parseMovie } from "./mp4-movie.ts";
import { readFragmentOffsets } from "./mp4-segment-index.ts";
import type { ByteRange } from "./segment-job.ts";

const MAX_MOOV_BYTES = 4_194_304;
const MAX_MOOF_BYTES = 524_288;
const MAX_SIDX_BYTES = 65_536;
const MAX_FRAGMENTS = 2000;
/** At the top of a file: three for each fragment, and a few around them. */
const MAX_BOXES = 3 * MAX_FRAGMENTS + 100;
/** What is asked for where a box begins that nothing is known of. */
const TABLE_AHEAD = 65_536;
const FRAGMENT_AHEAD = 16_384;
/** How many are asked for before they are needed. */
const WARM_FRAGMENTS = 8;
const MAX_HEADER_BYTES = 16;
/** What a file of this family begins with. QuickTime's need no ftyp. */
const FIRST_TYPES: ReadonlySet<string> = new Set(["ftyp", "styp", "moov", "mdat", "wide", "free", "skip", "pnot"]);

interface PlacedBox extends BoxHeader {
  readonly start: number;
}

/** @throws MediaRefusal */
export async function openMovie(source: ByteSource): Promise<Movie> {
  const fragments: Fragment[] = [];
  let moov: Uint8Array | undefined;
  let indexed: readonly number[] = [];
  for await (const box of walkBoxes(source, () => (moov ? FRAGMENT_AHEAD : TABLE_AHEAD))) {
    if (box.type === "moov" && !moov) {
      moov = await readTable(source, box, MAX_MOOV_BYTES);
      if (!isFragmented(moov)) return parseMovie(moov);
    }
    if (!moov) continue;
    if (box.type === "sidx" && indexed.length === 0) {
      indexed = await readIndex(source, box);
      warmFragments(source, indexed.slice(0, WARM_FRAGMENTS));
    }
    if (box.type !== "moof") continue;
    if (fragments.length === MAX_FRAGMENTS)
      throw new MediaRefusal("unsupported-media-file", `MP4: expected at most ${MAX_FRAGMENTS} fragments, got more`);
    const next = fragments.length + WARM_FRAGMENTS;
    warmFragments(source, indexed.slice(next, next + 1));
    fragments.push({ offset: box.start, moof: await readTable(source, box, MAX_MOOF_BYTES) });
  }
  if (!moov) throw new MediaRefusal("source-unreadable", "MP4: expected moov, got a file without");
  return parseFragments(moov, fragments);
}

/** The boxes at the top of a file, until it ends or one goes on to its end. */
async function* walkBoxes(source: ByteSource, ahead: () => number): AsyncGenerator<PlacedBox> {
  let start = 0;
  for (let count = 0; start < (source.size() ?? Infinity); count += 1) {
    if (count === MAX_BOXES) throw new MediaRefusal("source-unreadable", `MP4: expected ${MAX_BOXES} boxes, got more`);
    const bytes = await source.peek(start, MAX_HEADER_BYTES, ahead());
    const header = readBoxHeader(bytes, 0);
    if (count === 0 && !(header && FIRST_TYPES.has(header.type)))
      throw new MediaRefusal("source-unreadable", `expected an MP4 file, got one that begins with ${describe(bytes)}`);
    if (!header) return;
    yield { ...header, start };
    start += header.size;
  }
}

function describe(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ") || "nothing";
}

/** The whole box; it is not read again. */
async function readTable(source: ByteSource, { type, start, size }: PlacedBox, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = (): MediaRefusal =>
    new MediaRefusal("unsupported-media-file", `MP4 ${type}: expected at most ${maxBytes} bytes, got more`);
  if (size !== Infinity && size > maxBytes) throw tooLarge();
  const range: ByteRange = { start, end: start + Math.min(size, maxBytes + 1) };
  const bytes = await source.peek(start, range.end - start);
  if (bytes.length > maxBytes) throw tooLarge();
  source.drop(range);
  return bytes;
}

/** Where fragments begin, as far as an index says. */
async function readIndex(source: ByteSource, box: PlacedBox): Promise<readonly number[]> {
  const sidx = await readTable(source, box, MAX_SIDX_BYTES);
  return readFragmentOffsets(sidx).map((offset) => box.start + box.size + offset);
}

/** Who reads them is told of failures. */
function warmFragments(source: ByteSource, starts: readonly number[]): void {
  const end = source.size() ?? Infinity;
  for (const start of starts)
    if (start < end) source.peek(start, MAX_HEADER_BYTES, FRAGMENT_AHEAD).catch(() => undefined);
}
