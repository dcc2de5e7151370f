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

/** A playlist whose sidecar did not come, and when that was known, milliseconds. */
interface Missed {
  readonly url: URL;
  readonly listing: Listing;
  readonly facts: ContentFacts;
  readonly at: number;
}

/** VOD asks for a sidecar that failed so often again, while the viewer watches: nothing else would. */
const MAX_RETRIES = 3;
const RETRY_MS = 2000;

export function createServerSession(deps: SessionDeps): Session {
  const { settings, ports } = deps;
  const { tracking, sidecarTimeoutMs } = settings.server ?? { tracking: "v2", sidecarTimeoutMs: 0 };
  const tracks = new Map<string, KnownTrack>();
  let known: ContentFacts | undefined;
  let reading: SidecarReading | undefined;
  let failure = "";
  let missed: Missed | undefined;
  let retries = 0;
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
  /** One and the same failure is told once. */
  const ask = async (url: URL): Promise<"read" | "left" | "failed"> => {
    try {
      const answer = await requestSidecar(url, ports);
      failure = "";
      reading = answer ?? reading;
      return answer ? "read" : "left";
    } catch (cause) {
      const event = describeError(cause, false);
      if (event.code !== failure) deps.emit("error", event);
      failure = event.code;
      return "failed";
    }
  };
  const askLate = async (asked: ReturnType<typeof ask>, { url, listing, facts }: Missed): Promise<void> => {
    const outcome = await asked;
    if (outcome === "read") deps.placeLate(url, place(listing, facts));
    // in live the next refresh asks
    else if (outcome === "failed" && !facts.isLive) missed = { url, listing, facts, at: ports.now() };
  };
  const retry = (): void => {
    if (!missed || retries >= MAX_RETRIES || ports.now() - missed.at < RETRY_MS) return;
    const again = missed;
    missed = undefined;
    retries += 1;
    void askLate(ask(again.url), again);
  };
  const followSidecar = async (url: URL, listing: Listing, facts: ContentFacts): Promise<readonly PlacedBreak[]> => {
    const waitMs = facts.isLive ? Math.min(sidecarTimeoutMs, facts.targetDuration * 500) : sidecarTimeoutMs;
    const asked = ask(url);
    const outcome = await settleWithin(asked, waitMs);
    if (outcome !== "read" && outcome !== "left") void askLate(asked, { url, listing, facts, at: 0 });
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
    advance: (contentTime) => {
      breaks.advance(contentTime);
      retry();
    },
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

/** Undefined where it takes longer. */
function settleWithin<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), ms);
    void promise.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
