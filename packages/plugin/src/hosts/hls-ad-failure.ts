/**
 * Ads that cannot be loaded or decoded, or that do not come. hls.js would give up the whole stream; here the content goes on:
 *
 *   nothing of the ad, or of what follows, is loaded   → it is taken out of the playlists again (VOD)
 *   of another                                         → what is there plays, the rest is jumped over
 *   the browser has given up decoding                  → the media source is made anew, behind the ad
 *
 * Errors of the content itself stay the host's business.
 */
import type { SkipReason } from "@interlude/core";
import { type AdFault, selectFault } from "./hls-ad-errors.ts";
import type { Engine, EngineEventData, EngineFragment } from "./hls-engine.ts";
import { bufferedAhead, isOnline, watchStarvation } from "./hls-starvation.ts";
import type { Session } from "../session.ts";
import type { AdSpan, Timeline } from "../viewing/timeline.ts";

export interface AdFailures {
  /** hls.js told of an error. */
  readonly add: (error: EngineEventData) => void;
  readonly onFragmentLoading: (fragment: EngineFragment) => void;
  /** @param hasMedia false where nothing of it could be read */
  readonly onFragmentBuffered: (fragment: EngineFragment, hasMedia: boolean) => void;
  /** The viewer has got further, or waits. */
  readonly check: () => void;
  readonly stop: () => void;
}

export interface AdFailureDeps {
  readonly engine: Engine;
  readonly session: Pick<Session, "refuse" | "vod">;
  readonly timeline: Timeline;
  /** Has every playlist asked for again. */
  readonly reload: (time: number) => void;
}

/** Failures of one fragment to load before its ad is given up. */
const MAX_FAILURES = 2;
/** Seconds before the hole at which it is jumped over. */
const EDGE = 0.3;
/** Seconds by which buffered media may reach over a segment boundary. */
const OVERLAP = 0.25;
/** Seconds behind an ad within which a player that is stuck may be so because of it. */
const AFTERMATH = 10;

export function createAdFailures(deps: AdFailureDeps): AdFailures {
  const { engine, session, timeline } = deps;
  const counts = new Map<string, number>();
  const buffered = createBufferedEnds();
  const exits = createExits(deps);
  let latest: EngineFragment | undefined;

  const findAd = (fragment: EngineFragment | undefined): AdSpan | undefined =>
    fragment && fragment.type !== "subtitle" ? timeline.findAd(fragment, urlOf(fragment, engine)) : undefined;
  const mayBeChance = ({ level, type, sn }: EngineFragment): boolean => {
    const name = `${type} ${level} ${sn}`;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count < MAX_FAILURES;
  };
  const giveUp = (span: AdSpan, reason: SkipReason, source: AdFault["source"]): void => {
    const { placed } = span;
    const isAlone = !timeline.isLoaded(placed) && buffered.reach() <= timeline.startOf(placed) + OVERLAP;
    session.refuse(placed.breakId, Number(placed.adId), reason);
    exits.leave(span, isAlone && session.vod() !== undefined, source);
  };
  const starvation = watchStarvation(engine, (isStuck) => {
    const span = exits.current() ?? (isStuck ? undefined : findAd(latest));
    if (span) giveUp(span, isStuck ? "source-unreadable" : "media-timeout", "kept");
    else if (isStuck && exits.isBehindAd()) engine.recoverMediaError();
  });

  return {
    add: ({ details, frag, fatal = false }) => {
      if (frag) starvation.onFragmentDone(frag);
      if (typeof details !== "string") return;
      const fault = selectFault(details, fatal, Boolean(engine.media?.error));
      const span = fault?.isOfPlayhead ? exits.current() : findAd(frag ?? latest);
      if (!fault || !span || (frag && fault.mayBeChance && (!isOnline() || mayBeChance(frag)))) return;
      giveUp(span, fault.reason, fault.source);
    },
    onFragmentLoading: (fragment) => {
      if (fragment.type === "subtitle") return;
      latest = fragment;
      starvation.onFragmentLoading(fragment);
    },
    onFragmentBuffered: (fragment, hasMedia) => {
      starvation.onFragmentDone(fragment);
      if (hasMedia) buffered.add(fragment);
    },
    check: exits.check,
    stop: starvation.stop,
  };
}

/** The address that a fragment's playlist is known by. */
export function urlOf({ baseurl, level }: EngineFragment, engine: Engine): string | undefined {
  return baseurl ?? engine.levels[level]?.details?.url;
}

/** Up to where sound and pictures have been loaded, seconds; a seek back does not make it less. */
function createBufferedEnds(): { readonly add: (fragment: EngineFragment) => void; readonly reach: () => number } {
  let reach = 0;
  return {
    add: ({ type, end }) => {
      if (type !== "subtitle") reach = Math.max(reach, end);
    },
    reach: () => reach,
  };
}

interface Exits {
  /** The ad at the playhead, or just ahead of it. */
  readonly current: () => AdSpan | undefined;
  readonly isBehindAd: () => boolean;
  readonly leave: (span: AdSpan, isOut: boolean, source: AdFault["source"]) => void;
  readonly check: () => void;
}

/** The ways out of an ad that is given up. */
function createExits({ engine, timeline, reload }: AdFailureDeps): Exits {
  const broken = new Map<string, AdSpan>();
  const taken = new Set<string>();
  const jump = (span: AdSpan): void => {
    const { media } = engine;
    if (!media) return;
    broken.delete(nameOf(span));
    const target = timeline.endOf(span.placed) + 0.01;
    media.currentTime = target;
    engine.startLoad(target);
  };
  const isAt = ({ placed }: AdSpan, time: number): boolean =>
    time >= timeline.startOf(placed) - EDGE && time < timeline.endOf(placed);
  const check = (): void => {
    const { media } = engine;
    if (!media) return;
    for (const span of broken.values()) if (isAt(span, media.currentTime) && bufferedAhead(media) < EDGE) jump(span);
  };
  return {
    current: () => {
      const time = engine.media?.currentTime ?? 0;
      const at = [timeline.locate(time), timeline.locate(time + EDGE)];
      return at.find((found) => typeof found !== "string");
    },
    isBehindAd: () => {
      const time = engine.media?.currentTime ?? 0;
      const sinceEnd = timeline.breaks().map((placed) => time - timeline.endOf(placed));
      return sinceEnd.some((seconds) => seconds > -EDGE && seconds < AFTERMATH);
    },
    leave: (span, isOut, source) => {
      const name = nameOf(span);
      if (taken.has(name)) return;
      if (isOut) taken.add(name);
      else broken.set(name, span);
      // hls.js stops loading, or makes its media source anew, after it has told of an error
      setTimeout(() => {
        if (source === "stuck") engine.recoverMediaError();
        if (isOut) reload(engine.media?.currentTime ?? 0);
        else if (source === "kept") check();
        else jump(span);
      }, 0);
    },
    check,
  };
}

function nameOf({ placed }: AdSpan): string {
  return JSON.stringify([placed.breakId, placed.adId]);
}
