/**
 * Content that comes back after ads of another length than what they replaced: its dates, moved to its place. Players that place
 * segments by their dates stand still at a hole, and show twice what overlaps (Shaka Player 5.2).
 *
 * @see RFC 8216 §4.3.2.6
 */
import { type MediaPlaylist, parseMediaPlaylist } from "./media-playlist.ts";
import { formatProgramDateTime, parseProgramDateTime } from "./program-date-time.ts";

const VALUE = /(?<=^#EXT-X-PROGRAM-DATE-TIME:)[^\r\n]+/gm;

/** Viewers of one refresh have few different carries: as many as there were different pods. */
const MOST = 32;
const shifted = new WeakMap<MediaPlaylist, Map<number, MediaPlaylist>>();

/** The playlist with every EXT-X-PROGRAM-DATE-TIME `shiftMs` later; what is no date stays. Parsed once for all viewers. */
export function shiftDates(playlist: MediaPlaylist, shiftMs: number): MediaPlaylist {
  if (shiftMs === 0) return playlist;
  const known = shifted.get(playlist) ?? new Map<number, MediaPlaylist>();
  shifted.set(playlist, known);
  const found = known.get(shiftMs);
  if (found) return found;
  const text = playlist.text.replace(
    VALUE,
    (value) => formatProgramDateTime((parseProgramDateTime(value) ?? Number.NaN) + shiftMs) ?? value,
  );
  const moved = parseMediaPlaylist(text);
  if (known.size < MOST) known.set(shiftMs, moved);
  return moved;
}
