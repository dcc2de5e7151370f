/**
 * Ads of a sidecar that has none: v1 tells URLs and times, the playlist where films meet. What lies between two discontinuities and
 * owes something is an ad; ads that touch are a break.
 *
 * @see primetime.md §2.3
 */
import type { SidecarAd, SidecarBreak, SidecarUrl } from "@interlude/core";
import type { Listing } from "./track.ts";
import { UNKNOWN_AD } from "./unknown-ad.ts";

/** Between two discontinuities; seconds of the listing's clock. */
interface Film {
  readonly sn: number;
  readonly start: number;
  readonly end: number;
  readonly urls: SidecarUrl[];
  readonly hasInner: boolean;
}

/** Seconds around a boundary that belong to it. */
const EDGE = 0.25;

/**
 * Times are those of the listing's clock. At a boundary a URL belongs to the film that owes more, of two that do to the later: its
 * first frame is when it is due. Live, what is due behind the last segment is taken for the rest of what is listed last.
 *
 * @param shift from the sidecar's times to the clock
 */
export function groupUrls(listing: Listing, urls: readonly SidecarUrl[], shift: number): readonly SidecarBreak[] {
  const timed = urls.map((entry) => ({ ...entry, time: entry.time + shift }));
  const films = splitFilms(listing, timed);
  const last = films.at(-1);
  for (const entry of timed) {
    const index = films.findLastIndex(({ start }) => entry.time > start - EDGE);
    const [film, before] = [films[index], films[index - 1]];
    if (!film || (film === last && entry.time > film.end + EDGE && !listing.isLive)) continue;
    const isAtStart = entry.time < film.start + EDGE;
    const isOfBefore = isAtStart && !film.hasInner && before && (before.hasInner || before.urls.length > 0);
    (isOfBefore ? before : film).urls.push(entry);
  }
  return joinFilms(films);
}

function splitFilms({ segments }: Listing, urls: readonly SidecarUrl[]): readonly Film[] {
  const starts = segments.filter(({ isEdge }, index) => isEdge || index === 0);
  const listEnd = segments.at(-1)?.end ?? 0;
  return starts.map(({ sn, start }, index) => {
    const end = starts[index + 1]?.start ?? listEnd;
    const hasInner = urls.some(({ time }) => time > start + EDGE && time < end - EDGE);
    return { sn, start, end, urls: [], hasInner };
  });
}

function joinFilms(films: readonly Film[]): readonly SidecarBreak[] {
  const breaks: { readonly entry: Omit<SidecarBreak, "ads" | "duration">; readonly ads: SidecarAd[]; end: number }[] =
    [];
  for (const film of films) {
    if (film.urls.length === 0) continue;
    const open = breaks.at(-1);
    if (open && open.end === film.start) {
      open.ads.push(toAd(film, open.ads.length));
      open.end = film.end;
      continue;
    }
    const entry = { breakId: `break-${film.sn}`, startTime: film.start, skipped: [], trackers: [] };
    breaks.push({ entry, ads: [toAd(film, 0)], end: film.end });
  }
  return breaks.map(({ entry, ads, end }) => ({ ...entry, ads, duration: end - entry.startTime }));
}

function toAd({ start, end, urls }: Film, index: number): SidecarAd {
  const trackers = urls.map(({ url, time }) => ({ event: "progress", url, time: Math.max(0, time - start) }));
  const adSystem = urls[0]?.adSystem ?? "";
  return { ...UNKNOWN_AD, adSystem, sequence: index + 1, startTime: start, duration: end - start, trackers };
}
