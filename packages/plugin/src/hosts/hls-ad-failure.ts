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
import { isVirtual } from "../ads/virtual-media.ts";
import { type AdFault, selectFault } from "./hls-ad-errors.ts";
import type { Engine, EngineEventData, EngineFragment } from "./hls-engine.ts";
import { bufferedAhead, watchStarvation } from "./hls-starvation.ts";
import { isOnline } from "./online.ts";
import type { Session } from "../session.ts";
import type { AdSpan, Timeline } from "../viewing/timeline.ts";

export interface AdFailures {
  /** hls.js told of an error. */
  readonly add: (error: EngineEventData) => void;
  readonly onFragmentLoading: (fragment: EngineFragment) => void;
  readonly onFragmentLoaded: (fragment: EngineFragment) => void;
  /** It is through, although nothing of it may have been read. */
  readonly onFragmentBuffered: (fragment: EngineFragment) => void;
  /** What was loaded from a time on is gone, and the numbers of fragments are others. */
  readonly forgetFrom: (time: number) => void;
  /** The viewer has got further, or waits. */
  readonly check: () => void;
  readonly stop: () => void;
}

export interface AdFailureDeps {
  readonly engine: Engine;
  readonly session: Pick<Session, "refuse" | "vod">;
  readonly timeline: Timeline;
  /** Moves the playhead; no seek of the viewer's. */
  readonly jump: (target: number) => void;
  /** Has every playlist asked for again. */
  readonly reload: (time: number) => void;
}

/** Failures of one fragment to load before its ad is given up. */
const MAX_FAILURES = 2;
/** Of one that the page makes: it has tried more than once itself, and every level lists the same one. */
const MAX_FAILURES_MADE_HERE = 1;
/** Seconds before the hole at which it is jumped over. */
const EDGE = 0.3;
/** Seconds by which buffered media may reach over a segment boundary. */
const OVERLAP = 0.25;
/** Seconds behind an ad within which a player that is stuck may be so because of it. */
const AFTERMATH = 10;

export function createAdFailures(deps: AdFailureDeps): AdFailures {
  const { engine, session, timeline } = deps;
  const counts = new Map<string, number>();
  const ends = createLoadedEnds();
  const exits = createExits(deps);
  let latest: EngineFragment | undefined;

  const findAd = (fragment: EngineFragment | undefined): AdSpan | undefined =>
    fragment && fragment.type !== "subtitle" ? timeline.findAd(fragment, urlOf(fragment, engine)) : undefined;
  const mayBeChance = (fragment: EngineFragment): boolean => {
    const { level, type, sn } = fragment;
    const name = `${type} ${level} ${sn}`;
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count < (isMadeHere(fragment) ? MAX_FAILURES_MADE_HERE : MAX_FAILURES);
  };
  const giveUp = (span: AdSpan, reason: SkipReason, source: AdFault["source"]): void => {
    const { placed } = span;
    const start = timeline.startOf(placed);
    const isAlone = !timeline.isLoaded(placed) && ends.reach() <= start + OVERLAP;
    // a new media source is empty
    const isAhead = source !== "kept" && (engine.media?.currentTime ?? 0) < start - EDGE;
    const isOut = session.vod() !== undefined && (isAlone || isAhead);
    session.refuse(placed.breakId, Number(placed.adId), reason, !isOut);
    if (isOut) timeline.forgetFrom(start);
    exits.leave(span, isOut, source);
  };
  const starvation = watchStarvation(engine, (isStuck) => {
    const span = exits.current() ?? (isStuck ? undefined : findAd(latest));
    if (span) giveUp(span, isStuck ? "source-unreadable" : "media-timeout", "kept");
    else if (isStuck && exits.startAnewBehind()) engine.recoverMediaError();
  });

  return {
    add: ({ details, frag, fatal = false }) => {
      if (frag) starvation.onFragmentDone(frag);
      if (typeof details !== "string") return;
      const fault = selectFault(details, fatal, Boolean(engine.media?.error), isMadeHere(frag));
      const broken = frag ?? (fault?.isOfPlayhead ? undefined : latest);
      const span = findAd(broken) ?? (fault?.isOfPlayhead ? exits.current() : undefined);
      if (broken) ends.remove(broken);
      if (!fault || !span || (frag && fault.mayBeChance && (!isOnline() || mayBeChance(frag)))) return;
      giveUp(span, fault.reason, fault.source);
    },
    onFragmentLoading: (fragment) => {
      if (fragment.type === "subtitle") return;
      latest = fragment;
      starvation.onFragmentLoading(fragment);
    },
    onFragmentLoaded: (fragment) => {
      if (fragment.type !== "subtitle" && !fragment.bitrateTest) ends.add(fragment);
    },
    onFragmentBuffered: starvation.onFragmentDone,
    forgetFrom: (time) => {
      ends.forgetFrom(time);
      counts.clear();
      latest = undefined;
    },
    check: exits.check,
    stop: () => {
      starvation.stop();
      exits.stop();
    },
  };
}

function isMadeHere(fragment: EngineFragment | undefined): boolean {
  return isVirtual(fragment?.url ?? "");
}

/** The address that a fragment's playlist is known by. */
export function urlOf({ baseurl, level }: EngineFragment, engine: Engine): string | undefined {
  return baseurl ?? engine.levels[level]?.details?.url;
}

interface LoadedEnds {
  readonly add: (fragment: EngineFragment) => void;
  readonly remove: (fragment: EngineFragment) => void;
  readonly forgetFrom: (time: number) => void;
  /** Seconds. */
  readonly reach: () => number;
}

const MAX_LOADED = 100;

/** Up to where sound and pictures have been loaded, appended or not; a seek back does not make it less. */
function createLoadedEnds(): LoadedEnds {
  const ends = new Map<string, number>();
  const nameOfFragment = ({ type, sn }: EngineFragment): string => `${type} ${sn}`;
  return {
    add: (fragment) => {
      ends.set(nameOfFragment(fragment), fragment.end);
      const [oldest] = ends.keys();
      if (oldest !== undefined && ends.size > MAX_LOADED) ends.delete(oldest);
    },
    remove: (fragment) => ends.delete(nameOfFragment(fragment)),
    forgetFrom: (time) => {
      for (const [name, end] of ends) if (end > time + OVERLAP) ends.delete(name);
    },
    reach: () => Math.max(0, ...ends.values()),
  };
}

interface Exits {
  /** The ad at the playhead, or just ahead of it. */
  readonly current: () => AdSpan | undefined;
  /** Whether the playhead is just behind a break, told once of each: what is stuck then may be what the ad has left. */
  readonly startAnewBehind: () => boolean;
  readonly leave: (span: AdSpan, isOut: boolean, source: AdFault["source"]) => void;
  readonly check: () => void;
  readonly stop: () => void;
}

/** The ways out of an ad that is given up. */
function createExits({ engine, timeline, reload, ...viewing }: AdFailureDeps): Exits {
  const broken = new Map<string, AdSpan>();
  const taken = new Set<string>();
  const left = new Set<string>();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const jump = (span: AdSpan): void => {
    if (!engine.media) return;
    broken.delete(nameOf(span));
    const target = timeline.endOf(span.placed) + 0.01;
    viewing.jump(target);
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
    startAnewBehind: () => {
      const time = engine.media?.currentTime ?? 0;
      const placed = timeline.breaks().find((one) => {
        const sinceEnd = time - timeline.endOf(one);
        return sinceEnd > -EDGE && sinceEnd < AFTERMATH;
      });
      if (!placed || left.has(placed.breakId)) return false;
      left.add(placed.breakId);
      return true;
    },
    leave: (span, isOut, source) => {
      const name = nameOf(span);
      if (taken.has(name)) return;
      if (isOut) taken.add(name);
      else broken.set(name, span);
      // hls.js stops loading, or makes its media source anew, after it has told of an error
      const timer = setTimeout(() => {
        timers.delete(timer);
        if (source === "stuck") engine.recoverMediaError();
        if (isOut) reload(engine.media?.currentTime ?? 0);
        else if (source === "kept" || !isAt(span, engine.media?.currentTime ?? 0)) check();
        else jump(span);
      }, 0);
      timers.add(timer);
    },
    check,
    stop: () => {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

function nameOf({ placed }: AdSpan): string {
  return JSON.stringify([placed.breakId, placed.adId]);
}
