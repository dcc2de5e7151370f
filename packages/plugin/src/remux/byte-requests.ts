/**
 * Which requests are under way for the readers of one file, and what each reader gets of what comes: a byte that is held or on its way is
 * not asked for again.
 */
import { joinRanges, subtractRanges } from "./byte-ranges.ts";
import type { FetchRange, FirstRange, RangeAnswer } from "./fetch-range.ts";
import { MediaRefusal } from "./movie.ts";
import { type PlacedBody, TransferError } from "./range-answer.ts";
import { type FileServer, runTransfer } from "./range-transfer.ts";
import type { ByteRange } from "./segment-job.ts";
import { createSparseBytes, type SparseBytes } from "./sparse-bytes.ts";

export interface ByteSourceOptions {
  readonly url: URL;
  readonly first?: FirstRange | undefined;
  /** Of the file. */
  readonly maxBytes: number;
  /** Of a file that its server sends whole. */
  readonly maxWholeBytes: number;
  readonly fetchRange: FetchRange;
  /** Milliseconds. */
  readonly now: () => number;
  /** Default 8000: without a byte a request is given up. */
  readonly stallMs?: number;
  /** Default 250: before a range is asked for once more. */
  readonly retryMs?: number;
}

/** Somebody who waits for bytes. */
export interface ByteReader {
  /** Sorted. */
  readonly ranges: readonly ByteRange[];
  /** Where the file ends before the ranges do, what there is of them will do. */
  readonly isPeek: boolean;
  /** How many bytes a request of it asks for at least. */
  readonly ahead: number;
  readonly onProgress: () => void;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
  /** Those that bytes came by. */
  readonly transfers: Set<Transfer>;
}

/** A request, with its second try. */
export interface Transfer {
  /** What is still to come; `end` Infinity: up to the file's end. */
  start: number;
  end: number;
  readonly first: Promise<RangeAnswer> | undefined;
  readonly controller: AbortController;
  isRunning: boolean;
  startedAt: number;
  firstByteAt: number | undefined;
  /** Of all requests, when it began. */
  bytesBefore: number;
}

/** What is known, held and under way of one file. */
export interface FileReading {
  readonly options: ByteSourceOptions;
  readonly server: FileServer;
  readonly held: SparseBytes;
  readonly readers: Set<ByteReader>;
  readonly transfers: Set<Transfer>;
  size: number | undefined;
  /** Its server sends it whole: then it is held whole. */
  isWhole: boolean;
  /** Its server has sent a part of it. */
  hasParts: boolean;
  bytesRead: number;
  requests: number;
  /** Milliseconds in which at least one request was under way, up to when `busySince` was set. */
  busyMs: number;
  /** Undefined: none is. */
  busySince: number | undefined;
  underWay: number;
  /** Why nothing is read any more. */
  ended: { readonly cause: unknown } | undefined;
}

/** Gaps up to this are read along: a request costs more. */
const MAX_GAP = 16_384;
const MAX_PARALLEL = 3;
/** A server may answer with less than was asked for, but not for ever. */
const MAX_REQUESTS = 2000;

/** How many requests sorted ranges ask for where nothing of them is held. */
export function countRequests(ranges: readonly ByteRange[]): number {
  return joinRanges(ranges, MAX_GAP).length;
}

export function startReading(options: ByteSourceOptions): FileReading {
  const file: FileReading = {
    options,
    server: { url: options.url, redirected: undefined, hasAnswered: false },
    held: createSparseBytes(),
    readers: new Set(),
    transfers: new Set(),
    size: undefined,
    isWhole: false,
    hasParts: false,
    bytesRead: 0,
    requests: 0,
    busyMs: 0,
    busySince: undefined,
    underWay: 0,
    ended: undefined,
  };
  if (options.first) addTransfer(file, options.first.range, options.first.answer);
  return file;
}

/** Gives readers what is there, and asks for what nobody has asked for. */
export function advance(file: FileReading): void {
  if (file.ended) return;
  for (const reader of file.readers) {
    const wanted = clip(file, reader);
    const missing = file.held.missing(wanted);
    if (missing.length === 0) {
      file.readers.delete(reader);
      reader.resolve();
    } else ask(file, reader, missing);
  }
  let free = MAX_PARALLEL;
  for (const { isRunning } of file.transfers) free -= isRunning ? 1 : 0;
  for (const transfer of file.transfers) {
    if (free <= 0) return;
    if (transfer.isRunning) continue;
    free -= 1;
    void run(file, transfer);
  }
}

/** What of a reader's ranges is in the file, as far as that is known. */
export function clip({ size = Infinity }: FileReading, { ranges, isPeek }: ByteReader): readonly ByteRange[] {
  return isPeek ? joinRanges(ranges.map(({ start, end }) => ({ start, end: Math.min(end, size) }))) : ranges;
}

function ask(file: FileReading, reader: ByteReader, missing: readonly ByteRange[]): void {
  const { size = Infinity, transfers } = file;
  const refusal = checkMissing(file, missing);
  if (refusal) {
    file.readers.delete(reader);
    return reader.reject(refusal);
  }
  const uncovered = subtractRanges(missing, joinRanges([...transfers]));
  for (const { start, end } of joinRanges(uncovered, MAX_GAP))
    addTransfer(file, { start, end: Math.min(Math.max(end, start + reader.ahead), size) }, undefined);
  for (const transfer of transfers)
    if (!reader.transfers.has(transfer) && covers(transfer, missing)) reader.transfers.add(transfer);
}

/** CORS may hide a file's size: then it is too large where something is asked for that lies too far behind. */
function checkMissing(file: FileReading, missing: readonly ByteRange[]): MediaRefusal | undefined {
  const { size = Infinity, options } = file;
  const start = missing[0]?.start ?? 0;
  const end = missing.at(-1)?.end ?? 0;
  if (end > size) return refuse(file, `at least ${end} bytes`, `${size}`);
  return start >= options.maxBytes ? refuseLarge(file, `something at byte ${start}`) : undefined;
}

/** Whether some of the ranges come by it. */
function covers({ start, end }: Transfer, ranges: readonly ByteRange[]): boolean {
  return ranges.some((range) => range.start < end && range.end > start);
}

function addTransfer(file: FileReading, { start, end }: ByteRange, first: Promise<RangeAnswer> | undefined): void {
  file.transfers.add({
    start,
    end,
    first,
    controller: new AbortController(),
    isRunning: false,
    startedAt: 0,
    firstByteAt: undefined,
    bytesBefore: 0,
  });
}

async function run(file: FileReading, transfer: Transfer): Promise<void> {
  const { options, server } = file;
  const { fetchRange, stallMs = 8000, retryMs = 250, now } = options;
  transfer.isRunning = true;
  transfer.startedAt = now();
  transfer.bytesBefore = file.bytesRead;
  file.requests += 1;
  file.underWay += 1;
  file.busySince ??= transfer.startedAt;
  const sink = {
    wanted: (): ByteRange => transfer,
    onBody: (body: PlacedBody) => placeTransfer(file, transfer, body),
    onBytes: (at: number, bytes: Uint8Array) => takeBytes(file, transfer, at, bytes),
    onFileEnd: (at: number) => learnSize(file, at),
  };
  try {
    if (file.requests > MAX_REQUESTS) throw refuse(file, `at most ${MAX_REQUESTS} requests`, "more");
    const deps = { fetchRange, server, stallMs, retryMs };
    await runTransfer(sink, deps, transfer.controller.signal, transfer.first);
    file.transfers.delete(transfer);
  } catch (cause) {
    // nobody wanted it any more
    if (!file.transfers.delete(transfer)) return;
    failReaders(file, transfer, cause);
  } finally {
    file.underWay -= 1;
    if (file.underWay === 0) {
      file.busyMs = readBusyMs(file);
      file.busySince = undefined;
    }
  }
  advance(file);
}

/** Milliseconds in which requests were under way, so far. */
export function readBusyMs({ busyMs, busySince, options }: FileReading): number {
  return busyMs + (busySince === undefined ? 0 : options.now() - busySince);
}

function placeTransfer(file: FileReading, transfer: Transfer, { start, end, size }: PlacedBody): boolean {
  const isWhole = start < transfer.start || end > transfer.end;
  if (size !== undefined) learnSize(file, size);
  if (!isWhole) {
    file.hasParts = true;
    transfer.end = end;
    return true;
  }
  const { maxWholeBytes } = file.options;
  if ((file.size ?? 0) > maxWholeBytes) {
    const refusal = refuse(file, `a server of ranges, or at most ${maxWholeBytes} bytes`, `${size}`);
    // a cache that has lost it may send all of it once
    throw file.hasParts ? new TransferError(refusal.message) : endWith(file, refusal);
  }
  const others = [...file.transfers].filter((other) => other !== transfer && other.isRunning);
  if (file.isWhole && others.some((other) => other.end >= end)) return false;
  file.isWhole = true;
  transfer.start = start;
  transfer.end = end;
  for (const other of file.transfers) if (other !== transfer && !other.isRunning) file.transfers.delete(other);
  return true;
}

function takeBytes(file: FileReading, transfer: Transfer, at: number, bytes: Uint8Array): void {
  const { held, options } = file;
  transfer.firstByteAt ??= options.now();
  transfer.start = at + bytes.length;
  file.bytesRead += bytes.length;
  if (file.isWhole && transfer.start > options.maxWholeBytes)
    throw endWith(file, refuse(file, `a server of ranges, or at most ${options.maxWholeBytes} bytes`, "more"));
  held.add(at, bytes);
  for (const reader of file.readers) if (reader.transfers.has(transfer)) reader.onProgress();
  advance(file);
}

/** The file's size is told by many answers: one that tells another is of another file. */
function learnSize(file: FileReading, size: number): void {
  const { maxBytes } = file.options;
  if (file.size !== undefined && file.size !== size)
    throw endWith(file, refuse(file, `${file.size} bytes as before`, `${size}`));
  file.size = size;
  if (size > maxBytes) throw endWith(file, refuseLarge(file, `${size}`));
}

function failReaders(file: FileReading, transfer: Transfer, cause: unknown): void {
  for (const reader of file.readers)
    if (covers(transfer, file.held.missing(clip(file, reader)))) {
      file.readers.delete(reader);
      reader.reject(cause);
    }
}

/** Lets go of what is held, too. @returns the cause */
export function endWith<Cause>(file: FileReading, cause: Cause): Cause {
  file.ended ??= { cause };
  for (const { controller } of file.transfers) controller.abort(cause);
  for (const reader of file.readers) reader.reject(cause);
  file.readers.clear();
  file.transfers.clear();
  file.held.drop(file.held.ranges());
  return cause;
}

function refuse(file: FileReading, expected: string, got: string): MediaRefusal {
  return new MediaRefusal("source-unreadable", say(file, expected, got));
}

function refuseLarge(file: FileReading, got: string): MediaRefusal {
  return new MediaRefusal("unsupported-media-file", say(file, `at most ${file.options.maxBytes} bytes`, got));
}

function say({ server }: FileReading, expected: string, got: string): string {
  return `${server.url.href}: expected ${expected}, got ${got}`;
}
