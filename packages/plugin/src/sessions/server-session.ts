/**
 * One viewing of content that a manifest server stitches: its playlists pass as they are, and what they show comes from the server,
 *
 *   marker        → EXT-X-MARKER in the playlist itself
 *   v1 to vmap    → the sidecar, asked for with each playlist and each of its refreshes, never more often
 *
 * A playlist waits for its sidecar for a moment, so that the first frame of an ad is known for what it is. An answer that comes later
 * counts from then on, for what is loaded already too; one that does not come leaves what is known, as after a change of rendition.
 *
 * @see primetime.md §1.1, §2; docs/tracking.md
 */
import type { PlacedBreak } from "@interlude/core";
import { type ContentFacts, type FetchedPlaylist, readFacts } from "../content/content.ts";
import type { ServerSettings } from "../server-options.ts";
import type { Session, SessionDeps } from "../session.ts";
import { createMarkerReader, type MarkerReader } from "./markers.ts";
import { placeBreaks } from "./place-breaks.ts";
import { createServerBreaks } from "./server-breaks.ts";
import { createSidecars, type SidecarsDeps } from "./sidecars.ts";
import { createTrack, type Track } from "./track.ts";

/** One rendition. */
interface KnownTrack {
  readonly track: Track;
  readonly markers: MarkerReader;
}

/** Whoever has chosen this session has the option. */
const NONE: ServerSettings = { tracking: "marker", sidecarTimeoutMs: 0 };

export function createServerSession(deps: SessionDeps): Session {
  const server = deps.settings.server ?? NONE;
  const tracks = new Map<string, KnownTrack>();
  let known: ContentFacts | undefined;
  const breaks = createServerBreaks(deps, () => known);
  const onBreaks: SidecarsDeps["onBreaks"] = (found, placed, facts) => {
    if (!facts.isLive) known = withoutAds(facts, placed);
    breaks.take(found, placed, facts);
    return placed;
  };
  const sidecars = createSidecars({ ...deps, server, onBreaks });

  const trackOf = (key: string): KnownTrack => {
    const found = tracks.get(key) ?? { track: createTrack(), markers: createMarkerReader(deps.ports.readXml) };
    tracks.set(key, found);
    return found;
  };
  const follow = async ({ trackKey, content }: FetchedPlaylist, facts: ContentFacts) => {
    const { track, markers } = trackOf(trackKey);
    const listing = track.list(facts.playlist, facts.isLive);
    const { url, kind } = content;
    if (!listing || kind !== "main") return [];
    if (server.tracking !== "marker") return sidecars.follow({ url, listing, facts });
    const found = markers.read(facts.playlist, listing, url);
    return onBreaks(found, placeBreaks(listing, found, 0), facts);
  };

  return {
    ready: Promise.resolve(),
    facts: () => known,
    entries: breaks.entries,
    vod: () => undefined,
    readMaster: () => undefined,
    advance: (contentTime) => {
      breaks.advance(contentTime);
      sidecars.retry();
    },
    refuse: breaks.refuse,
    stitch: async (fetched) => {
      const current = readFacts(fetched.text);
      known ??= current;
      const placed = await follow(fetched, current);
      return { text: fetched.text, breaks: placed, refused: [] };
    },
  };
}

function withoutAds(facts: ContentFacts, placed: readonly PlacedBreak[]): ContentFacts {
  const adTime = placed.reduce((sum, { duration }) => sum + duration, 0);
  return { ...facts, duration: facts.duration - adTime };
}
