/**
 * Where the fragments of a file begin, as its index says: a hint alone, by which they can be asked for at the same time.
 *
 * @see ISO/IEC 14496-12 §8.16.3
 */

/** A sidx of another level: it points to indexes, not to media. */
const IS_INDEX = 0x80000000;
const ROW_BYTES = 12;

/**
 * Bytes from the end of the box, in order; empty where it says nothing of use.
 *
 * @param sidx the whole box
 */
export function readFragmentOffsets(sidx: Uint8Array): readonly number[] {
  const view = new DataView(sidx.buffer, sidx.byteOffset, sidx.byteLength);
  const rowsAt = sidx[8] === 0 ? 32 : 40;
  if (view.byteLength < rowsAt) return [];
  const rows = Math.min(view.getUint16(rowsAt - 2), Math.floor((view.byteLength - rowsAt) / ROW_BYTES));
  const offsets: number[] = [];
  let offset = sidx[8] === 0 ? view.getUint32(24) : view.getUint32(28) * 2 ** 32 + view.getUint32(32);
  for (let row = 0; row < rows; row += 1) {
    const reference = view.getUint32(rowsAt + row * ROW_BYTES);
    if (reference >= IS_INDEX) return [];
    offsets.push(offset);
    offset += reference;
  }
  return offsets;
}
