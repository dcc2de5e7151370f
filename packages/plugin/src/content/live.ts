/**
 * The breaks of live content: each is decided once, for all levels and tracks, and never after its first segment was shown.
 *
 *   the viewer comes                               → a pre-roll before the live point where the page wants one
 *   already running when the viewer comes          → content; with `partialBreaks` the whole break, from its beginning
 *   decided in time                                → its pod, as far as the splice takes it
 *   undecided when its first segment is listed     → held back, at most one target duration and never past the viewer's buffer
 *                                                    less one segment; then content for the whole avail, `ads-timeout`
 *   the content signals its return                 → the pod ends there, `early-return`
 *
 * @see DESIGN §6; primetime.md §1.7, §4.7
 */
import {
  type Avail,
  type AvailDecision,
  emptyTimeline,
  forkTimeline,
  type LiveTimeline,
  parseCues,
  type Stitched,
  stitchLive,
} from "@interlude/core";
import type { AdServer } from "../ads/ad-server.ts";
import type { BreakEntry, SessionPorts } from "../ads/break-entry.ts";
import type { PlannedBreak } from "../ads/planned-break.ts";
import type { ResolvedBreak } from "../insertion.ts";
import { sleep } from "../sleep.ts";
import { orderLiveAvail } from "./avails.ts";
import type { ContentFacts, FetchedPlaylist } from "./content.ts";
import { createLiveNames } from "./live-names.ts";
import { type Entrance, isMissed, isReturnedEarly, type LivePlace, placeAt, selectEntrance } from "./live-places.ts";

export interface Live {
  readonly entries: () => readonly BreakEntry[];
  readonly stitch: (fetched: FetchedPlaylist, facts: ContentFacts) => Stitched | Promise<Stitched>;
}

export interface LivePorts extends SessionPorts {
  readonly planAvail: AdServer["planAvail"];
  /** Undefined where the page wants no pre-roll. */
  readonly planPreroll: AdServer["planPreroll"];
  /** Seconds of media that the viewer has ahead; undefined while nothing plays yet. */
  readonly bufferAhead: () => number | undefined;
  /** Seconds from the first segment at which the page has the player begin; undefined: as players do. */
  readonly liveStart: (content: ContentFacts) => number | undefined;
  readonly cueFormat: string | undefined;
  readonly partialBreaks: boolean;
}

interface LiveEntry extends BreakEntry {
  readonly place: LivePlace;
  /** The viewer begins with it. */
  readonly isEntrance: boolean;
  /** When its first segment was first listed, on the clock of `now`. */
  listedAt: number | undefined;
  /** On the same clock: the viewer cannot have come to it before. */
  reachedAt: number;
  decision: AvailDecision | undefined;
}

/** Breaks that are remembered behind those that the window lists. */
const MAX_KNOWN = 100;

export function createLive(ports: LivePorts): Live {
  const entries = new Map<string, LiveEntry>();
  const timelines = new Map<string, LiveTimeline>();
  const names = createLiveNames((id) => entries.get(id)?.place);
  let entering: Promise<unknown> | undefined;

  const giveUp = (entry: LiveEntry, reason: "policy" | "ads-timeout"): void => {
    entry.decision = { kind: "content", ...entry.place.at };
    ports.skipBreak(entry, reason, []);
  };
  const accept = (entry: LiveEntry, resolved: ResolvedBreak): void => {
    const { at, duration } = entry.place;
    if (!ports.takeResolved(entry, resolved)) {
      entry.decision = { kind: "content", ...at };
      return;
    }
    entry.status = "placed";
    const ads = entry.ads.map(({ renditions }, index) => ({ adId: String(index), renditions }));
    const pod = { breakId: entry.planned.breakId, ads };
    entry.decision = { kind: "pod", pod, availDuration: duration, ...at };
    ports.onLateChange();
  };
  const add = (planned: PlannedBreak, place: LivePlace, isEntrance: boolean): LiveEntry => {
    const entry: LiveEntry = {
      planned,
      time: undefined,
      status: "pending",
      reason: undefined,
      ads: [],
      refused: new Set(),
      place,
      isEntrance,
      listedAt: undefined,
      reachedAt: Number.NEGATIVE_INFINITY,
      decision: undefined,
    };
    entries.set(planned.breakId, entry);
    return entry;
  };
  const ask = async (entry: LiveEntry): Promise<void> =>
    accept(entry, await ports.resolve(entry.planned, () => undefined));

  /** What the viewer begins with is waited for, within the start budget. */
  const enter = async (avails: readonly Avail[], facts: ContentFacts): Promise<void> => {
    const entrance = selectEntrance(facts, avails, ports.liveStart(facts));
    const running = ports.partialBreaks ? entrance.running : undefined;
    const planned = running ? ports.planAvail(orderLiveAvail(running)) : ports.planPreroll();
    for (const avail of avails) if (avail !== running) meet(avail, entrance);
    if (!planned) return;
    const entry = add(planned, running ? placeAt(running) : entrance.place, true);
    await Promise.race([ask(entry), sleep(ports.startBudgetMs, ports.ended)]);
    if (!entry.decision) giveUp(entry, "ads-timeout");
  };
  const meet = (avail: Avail, entrance?: Entrance): void => {
    // what is left of an avail that the viewer has missed the start of is content, and has no lasting name
    if (avail.isPartial || entries.has(avail.id)) return;
    const planned = ports.planAvail(orderLiveAvail(avail));
    if (!planned) return;
    const entry = add(planned, placeAt(avail), false);
    if (entrance) entry.reachedAt = ports.now() + (avail.startTime - entrance.time) * 1000;
    if (entrance && isMissed(avail, entrance)) giveUp(entry, "policy");
    else void ask(entry);
  };
  /** Whether an undecided avail may still be held back. */
  const mayHold = (entry: LiveEntry, avail: Avail, facts: ContentFacts): boolean => {
    const isListed = avail.startTime < facts.duration - 0.001;
    if (!isListed) return true;
    entry.listedAt ??= ports.now();
    const entrance = (): number => selectEntrance(facts, [], ports.liveStart(facts)).time;
    // where playback has just begun little is buffered, but all up to the avail is listed
    const toAvail = (entry.reachedAt - ports.now()) / 1000;
    const ahead = Math.max(ports.bufferAhead() ?? avail.startTime - entrance(), toAvail);
    return ports.now() - entry.listedAt < facts.targetDuration * 1000 && ahead > facts.targetDuration;
  };
  const update = (entry: LiveEntry, avail: Avail, facts: ContentFacts): void => {
    if (!entry.decision && !mayHold(entry, avail, facts)) giveUp(entry, "ads-timeout");
    const { decision } = entry;
    if (decision?.kind !== "pod" || decision.earlyReturn || !isReturnedEarly(avail)) return;
    entry.decision = { ...decision, earlyReturn: placeAt(avail, facts.playlist).returnsAt };
  };
  const forget = (avails: readonly Avail[]): void => {
    for (const id of [...entries.keys()].slice(0, -MAX_KNOWN)) {
      if (avails.some((avail) => avail.id === id)) continue;
      entries.delete(id);
      names.retire(id);
    }
  };
  const stitch = (fetched: FetchedPlaylist, facts: ContentFacts, avails: readonly Avail[]): Stitched => {
    const decisions = new Map<string, AvailDecision>();
    for (const [id, { decision, place }] of entries) decisions.set(id, decision ?? { kind: "hold", ...place.at });
    const [other] = timelines.values();
    const timeline = timelines.get(fetched.trackKey) ?? (other ? forkTimeline(other) : emptyTimeline());
    const shown = [...entries.values()].find(({ isEntrance, status }) => isEntrance && status === "placed");
    const content = fetched.text === facts.playlist.text ? facts.playlist : fetched.text;
    const stitched = stitchLive(content, fetched.content, timeline, decisions, {
      avails,
      startAtBreak: shown?.planned.breakId,
    });
    timelines.set(fetched.trackKey, stitched.timeline);
    for (const { availId, ...resumption } of stitched.resumed) {
      const entry = entries.get(availId);
      const { decision } = entry ?? {};
      // where the first track came back, the others do too
      if (entry && decision?.kind === "pod" && !decision.resumption) entry.decision = { ...decision, resumption };
    }
    return stitched;
  };

  return {
    entries: () => [...entries.values()],
    stitch: async (fetched, facts) => {
      const avails = names.name(parseCues(facts.playlist, ports.cueFormat), facts);
      await (entering ??= enter(avails, facts));
      for (const avail of avails) {
        meet(avail);
        const entry = entries.get(avail.id);
        if (entry) update(entry, avail, facts);
      }
      forget(avails);
      return stitch(fetched, facts, avails);
    },
  };
}
