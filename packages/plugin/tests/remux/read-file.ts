/** A file that is read by ranges, and what of it is expected. */
import { createByteSource, type ByteSource } from "../../src/remux/byte-source.ts";
import type { ByteSourceOptions } from "../../src/remux/byte-requests.ts";
import type { ByteRange } from "../../src/remux/segment-job.ts";
import type { FakeFile } from "./fake-file.ts";

export const NEVER: AbortSignal = new AbortController().signal;

export function open(file: FakeFile, options: Partial<ByteSourceOptions> = {}): ByteSource {
  return createByteSource({
    url: file.url,
    maxBytes: 10_000_000,
    maxWholeBytes: 1_000_000,
    fetchRange: file.fetchRange,
    now: () => performance.now(),
    retryMs: 0,
    ...options,
  });
}

export function take(source: ByteSource, ...ranges: readonly ByteRange[]): Promise<Buffer> {
  return source.take(ranges, NEVER, () => undefined).then(({ bytes }) => Buffer.from(bytes));
}

export function slice({ bytes }: FakeFile, ...ranges: readonly ByteRange[]): Buffer {
  return Buffer.concat(ranges.map(({ start, end }) => bytes.subarray(start, end)));
}

export function range(start: number, end: number): ByteRange {
  return { start, end };
}
