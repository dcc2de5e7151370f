/** What no muxer of ffmpeg 5.1 or GStreamer 1.22 writes into six seconds, written into a file that they have made. */
import { findTracks, formatBox, listBoxes, readBox } from "./boxes.ts";

/** A copy of the file. */
export type Patch = (file: Buffer) => Buffer;

/**
 * LC at half the rate, said to be HE-AAC at the whole one, as encoders of HE-AAC say it: explicit, in the rate that is heard, 2048 samples
 * a frame. Without data for the upper half of the spectrum decoders give the lower half at the whole rate.
 *
 * @see ISO/IEC 14496-3 §1.6.2.1: object type 5, index 6 (24 kHz), 2 channels, extension index 3 (48 kHz), object type 2
 */
export const signalHeAac: Patch = (file) => {
  const copy = Buffer.from(file);
  for (const track of findTracks(copy, "soun")) {
    const header = readBox(track, "mdia/mdhd");
    for (const at of [12, 16]) header.writeUInt32BE(header.readUInt32BE(at) * 2, at);
    const steps = readBox(track, "mdia/minf/stbl/stts");
    for (let at = 12; at < steps.length; at += 8) steps.writeUInt32BE(steps.readUInt32BE(at) * 2, at);
    const edits = readBox(track, "edts/elst");
    edits.writeInt32BE(edits.readInt32BE(12) * 2, 12);
    const row = readBox(track, "mdia/minf/stbl/stsd");
    row.writeUInt32BE(48_000 * 2 ** 16, 40);
    const lowComplexity = row.indexOf(Buffer.from([0x13, 0x10]));
    if (lowComplexity < 0) throw new Error("expected LC of 24 kHz and two channels");
    row.set([0x2b, 0x11, 0x88, 0x00, 0x00], lowComplexity);
  }
  return copy;
};

/** Turns the pictures by 90° clockwise. @see ISO/IEC 14496-12 §6.2.2, §8.3.2 */
export const rotate: Patch = (file) => {
  const copy = Buffer.from(file);
  for (const track of findTracks(copy, "vide")) {
    const header = readBox(track, "tkhd");
    const one = 2 ** 16;
    const height = header.readUInt32BE(80);
    const matrix = [0, one, 0, -one, 0, 0, height, 0, 2 ** 30];
    for (const [index, value] of matrix.entries()) header.writeInt32BE(value, 40 + index * 4);
  }
  return copy;
};

const CONTAINERS = ["moov", "trak", "mdia", "minf", "stbl"];

/** 64-bit sizes and offsets where they need not be. The header of `mdat` grows into the free box that ffmpeg keeps for it. */
export const widen: Patch = (file) => {
  const boxes = listBoxes(file);
  return Buffer.concat(
    boxes.map((box, index) => {
      if (box.type === "moov") return widenOffsets(box.bytes);
      if (box.type !== "mdat") return boxes[index + 1]?.type === "mdat" ? Buffer.alloc(0) : box.bytes;
      if (boxes[index - 1]?.bytes.length !== 8) throw new Error("expected a free box of 8 bytes before mdat");
      const head = Buffer.alloc(16, "\0\0\0\u0001mdat", "latin1");
      head.writeBigUInt64BE(BigInt(box.payload.length + 16), 8);
      return Buffer.concat([head, box.payload]);
    }),
  );
};

function widenOffsets(bytes: Buffer): Buffer {
  return Buffer.concat(
    listBoxes(bytes).map(({ type, bytes: whole, payload }) => {
      if (CONTAINERS.includes(type)) return formatBox(type, widenOffsets(payload));
      if (type !== "stco") return whole;
      const count = payload.readUInt32BE(4);
      const table = Buffer.alloc(8 + count * 8);
      payload.copy(table, 0, 0, 8);
      for (let index = 0; index < count; index++)
        table.writeBigUInt64BE(BigInt(payload.readUInt32BE(8 + index * 4)), 8 + index * 8);
      return formatBox("co64", table);
    }),
  );
}
