/**
 * What a session's tracking mode writes beside or instead of its ad segments.
 *
 *   none asked for    → EXT-X-MARKER
 *   sstm, simplesstm  → links to this server
 *   simple            → nothing: the sidecar tells
 *
 * @see primetime.md §2.1
 */
import type { AdDecorator } from "@interlude/core";
import type { BreakDecision } from "./decision.ts";
import type { MarkerTags } from "./marker-tags.ts";
import type { TrackingMode } from "./options.ts";
import type { SegmentLinks } from "./segment-links.ts";

/** `links` and `markers` live as long as the server: they remember what they wrote. */
export interface DecoratorInput {
  readonly mode: TrackingMode;
  readonly sessionId: string;
  /** By break id; a break that is not in it is left as it is. */
  readonly decisions: ReadonlyMap<string, BreakDecision>;
  readonly links: Pick<SegmentLinks, "write">;
  readonly markers: MarkerTags;
}

const PLAIN = {};

/** undefined: nothing is written. Subtitles and I-frame playlists need none: their ads are no resources of their own. */
export function createDecorator(input: DecoratorInput): AdDecorator | undefined {
  const { mode, sessionId, decisions, links, markers } = input;
  if (mode === "simple") return undefined;
  if (mode === "marker") {
    return (place) => {
      const decision = decisions.get(place.breakId);
      const tags = decision && markers.write(sessionId, decision, place);
      return tags && tags.length > 0 ? { tags } : PLAIN;
    };
  }
  const session = { sessionId, isHybrid: mode === "simplesstm" };
  return (place) => {
    const decision = decisions.get(place.breakId);
    const uri = decision && links.write(session, decision, place);
    return uri === undefined ? PLAIN : { uri };
  };
}
