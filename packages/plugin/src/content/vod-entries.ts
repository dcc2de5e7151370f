/**
 * The breaks of VOD content on their way to its playlists: placed when the content is known, resolved when the viewer comes near.
 *
 * A break that starts within content that another one takes the place of is left out.
 *
 * @see primetime.md §4.5 (overlapping breaks), §4.8 (lazy resolving)
 */
import { type BreakEntry, createEntry, type SessionPorts } from "../ads/break-entry.ts";
import { createVodTerms, type VodClock } from "../ads/vod-terms.ts";
import { type BreakTerms, type Closing, createClosing, createWaits, type Waits } from "../ads/wait-deadline.ts";
import type { PlannedBreak } from "../ads/planned-break.ts";
import { refuseAd } from "../ads/skips.ts";
import type { ContentFacts } from "./content.ts";
import { createDeferred } from "../deferred.ts";
import { selectDue, selectNext, START_WINDOW, type WaitingBreak } from "./lazy.ts";

export interface VodEntriesPorts extends SessionPorts {
  /** Whether playlists can be handed over again; where not, every break is decided before the first. Not known before that one comes. */
  readonly canBindLate: boolean;
  /** Seconds before a break comes up for loading; false: everything is resolved at once. */
  readonly lookAhead: number | false;
  /** Seconds of one break where the break itself does not say it. */
  readonly maxBreakDuration: number;
  /** Seconds of content at which the viewer begins. */
  readonly startTime: number;
  /** Seconds of media that the viewer has ahead; undefined while nothing plays yet. */
  readonly bufferAhead: () => number | undefined;
  readonly lateNotice: VodClock["lateNotice"];
}

export interface VodEntries {
  readonly list: () => readonly BreakEntry[];
  readonly add: (breaks: readonly PlannedBreak[]) => void;
  /** The content is known. */
  readonly place: (facts: ContentFacts) => void;
  /** The viewer is at a content time; nobody has to wait for what this asks for. */
  readonly advance: (contentTime: number) => void;
  /** Has everything resolved that nobody has asked for yet. */
  readonly resolveAll: () => void;
  /** Settles when a break is decided, or no ad can come to it any more; undefined: not asked for yet. */
  readonly settled: (entry: BreakEntry) => Promise<void> | undefined;
  /** No ad can come to it any more, although the last word on it is still to come. */
  readonly isHopeless: (entry: BreakEntry) => boolean;
  /** Settles when one of its ads is not waited for any more; undefined: none is. */
  readonly nextWait: (entry: BreakEntry) => Promise<unknown> | undefined;
  /** Has it decided with the ads that are ready, where there is one; settles in the same turn. */
  readonly close: (entry: BreakEntry) => Promise<void>;
}

interface WaitingEntry extends WaitingBreak {
  readonly entry: BreakEntry;
}

/**
 * @param startedAt when the start began to wait, on the clock of `now`; undefined: it has not
 * @param onSettled a break was decided
 */
export function createVodEntries(
  ports: VodEntriesPorts,
  startedAt: () => number | undefined,
  onSettled: () => void,
): VodEntries {
  const entries: BreakEntry[] = [];
  let facts: ContentFacts | undefined;
  let viewedAt: number | undefined;
  const viewed = (): number => viewedAt ?? ports.startTime;
  const passed = new Map<BreakEntry, number>();
  const passedAt = (entry: BreakEntry): number | undefined => passed.get(entry);
  const known = { startedAt, facts: () => facts, viewed, passedAt };
  const clock: VodClock = { ...ports, canBindLate: () => ports.canBindLate, ...known };
  const asked = createAsking(ports, clock, onSettled);

  const listWaiting = (): readonly WaitingEntry[] => {
    const waiting = entries.filter((entry) => entry.status === "pending" && !asked.settled(entry));
    return waiting.map((entry) => describeWaiting(entry, facts));
  };
  const ask = (waiting: readonly WaitingEntry[], due = waiting, at = viewed()): void => {
    const { last, next } = selectNext(waiting, due, at) ?? {};
    for (const item of due) asked.ask(item.entry, item === last ? next?.entry.planned : undefined);
  };
  /** How far ahead of the viewer a break is resolved. */
  const ahead = (): number =>
    ports.lookAhead === false ? Infinity : ports.lookAhead + (ports.bufferAhead() ?? 0) + (facts?.targetDuration ?? 0);
  const askFirst = (): void => {
    const waiting = listWaiting();
    if (ports.lookAhead === false || !ports.canBindLate) return ask(waiting);
    const due = selectDue(waiting, undefined, viewed(), Math.max(START_WINDOW, ahead()));
    const first = waiting.filter((item) => item.entry.planned.position === "pre" || due.includes(item));
    ask(waiting, first);
  };

  return {
    list: () => entries,
    settled: asked.settled,
    isHopeless: asked.isHopeless,
    nextWait: asked.nextWait,
    close: asked.close,
    add: (breaks) => {
      for (const named of breaks) entries.push(createEntry({ ...named, breakId: nameOnce(named.breakId, entries) }));
      placeEntries(entries, facts, ports);
      askFirst();
    },
    place: (known) => {
      if (facts === known) return;
      const isFirst = facts === undefined;
      facts = known;
      placeEntries(entries, facts, ports);
      if (isFirst) askFirst();
    },
    advance: (contentTime) => {
      const waiting = listWaiting();
      const due = selectDue(waiting, viewedAt, contentTime, ahead());
      for (const entry of listPassed(entries, viewedAt ?? contentTime, contentTime)) passed.set(entry, ports.now());
      viewedAt = contentTime;
      ask(waiting, due, contentTime);
      asked.closeDue();
    },
    resolveAll: () => ask(listWaiting()),
  };
}

/** Breaks that the viewer has come past from one content time to another, as players that seek come. */
function listPassed(entries: readonly BreakEntry[], from: number, to: number): readonly BreakEntry[] {
  return entries.filter(({ time }) => typeof time === "number" && time >= from && time < to);
}

function describeWaiting(entry: BreakEntry, facts: ContentFacts | undefined): WaitingEntry {
  const time = entry.time ?? readTime(entry.planned, facts);
  return { entry, time: time === "end" ? facts?.duration : time, maxDuration: entry.planned.maxDuration };
}

interface Asking extends Pick<VodEntries, "settled" | "isHopeless" | "nextWait" | "close"> {
  /** @param next asked for soon after it */
  readonly ask: (entry: BreakEntry, next: PlannedBreak | undefined) => void;
  /** Closes breaks for whose ads there is no more time, and has been. */
  readonly closeDue: () => void;
}

/** A break that was asked for. */
interface Asked {
  readonly waits: Waits;
  readonly terms: BreakTerms;
  readonly closing: Closing;
  /** Its ads could be waited for once. */
  hadTime: boolean;
}

/** What each break was asked for, and whether it is decided. */
function createAsking(ports: VodEntriesPorts, clock: VodClock, onSettled: () => void): Asking {
  const { facts } = clock;
  const settled = new Map<BreakEntry, Promise<void>>();
  const open = new Map<BreakEntry, Asked>();
  const hopeless = new Set<BreakEntry>();
  const resolve = async (entry: BreakEntry, next: PlannedBreak | undefined, onHopeless: () => void): Promise<void> => {
    const planned = { ...entry.planned, contentTime: entry.time ?? readTime(entry.planned, facts()), next };
    const waits = createWaits();
    const closing = createClosing();
    const terms = { ...createVodTerms(entry, clock), onWait: waits.add, onClosable: closing.onClosable };
    open.set(entry, { waits, terms, closing, hadTime: terms.leftAtMost() > 0 });
    const resolved = await ports.resolve(planned, onHopeless, terms);
    if (ports.takeResolved(entry, resolved) && fitPod(entry, facts()?.targetDuration ?? 0, ports))
      entry.status = "ready";
  };
  const settle = async (entry: BreakEntry, next: PlannedBreak | undefined): Promise<void> => {
    const decided = createDeferred<void>();
    settled.set(entry, decided.promise);
    await resolve(entry, next, () => {
      hopeless.add(entry);
      decided.resolve();
    });
    decided.resolve();
    onSettled();
  };
  return {
    ask: (entry, next) => void settle(entry, next),
    settled: (entry) => settled.get(entry),
    isHopeless: (entry) => hopeless.has(entry),
    nextWait: (entry) => open.get(entry)?.waits.next(),
    close: async (entry) => {
      if (open.get(entry)?.closing.close()) await settled.get(entry);
    },
    closeDue: () => {
      for (const [{ status }, asked] of open) {
        const hasTime = asked.terms.leftAtMost() > 0;
        if (status === "pending" && asked.hadTime && !hasTime) asked.closing.close();
        asked.hadTime ||= hasTime;
      }
    },
  };
}

/** The ad tag's breaks and the page's own may have one name: what is sent for a break is counted by it. */
function nameOnce(breakId: string, entries: readonly BreakEntry[]): string {
  let name = breakId;
  for (let time = 2; entries.some(({ planned }) => planned.breakId === name); time++) name = `${breakId}-${time}`;
  return name;
}

/** Once the content is known, a break has its place in it; or none, and is left out. */
function placeEntries(entries: readonly BreakEntry[], facts: ContentFacts | undefined, ports: SessionPorts): void {
  if (!facts) return;
  for (const entry of entries) {
    // one that is skipped has its place all the same
    entry.time ??= readTime(entry.planned, facts);
    if (entry.time === undefined && entry.status !== "skipped") ports.skipBreak(entry, "policy", []);
  }
  for (const [entry, other] of findOverlaps(entries))
    ports.skipBreak(entry, "policy", [], `it starts within break ${other.planned.breakId}`);
}

/** Undefined where the content has no such place, or is not known yet. */
function readTime({ timeOffset }: PlannedBreak, facts: ContentFacts | undefined): number | "end" | undefined {
  if (timeOffset === "start") return 0;
  if (timeOffset === "end") return "end";
  if ("share" in timeOffset) return timeOffset.share >= 1 ? "end" : facts && timeOffset.share * facts.duration;
  return "seconds" in timeOffset ? timeOffset.seconds : undefined;
}

/** Breaks that are not decided yet, each with the earlier one that it starts within. */
function findOverlaps(entries: readonly BreakEntry[]): readonly (readonly [BreakEntry, BreakEntry])[] {
  const timed = entries
    .flatMap((entry) =>
      typeof entry.time === "number" && entry.status !== "skipped" ? [{ entry, at: entry.time }] : [],
    )
    .toSorted((one, other) => one.at - other.at);
  const found: (readonly [BreakEntry, BreakEntry])[] = [];
  let cover: { readonly entry: BreakEntry; readonly at: number; readonly end: number } | undefined;
  for (const { entry, at } of timed) {
    const end = at + (entry.planned.replaces ?? 0);
    const isWithin = cover !== undefined && at < cover.end && (at > cover.at || end > at);
    if (cover && isWithin && entry.status === "pending") found.push([entry, cover.entry]);
    else if (end > (cover?.end ?? 0)) cover = { entry, at, end };
  }
  return found;
}

/** Leaves out ads that the break has no room for. @returns whether any is left */
function fitPod(entry: BreakEntry, targetDuration: number, ports: VodEntriesPorts): boolean {
  const room = (entry.planned.maxDuration ?? ports.maxBreakDuration) + targetDuration / 2;
  let total = 0;
  for (const [index, { duration }] of entry.ads.entries()) {
    if (total + duration <= room) total += duration;
    else refuseAd(entry, index, "break-duration-exceeded", ports);
  }
  return entry.status === "pending";
}
