/**
 * Boxes of an MP4 file that the tests have made themselves: found to say how a file lies, and changed to make what no muxer at hand
 * writes. Sizes are trusted.
 *
 * @see ISO/IEC 14496-12 §4.2
 */

export interface Box {
  readonly type: string;
  /** All of it, a view into the file. */
  readonly bytes: Buffer;
  /** Behind size and type, a view into the file. */
  readonly payload: Buffer;
  /** Bytes from the start of what was listed. */
  readonly offset: number;
}

/** The boxes that lie one behind the other in `bytes`. */
export function listBoxes(bytes: Buffer): readonly Box[] {
  const boxes: Box[] = [];
  for (let offset = 0; offset + 8 <= bytes.length;) {
    const short = bytes.readUInt32BE(offset);
    const headerSize = short === 1 ? 16 : 8;
    const size = short === 1 ? Number(bytes.readBigUInt64BE(offset + 8)) : short;
    if (size < headerSize) throw new Error(`box at ${offset}: expected at least ${headerSize} bytes, got ${size}`);
    const type = bytes.toString("latin1", offset + 4, offset + 8);
    const end = offset + size;
    boxes.push({
      type,
      offset,
      bytes: bytes.subarray(offset, end),
      payload: bytes.subarray(offset + headerSize, end),
    });
    offset = end;
  }
  return boxes;
}

/** All boxes at a path such as `moov/trak/mdia`, in order; none: empty. */
export function findBoxes(bytes: Buffer, path: string): readonly Box[] {
  const [type, ...rest] = path.split("/");
  const found = listBoxes(bytes).filter((box) => box.type === type);
  return rest.length === 0 ? found : found.flatMap(({ payload }) => findBoxes(payload, rest.join("/")));
}

/** The payload of the first box at a path. @throws Error where there is none */
export function readBox(bytes: Buffer, path: string): Buffer {
  const [box] = findBoxes(bytes, path);
  if (!box) throw new Error(`expected a box ${path}`);
  return box.payload;
}

/** A box of less than 4 GB. */
export function formatBox(type: string, payload: Buffer): Buffer {
  const head = Buffer.alloc(8, type, "latin1");
  head.writeUInt32BE(8 + payload.length);
  head.write(type, 4, "latin1");
  return Buffer.concat([head, payload]);
}

/** The tracks of one kind: what lies in their `trak` boxes. */
export function findTracks(file: Buffer, kind: "vide" | "soun"): readonly Buffer[] {
  const tracks = findBoxes(file, "moov/trak").map(({ payload }) => payload);
  return tracks.filter((track) => readBox(track, "mdia/hdlr").toString("latin1", 8, 12) === kind);
}
