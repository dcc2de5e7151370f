/**
 * The boxes that an MP4 file is made of.
 *
 * @see ISO/IEC 14496-12 §4.2
 */
import { unreadable } from "./bytes.ts";

export interface BoxHeader {
  /** Four characters; `?` for one that cannot be printed. */
  readonly type: string;
  /** Bytes of the whole box, header included; Infinity: to the end of what it is in. */
  readonly size: number;
  readonly headerSize: number;
}

/** Views of the box's bytes. */
export interface Box {
  readonly type: string;
  readonly body: Uint8Array;
  readonly whole: Uint8Array;
}

/** Far beyond what a muxer writes into one box: who claims more wants the time. */
const MAX_BOXES = 20_000;

/**
 * @returns undefined where the header does not end within the bytes
 * @throws MediaRefusal `source-unreadable` when the box would be shorter than its header
 */
export function readBoxHeader(bytes: Uint8Array, at: number): BoxHeader | undefined {
  if (at + 8 > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, bytes.length - at);
  const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8)).replaceAll(/[^ -~]/g, "?");
  const short = view.getUint32(0);
  if (short === 0) return { type, size: Infinity, headerSize: 8 };
  if (short === 1 && bytes.length < at + 16) return undefined;
  const headerSize = short === 1 ? 16 : 8;
  const size = short === 1 ? view.getUint32(8) * 2 ** 32 + view.getUint32(12) : short;
  if (size < headerSize) throw unreadable(`MP4 box ${type}: expected at least ${headerSize} bytes, got ${size}`);
  return { type, size, headerSize };
}

/**
 * The boxes laid end to end in `bytes`; what is left at the end and too short for one is not looked at, as QuickTime
 * closes lists with four bytes.
 *
 * @param part what the bytes are, for the message of a refusal
 * @throws MediaRefusal `source-unreadable` when one reaches beyond the bytes
 */
export function listBoxes(bytes: Uint8Array, part: string): readonly Box[] {
  const boxes: Box[] = [];
  for (let at = 0; ;) {
    const header = readBoxHeader(bytes, at);
    if (!header) return boxes;
    const end = header.size === Infinity ? bytes.length : at + header.size;
    if (end > bytes.length) {
      throw unreadable(
        `MP4 ${part}: expected ${header.type} of ${header.size} bytes at ${at}, got ${bytes.length - at}`,
      );
    }
    if (boxes.length === MAX_BOXES) throw unreadable(`MP4 ${part}: expected at most ${MAX_BOXES} boxes, got more`);
    boxes.push({
      type: header.type,
      body: bytes.subarray(at + header.headerSize, end),
      whole: bytes.subarray(at, end),
    });
    at = end;
  }
}

/** The body of the first box of that type. */
export function findBox(boxes: readonly Box[], type: string): Uint8Array | undefined {
  return boxes.find((box) => box.type === type)?.body;
}

/** @throws MediaRefusal `source-unreadable` when there is none */
export function expectBox(boxes: readonly Box[], type: string, part: string): Uint8Array {
  const body = findBox(boxes, type);
  if (body) return body;
  const got = boxes.slice(0, 8).map((box) => box.type);
  throw unreadable(`MP4 ${part}: expected ${type}, got ${got.join(" ") || "nothing"}`);
}

/**
 * The body of one box that is given whole.
 *
 * @throws MediaRefusal `source-unreadable` when it is another one, or cut off
 */
export function openBox(bytes: Uint8Array, type: string): Uint8Array {
  return expectBox(listBoxes(bytes, "file"), type, "file");
}
