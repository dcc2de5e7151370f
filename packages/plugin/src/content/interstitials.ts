/**
 * Breaks that are declared to the player instead of spliced: EXT-X-DATERANGE of class com.apple.hls.interstitial, for content into whose
 * buffers no ad fits. The player leaves the content for the break, and comes back to it.
 *
 * Such a break has no segments in the playlist. The plugin counts it as if it had been put in: `startTime` has the breaks before it
 * in it, and media sequence numbers are those of {@link describePieces}.
 *
 * @see draft-pantos-hls-rfc8216bis-15 appendix D (interstitials); DESIGN §6
 */
import {
  formatDateOf,
  parseMediaPlaylist,
  type PlacedAd,
  type PlacedBreak,
  segmentBoundaries,
  snapToBoundary,
  type Stitched,
} from "@interlude/core";
import type { BreakEntry } from "../ads/break-entry.ts";
import type { ContentFacts, FetchedPlaylist } from "./content.ts";

/** Chosen so that nobody takes it for a real date. */
const SYNTHETIC_START = "2000-01-01T00:00:00.000Z";
const NAME = /^interlude-(\d+)$/;

/** The index among the session's breaks of an interstitial; undefined: it is the content's own. */
export function readBreakIndex(interstitialId: string): number | undefined {
  const [, index] = NAME.exec(interstitialId) ?? [];
  return index === undefined ? undefined : Number(index);
}

/**
 * Only playlists of pictures are changed: players read interstitials nowhere else.
 *
 * @param entries all of the session's breaks, by whose order interstitials are named
 * @param chosen those that are declared
 * @param reference the playlist whose segment boundaries count for all
 */
export function declareBreaks(
  fetched: FetchedPlaylist,
  entries: readonly BreakEntry[],
  chosen: readonly BreakEntry[],
  reference: ContentFacts,
): Stitched {
  const planned = chosen
    .flatMap((entry) => describeDeclared(entry, entries.indexOf(entry), reference) ?? [])
    .toSorted((one, other) => one.time - other.time);
  const breaks = placeBreaks(planned);
  if (fetched.content.kind !== "main" || planned.length === 0) return { text: fetched.text, breaks, refused: [] };
  const playlist = parseMediaPlaylist(fetched.text);
  const known = formatDateOf(playlist, playlist.mediaSequence);
  const dates = known === undefined ? [`#EXT-X-PROGRAM-DATE-TIME:${SYNTHETIC_START}`] : [];
  const dateOf = ({ time, boundary }: DeclaredBreak): string => {
    const own = formatDateOf(playlist, playlist.mediaSequence + boundary);
    return own ?? new Date(Date.parse(known ?? SYNTHETIC_START) + time * 1000).toISOString();
  };
  const lines = [...dates, ...planned.map((item) => formatInterstitial(item, dateOf(item)))];
  const text = fetched.text.replace(/^#EXTINF:/m, (tag) => `${lines.join("\n")}\n${tag}`);
  return { text, breaks, refused: [] };
}

/** A stretch of what the viewer sees, content or an ad, as if it were one segment; seconds, with all breaks in them. */
export interface Piece {
  readonly sn: number;
  readonly start: number;
  readonly end: number;
}

/** Content and ads in turn, from number 0 on; the last one is content, without an end. */
export function describePieces(breaks: readonly PlacedBreak[]): readonly Piece[] {
  const pieces: Piece[] = [];
  let start = 0;
  const add = (end: number): void => {
    pieces.push({ sn: pieces.length, start, end });
    start = end;
  };
  for (const { startTime, ads } of breaks) {
    add(startTime);
    for (const ad of ads) add(ad.startTime + ad.duration);
  }
  add(Infinity);
  return pieces;
}

interface DeclaredBreak {
  readonly index: number;
  readonly breakId: string;
  /** Seconds of content, at a segment boundary. */
  readonly time: number;
  readonly boundary: number;
  readonly isPreroll: boolean;
  readonly isPostroll: boolean;
  /** Seconds of content that give way to it. */
  readonly replaced: number;
  readonly ads: readonly { readonly adId: string; readonly url: string; readonly duration: number }[];
}

/** Undefined for a break that has no place, or nothing to show. */
function describeDeclared(
  entry: BreakEntry,
  index: number,
  { playlist, duration }: ContentFacts,
): DeclaredBreak | undefined {
  const { planned, time, refused } = entry;
  const ads = entry.ads.flatMap((ready, at) =>
    refused.has(ready) ? [] : [{ adId: String(at), url: ready.mediaUrl, duration: ready.duration }],
  );
  if (time === undefined || ads.length === 0) return undefined;
  const boundaries = segmentBoundaries(playlist.segments);
  const last = boundaries.length - 1;
  const boundary = time === "end" ? last : snapToBoundary(boundaries, time);
  const start = boundaries[boundary] ?? duration;
  const end = boundaries[snapToBoundary(boundaries, start + (planned.replaces ?? 0))] ?? start;
  return {
    index,
    breakId: planned.breakId,
    time: start,
    boundary,
    isPreroll: boundary === 0,
    isPostroll: boundary === last,
    replaced: Math.max(0, end - start),
    ads,
  };
}

function placeBreaks(planned: readonly DeclaredBreak[]): readonly PlacedBreak[] {
  let shift = 0;
  let pieces = 0;
  return planned.map(({ breakId, time, replaced, ads }): PlacedBreak => {
    const startTime = time + shift;
    const firstMediaSequence = (pieces += 1);
    let end = startTime;
    const placed = ads.map(({ adId, duration }, index): PlacedAd => {
      end += duration;
      const place = { firstMediaSequence: firstMediaSequence + index, segmentCount: 1 };
      return { breakId, adId, index, startTime: end - duration, duration, ...place };
    });
    pieces += ads.length;
    const duration = end - startTime;
    shift += duration - replaced;
    const item = { breakId, contentTime: time, startTime, duration, firstMediaSequence, ads: placed };
    return replaced > 0 ? { ...item, replaced } : item;
  });
}

/** An asset list, since hls.js loads what it names ahead of the break; by `data:`, since it costs no request. */
function formatInterstitial({ index, isPreroll, isPostroll, replaced, ads }: DeclaredBreak, date: string): string {
  const assets = ads.map(({ url, duration }) => ({ URI: url, DURATION: duration }));
  const list = encodeURIComponent(JSON.stringify({ ASSETS: assets }));
  // a pre-roll that may come again would take every seek into its own length for one to itself
  const cue = isPreroll ? ['CUE="PRE,ONCE"'] : isPostroll ? ['CUE="POST"'] : [];
  const attributes = [
    `ID="interlude-${index}"`,
    'CLASS="com.apple.hls.interstitial"',
    `START-DATE="${date}"`,
    ...cue,
    `X-RESUME-OFFSET=${replaced.toFixed(3)}`,
    `X-ASSET-LIST="data:application/json,${list}"`,
  ];
  return `#EXT-X-DATERANGE:${attributes.join(",")}`;
}
