/** Playlists of e2e/plugin-world.ts that change with time: the same segments, as many as the world's clock lists. */
import { SEGMENT } from "./plugin-catalog.ts";

/** The moment of the first segment of a live channel. */
export const EPOCH: Date = new Date("2026-11-01T12:00:00.000Z");

/** The playlist's segments, each as its lines; what stands before the first, and behind the last. */
function readSegments(text: string): { readonly head: string; readonly segments: readonly string[] } {
  const [head = "", ...rest] = text.replace("#EXT-X-ENDLIST\n", "").split(/(?=^#EXTINF:)/m);
  return { head, segments: rest };
}

/** As many segments from the first; the whole programme when no more are there. @see RFC 8216 §4.3.3.5 */
export function formatEvent(text: string, listed: number): string {
  const { head, segments } = readSegments(text);
  const isWhole = listed >= segments.length;
  const event = head.replace("PLAYLIST-TYPE:VOD", "PLAYLIST-TYPE:EVENT");
  return event + segments.slice(0, listed).join("") + (isWhole ? "#EXT-X-ENDLIST\n" : "");
}

/** A window that ends behind as many segments, each with its date. */
export function formatLive(text: string, listed: number, windowLength: number): string {
  const { head, segments } = readSegments(text);
  const first = Math.max(0, listed - windowLength);
  const live = head.replace("#EXT-X-PLAYLIST-TYPE:VOD\n", "").replace(/MEDIA-SEQUENCE:\d+/, `MEDIA-SEQUENCE:${first}`);
  const dated = segments.slice(first, listed).map((segment, index) => {
    const date = new Date(EPOCH.getTime() + (first + index) * SEGMENT * 1000);
    return `#EXT-X-PROGRAM-DATE-TIME:${date.toISOString()}\n${segment}`;
  });
  return live + dated.join("");
}
