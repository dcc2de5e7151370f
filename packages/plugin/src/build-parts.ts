/**
 * What an entry loads behind itself: everything between the ad server's answer and the last beacon, wired.
 */
import type { TextResponse } from "@interlude/core";
import type { AdRequests } from "./ads/ad-requests.ts";
import type { BreakSnapshot, Emit } from "./events.ts";
import type { Settings } from "./options.ts";
import type { HostAbilities, HostSide, LoadedParts } from "./parts.ts";
import type { PluginPorts } from "./ports.ts";
import type { Session, SessionDeps } from "./session.ts";
import { createBeaconSender } from "./viewing/beacons.ts";
import { describeBreaks } from "./viewing/snapshot.ts";
import { createTimeline, toContentTime, toStreamTime } from "./viewing/timeline.ts";
import { createViewing } from "./viewing/viewing.ts";

export interface PartsDeps {
  readonly settings: Settings;
  readonly ports: PluginPorts;
  readonly emit: Emit;
  readonly requests: AdRequests;
  /** The answer of the zone's address. */
  readonly zone: Promise<TextResponse>;
  readonly abilities: HostAbilities;
  /** Undefined until the player is there. */
  readonly host: () => HostSide | undefined;
  readonly createSession: (deps: SessionDeps) => Session;
}

export function buildParts(deps: PartsDeps): LoadedParts {
  const { settings, ports, emit } = deps;
  const timeline = createTimeline();
  const beacons = createBeaconSender(settings.session, ports.sendBeacon, emit);
  const session = deps.createSession({
    ...deps,
    // read when the first playlist comes: only then is it known which player plays
    get canBindLate() {
      return deps.abilities.canBindLate;
    },
    beacons,
    bufferAhead: () => deps.host()?.bufferAhead(),
    onLateChange: () => deps.host()?.onLateChange(),
    onBreaksChange: () => tellBreaks(),
    placeLate: (url, breaks) => timeline.setBreaks(url.href, breaks, !isLive()),
  });
  const isLive = (): boolean => session.facts()?.isLive ?? false;
  const toContent = (time: number): number => (isLive() ? time : toContentTime(timeline, time));
  const breaks = (): readonly BreakSnapshot[] =>
    describeBreaks(session.entries(), timeline, session.facts()?.duration, () => false);
  let drawn = "";
  const tellBreaks = (): void => {
    const now = breaks();
    const drawing = JSON.stringify(now);
    if (drawing !== drawn) emit("timeline", { breaks: now });
    drawn = drawing;
  };
  return {
    settings,
    ports,
    emit,
    beacons,
    timeline,
    session,
    breaks,
    viewing: createViewing({
      timeline,
      emit,
      beacons,
      entries: session.entries,
      toContentTime: toContent,
      now: ports.now,
      onTime: (time) => session.advance(toContent(time)),
    }),
    toContentTime: toContent,
    toStreamTime: (time) => (isLive() ? time : toStreamTime(timeline, time)),
    contentDuration: () => (isLive() ? undefined : session.facts()?.duration),
    onTimelineChange: tellBreaks,
  };
}
