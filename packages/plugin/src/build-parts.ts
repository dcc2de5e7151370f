/**
 * What an entry loads behind itself: everything between the ad server's answer and the last beacon, wired.
 */
import type { TextResponse } from "@interlude/core";
import type { AdRequests } from "./ads/ad-requests.ts";
import type { MacroFiller } from "./ads/macro-values.ts";
import type { BreakSnapshot, Emit } from "./events.ts";
import { createEmptyBreaks } from "./content/empty-breaks.ts";
import type { Settings } from "./options.ts";
import type { HostAbilities, HostSide, LoadedParts } from "./parts.ts";
import type { PluginPorts } from "./ports.ts";
import type { Session, SessionDeps } from "./session.ts";
import { createBeaconSender } from "./viewing/beacons.ts";
import { describeBreaks } from "./viewing/snapshot.ts";
import { toContentTime, toStreamTime } from "./viewing/content-time.ts";
import type { Span } from "./viewing/seeking.ts";
import { describeSpans } from "./viewing/spots.ts";
import { createTimeline } from "./viewing/timeline.ts";
import { createViewing } from "./viewing/viewing.ts";

export interface PartsDeps {
  readonly settings: Settings;
  readonly ports: PluginPorts;
  readonly emit: Emit;
  readonly requests: AdRequests;
  readonly filler: MacroFiller;
  /** The answer of the zone's address. */
  readonly zone: Promise<TextResponse>;
  readonly abilities: HostAbilities;
  /** Undefined until the player is there. */
  readonly host: () => HostSide | undefined;
  readonly createSession: (deps: SessionDeps) => Session;
  /** Aborted when the insertion is destroyed. */
  readonly ended: AbortSignal;
}

export function buildParts(deps: PartsDeps): LoadedParts {
  const { settings, ports, emit } = deps;
  const timeline = createTimeline();
  const beacons = createBeaconSender({
    filler: deps.filler,
    sendBeacon: ports.sendBeacon,
    emit,
    knownBreaks: () =>
      new Set([
        ...session.entries().map(({ planned }) => planned.breakId),
        ...timeline.breaks().map(({ breakId }) => breakId),
      ]),
  });
  const made = deps.createSession({
    ...deps,
    // read when the first playlist comes: only then is it known which player plays
    get canBindLate() {
      return deps.abilities.canBindLate;
    },
    beacons,
    bufferAhead: () => deps.host()?.bufferAhead(),
    liveStart: (content) => deps.host()?.liveStart?.(content),
    playsSoundApart: () => deps.host()?.playsSoundApart?.() ?? true,
    onLateChange: () => deps.host()?.onLateChange(),
    playInterstitials: () => deps.host()?.playInterstitials?.(),
    onBreaksChange: () => tellBreaks(),
    placeLate: (url, breaks) => timeline.setBreaks(url.href, breaks, !isLive()),
  });
  const session: Session = {
    ...made,
    stitch: async (fetched) => {
      const stitched = await made.stitch(fetched);
      if (fetched.content.kind !== "main") return stitched;
      // what is only declared takes no time in the playlist
      const listed = made.hasInterstitials?.() ? { ...stitched, breaks: [] } : stitched;
      return { ...stitched, text: viewing.writeStart(listed) };
    },
  };
  const isLive = (): boolean => session.facts()?.isLive ?? false;
  const spans = (): readonly Span[] => describeSpans(timeline.breaks(), timeline);
  const toContent = (time: number): number => (isLive() ? time : toContentTime(time, spans()));
  const toStream = (time: number): number => (isLive() ? time : toStreamTime(time, spans()));
  const contentDuration = (): number | undefined => (isLive() ? undefined : session.facts()?.duration);
  const breaks = (): readonly BreakSnapshot[] =>
    describeBreaks(session.entries(), timeline, session.facts()?.duration, viewing.isWatched);
  const passEmpty = createEmptyBreaks(session.entries, toStream, emit);
  let drawn = "";
  const tellBreaks = (): void => {
    const now = breaks();
    const drawing = JSON.stringify(now);
    if (drawing !== drawn) emit("timeline", { breaks: now });
    drawn = drawing;
  };
  const viewing = createViewing({
    settings,
    timeline,
    emit,
    beacons,
    entries: session.entries,
    isLive,
    toContentTime: toContent,
    toStreamTime: toStream,
    contentDuration,
    now: ports.now,
    onTime: (time) => {
      const contentTime = toContent(time);
      session.advance(contentTime);
      if (!isLive()) passEmpty(contentTime);
    },
    onSeek: (from, to) => deps.host()?.onSeek?.(from, to),
    onWatched: tellBreaks,
  });
  return {
    settings,
    ports,
    emit,
    beacons,
    timeline,
    session,
    breaks,
    viewing,
    toContentTime: toContent,
    toStreamTime: toStream,
    contentDuration,
    onTimelineChange: tellBreaks,
  };
}
