/**
 * Where on the player's timeline the ads are. The playhead is mapped by fragments and their media sequence numbers, because players
 * move a fragment to its real presentation time once it is parsed: sums of EXTINF drift away from what is on screen.
 */
import type { PlacedAd, PlacedBreak } from "@interlude/core";

/** A segment of the main playlist as any player has it; seconds on the timeline, real once it is parsed. */
export interface TimelineFragment {
  /** Media sequence number; an initialisation segment has a name instead. */
  readonly sn: number | "initSegment";
  readonly start: number;
  readonly end: number;
  /** Where the player appends by what it lists, and can be told better. */
  setStart?(start: number): void;
  setDuration?(duration: number): void;
}

/** A main playlist as any player lists it; `url` names it as in {@link Timeline.setBreaks}. */
export interface TimelinePlaylist {
  readonly url: string;
  readonly live: boolean;
  readonly startSN: number;
  readonly fragments: readonly TimelineFragment[];
}

/** An ad in the playlists. */
export interface AdSpan {
  readonly placedBreak: PlacedBreak;
  readonly placed: PlacedAd;
}

/** What is at the playhead. `unknown`: nothing of it was loaded, as in the moment after a seek. */
export type AtPlayhead = "unknown" | "content" | AdSpan;

export interface Timeline {
  /**
   * The breaks of one playlist as it was handed over, by the address that its player's side knows it by.
   *
   * @param isWhole VOD: these are all; live: breaks that have left the window stay known
   */
  readonly setBreaks: (playlistUrl: string, breaks: readonly PlacedBreak[], isWhole: boolean) => void;
  /**
   * A media playlist came. hls.js adds up EXTINF anew in it; what is loaded already gets its real times back, and all that follows is
   * moved along, else a late ad, or one after a level switch, would be put over the end of the content before it.
   */
  readonly setDetails: (details: TimelinePlaylist) => void;
  /** A fragment of the main playlist at this address is in the buffer. */
  readonly addFragment: (fragment: TimelineFragment, playlistUrl: string | undefined) => void;
  /** What was loaded from here on is gone, and what is listed from here on is another thing. */
  readonly forgetFrom: (time: number) => void;
  readonly locate: (time: number) => AtPlayhead;
  /** The ad that a fragment of the playlist at this address belongs to. */
  readonly findAd: (fragment: TimelineFragment, playlistUrl: string | undefined) => AdSpan | undefined;
  /** Whether any of an ad is in the buffer, or was. */
  readonly isLoaded: (placed: PlacedAd) => boolean;
  /** Seconds on the timeline, real where it is loaded, else as the playlists list it. */
  readonly startOf: (placed: PlacedAd | PlacedBreak) => number;
  readonly endOf: (placed: PlacedAd | PlacedBreak) => number;
  readonly breaks: () => readonly PlacedBreak[];
}

interface Loaded {
  readonly sn: number;
  readonly start: number;
  readonly end: number;
  readonly url: string | undefined;
  /** As it was when it was loaded. */
  readonly span: AdSpan | undefined;
}

const MAX_LOADED = 1000;
const MAX_BREAKS = 50;
const MAX_PLAYLISTS = 100;
/** Seconds between what is listed and what is loaded under one number, beyond which they are different things. */
const MAX_DRIFT = 1;

export function createTimeline(): Timeline {
  const breaksOf = new Map<string, readonly PlacedBreak[]>();
  let loaded: readonly Loaded[] = [];
  let loadedBySn: ReadonlyMap<number, Loaded> = new Map();
  let details: TimelinePlaylist | undefined;

  const findSpan = (sn: number, url: string | undefined): AdSpan | undefined => {
    for (const placedBreak of breaksOf.get(url ?? "") ?? [])
      for (const placed of placedBreak.ads)
        if (sn >= placed.firstMediaSequence && sn < placed.firstMediaSequence + placed.segmentCount)
          return { placedBreak, placed };
    return undefined;
  };
  /** A server may tell of an ad after it was loaded. */
  const spanOf = ({ sn, url, span }: Loaded): AdSpan | undefined => span ?? findSpan(sn, url);
  const setLoaded = (items: readonly Loaded[]): void => {
    loaded = items;
    loadedBySn = new Map(items.map((item) => [item.sn, item]));
  };
  const findListed = (sn: number): TimelineFragment | undefined => details?.fragments[sn - details.startSN];
  const startOfSn = (sn: number): number | undefined => loadedBySn.get(sn)?.start ?? findListed(sn)?.start;
  const startOf = (placed: PlacedAd | PlacedBreak): number => startOfSn(placed.firstMediaSequence) ?? placed.startTime;

  return {
    setBreaks: (playlistUrl, breaks, isWhole) => {
      const known = isWhole ? [] : (breaksOf.get(playlistUrl) ?? []);
      const kept = known.filter((old) => !breaks.some(({ breakId }) => breakId === old.breakId));
      breaksOf.delete(playlistUrl);
      breaksOf.set(playlistUrl, isWhole ? breaks : [...kept, ...breaks].slice(-MAX_BREAKS));
      // addresses may change with every request
      const [oldest] = breaksOf.size > MAX_PLAYLISTS ? breaksOf.keys() : [];
      if (oldest !== undefined) breaksOf.delete(oldest);
    },
    setDetails: (updated) => {
      details = updated;
      if (!updated.live) alignFragments(updated.fragments, loadedBySn);
    },
    addFragment: ({ sn, start, end }, playlistUrl) => {
      if (typeof sn !== "number") return;
      const item: Loaded = { sn, start, end, url: playlistUrl, span: findSpan(sn, playlistUrl) };
      setLoaded([...loaded.filter((old) => old.sn !== sn), item].slice(-MAX_LOADED));
    },
    forgetFrom: (time) => {
      setLoaded(loaded.filter((item) => item.start < time));
    },
    locate: (time) => {
      const item = loaded.findLast(({ start, end }) => start <= time && time < end);
      if (item) return spanOf(item) ?? "content";
      const listed = details?.fragments.find(({ start, end }) => start <= time && time < end);
      if (!listed || typeof listed.sn !== "number") return "unknown";
      return findSpan(listed.sn, details?.url) ?? "content";
    },
    findAd: ({ sn }, playlistUrl) => (typeof sn === "number" ? findSpan(sn, playlistUrl) : undefined),
    isLoaded: (placed) =>
      loaded.some((item) => {
        const span = spanOf(item);
        return span !== undefined && isSameAd(span.placed, placed);
      }),
    startOf,
    endOf: (placed) => {
      const ads = "ads" in placed ? placed.ads : [placed];
      const count = ads.reduce((sum, { segmentCount }) => sum + segmentCount, 0);
      return startOfSn(placed.firstMediaSequence + count) ?? startOf(placed) + placed.duration;
    },
    breaks: () => breaksOf.get(details?.url ?? "") ?? [...breaksOf.values()][0] ?? [],
  };
}

function alignFragments(fragments: readonly TimelineFragment[], loaded: ReadonlyMap<unknown, Loaded>): void {
  let end: number | undefined;
  for (const fragment of fragments) {
    const expected = end ?? fragment.start;
    const known = loaded.get(fragment.sn);
    const isKnown = known !== undefined && Math.abs(known.start - expected) < MAX_DRIFT;
    fragment.setStart?.(isKnown ? known.start : expected);
    if (isKnown) fragment.setDuration?.(known.end - known.start);
    end = fragment.end;
  }
}

/** Whether two placements are of one ad. */
export function isSameAd(a: PlacedAd, b: PlacedAd): boolean {
  return a.breakId === b.breakId && a.adId === b.adId;
}
