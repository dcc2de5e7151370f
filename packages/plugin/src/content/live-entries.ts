/**
 * The breaks of live content on their way to a decision: met, asked for, taken or given up; each once.
 */
import type { Avail, AvailDecision } from "@interlude/core";
import type { AdServer } from "../ads/ad-server.ts";
import { type BreakEntry, createEntry, type SessionPorts } from "../ads/break-entry.ts";
import type { PlannedBreak } from "../ads/planned-break.ts";
import {
  type BreakTerms,
  type Closing,
  createClosing,
  createWaits,
  LONG_MS,
  MARGIN_MS,
  selectWaitBudget,
  type Waits,
} from "../ads/wait-deadline.ts";
import type { ResolvedBreak } from "../insertion.ts";
import { orderLiveAvail } from "./avails.ts";
import type { ContentFacts } from "./content.ts";
import { type Entrance, isMissed, isReturnedEarly, type LivePlace, placeAt, selectEntrance } from "./live-places.ts";

export interface LiveEntriesPorts extends SessionPorts {
  readonly planAvail: AdServer["planAvail"];
  /** Seconds of media that the viewer has ahead; undefined while nothing plays yet. */
  readonly bufferAhead: () => number | undefined;
  /** Seconds from the first segment at which the page has the player begin; undefined: as players do. */
  readonly liveStart: (content: ContentFacts) => number | undefined;
}

export interface LiveEntry extends BreakEntry {
  readonly place: LivePlace;
  /** The viewer begins with it. */
  readonly isEntrance: boolean;
  /** What its ads are waited for. */
  readonly waits: Waits;
  /** When its first segment was first listed, on the clock of `now`. */
  listedAt: number | undefined;
  /** Seconds, of the playlist that lists it. */
  targetDuration: number;
  /** On the same clock: the viewer cannot have come to it before. */
  reachedAt: number;
  decision: AvailDecision | undefined;
  readonly closing: Closing;
  /** Settles when its ads are there; never rejects. */
  asked: Promise<void>;
}

export interface LiveEntries {
  readonly get: (id: string) => LiveEntry | undefined;
  readonly list: () => readonly LiveEntry[];
  /** Begins a break, and has its ads come; never rejects. */
  readonly ask: (planned: PlannedBreak, place: LivePlace) => LiveEntry;
  /** Begins the break of an avail that was not met before. @param entrance where the viewer comes in, while he does */
  readonly meet: (avail: Avail, entrance?: Entrance) => void;
  /** Decides what cannot wait any longer, and ends what the content has come back from. */
  readonly update: (avail: Avail, facts: ContentFacts) => Promise<void>;
  readonly giveUp: (entry: LiveEntry, reason: "policy" | "ads-timeout") => void;
  /** Drops the oldest, but for those that are listed. @returns the ids that are gone */
  readonly forget: (listed: readonly Avail[]) => readonly string[];
}

/** Breaks that are remembered behind those that the window lists. */
const MAX_KNOWN = 100;

export function createLiveEntries(ports: LiveEntriesPorts): LiveEntries {
  const entries = new Map<string, LiveEntry>();
  const add = (planned: PlannedBreak, place: LivePlace, isEntrance: boolean): LiveEntry => {
    const undecided = { listedAt: undefined, reachedAt: Number.NEGATIVE_INFINITY, decision: undefined };
    const waits = createWaits();
    const asking = { closing: createClosing(), asked: Promise.resolve() };
    const entry = { ...createEntry(planned), place, isEntrance, waits, ...asking, targetDuration: 0, ...undecided };
    entries.set(planned.breakId, entry);
    return entry;
  };
  const resolve = async (entry: LiveEntry): Promise<void> => {
    accept(entry, await ports.resolve(entry.planned, () => undefined, createTerms(entry, ports)), ports);
  };
  const giveUp: LiveEntries["giveUp"] = (entry, reason) => {
    entry.decision = { kind: "content", ...entry.place.at };
    ports.skipBreak(entry, reason, []);
  };
  return {
    get: (id) => entries.get(id),
    list: () => [...entries.values()],
    giveUp,
    ask: (planned, place) => {
      const entry = add(planned, place, true);
      entry.asked = resolve(entry);
      return entry;
    },
    meet: (avail, entrance) => {
      // what is left of an avail that the viewer has missed the start of is content, and has no lasting name
      if (avail.isPartial || entries.has(avail.id)) return;
      const planned = ports.planAvail(orderLiveAvail(avail));
      if (!planned) return;
      const entry = add(planned, placeAt(avail), false);
      if (entrance) entry.reachedAt = ports.now() + (avail.startTime - entrance.time) * 1000;
      if (entrance && isMissed(avail, entrance)) giveUp(entry, "policy");
      else entry.asked = resolve(entry);
    },
    update: async (avail, facts) => {
      const entry = entries.get(avail.id);
      if (!entry) return;
      if (!entry.decision && !mayHold(entry, avail, facts, ports)) {
        await closeEntry(entry);
        // another track's playlist may have waited for the same
        if (!entry.decision) giveUp(entry, "ads-timeout");
      }
      const { decision } = entry;
      if (decision?.kind !== "pod" || decision.earlyReturn || !isReturnedEarly(avail)) return;
      entry.decision = { ...decision, earlyReturn: placeAt(avail, facts.playlist).returnsAt };
    },
    forget: (listed) => {
      const oldest = [...entries.keys()].slice(0, -MAX_KNOWN);
      const gone = oldest.filter((id) => listed.every((avail) => avail.id !== id));
      for (const id of gone) entries.delete(id);
      return gone;
    },
  };
}

/** Decides it with the ads that are ready, where there is one. */
export async function closeEntry({ closing, asked }: LiveEntry): Promise<void> {
  if (closing.close()) await asked;
}

/** What has come for a break decides it, unless that was decided meanwhile. */
function accept(entry: LiveEntry, resolved: ResolvedBreak, ports: LiveEntriesPorts): void {
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
}

/** Whether an undecided avail may still be held back. */
function mayHold(entry: LiveEntry, avail: Avail, facts: ContentFacts, ports: LiveEntriesPorts): boolean {
  const isListed = avail.startTime < facts.duration - 0.001;
  if (!isListed) return true;
  entry.listedAt ??= ports.now();
  entry.targetDuration = facts.targetDuration;
  const entrance = (): number => selectEntrance(facts, [], ports.liveStart(facts)).time;
  // where playback has just begun little is buffered, but all up to the avail is listed
  const toAvail = (entry.reachedAt - ports.now()) / 1000;
  const ahead = Math.max(ports.bufferAhead() ?? avail.startTime - entrance(), toAvail);
  return ports.now() - entry.listedAt < facts.targetDuration * 1000 && ahead > facts.targetDuration;
}

/** What the viewer begins with waits like a pre-roll; an avail until {@link mayHold} would give it up. */
function createTerms(entry: LiveEntry, ports: LiveEntriesPorts): BreakTerms {
  const askedAt = ports.now();
  const toBreakMs = (): number => Math.max((ports.bufferAhead() ?? 0) * 1000, entry.reachedAt - ports.now());
  const leftOfStart = (): number => askedAt + selectWaitBudget(ports) - ports.now();
  const leftOfHold = ({ listedAt, targetDuration }: LiveEntry): number => {
    if (listedAt === undefined) return LONG_MS;
    const kept = ports.bufferAhead() === undefined ? LONG_MS : toBreakMs() - targetDuration * 1000;
    return Math.min(listedAt + targetDuration * 1000 - ports.now(), kept);
  };
  const left = (): number => (entry.decision ? 0 : (entry.isEntrance ? leftOfStart() : leftOfHold(entry)) - MARGIN_MS);
  return {
    timeToBreak: () => (entry.isEntrance ? 0 : toBreakMs() / 1000),
    left,
    leftAtMost: left,
    onWait: entry.waits.add,
    onClosable: entry.closing.onClosable,
  };
}
