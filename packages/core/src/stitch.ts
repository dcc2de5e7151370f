/**
 * Stitching: a content playlist and pods of ads in, one playlist out. Player and manifest server call the same functions.
 *
 * @see DESIGN §6; RFC 8216 §4.3, §6.2
 */
import { segmentBoundaries, snapToBoundary } from "./hls/align.ts";
import { type MediaPlaylist, parseMediaPlaylist } from "./hls/media-playlist.ts";
import { PlaylistWriter } from "./hls/splice.ts";
import { type ChosenAd, choosePod, placeBreak, selectVersion } from "./stitch-pod.ts";
import type { ContentPlaylist, PlacedBreak, Pod, StitchOptions, Stitched } from "./stitched.ts";

/** A pod with its place: seconds from the first content segment, 0 for a pre-roll, `end` for a post-roll. */
export interface TimedPod extends Pod {
  readonly time: number | "end";
  /**
   * Seconds of content from `time` on that give way to the pod; 0 by default. Where none of its ads can be spliced the content
   * stays; a pod that is given without ads takes the content out and puts nothing in its place.
   */
  readonly replaces?: number;
}

/** How a VOD playlist is stitched. */
export interface VodOptions extends StitchOptions {
  /**
   * The playlist whose boundary counts, the same one for all renditions: each is then cut where it is nearest to that. Renditions
   * whose segments differ by milliseconds would part by a whole one at a time half-way between two boundaries.
   */
  readonly reference?: string | MediaPlaylist | undefined;
}

/**
 * Inserts pods into a VOD playlist, each at the segment boundary nearest to its time, of two equally near ones the later.
 *
 * No pods: the identical text. Pods at one boundary come in the order of their times, of equal ones in the order given.
 *
 * @param content a text, or a playlist that is parsed already: it is never changed, and what depends on it alone is remembered
 * @throws AdError `playlist-malformed`
 */
export function stitchVod(
  content: string | MediaPlaylist,
  place: ContentPlaylist,
  pods: readonly TimedPod[],
  options: VodOptions = {},
): Stitched {
  const text = typeof content === "string" ? content : content.text;
  if (pods.length === 0) return { text, breaks: [], refused: [] };
  const playlist = typeof content === "string" ? parseMediaPlaylist(content) : content;
  const { reference = content } = options;
  const common =
    reference === content ? playlist : typeof reference === "string" ? parseMediaPlaylist(reference) : reference;
  const chosen = chooseInOrder(playlist, common, place, pods);
  const refused = chosen.flatMap((entry) => entry.refused);
  const inserted = chosen.filter(({ ads }) => ads.length > 0);
  if (inserted.length === 0) return { text, breaks: [], refused };

  const writer = new PlaylistWriter(playlist, raiseTags(playlist, inserted));
  const breaks: PlacedBreak[] = [];
  let [next, shift, adTime] = [0, 0, 0];
  for (const { pod, ads, boundary, contentTime } of inserted) {
    writer.pushContent(next, boundary, shift);
    const firstMediaSequence = playlist.mediaSequence + boundary + shift;
    const placed = placeBreak(pod.breakId, ads, { contentTime, startTime: contentTime + adTime, firstMediaSequence });
    for (const segment of ads.flatMap((ad) => ad.segments)) {
      const discontinuity = segment.discontinuity && boundary + shift > 0;
      writer.pushAd(segment, { discontinuity, programDateTime: undefined });
      shift++;
    }
    breaks.push(placed);
    adTime += placed.duration;
    next = boundary;
  }
  writer.pushContent(next, playlist.segments.length, shift);
  writer.pushTail();
  return { text: writer.format(), breaks, refused };
}

function chooseInOrder(
  playlist: MediaPlaylist,
  common: MediaPlaylist,
  content: ContentPlaylist,
  pods: readonly TimedPod[],
) {
  const target = { content, playlist, maxTargetDuration: Infinity, maxDuration: Infinity };
  const boundaries = segmentBoundaries(playlist.segments);
  const cuts = segmentBoundaries(common.segments);
  return pods
    .map((pod) => {
      const time = pod.time === "end" ? Infinity : pod.time;
      const cut = snapToBoundary(cuts, time);
      const isEnd = cut === cuts.length - 1;
      const boundary = isEnd ? playlist.segments.length : snapToBoundary(boundaries, cuts[cut] ?? 0);
      return { pod, time, boundary, contentTime: boundaries[boundary] ?? 0, ...choosePod(pod, target) };
    })
    .toSorted((a, b) => a.boundary - b.boundary || (a.time < b.time ? -1 : Number(a.time > b.time)));
}

/** TARGETDURATION and VERSION as high as the ads need them (RFC 8216 §4.3.3.1, §7). */
function raiseTags(
  playlist: MediaPlaylist,
  inserted: readonly { readonly ads: readonly ChosenAd[] }[],
): ReadonlyMap<string, number> {
  const ads = inserted.flatMap((entry) => entry.ads);
  const tags = new Map<string, number>();
  const targetDuration = Math.max(...ads.map((ad) => ad.targetDuration));
  if (targetDuration > playlist.targetDuration) tags.set("EXT-X-TARGETDURATION", targetDuration);
  const version = selectVersion(playlist, ads);
  if (version > playlist.version) tags.set("EXT-X-VERSION", version);
  return tags;
}

/** Whether a media playlist may still grow: it has no EXT-X-ENDLIST. */
export function isLive(text: string): boolean {
  return !/^#EXT-X-ENDLIST\s*$/m.test(text);
}
