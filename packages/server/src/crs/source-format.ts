/**
 * What a downloaded file is, by its first bytes and nothing else: not its name, not its Content-Type, not ffmpeg's guess.
 * Only what is listed here is ever shown to ffmpeg, with the demuxer forced.
 *
 * @see server-notes.md §5.1
 */
import { type FileHandle, open } from "node:fs/promises";
import { RepackageFailure } from "./repackage-failure.ts";

/** The name of ffmpeg's demuxer. `mpegts` and `aac` come out of our own HLS reader only. */
export type SourceFormat = "mov" | "flv" | "matroska" | "mpegts" | "aac";

/** A file on disk whose format is known. */
export interface IdentifiedFile {
  readonly path: string;
  readonly format: SourceFormat;
}

const EBML = Buffer.from([0x1a, 0x45, 0xdf, 0xa3]);

/** What an MP4 or QuickTime file may hold before its `moov`; ISO/IEC 14496-12 §4.3 asks for `ftyp` early, not first. */
const LEADING_BOXES: ReadonlySet<string> = new Set(["free", "skip", "wide", "mdat", "pdin"]);

/**
 * The format of a file's first bytes; undefined for anything else, playlists and concat scripts included. An MP4 that begins with
 * something else than `ftyp` or `moov` is one only if its boxes lead to a `moov`, which is `identifySource`'s to find out.
 *
 * @param head the first 8 bytes or more
 */
export function sniffFormat(head: Buffer): SourceFormat | undefined {
  const box = head.toString("latin1", 4, 8);
  if (box === "ftyp" || box === "moov") return "mov";
  if (LEADING_BOXES.has(box)) {
    const length = head.readUInt32BE(0);
    return length === 1 || length >= 8 ? "mov" : undefined;
  }
  if (head.toString("latin1", 0, 4) === "FLV\u0001") return "flv";
  return head.subarray(0, 4).equals(EBML) ? "matroska" : undefined;
}

/**
 * Opens a downloaded file and tells its format; an MP4 must be whole.
 *
 * @throws RepackageFailure `unsupported`, `truncated`
 */
export async function identifySource(path: string): Promise<SourceFormat> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0);
    const head = buffer.subarray(0, bytesRead);
    const format = sniffFormat(head);
    if (format === undefined) {
      const came = JSON.stringify(head.toString("latin1"));
      throw new RepackageFailure(
        "unsupported",
        `creative: expected MP4, FLV, WebM or Matroska, got a file that begins with ${came}`,
      );
    }
    if (format === "mov") await checkBoxes(file);
    return format;
  } finally {
    await file.close();
  }
}

/** A file may hold a few thousand top-level boxes (two per fragment), not millions. */
const MAX_BOXES = 100_000;

/** ISO/IEC 14496-12 §4.2: the top-level boxes tile the file, and one of them is `moov`. */
async function checkBoxes(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  const header = Buffer.alloc(16);
  let hasMovie = false;
  let position = 0;
  for (let boxes = 0; position + 8 <= size && boxes < MAX_BOXES; boxes++) {
    const { bytesRead } = await file.read(header, 0, 16, position);
    const type = header.toString("latin1", 4, 8);
    const length = boxLength(header.subarray(0, bytesRead), size - position);
    hasMovie ||= type === "moov";
    if (length < 8 || position + length > size) {
      const name = JSON.stringify(type);
      throw new RepackageFailure(
        "truncated",
        `creative: expected the box ${name} at byte ${position} to be ${length} bytes long, got a file of ${size} bytes`,
      );
    }
    position += length;
  }
  if (!hasMovie) throw new RepackageFailure("truncated", "creative: expected an MP4 with a moov box, got none");
}

function boxLength(header: Buffer, remaining: number): number {
  const length = header.readUInt32BE(0);
  if (length === 0) return remaining;
  return length === 1 && header.length >= 16 ? Number(header.readBigUInt64BE(8)) : length;
}
