/**
 * What a session's tracking mode writes beside or instead of its ad segments.
 *
 *   none asked for    → EXT-X-MARKER
 *   sstm, simplesstm  → links to this server
 *   simple            → nothing: the sidecar tells
 *
 * @see primetime.md §2.1
 */
import type { AdDecorator, AdSegmentPlace } from "@interlude/core";
import type { BreakDecision } from "../breaks/decision.ts";
import type { MarkerTags } from "./marker-tags.ts";
import type { TrackingMode } from "../options.ts";
import type { SegmentLinks } from "./segment-links.ts";

/** `links` and `markers` live as long as the server: they remember what they wrote. */
export interface DecoratorInput {
  readonly mode: TrackingMode;
  readonly sessionId: string;
  /** By break id; a break that is not in it is left as it is. */
  readonly decisions: ReadonlyMap<string, BreakDecision>;
  readonly links: Pick<SegmentLinks, "open">;
  readonly markers: MarkerTags;
}

const PLAIN = {};

/** undefined: nothing is written. Subtitles and I-frame playlists need none: their ads are no resources of their own. */
export function createDecorator(input: DecoratorInput): AdDecorator | undefined {
  const { mode, sessionId, decisions, links, markers } = input;
  if (mode === "simple") return undefined;
  const session = { sessionId, isHybrid: mode === "simplesstm" };
  return mode === "marker"
    ? decorateBreaks(decisions, (decision) => {
        const write = markers.open(sessionId, decision);
        return (place) => {
          const tags = write(place);
          return tags.length > 0 ? { tags } : PLAIN;
        };
      })
    : decorateBreaks(decisions, (decision) => {
        const write = links.open(session, decision);
        return (place) => {
          const uri = write(place);
          return uri === undefined ? PLAIN : { uri };
        };
      });
}

/** Opens each break once per playlist: its segments come one after the other. */
function decorateBreaks(
  decisions: ReadonlyMap<string, BreakDecision>,
  open: (decision: BreakDecision) => AdDecorator,
): AdDecorator {
  let current: { readonly breakId: string; readonly decorate: AdDecorator } | undefined;
  return (place: AdSegmentPlace) => {
    if (current?.breakId !== place.breakId) {
      const decision = decisions.get(place.breakId);
      current = { breakId: place.breakId, decorate: decision ? open(decision) : () => PLAIN };
    }
    return current.decorate(place);
  };
}
