/** A store of segments whose bytes come when a test says so. */
import { createSegmentStore, type SegmentStore } from "../../src/remux/segment-store.ts";

const NEVER = new AbortController().signal;

export interface StoreFixture {
  readonly store: SegmentStore<string>;
  /** `read 0`, `made 0`, `aborted 0`, in order. */
  readonly log: string[];
  /** Lets what is being read of this segment come. */
  readonly finish: (index: number) => Promise<void>;
  readonly fail: (index: number) => Promise<void>;
  readonly take: (index: number, signal?: AbortSignal) => Promise<string>;
}

interface Given {
  readonly count?: number;
  readonly takers?: 1 | 2;
  /** Nothing is made before. */
  readonly until?: Promise<unknown>;
}

export function setUp({ count = 6, takers = 1, until }: Given = {}): StoreFixture {
  const log: string[] = [];
  const reads = new Map<
    number,
    { readonly resolve: (text: string) => void; readonly reject: (cause: Error) => void }
  >();
  const store = createSegmentStore<string, string>({
    count,
    takers,
    read: (index, signal) => {
      log.push(`read ${index}`);
      return new Promise((resolve, reject) => {
        reads.set(index, { resolve, reject });
        signal.addEventListener("abort", () => {
          log.push(`aborted ${index}`);
          reject(signal.reason);
        });
      });
    },
    make: async (index, bytes) => {
      await until;
      log.push(`made ${index}`);
      return `segment of ${bytes}`;
    },
  });
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    store,
    log,
    finish: async (index) => {
      reads.get(index)?.resolve(`bytes ${index}`);
      await settled();
    },
    fail: async (index) => {
      reads.get(index)?.reject(new Error(`no bytes ${index}`));
      await settled();
    },
    take: (index, signal = NEVER) => store.take(index, signal, () => undefined),
  };
}
