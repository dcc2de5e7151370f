/**
 * The form of a journal: one line per entry, its checksum before it, so that what a crash cut off, or a disk changed, is told from
 * what was written.
 */
import { crc32 } from "node:zlib";

/** What a stretch of a journal holds. */
export interface JournalStretch {
  readonly entries: readonly JournalEntry[];
  /** Bytes up to the end of the last whole line, 0 where there is none. */
  readonly length: number;
  /** Lines that are not what was written, whole. */
  readonly broken: readonly JournalEntry[];
}

export interface JournalEntry {
  readonly text: string;
  /** Of its line, in bytes from the start of the stretch. */
  readonly end: number;
}

const CHECKSUM_LENGTH = 8;
const NEWLINE = 0x0a;

/** @param text without line breaks */
export function formatEntry(text: string): string {
  return `${checksum(text)} ${text}\n`;
}

/** A last line without its end is left for later: it is being written, or never was. */
export function parseEntries(bytes: Buffer): JournalStretch {
  const entries: JournalEntry[] = [];
  const broken: JournalEntry[] = [];
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
    const line = bytes.toString("utf8", start, end);
    const text = line.slice(CHECKSUM_LENGTH + 1);
    if (line.startsWith(`${checksum(text)} `)) entries.push({ text, end: end + 1 });
    else broken.push({ text: line, end: end + 1 });
    start = end + 1;
  }
  return { entries, length: start, broken };
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(CHECKSUM_LENGTH, "0");
}
