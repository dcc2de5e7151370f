/**
 * The avails of live content: each is decided once, for all levels and tracks, and never after its first segment was shown.
 *
 *   already running when the viewer comes          → content
 *   decided in time                                → its pod, as far as the splice takes it
 *   undecided when its first segment is listed     → held back, at most one target duration and never past the viewer's buffer
 *                                                    less one segment; then content for the whole avail, `ads-timeout`
 *
 * @see DESIGN §6; primetime.md §1.7
 */
import {
  type Avail,
  type AvailDecision,
  emptyTimeline,
  forkTimeline,
  type LiveTimeline,
  listAvails,
  type Stitched,
  stitchLive,
} from "@interlude/core";
import type { AdServer } from "../ads/ad-server.ts";
import type { ContentFacts, FetchedPlaylist } from "./content.ts";
import type { ResolvedBreak } from "../insertion.ts";
import type { BreakEntry, SessionPorts } from "../ads/break-entry.ts";

export interface Live {
  readonly entries: () => readonly BreakEntry[];
  readonly stitch: (fetched: FetchedPlaylist, facts: ContentFacts) => Stitched;
}

export interface LivePorts extends SessionPorts {
  readonly planAvail: AdServer["planAvail"];
  /** Seconds of media that the viewer has ahead; undefined while nothing plays yet. */
  readonly bufferAhead: () => number | undefined;
}

interface AvailEntry extends BreakEntry {
  readonly avail: Avail;
  /** When its first segment was first listed, on the clock of `now`. */
  listedAt: number | undefined;
  decision: AvailDecision | undefined;
}

/** hls.js starts three target durations before the edge. */
const START_DISTANCE = 3;

export function createLive(ports: LivePorts): Live {
  const entries = new Map<string, AvailEntry>();
  const timelines = new Map<string, LiveTimeline>();

  const meet = (avail: Avail, facts: ContentFacts): void => {
    // what is left of an avail that the viewer has missed the start of is content, and has no lasting name
    if (avail.isPartial || entries.has(avail.id)) return;
    const planned = ports.planAvail(avail.id, avail.duration || undefined);
    if (!planned) return;
    const entry: AvailEntry = {
      planned,
      avail,
      time: undefined,
      status: "pending",
      reason: undefined,
      ads: [],
      refused: new Set(),
      listedAt: undefined,
      decision: undefined,
    };
    entries.set(avail.id, entry);
    const startsAt = timelines.size === 0 ? facts.duration - START_DISTANCE * facts.targetDuration : 0;
    if (avail.startTime < startsAt) return giveUp(entry, "policy");
    void ports.resolve(planned, () => undefined).then((resolved) => accept(entry, resolved));
  };
  const giveUp = (entry: AvailEntry, reason: "policy" | "ads-timeout"): void => {
    entry.decision = { kind: "content", programDateTime: entry.avail.programDateTime };
    ports.skipBreak(entry, reason, []);
  };
  const accept = (entry: AvailEntry, resolved: ResolvedBreak): void => {
    const { programDateTime, duration } = entry.avail;
    if (!ports.takeResolved(entry, resolved)) {
      entry.decision = { kind: "content", programDateTime };
      return;
    }
    entry.status = "placed";
    const ads = entry.ads.map(({ renditions }, index) => ({ adId: String(index), renditions }));
    const pod = { breakId: entry.avail.id, ads };
    entry.decision = { kind: "pod", pod, availDuration: duration, programDateTime };
    ports.onLateChange();
  };
  /** Whether an undecided avail may still be held back. */
  const mayHold = (entry: AvailEntry, avail: Avail, facts: ContentFacts): boolean => {
    const isListed = avail.startTime < facts.duration - 0.001;
    if (!isListed) return true;
    entry.listedAt ??= ports.now();
    const ahead = ports.bufferAhead() ?? avail.startTime - (facts.duration - START_DISTANCE * facts.targetDuration);
    return ports.now() - entry.listedAt < facts.targetDuration * 1000 && ahead > facts.targetDuration;
  };
  const decide = (avails: readonly Avail[], facts: ContentFacts): ReadonlyMap<string, AvailDecision> => {
    for (const avail of avails) {
      meet(avail, facts);
      const entry = entries.get(avail.id);
      if (entry && !entry.decision && !mayHold(entry, avail, facts)) giveUp(entry, "ads-timeout");
    }
    return new Map(
      [...entries].map(([id, { decision, avail }]) => [
        id,
        decision ?? { kind: "hold", programDateTime: avail.programDateTime },
      ]),
    );
  };

  return {
    entries: () => [...entries.values()],
    stitch: (fetched, facts) => {
      const decisions = decide(listAvails(fetched.text), facts);
      const [other] = timelines.values();
      const timeline = timelines.get(fetched.trackKey) ?? (other ? forkTimeline(other) : emptyTimeline());
      const stitched = stitchLive(fetched.text, fetched.content, timeline, decisions);
      timelines.set(fetched.trackKey, stitched.timeline);
      return stitched;
    },
  };
}
