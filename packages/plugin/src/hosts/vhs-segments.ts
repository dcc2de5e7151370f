/**
 * The segments of VHS: which ad one belongs to, whether it is media at all, and when it is asked for again.
 */
import { parseMediaPlaylist } from "@interlude/core";
import type { AdSpan, Timeline } from "../viewing/timeline.ts";
import { isOnline } from "./online.ts";
import type { VhsRequest } from "./vhs-engine.ts";
import type { GatedPlaylist, PlaylistGate } from "./vhs-playlists.ts";

/**
 * @returns the ad that has the segment of an address, of several the one that the viewer is in, or comes to next: one creative may stand
 * in several breaks
 */
export function createSpanFinder(
  timeline: Timeline,
  gate: Pick<PlaylistGate, "all">,
): (uri: string, currentTime: number) => AdSpan | undefined {
  const adsOf = createAdIndex(timeline);
  return (uri, currentTime) => {
    // subtitles show nothing in an ad
    const playlists = gate.all().filter(({ kind }) => kind !== "subtitles");
    const spans = playlists.flatMap((playlist) => adsOf(playlist).get(uri) ?? []);
    return spans.find(({ placed }) => timeline.endOf(placed) > currentTime);
  };
}

/** The ads of each segment's address, found once per text. */
function createAdIndex(timeline: Timeline): (playlist: GatedPlaylist) => ReadonlyMap<string, readonly AdSpan[]> {
  const found = new WeakMap<GatedPlaylist, ReadonlyMap<string, readonly AdSpan[]>>();
  return (playlist) => {
    const before = found.get(playlist);
    if (before) return before;
    const { segments, mediaSequence } = parseMediaPlaylist(playlist.text);
    const ads = new Map<string, readonly AdSpan[]>();
    for (const [index, segment] of segments.entries()) {
      const span = timeline.findAd({ sn: mediaSequence + index, start: 0, end: 0 }, playlist.url.href);
      if (!span || !URL.canParse(segment.uri, playlist.url)) continue;
      const { href } = new URL(segment.uri, playlist.url);
      ads.set(href, [...(ads.get(href) ?? []), span]);
    }
    found.set(playlist, ads);
    return ads;
  };
}

const BOXES: readonly string[] = ["ftyp", "styp", "moof", "moov", "sidx", "emsg", "prft", "mdat", "free", "skip"];

/** Whether a segment begins as TS, fragmented MP4 or packed audio do; unknown while it is encrypted, which ads are not. */
export function isMedia({ response }: VhsRequest): boolean {
  if (!(response instanceof ArrayBuffer)) return true;
  const bytes = new Uint8Array(response);
  if (bytes[0] === 0x47) return true;
  const name = String.fromCharCode(...bytes.subarray(4, 8));
  const isPackedAudio =
    String.fromCharCode(...bytes.subarray(0, 3)) === "ID3" || (bytes[0] === 0xff && (bytes[1] ?? 0) >= 0xe0);
  return isPackedAudio || BOXES.includes(name);
}

/** Between two requests for a segment that fails. */
const RETRY_MS = 1000;

export interface Retries {
  /** Without a network nothing is asked for. */
  readonly later: (retry: () => void) => void;
  readonly release: () => void;
}

export function createRetries(): Retries {
  const timers = new Set<ReturnType<typeof setInterval>>();
  return {
    later: (retry) => {
      const timer = setInterval(() => {
        if (!isOnline()) return;
        clearInterval(timer);
        timers.delete(timer);
        retry();
      }, RETRY_MS);
      timers.add(timer);
    },
    release: () => {
      for (const timer of timers) clearInterval(timer);
    },
  };
}
