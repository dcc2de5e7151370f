/**
 * Ads whose segments cannot be loaded, or are no media: VHS would leave the rendition for a minute, or the stream for good. It is not
 * told; the viewer is put behind the ad where the media ends. And segments that VHS itself has lost: it is made to ask for them again.
 *
 * @see VHS 3.17 playlist-controller.js, `excludePlaylist`, `setCurrentTime`; segment-transmuxer.js and http-streaming#1276: of two
 * segments whose bytes are looked at in one moment, as after a seek, one is never heard of again
 */
import type { SkipReason } from "@interlude/core";
import { isVirtual } from "../ads/virtual-media.ts";
import type { Session } from "../session.ts";
import { findBufferedEnd } from "../viewing/frames.ts";
import { type AdSpan, isSameAd, type Timeline } from "../viewing/timeline.ts";
import type { Viewing } from "../viewing/viewing.ts";
import { isOnline } from "./online.ts";
import type { PlaylistGate } from "./vhs-playlists.ts";
import { createRetries, createSpanFinder, isMedia } from "./vhs-segments.ts";
import { createWait, type GuardedMedia, HALTED_EDGE } from "./vhs-wait.ts";

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

/** Failures of one segment before its ad is given up; the first may be chance. */
const MAX_FAILURES = 2;
/** Seconds between the playhead and the hole while it plays. */
const EDGE = 0.1;
/** Seconds beyond the media that is there, where a seek has VHS load anew: what is nearer than 0.1 it takes for loaded. */
const STEP = 0.12;

export function createAdGuard(
  media: GuardedMedia,
  { session, timeline, viewing }: AdGuardParts,
  gate: PlaylistGate,
): AdGuard {
  const counts = new Map<string, number>();
  const broken = new Set<AdSpan>();
  const retries = createRetries();
  const findSpan = createSpanFinder(timeline, gate);

  const jump = (span: AdSpan): void => viewing.jump(timeline.endOf(span.placed) + 0.01);
  // a rendition that VHS changes to is stitched when it comes, and shows the same ads
  const refuse = ({ placed }: AdSpan, reason: SkipReason): void =>
    session.refuse(placed.breakId, Number(placed.adId), reason, true);
  const check = (edge: number): void => {
    for (const span of broken) {
      if (!isMissing(span, edge, media, timeline)) continue;
      broken.delete(span);
      jump(span);
    }
  };
  const giveUp = (): void => {
    const span = listSpans(timeline).find((one) => isMissing(one, HALTED_EDGE, media, timeline));
    if (!span) return;
    refuse(span, "media-unavailable");
    jump(span);
  };
  /** A seek that is no viewer's has VHS load anew; not where the content has nothing more yet. */
  const restart = (): void => {
    const end = findBufferedEnd(media.buffered, media.currentTime);
    wait.stir();
    if (end - media.currentTime > HALTED_EDGE || timeline.locate(end + STEP) === "unknown") return;
    media.currentTime = end + STEP;
  };
  const wait = createWait({ media, isIdle: gate.isIdle, onTooLong: giveUp, onIdle: restart });
  gate.guard = ({ uri }, error, request, retry) => {
    if (!error && isMedia(request)) return false;
    const span = findSpan(uri, media.currentTime);
    if (!span) return false;
    // without a network nothing is given up
    const count = (counts.get(uri) ?? 0) + Number(isOnline());
    counts.set(uri, count);
    if (count < MAX_FAILURES) retries.later(retry);
    else {
      refuse(span, isVirtual(uri) ? "source-unreadable" : "media-unavailable");
      if (![...broken].some(({ placed }) => isSameAd(placed, span.placed))) broken.add(span);
      check(wait.isOn() ? HALTED_EDGE : EDGE);
    }
    return true;
  };
  return {
    check: () => check(EDGE),
    setWaiting: (isWaiting) => {
      if (!isWaiting) return wait.end();
      check(HALTED_EDGE);
      // a seek of ours is told as more waiting
      wait.begin();
    },
    release: () => {
      wait.end();
      retries.release();
    },
  };
}

function listSpans(timeline: Timeline): readonly AdSpan[] {
  return timeline.breaks().flatMap((placedBreak) => placedBreak.ads.map((placed) => ({ placedBreak, placed })));
}

/** Whether the viewer has come to the end of the media that is there, and it ends within this ad or in front of it. */
function isMissing(
  { placed }: AdSpan,
  edge: number,
  { currentTime, buffered }: GuardedMedia,
  timeline: Timeline,
): boolean {
  const end = findBufferedEnd(buffered, currentTime);
  const isNext = end >= timeline.startOf(placed) - HALTED_EDGE && end < timeline.endOf(placed) - EDGE;
  return isNext && end - currentTime < edge;
}
