/**
 * The plugin at work in a player that it knows nothing of: what each playlist is, by the master playlist, and where its segments lie, by
 * their own EXTINF. Nothing is heard of what such a player has loaded.
 */
import { isMasterPlaylist, parseMasterPlaylist, parseMediaPlaylist } from "@interlude/core";
import type { FetchedPlaylist } from "../content/content.ts";
import type { HostSide, LoadedParts } from "../parts.ts";
import { measureAhead } from "../viewing/frames.ts";
import type { TimelineFragment } from "../viewing/timeline.ts";

/** A playlist as it came to the player. */
export interface PlayerPlaylist {
  readonly text: string;
  /** The address that answered, redirects followed: the base of the relative references in it. Relative: to the page. */
  readonly url: string | URL;
  /** Absent: as the master playlist lists this address; not listed there: `main`. */
  readonly kind?: "main" | "audio" | "subtitles" | "iframes";
  /** BANDWIDTH of the variant. Absent: as the master lists it; not listed there: the ad's highest rendition is taken. */
  readonly bandwidthBps?: number;
  /** One name per variant or track, where its address changes with each request. Absent: the address. */
  readonly track?: string;
}

/** A master playlist and the address that answered. */
export interface FetchedMaster {
  readonly text: string;
  readonly url: URL;
}

/** What there is to say about a playlist; what the player says itself counts first. */
export function describePlayerPlaylist(
  { text, kind, bandwidthBps, track }: PlayerPlaylist,
  url: URL,
  master: FetchedMaster | undefined,
): FetchedPlaylist {
  const listed = master && findListed(url, master);
  const ownKind = text.includes("#EXT-X-I-FRAMES-ONLY") ? "iframes" : undefined;
  return {
    text,
    content: {
      url,
      bandwidthBps: bandwidthBps ?? listed?.bandwidthBps,
      kind: kind ?? ownKind ?? listed?.kind ?? "main",
    },
    trackKey: track ?? url.href,
  };
}

type ListedAs = Pick<FetchedPlaylist["content"], "kind" | "bandwidthBps">;

const KIND: ReadonlyMap<string, ListedAs["kind"]> = new Map([
  ["AUDIO", "audio"],
  ["SUBTITLES", "subtitles"],
]);

function findListed(url: URL, master: FetchedMaster): ListedAs | undefined {
  if (!isMasterPlaylist(master.text)) return undefined;
  const { variants, renditions } = parseMasterPlaylist(master.text);
  const isThis = (uri: string | undefined): boolean =>
    uri !== undefined && URL.canParse(uri, master.url) && new URL(uri, master.url).href === url.href;
  const variant = variants.find(({ uri }) => isThis(uri));
  if (variant) return { kind: "main", bandwidthBps: variant.bandwidthBps };
  const rendition = renditions.find(({ uri }) => isThis(uri));
  return rendition && { kind: KIND.get(rendition.type) ?? "main", bandwidthBps: undefined };
}

/** A player's side, and what it is told besides. */
export interface PlainHostSide extends HostSide {
  /** The player gets this text for a main playlist. */
  readonly setPlaylist: (text: string, url: URL) => void;
  readonly watch: (media: HTMLMediaElement | null) => void;
}

/**
 * @param startTime seconds, where on the element's timeline the first segment lies that the player was ever given
 */
export function attachPlain(parts: LoadedParts, startTime: () => number): PlainHostSide {
  const { timeline, viewing } = parts;
  let media: HTMLMediaElement | null = null;
  let listed: Listed | undefined;
  const place = (): void => {
    if (!listed) return;
    const from = startTime();
    const fragments = listed.fragments.map(({ sn, start, end }) => ({ sn, start: start + from, end: end + from }));
    const live = parts.session.facts()?.isLive ?? false;
    timeline.setDetails({ url: listed.url, live, startSN: Number(fragments[0]?.sn ?? 0), fragments });
    parts.onTimelineChange();
  };
  return {
    setPlaylist: (text, { href: url }) => {
      // no playlist could be read yet, as the tap has told
      if (!parts.session.facts()) return;
      listed = { url, fragments: listFragments(text, listed?.fragments ?? []) };
      place();
    },
    watch: (element) => {
      media = element;
      place();
      viewing.watch(element);
    },
    media: () => media,
    bufferAhead: () => measureAhead(media),
    // such a player asks once: what comes too late is told as skipped
    onLateChange: () => void parts.session.vod()?.bindLate(() => false),
    detach: () => {
      viewing.stop();
      viewing.watch(null);
    },
  };
}

/** What the player was given last; times count from the first segment that it was ever given. */
interface Listed {
  readonly url: string;
  readonly fragments: readonly TimelineFragment[];
}

/**
 * Segments one after another; in live from the first on that was listed before, by its media sequence number. A window that has left
 * everything behind that was known goes on where the last of it began.
 */
function listFragments(text: string, before: readonly TimelineFragment[]): readonly TimelineFragment[] {
  const { segments, mediaSequence } = parseMediaPlaylist(text);
  const known = new Map(before.map(({ sn, start }) => [Number(sn), start]));
  const first = segments.findIndex((_, index) => known.has(mediaSequence + index));
  const left = segments.slice(0, Math.max(0, first)).reduce((sum, { duration }) => sum + duration, 0);
  const anchor = known.get(mediaSequence + first);
  let time = anchor === undefined ? (before.at(-1)?.start ?? 0) : anchor - left;
  return segments.map(({ duration }, index) => {
    const start = time;
    time += duration;
    return { sn: mediaSequence + index, start, end: time };
  });
}
