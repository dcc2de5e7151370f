/**
 * What is held of a file: bytes that were read and are not used yet. Memory is taken for bytes that have come, never for a length that
 * somebody claims.
 */
import { joinRanges, subtractRanges, sumRanges } from "./byte-ranges.ts";
import type { ByteRange } from "./segment-job.ts";

export interface SparseBytes {
  /** Bytes that are there already stay as they are. */
  readonly add: (start: number, bytes: Uint8Array) => void;
  /** What of sorted ranges is not there. */
  readonly missing: (ranges: readonly ByteRange[]) => readonly ByteRange[];
  /** Sorted ranges laid end to end; all of them are there. */
  readonly copy: (ranges: readonly ByteRange[]) => Uint8Array<ArrayBuffer>;
  readonly drop: (ranges: readonly ByteRange[]) => void;
  /** Sorted. */
  readonly ranges: () => readonly ByteRange[];
}

const BLOCK = 65_536;

export function createSparseBytes(): SparseBytes {
  const blocks = new Map<number, Uint8Array<ArrayBuffer>>();
  let held: readonly ByteRange[] = [];

  const write = (start: number, bytes: Uint8Array): void => {
    for (const { block, from, to, at } of walkBlocks({ start, end: start + bytes.length })) {
      const room = blocks.get(block) ?? new Uint8Array(BLOCK);
      blocks.set(block, room);
      room.set(bytes.subarray(at, at + to - from), from);
    }
  };
  const dropEmpty = (ranges: readonly ByteRange[]): void => {
    const touched = new Set(ranges.flatMap((range) => Array.from(walkBlocks(range), ({ block }) => block)));
    for (const block of touched) {
      const whole = { start: block * BLOCK, end: (block + 1) * BLOCK };
      if (sumRanges(subtractRanges([whole], held)) === BLOCK) blocks.delete(block);
    }
  };
  return {
    add: (start, bytes) => {
      for (const part of subtractRanges([{ start, end: start + bytes.length }], held))
        write(part.start, bytes.subarray(part.start - start, part.end - start));
      held = joinRanges([...held, { start, end: start + bytes.length }]);
    },
    missing: (ranges) => subtractRanges(ranges, held),
    copy: (ranges) => {
      const copied = new Uint8Array(sumRanges(ranges));
      let written = 0;
      for (const range of ranges)
        for (const { block, from, to } of walkBlocks(range)) {
          copied.set(blocks.get(block)?.subarray(from, to) ?? [], written);
          written += to - from;
        }
      return copied;
    },
    drop: (ranges) => {
      const dropped = subtractRanges(ranges, subtractRanges(ranges, held));
      held = subtractRanges(held, ranges);
      dropEmpty(dropped);
    },
    ranges: () => held,
  };
}

/** A range by blocks: bytes `from` up to `to` of each, and how far into the range they begin. */
function* walkBlocks({ start, end }: ByteRange): Generator<{
  readonly block: number;
  readonly from: number;
  readonly to: number;
  readonly at: number;
}> {
  for (let position = start; position < end;) {
    const block = Math.floor(position / BLOCK);
    const from = position - block * BLOCK;
    const to = Math.min(BLOCK, end - block * BLOCK);
    yield { block, from, to, at: position - start };
    position = block * BLOCK + to;
  }
}
