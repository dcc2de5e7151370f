/**
 * Media that the page makes itself, at addresses that nobody serves: what hosts ask before they ask the network.
 */

/** `.invalid` never resolves (RFC 2606 §2): whoever does not know these addresses gets an error, never somebody's answer. */
export const VIRTUAL_ORIGIN = "https://remux.interlude.invalid";

/** Whether an address is one of media that the page makes, there or no longer. */
export function isVirtual(url: string): boolean {
  return url.startsWith(`${VIRTUAL_ORIGIN}/`);
}

export interface VirtualSegment {
  /** The taker's own: it may be transferred. */
  readonly bytes: ArrayBuffer;
  /** What the network gave for it and took, for the host's estimate of its bandwidth. */
  readonly networkBytes: number;
  readonly networkMs: number;
  /** Until the first byte. */
  readonly ttfbMs: number;
}

export type OnVirtualProgress = (loaded: number, total: number) => void;

/** One creative's segments. */
export interface VirtualMedia {
  /** @throws MediaRefusal; an AbortError where the signal says so: the segment goes on being made, since others may ask for it */
  readonly load: (path: string, signal: AbortSignal, onProgress: OnVirtualProgress) => Promise<VirtualSegment>;
  /** Ends its requests and lets its bytes go. */
  readonly release: () => void;
}

export type VirtualLoad = (signal: AbortSignal, onProgress: OnVirtualProgress) => Promise<VirtualSegment>;

/** All creatives that an insertion makes itself. It outlives the insertion: a player that lives on plays what its playlists list. */
export interface VirtualMediaShelf {
  /** Puts it at `VIRTUAL_ORIGIN/id/`; released at once where nobody plays it any more. */
  readonly add: (id: string, media: VirtualMedia) => void;
  /** Undefined: a real address, or one of a creative that was let go. */
  readonly find: (url: string) => VirtualLoad | undefined;
  /** No playlist lists it. */
  readonly remove: (id: string) => void;
  readonly isEmpty: () => boolean;
  /** The player has gone, or plays something else for good: all of it is let go. */
  readonly release: () => void;
  /** Aborted by `release`. */
  readonly released: AbortSignal;
}

/** For hosts, which may hang a query on an address; rejects as a load does, and where nothing is there any more. */
export async function loadVirtual(
  shelf: Pick<VirtualMediaShelf, "find">,
  url: string,
  signal: AbortSignal,
  onProgress: OnVirtualProgress,
): Promise<VirtualSegment> {
  const [address = ""] = url.split("?");
  const load = shelf.find(address);
  if (!load) throw new Error(`${url}: expected a creative that is still there, got none`);
  return load(signal, onProgress);
}

export function createVirtualMediaShelf(): VirtualMediaShelf {
  const creatives = new Map<string, VirtualMedia>();
  const end = new AbortController();
  const remove = (id: string): void => {
    creatives.get(id)?.release();
    creatives.delete(id);
  };
  return {
    add: (id, media) => {
      creatives.set(id, media);
      if (end.signal.aborted) remove(id);
    },
    find: (url) => {
      if (!isVirtual(url)) return undefined;
      const rest = url.slice(VIRTUAL_ORIGIN.length + 1);
      const media = creatives.get(rest.slice(0, rest.indexOf("/")));
      const path = rest.slice(rest.indexOf("/") + 1);
      return media && ((signal, onProgress) => media.load(path, signal, onProgress));
    },
    remove,
    isEmpty: () => creatives.size === 0,
    release: () => {
      end.abort();
      for (const id of creatives.keys()) remove(id);
    },
    released: end.signal,
  };
}
