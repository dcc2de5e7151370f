/**
 * Breaks that the playlist itself tells, by EXT-X-MARKER on its ad segments.
 *
 * @see primetime.md §2.7; docs/tracking.md (EXT-X-MARKER)
 */
import {
  AdError,
  type Marker,
  type MediaPlaylist,
  parseMarker,
  readAdFragment,
  readPodFragment,
  type SidecarAd,
  type SidecarBreak,
  sortMarkers,
  type XmlReader,
} from "@interlude/core";
import type { Listing } from "./track.ts";
import { UNKNOWN_AD } from "./unknown-ad.ts";

export interface MarkerReader {
  /**
   * Times are those of the listing's clock. Of a break that began before anything was listed, the ads are there that begin later.
   *
   * @param base the playlist's address
   */
  readonly read: (playlist: MediaPlaylist, listing: Listing, base: URL) => readonly SidecarBreak[];
}

/** One of a track: what was read stays, for a listed segment never changes. */
export function createMarkerReader(reader: XmlReader): MarkerReader {
  const known = new Map<number, readonly ReadMarker[]>();
  return {
    read: (playlist, listing, base) => {
      const firstSn = listing.segments[0]?.sn ?? 0;
      for (const sn of known.keys()) if (sn < firstSn) known.delete(sn);
      for (const [index, { start, end }] of playlist.segments.entries()) {
        const sn = playlist.mediaSequence + index;
        if (!known.has(sn)) known.set(sn, readMarkers(playlist.text.slice(start, end), reader, base));
      }
      return listBreaks(listing, known);
    },
  };
}

interface ReadMarker extends Pick<Marker, "id" | "type" | "duration" | "breakDuration"> {
  readonly offset: number;
  readonly pod: Pick<SidecarBreak, "breakId" | "trackers"> | undefined;
  readonly ad: SidecarAd | undefined;
}

/** Of one segment. */
const MAX_MARKERS = 20;

function readMarkers(lines: string, reader: XmlReader, base: URL): readonly ReadMarker[] {
  if (!lines.includes("#EXT-X-MARKER:")) return [];
  const found = lines.split(/\r?\n/).flatMap((line) => parseMarker(line) ?? []);
  return sortMarkers(found.slice(0, MAX_MARKERS)).map(({ id, type, duration, breakDuration, offset = 0, data }) => {
    const about = { id, type, duration, breakDuration, offset };
    const isPod = type !== "AdBegin" && type !== "AdEnd";
    return {
      ...about,
      pod: isPod && data !== undefined ? attempt(() => readPodFragment(data, reader, base)) : undefined,
      ad: type === "AdBegin" && data !== undefined ? attempt(() => readAdFragment(data, reader, 0, base)) : undefined,
    };
  });
}

/** DATA that cannot be read leaves an ad without trackers. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof AdError) return undefined;
    throw cause;
  }
}

interface OpenBreak {
  readonly breakId: string;
  readonly startTime: number;
  readonly trackers: SidecarBreak["trackers"];
  readonly ads: SidecarAd[];
  /** When it ends if no marker says so. */
  plannedEnd: number;
}

/** Seconds behind its planned end at which a break without an end marker is over. */
const SLACK = 1;

function listBreaks({ segments }: Listing, known: ReadonlyMap<number, readonly ReadMarker[]>): readonly SidecarBreak[] {
  const breaks: OpenBreak[] = [];
  let open: OpenBreak | undefined;
  const start = (breakId: string, startTime: number, trackers: SidecarBreak["trackers"], end: number): OpenBreak => {
    const made = { breakId, startTime, trackers, ads: [], plannedEnd: end };
    breaks.push(made);
    return made;
  };
  for (const segment of segments) {
    for (const { id, type, offset, pod, ad, duration, breakDuration } of known.get(segment.sn) ?? []) {
      const at = segment.start + offset;
      if (open && at > open.plannedEnd + SLACK) open = undefined;
      if (type === "PodBegin" || type === "PrerollPodBegin") {
        endAd(open, at);
        open = start(pod?.breakId ?? id, at, pod?.trackers ?? [], at + (breakDuration || duration));
      } else if (type === "AdBegin") {
        endAd(open, at);
        const length = duration || (ad?.duration ?? 0);
        open ??= start(id, at, [], at + length);
        open.plannedEnd = Math.max(open.plannedEnd, at + length);
        open.ads.push({ ...(ad ?? UNKNOWN_AD), startTime: at, duration: length });
      } else {
        endAd(open, at);
        if (type !== "AdEnd") open = undefined;
      }
    }
  }
  return breaks.map(({ breakId, startTime, trackers, ads }) => {
    const duration = ads.reduce((sum, ad) => sum + ad.duration, 0);
    return { breakId, startTime, duration, ads, skipped: [], trackers };
  });
}

/** An ad ends where the next one begins, whatever was planned. */
function endAd(open: OpenBreak | undefined, at: number): void {
  const last = open?.ads.pop();
  if (last) open?.ads.push({ ...last, duration: Math.min(last.duration, at - last.startTime) || last.duration });
}
