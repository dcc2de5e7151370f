/**
 * Ads whose segments cannot be loaded: an ad of which nothing was loaded is taken out of the playlists again, of another the rest is
 * jumped over. hls.js would give up the whole stream.
 */
import type { Engine } from "./hls-engine.ts";
import { findBufferedEnd } from "../viewing/frames.ts";
import type { Session } from "../session.ts";
import type { AdSpan, Timeline } from "../viewing/timeline.ts";

export interface AdFailures {
  /**
   * A fragment of an ad failed.
   *
   * @param fragment names it, whatever the attempt
   */
  readonly add: (span: AdSpan, fragment: string, isFatal: boolean) => void;
  /** The viewer has got further. */
  readonly check: () => void;
}

/** Failures of one fragment before its ad is given up; the first may be chance. */
const MAX_FAILURES = 2;
/** Seconds before the hole at which it is jumped over. */
const EDGE = 0.3;

export function createAdFailures(
  engine: Engine,
  session: Session,
  timeline: Timeline,
  reload: (time: number) => void,
): AdFailures {
  const counts = new Map<string, number>();
  const broken = new Set<AdSpan>();
  const jump = (span: AdSpan): void => {
    const { media } = engine;
    if (!media) return;
    broken.delete(span);
    const target = timeline.endOf(span.placed) + 0.01;
    media.currentTime = target;
    engine.startLoad(target);
  };
  return {
    add: (span, fragment, isFatal) => {
      const count = (counts.get(fragment) ?? 0) + 1;
      counts.set(fragment, count);
      if (!isFatal && count < MAX_FAILURES) return;
      const { breakId, adId } = span.placed;
      const canTakeOut = session.vod() !== undefined && !timeline.isLoaded(span.placed);
      session.refuse(breakId, Number(adId), "media-unavailable");
      // hls.js stops loading after it has told of a fatal error
      setTimeout(() => {
        if (canTakeOut) reload(engine.media?.currentTime ?? 0);
        else if (engine.media && timeline.locate(engine.media.currentTime) === "unknown") jump(span);
        else broken.add(span);
      }, 0);
    },
    check: () => {
      const { media } = engine;
      if (!media) return;
      for (const span of broken) {
        const { currentTime, buffered } = media;
        const isInside = currentTime >= timeline.startOf(span.placed) && currentTime < timeline.endOf(span.placed);
        if (isInside && findBufferedEnd(buffered, currentTime) - currentTime < EDGE) jump(span);
      }
    },
  };
}
