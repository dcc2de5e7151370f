/**
 * Ads whose segments cannot be loaded, or are no media: VHS would leave the rendition for a minute, or the stream for good. It is not
 * told; the viewer is put behind the ad where the media ends. And segments that VHS itself has lost: it is made to ask for them again.
 *
 * @see VHS 3.17 playlist-controller.js, `excludePlaylist`, `setCurrentTime`; segment-transmuxer.js and http-streaming#1276: of two
 * segments whose bytes are looked at in one moment, as after a seek, one is never heard of again
 */
import { parseMediaPlaylist } from "@interlude/core";
import type { Session } from "../session.ts";
import { findBufferedEnd } from "../viewing/frames.ts";
import { type AdSpan, isSameAd, type Timeline } from "../viewing/timeline.ts";
import type { Viewing } from "../viewing/viewing.ts";
import { isOnline } from "./online.ts";
import type { VhsRequest } from "./vhs-engine.ts";
import type { GatedPlaylist, PlaylistGate } from "./vhs-playlists.ts";

export interface AdGuard {
  /** The viewer has got further. */
  readonly check: () => void;
  /** The player waits for media, or no longer. */
  readonly setWaiting: (isWaiting: boolean) => void;
  /** Ends its timers. */
  readonly release: () => void;
}

interface AdGuardParts {
  readonly session: Pick<Session, "refuse">;
  readonly timeline: Timeline;
  readonly viewing: Pick<Viewing, "jump">;
}

/** What is read of a media element. */
export type GuardedMedia = Pick<HTMLMediaElement, "currentTime" | "buffered">;

/** Failures of one segment before its ad is given up; the first may be chance. */
const MAX_FAILURES = 2;
/** Seconds between the playhead and the hole: while it plays, and where it has come to a halt. */
const EDGE = 0.1;
const HALTED_EDGE = 0.5;
const LOOK_MS = 500;
/** Between two requests for a segment of an ad that fails. */
const RETRY_MS = 1000;
/** How long the viewer waits for an ad whose segments do not come. */
const MAX_WAIT_MS = 5000;
/** How long VHS may ask for nothing while the viewer waits. */
const MAX_IDLE_MS = 1500;
/** Seconds beyond the media that is there, where a seek has VHS load anew: what is nearer than 0.1 it takes for loaded. */
const STEP = 0.12;

export function createAdGuard(
  media: GuardedMedia,
  { session, timeline, viewing }: AdGuardParts,
  gate: PlaylistGate,
): AdGuard {
  const counts = new Map<string, number>();
  const broken = new Set<AdSpan>();

  const adsOf = createAdIndex(timeline);
  /** One creative may stand in several breaks: the one that the viewer is in, or comes to next. Subtitles show nothing in an ad. */
  const findSpan = (uri: string): AdSpan | undefined =>
    gate
      .all()
      .flatMap((playlist) => (playlist.kind === "subtitles" ? [] : (adsOf(playlist).get(uri) ?? [])))
      .find(({ placed }) => timeline.endOf(placed) > media.currentTime);
  const retries = new Set<ReturnType<typeof setInterval>>();
  let wait: Wait | undefined;
  /** Without a network nothing is asked for, and nothing is given up. */
  const retryLater = (retry: () => void): void => {
    const timer = setInterval(() => {
      if (!isOnline()) return;
      clearInterval(timer);
      retries.delete(timer);
      retry();
    }, RETRY_MS);
    retries.add(timer);
  };
  /** Whether the viewer has come to the end of the media that is there, and it ends within this ad or in front of it. */
  const isMissing = ({ placed }: AdSpan, edge: number): boolean => {
    const { currentTime, buffered } = media;
    const end = findBufferedEnd(buffered, currentTime);
    const isNext = end >= timeline.startOf(placed) - HALTED_EDGE && end < timeline.endOf(placed) - EDGE;
    return isNext && end - currentTime < edge;
  };
  const jump = (span: AdSpan): void => {
    viewing.jump(timeline.endOf(span.placed) + 0.01);
  };
  // a rendition that VHS changes to is stitched when it comes, and shows the same ads
  const refuse = ({ placed }: AdSpan): void =>
    session.refuse(placed.breakId, Number(placed.adId), "media-unavailable", true);
  const check = (edge: number): void => {
    for (const span of broken) {
      if (!isMissing(span, edge)) continue;
      broken.delete(span);
      jump(span);
    }
  };
  const giveUp = (): void => {
    const spans = timeline
      .breaks()
      .flatMap((placedBreak) => placedBreak.ads.map((placed) => ({ placedBreak, placed })));
    const span = spans.find((one) => isMissing(one, HALTED_EDGE));
    if (!span) return;
    refuse(span);
    jump(span);
  };
  /** A seek that is no viewer's has VHS load anew; not where the content has nothing more yet. */
  const restart = (): void => {
    const { currentTime, buffered } = media;
    const end = findBufferedEnd(buffered, currentTime);
    if (wait) wait.idleMs = 0;
    if (end - currentTime > HALTED_EDGE || timeline.locate(end + STEP) === "unknown") return;
    media.currentTime = end + STEP;
  };
  const look = (): void => {
    if (!wait) return;
    if (!isOnline()) {
      Object.assign(wait, { forMs: 0, idleMs: 0 });
      return;
    }
    const isElsewhere = Math.abs(media.currentTime - wait.at) > HALTED_EDGE;
    wait.forMs = isElsewhere ? 0 : wait.forMs + LOOK_MS;
    wait.idleMs = gate.isIdle() && !isElsewhere ? wait.idleMs + LOOK_MS : 0;
    wait.at = media.currentTime;
    if (wait.forMs === MAX_WAIT_MS) giveUp();
    else if (wait.idleMs === MAX_IDLE_MS) restart();
  };
  const stopWaiting = (): void => {
    clearInterval(wait?.timer);
    wait = undefined;
  };
  gate.guard = ({ uri }, error, request, retry) => {
    if (!error && isMedia(request)) return false;
    const span = findSpan(uri);
    if (!span) return false;
    const count = (counts.get(uri) ?? 0) + Number(isOnline());
    counts.set(uri, count);
    if (count < MAX_FAILURES) retryLater(retry);
    else {
      refuse(span);
      if (![...broken].some(({ placed }) => isSameAd(placed, span.placed))) broken.add(span);
      check(wait ? HALTED_EDGE : EDGE);
    }
    return true;
  };
  return {
    check: () => check(EDGE),
    setWaiting: (isWaiting) => {
      if (!isWaiting) return stopWaiting();
      check(HALTED_EDGE);
      // a seek of ours is told as more waiting
      wait ??= { at: media.currentTime, forMs: 0, idleMs: 0, timer: setInterval(look, LOOK_MS) };
    },
    release: () => {
      stopWaiting();
      for (const timer of retries) clearInterval(timer);
    },
  };
}

interface Wait {
  at: number;
  forMs: number;
  idleMs: number;
  readonly timer: ReturnType<typeof setInterval>;
}

/** The ads of each segment's address, found once per text. */
function createAdIndex(timeline: Timeline): (playlist: GatedPlaylist) => ReadonlyMap<string, readonly AdSpan[]> {
  const found = new WeakMap<GatedPlaylist, ReadonlyMap<string, readonly AdSpan[]>>();
  return (playlist) => {
    const before = found.get(playlist);
    if (before) return before;
    const { segments, mediaSequence } = parseMediaPlaylist(playlist.text);
    const ads = new Map<string, readonly AdSpan[]>();
    for (const [index, segment] of segments.entries()) {
      const span = timeline.findAd({ sn: mediaSequence + index, start: 0, end: 0 }, playlist.url.href);
      if (!span || !URL.canParse(segment.uri, playlist.url)) continue;
      const { href } = new URL(segment.uri, playlist.url);
      ads.set(href, [...(ads.get(href) ?? []), span]);
    }
    found.set(playlist, ads);
    return ads;
  };
}

const BOXES: readonly string[] = ["ftyp", "styp", "moof", "moov", "sidx", "emsg", "prft", "mdat", "free", "skip"];

/** Whether a segment begins as TS, fragmented MP4 or packed audio do; unknown while it is encrypted, which ads are not. */
function isMedia({ response }: VhsRequest): boolean {
  if (!(response instanceof ArrayBuffer)) return true;
  const bytes = new Uint8Array(response);
  if (bytes[0] === 0x47) return true;
  const name = String.fromCharCode(...bytes.subarray(4, 8));
  const isPackedAudio =
    String.fromCharCode(...bytes.subarray(0, 3)) === "ID3" || (bytes[0] === 0xff && (bytes[1] ?? 0) >= 0xe0);
  return isPackedAudio || BOXES.includes(name);
}
