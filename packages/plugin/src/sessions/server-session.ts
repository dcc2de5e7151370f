/**
 * One viewing of content that a manifest server stitches: its playlists pass as they are, and what they show comes from the server,
 *
 *   marker        → EXT-X-MARKER in the playlist itself
 *   v1 to vmap    → the sidecar, asked for with each playlist and each of its refreshes, never more often
 *
 * A playlist waits for its sidecar for a moment, so that the first frame of an ad is known for what it is. An answer that comes later
 * counts for what is not loaded yet; one that does not come leaves what is known, as after a change of rendition.
 *
 * @see primetime.md §1.1, §2; docs/tracking.md
 */
import type { PlacedBreak, SidecarBreak, SidecarReading } from "@interlude/core";
import { type ContentFacts, type FetchedPlaylist, readFacts } from "../content/content.ts";
import type { Session, SessionDeps } from "../session.ts";
import { describeError } from "../tap.ts";
import { groupUrls } from "./loose-urls.ts";
import { createMarkerReader, type MarkerReader } from "./markers.ts";
import { findShift, listEdges, placeBreaks } from "./place-breaks.ts";
import { createServerBreaks } from "./server-breaks.ts";
import { requestSidecar } from "./sidecar-request.ts";
import { createTrack, type Listing, type Track } from "./track.ts";

/** One rendition. */
interface KnownTrack {
  readonly track: Track;
  readonly markers: MarkerReader;
}

export function createServerSession(deps: SessionDeps): Session {
  const { settings, ports } = deps;
  const { tracking, sidecarTimeoutMs } = settings.server ?? { tracking: "v2", sidecarTimeoutMs: 0 };
  const tracks = new Map<string, KnownTrack>();
  let known: ContentFacts | undefined;
  let reading: SidecarReading | undefined;
  let failure = "";
  const breaks = createServerBreaks(deps, () => known);

  const trackOf = (key: string): KnownTrack => {
    const found = tracks.get(key) ?? { track: createTrack(), markers: createMarkerReader(ports.readXml) };
    tracks.set(key, found);
    return found;
  };
  const show = (found: readonly SidecarBreak[], placed: readonly PlacedBreak[], facts: ContentFacts) => {
    breaks.take(found, placed, facts);
    return placed;
  };
  const place = (listing: Listing, facts: ContentFacts): readonly PlacedBreak[] => {
    if (!reading) return [];
    if (reading.urls.length > 0) {
      const times = reading.urls.map(({ time }) => time);
      const found = groupUrls(listing, reading.urls, findShift(listing, times, false));
      return show(found, placeBreaks(listing, found, 0), facts);
    }
    const shift = findShift(listing, listEdges(reading.breaks), true);
    return show(reading.breaks, placeBreaks(listing, reading.breaks, shift), facts);
  };
  /** True where there is something new. One and the same failure is told once. */
  const ask = async (url: URL): Promise<boolean> => {
    try {
      const answer = await requestSidecar(url, ports);
      failure = "";
      reading = answer ?? reading;
      return answer !== undefined;
    } catch (cause) {
      const event = describeError(cause, false);
      if (event.code !== failure) deps.emit("error", event);
      failure = event.code;
      return false;
    }
  };
  const followSidecar = async (url: URL, listing: Listing, facts: ContentFacts): Promise<readonly PlacedBreak[]> => {
    const waitMs = facts.isLive ? Math.min(sidecarTimeoutMs, facts.targetDuration * 500) : sidecarTimeoutMs;
    const asked = ask(url);
    const isInTime = await isSettledWithin(asked, waitMs);
    if (!isInTime) void asked.then((isNew) => isNew && deps.placeLate(url, place(listing, facts)));
    return place(listing, facts);
  };
  const follow = async (fetched: FetchedPlaylist, facts: ContentFacts): Promise<readonly PlacedBreak[]> => {
    const { track, markers } = trackOf(fetched.trackKey);
    const listing = track.list(facts.playlist, facts.isLive);
    const { url, kind } = fetched.content;
    if (!listing || kind !== "main") return [];
    if (tracking !== "marker") return followSidecar(url, listing, facts);
    const found = markers.read(facts.playlist, listing, url);
    return show(found, placeBreaks(listing, found, 0), facts);
  };

  return {
    ready: Promise.resolve(),
    facts: () => known,
    entries: breaks.entries,
    vod: () => undefined,
    readMaster: () => undefined,
    advance: breaks.advance,
    refuse: breaks.refuse,
    stitch: async (fetched) => {
      const current = readFacts(fetched.text);
      known ??= current;
      const placed = await follow(fetched, current);
      const adTime = placed.reduce((sum, { duration }) => sum + duration, 0);
      if (!current.isLive && fetched.content.kind === "main")
        known = { ...current, duration: current.duration - adTime };
      return { text: fetched.text, breaks: placed, refused: [] };
    },
  };
}

function isSettledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    void promise.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
