/** Segments that the page makes, as literals: one of three bytes at each address of creative `one`, answered by hand. */
import { VIRTUAL_ORIGIN, type VirtualMediaShelf, type VirtualSegment } from "../../src/ads/virtual-media.ts";

export const SEGMENT = `${VIRTUAL_ORIGIN}/one/0.ts`;

export interface Asked {
  readonly url: string;
  readonly signal: AbortSignal;
  readonly progress: (loaded: number, total: number) => void;
  /** It is there; 1 Mbit that took a second, of which a tenth until the first byte. */
  readonly make: (facts?: Partial<VirtualSegment>) => Promise<void>;
  readonly fail: (cause: Error) => Promise<void>;
}

export interface FakeShelf extends VirtualMediaShelf {
  readonly asked: readonly Asked[];
}

export function createFakeShelf(): FakeShelf {
  const asked: Asked[] = [];
  const end = new AbortController();
  return {
    asked,
    add: () => undefined,
    remove: () => undefined,
    isEmpty: () => false,
    release: () => end.abort(),
    released: end.signal,
    find: (url) =>
      url.startsWith(`${VIRTUAL_ORIGIN}/one/`)
        ? (signal, progress) =>
            new Promise((resolve, reject) => {
              asked.push({
                url,
                signal,
                progress,
                make: (facts) => {
                  resolve({
                    bytes: new Uint8Array([0x47, 1, 2]).buffer,
                    networkBytes: 125_000,
                    networkMs: 1000,
                    ttfbMs: 100,
                    ...facts,
                  });
                  return settle();
                },
                fail: (cause) => {
                  reject(cause);
                  return settle();
                },
              });
            })
        : undefined,
  };
}

/** Until whoever waits for a segment has been told. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
}
