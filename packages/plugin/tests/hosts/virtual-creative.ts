/** A creative on the shelf whose segments ffmpeg has made, for players in a browser; and playlists that list them. */
import { inject } from "vitest";
import {
  createVirtualMediaShelf,
  VIRTUAL_ORIGIN,
  type VirtualMediaShelf,
  type VirtualSegment,
} from "../../src/ads/virtual-media.ts";

/** What the network is said to have given for each segment. */
export const NETWORK = { networkBytes: 250_000, networkMs: 1000, ttfbMs: 50 } as const;

export interface VirtualCreative {
  readonly shelf: VirtualMediaShelf;
  /** Paths in the order in which they were loaded. */
  readonly loaded: readonly string[];
}

/** A path that is never there: who waits for it must be given up. */
export const NEVER = "never.ts";

/** @param texts playlists of it, by their paths */
export function shelveCreative(texts: Readonly<Record<string, string>> = {}): VirtualCreative {
  const segments = inject("segments");
  const loaded: string[] = [];
  const shelf = createVirtualMediaShelf();
  const read = (path: string): Uint8Array<ArrayBuffer> => {
    const text = texts[path];
    if (text !== undefined) return new TextEncoder().encode(text);
    const bytes = segments[path];
    if (bytes === undefined) throw new Error(`${path}: expected a segment that ffmpeg has made, got none`);
    return Uint8Array.from(atob(bytes), (character) => character.charCodeAt(0));
  };
  shelf.add("one", {
    load: async (path, signal): Promise<VirtualSegment> => {
      loaded.push(path);
      if (path === NEVER) await new Promise((_resolve, reject) => signal.addEventListener("abort", reject));
      return { bytes: read(path).buffer, ...NETWORK };
    },
    release: () => undefined,
  });
  return { shelf, loaded };
}

/** The address of a file of the creative. */
export function virtualUrl(path: string): string {
  return `${VIRTUAL_ORIGIN}/one/${path}`;
}

/** A segment of the content's own, at an address that the browser serves. */
export function realUrl(path: string): string {
  const bytes = Uint8Array.from(atob(inject("segments")[path] ?? ""), (character) => character.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes]));
}

/** A VOD playlist of segments of 2 s; `/` is a discontinuity, a name in brackets an initialisation segment. */
export function formatSegments(...entries: readonly string[]): string {
  const lines = entries.map((entry) => {
    if (entry === "/") return "#EXT-X-DISCONTINUITY";
    return entry.startsWith("[") ? `#EXT-X-MAP:URI="${entry.slice(1, -1)}"` : `#EXTINF:2,\n${entry}`;
  });
  return ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:2", ...lines, "#EXT-X-ENDLIST", ""].join("\n");
}

/** An address for a playlist. */
export function textUrl(text: string): string {
  return URL.createObjectURL(new Blob([text], { type: "application/vnd.apple.mpegurl" }));
}
