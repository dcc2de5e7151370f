/**
 * What an entry loads behind itself: everything between the ad server's answer and the last beacon, wired.
 */
import type { Stitched } from "@interlude/core";
import type { BreakEntry } from "./ads/break-entry.ts";
import type { MacroFiller } from "./ads/macro-values.ts";
import type { FetchedPlaylist } from "./content/content.ts";
import { createEmptyBreaks } from "./content/empty-breaks.ts";
import type { BreakSnapshot, Emit } from "./events.ts";
import { completePorts } from "./loaded-ports.ts";
import type { HostAbilities, HostSide, LoadedParts } from "./parts.ts";
import type { PagePorts } from "./ports.ts";
import type { Session, SessionDeps } from "./session.ts";
import { createBeaconSender } from "./viewing/beacons.ts";
import { describeBreaks } from "./viewing/snapshot.ts";
import { toContentTime, toStreamTime } from "./viewing/content-time.ts";
import type { Span } from "./viewing/seeking.ts";
import { describeSpans } from "./viewing/spots.ts";
import { createTimeline, type Timeline } from "./viewing/timeline.ts";
import { createViewing, type Viewing } from "./viewing/viewing.ts";

export interface PartsDeps extends Pick<SessionDeps, "settings" | "emit" | "requests" | "zone" | "ended"> {
  readonly ports: PagePorts;
  readonly filler: MacroFiller;
  readonly abilities: HostAbilities;
  /** Undefined until the player is there. */
  readonly host: () => HostSide | undefined;
  readonly createSession: (deps: SessionDeps) => Session;
}

export function buildParts(deps: PartsDeps): LoadedParts {
  const { settings, emit, host } = deps;
  const ports = completePorts(deps.ports, deps.ended, settings.credentials);
  const timeline = createTimeline();
  const beacons = createBeaconSender({
    filler: deps.filler,
    sendBeacon: ports.sendBeacon,
    emit,
    knownBreaks: () => listBreakIds(session.entries(), timeline),
  });
  const session = deps.createSession({
    ...deps,
    ...askHost(host),
    serveVirtual: () => (deps.abilities.canServeVirtual ? host()?.serveVirtual : undefined),
    liveStart: (content) => host()?.liveStart?.(content) ?? viewing.masterStart(content.duration),
    ports,
    // read each time that it counts: which player plays is known when the first playlist comes
    get canBindLate() {
      return deps.abilities.canBindLate;
    },
    beacons,
    onBreaksChange: () => tellBreaks(),
    placeLate: (url, breaks) => timeline.setBreaks(url.href, breaks, !clock.isLive()),
  });
  const clock = createContentClock(session, timeline);
  const breaks = (): readonly BreakSnapshot[] =>
    describeBreaks(session.entries(), timeline, session.facts()?.duration, viewing.isWatched);
  const tellBreaks = createBreaksTeller(breaks, emit);
  const viewing = createViewing({
    ...clock,
    settings,
    timeline,
    emit,
    beacons,
    entries: session.entries,
    now: ports.now,
    onTime: createTimeTeller(session, clock, emit),
    onSeek: (from, to) => host()?.onSeek?.(from, to),
    onWatched: tellBreaks,
    onBroken: ({ placed }) => session.refuse(placed.breakId, Number(placed.adId), "source-unreadable", true),
  });
  return {
    ...clock,
    settings,
    ports,
    emit,
    beacons,
    timeline,
    session: {
      ...session,
      readMaster: (text) => {
        session.readMaster(text);
        viewing.readMaster(text);
      },
      stitch: (fetched) => stitchFromStart(fetched, session, viewing),
    },
    breaks,
    viewing,
    onTimelineChange: tellBreaks,
  };
}

/** What a session asks of the player, which may not be there yet. */
function askHost(
  host: PartsDeps["host"],
): Pick<
  SessionDeps,
  "bufferAhead" | "bandwidthBps" | "lateNotice" | "playsSoundApart" | "onLateChange" | "playInterstitials"
> {
  return {
    bufferAhead: () => host()?.bufferAhead(),
    bandwidthBps: () => host()?.bandwidthBps?.(),
    lateNotice: () => host()?.lateNotice?.(),
    playsSoundApart: () => host()?.playsSoundApart?.() ?? true,
    onLateChange: () => host()?.onLateChange(),
    playInterstitials: () => host()?.playInterstitials?.(),
  };
}

interface ContentClock extends Pick<LoadedParts, "toContentTime" | "toStreamTime" | "contentDuration"> {
  readonly isLive: () => boolean;
}

/** Live content has one time. */
function createContentClock({ facts }: Session, timeline: Timeline): ContentClock {
  const isLive = (): boolean => facts()?.isLive ?? false;
  const spans = (): readonly Span[] => describeSpans(timeline.breaks(), timeline);
  return {
    isLive,
    toContentTime: (time) => (isLive() ? time : toContentTime(time, spans())),
    toStreamTime: (time) => (isLive() ? time : toStreamTime(time, spans())),
    contentDuration: () => (isLive() ? undefined : facts()?.duration),
  };
}

/** Where the viewer is, to whoever has to prepare for it or tell it. */
function createTimeTeller(session: Session, clock: ContentClock, emit: Emit): (streamTime: number) => void {
  const passEmpty = createEmptyBreaks(session.entries, clock.toStreamTime, emit);
  return (streamTime) => {
    const contentTime = clock.toContentTime(streamTime);
    session.advance(contentTime);
    if (!clock.isLive()) passEmpty(contentTime);
  };
}

/** The same breaks twice are told once. */
function createBreaksTeller(breaks: () => readonly BreakSnapshot[], emit: Emit): () => void {
  let drawn = "";
  return () => {
    const now = breaks();
    const drawing = JSON.stringify(now);
    if (drawing !== drawn) emit("timeline", { breaks: now });
    drawn = drawing;
  };
}

/** The playlist of the pictures says where playback begins. */
async function stitchFromStart(fetched: FetchedPlaylist, session: Session, viewing: Viewing): Promise<Stitched> {
  const stitched = await session.stitch(fetched);
  // what is only declared takes no time in the playlist
  const listed = session.hasInterstitials?.() ? { ...stitched, breaks: [] } : stitched;
  return { ...stitched, text: viewing.writeStart(listed, fetched.content.kind === "main") };
}

function listBreakIds(entries: readonly BreakEntry[], timeline: Timeline): ReadonlySet<string> {
  return new Set([
    ...entries.map(({ planned }) => planned.breakId),
    ...timeline.breaks().map(({ breakId }) => breakId),
  ]);
}
