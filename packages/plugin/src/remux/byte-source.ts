/**
 * A creative's file, read by ranges as its bytes are needed: small gaps are read along and kept, and a server that sends the whole file is
 * read to its end once, where the file is small enough to be held.
 */
import { joinRanges, subtractRanges, sumRanges } from "./byte-ranges.ts";
import {
  advance,
  type ByteReader,
  type ByteSourceOptions,
  endWith,
  type FileReading,
  readBusyMs,
  startReading,
  type Transfer,
} from "./byte-requests.ts";
import type { ByteRange } from "./segment-job.ts";

/** Bytes, and what the network gave meanwhile and took; where all was there, by the rate of what came before. */
export interface TakenBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly networkBytes: number;
  readonly networkMs: number;
  readonly ttfbMs: number;
}

export interface ByteSource {
  /**
   * From `start`, fewer bytes where the file ends. They stay.
   *
   * @param ahead how many are asked for at least where none is on its way
   * @throws MediaRefusal
   */
  readonly peek: (start: number, length: number, ahead?: number) => Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Sorted ranges laid end to end; they are let go of.
   *
   * @throws MediaRefusal; the signal's reason
   */
  readonly take: (
    ranges: readonly ByteRange[],
    signal: AbortSignal,
    onProgress: (loaded: number, total: number) => void,
  ) => Promise<TakenBytes>;
  readonly drop: (range: ByteRange) => void;
  /** Bytes of the file; undefined: not known. */
  readonly size: () => number | undefined;
  readonly stats: () => { readonly bytesRead: number; readonly requests: number };
  /** Ends everything that is under way for this reason; what is asked for later gets the same. */
  readonly end: (cause: unknown) => void;
}

/** Of bytes that were read along, or ahead. */
const MAX_LEFT = 2_097_152;

export function createByteSource(options: ByteSourceOptions): ByteSource {
  const file = startReading(options);
  const peek: ByteSource["peek"] = (start, length, ahead = 0) => {
    const ranges = [{ start, end: start + length }];
    const copy = (): Uint8Array<ArrayBuffer> =>
      file.held.copy(joinRanges([{ start, end: Math.min(start + length, file.size ?? Infinity) }]));
    return read(file, { ranges, isPeek: true, ahead, onProgress: () => undefined, transfers: new Set() }, copy);
  };
  const take: ByteSource["take"] = async (ranges, signal, onProgress) => {
    signal.throwIfAborted();
    const total = sumRanges(ranges);
    const transfers = new Set<Transfer>();
    const tell = (): void => onProgress(total - sumRanges(file.held.missing(ranges)), total);
    const takeOut = (): TakenBytes => {
      const bytes = file.held.copy(ranges);
      if (!file.isWhole) letGo(file, ranges);
      return { bytes, ...measure(file, transfers, total) };
    };
    return read(file, { ranges, isPeek: false, ahead: 0, onProgress: tell, transfers }, takeOut, signal);
  };
  if (options.first) advance(file);
  return {
    peek,
    take,
    drop: (range) => {
      if (!file.isWhole) file.held.drop([range]);
    },
    size: () => file.size,
    stats: () => ({ bytesRead: file.bytesRead, requests: file.requests }),
    end: (cause) => void endWith(file, cause),
  };
}

type Wanted = Omit<ByteReader, "resolve" | "reject">;

/** @param finish called as soon as all is held that the file has of it, before anybody else can take it */
function read<T>(file: FileReading, wanted: Wanted, finish: () => T, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (file.ended) return reject(file.ended.cause);
    const onAbort = (): void => {
      file.readers.delete(reader);
      endUnwanted(file, reader);
      reader.reject(signal?.reason);
      // others may have waited for their place
      advance(file);
    };
    const settle = (): void => signal?.removeEventListener("abort", onAbort);
    const reader: ByteReader = {
      ...wanted,
      resolve: () => {
        settle();
        resolve(finish());
      },
      reject: (cause) => {
        settle();
        reject(cause);
      },
    };
    signal?.addEventListener("abort", onAbort);
    file.readers.add(reader);
    advance(file);
  });
}

/** Ends the requests that went on for this reader alone; a whole file is read on. */
function endUnwanted(file: FileReading, { transfers }: ByteReader): void {
  for (const transfer of file.transfers) {
    const isWanted = [...file.readers].some((other) => other.transfers.has(transfer));
    if (!transfers.has(transfer) || isWanted || transfer.end === Infinity || file.isWhole) continue;
    file.transfers.delete(transfer);
    transfer.controller.abort();
  }
}

/** Drops what was taken, and of what was read along the oldest that is too much. */
function letGo(file: FileReading, taken: readonly ByteRange[]): void {
  const { held, readers } = file;
  held.drop(taken);
  const wanted = joinRanges([...readers].flatMap(({ ranges }) => ranges));
  const left = subtractRanges(held.ranges(), wanted);
  let excess = sumRanges(left) - MAX_LEFT;
  for (const { start, end } of left) {
    if (excess <= 0) break;
    held.drop([{ start, end: Math.min(end, start + excess) }]);
    excess -= end - start;
  }
}

function measure(file: FileReading, transfers: ReadonlySet<Transfer>, total: number): Omit<TakenBytes, "bytes"> {
  const { options, bytesRead } = file;
  const now = options.now();
  const [earliest] = [...transfers].filter(({ isRunning }) => isRunning).toSorted((a, b) => a.startedAt - b.startedAt);
  if (!earliest) {
    const networkMs = (total * readBusyMs(file)) / Math.max(bytesRead, 1);
    return { networkBytes: total, networkMs, ttfbMs: 0 };
  }
  const { startedAt, firstByteAt = now, bytesBefore } = earliest;
  return { networkBytes: bytesRead - bytesBefore, networkMs: now - startedAt, ttfbMs: firstByteAt - startedAt };
}
