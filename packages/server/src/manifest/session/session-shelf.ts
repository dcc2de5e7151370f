/** Where the sessions of one process are kept: bounded in number, in idle time, and in what is held unpacked. */
import { packSession, type SessionFacts, unpackSession } from "./session-packing.ts";
import type { Session } from "./session.ts";
import { weighSession } from "./session-weight.ts";

export interface ShelfOptions {
  /** The one that was not used for longest is forgotten when there is one more. */
  readonly maxSessions: number;
  /** A session that is not used for this long is forgotten, ms. */
  readonly idleMs: number;
  /** ms since the epoch */
  readonly now: () => number;
  /** About as many bytes of sessions are held unpacked; at least one session is. 256 MB where it is not given. */
  readonly unpackedBytes?: number;
}

/** Valid until the next call of the shelf. */
export type HeldSession = SessionFacts & { readonly id: string };

export interface SessionShelf {
  add(session: Session): void;
  /** Counts as use; undefined: not there, or idle for too long. */
  open(id: string): HeldSession | undefined;
  /** Of a session that {@link open} has just given. */
  replace(held: HeldSession, change: Partial<SessionFacts>): void;
  count(): number;
  /** What is cheap to know of each session, in no order. */
  survey(): Iterable<SurveyedSession>;
  /** As {@link open}, but no use of it. */
  peek(id: string): (SurveyedSession & { readonly facts: HeldSession }) | undefined;
  clear(): void;
}

/** Times in ms since the epoch. */
export interface SurveyedSession {
  readonly id: string;
  readonly zone: string;
  readonly createdAt: number;
  readonly usedAt: number;
}

interface Unpacked {
  facts: HeldSession;
  usedAt: number;
  /** Bytes, about. */
  weight: number;
}

interface Packed {
  readonly text: string;
  readonly usedAt: number;
  /** So that a list need not unpack what it does not show. */
  readonly zone: string;
  readonly createdAt: number;
}

const DEFAULT_UNPACKED_BYTES = 256e6;

export function createSessionShelf(options: ShelfOptions): SessionShelf {
  const { maxSessions, idleMs, now, unpackedBytes = DEFAULT_UNPACKED_BYTES } = options;
  const tiers = createTiers(unpackedBytes);
  const forgetIdle = (): void => {
    const before = now() - idleMs;
    for (let first = tiers.oldest(); first && first.usedAt <= before; first = tiers.oldest()) tiers.take(first.id);
  };
  return {
    add: (session) => {
      forgetIdle();
      const facts = { id: session.id, session, cookies: [], breaks: [], tracks: [], claims: [] };
      tiers.put({ facts, usedAt: now(), weight: weighSession(facts) });
      for (let first = tiers.oldest(); first && tiers.count() > maxSessions; first = tiers.oldest())
        tiers.take(first.id);
    },
    open: (id) => {
      forgetIdle();
      const entry = tiers.take(id);
      if (!entry) return undefined;
      entry.usedAt = now();
      tiers.put(entry);
      return entry.facts;
    },
    replace: ({ id }, change) => {
      const entry = tiers.take(id);
      if (!entry) return;
      entry.facts = { ...entry.facts, ...change };
      entry.weight = weighSession(entry.facts);
      tiers.put(entry);
    },
    count: () => {
      forgetIdle();
      return tiers.count();
    },
    survey: () => {
      forgetIdle();
      return tiers.survey();
    },
    peek: (id) => {
      forgetIdle();
      return tiers.peek(id);
    },
    clear: tiers.clear,
  };
}

/** Sessions in the order of use: those that are packed were all used before those that are not. */
interface Tiers {
  /** As the one used last. */
  put(entry: Unpacked): void;
  /** Takes it out. */
  take(id: string): Unpacked | undefined;
  /** The one that was not used for longest. */
  oldest(): { readonly id: string; readonly usedAt: number } | undefined;
  count(): number;
  survey(): Iterable<SurveyedSession>;
  /** Leaves it where it is, packed or not. */
  peek(id: string): (SurveyedSession & { readonly facts: HeldSession }) | undefined;
  clear(): void;
}

function createTiers(unpackedBytes: number): Tiers {
  const packed = new Map<string, Packed>();
  const unpacked = new Map<string, Unpacked>();
  let totalWeight = 0;

  const takeUnpacked = (id: string): Unpacked | undefined => {
    const entry = unpacked.get(id);
    if (!entry) return undefined;
    unpacked.delete(id);
    totalWeight -= entry.weight;
    return entry;
  };
  const takePacked = (id: string): Unpacked | undefined => {
    const entry = packed.get(id);
    if (!entry) return undefined;
    packed.delete(id);
    const facts = { id, ...unpackSession(entry.text) };
    return { facts, usedAt: entry.usedAt, weight: weighSession(facts) };
  };
  const packOldest = (): void => {
    const [oldest] = unpacked.values();
    if (!oldest) return;
    const { id, ...facts } = oldest.facts;
    takeUnpacked(id);
    const { zone, createdAt } = facts.session;
    packed.set(id, { text: packSession(facts), usedAt: oldest.usedAt, zone, createdAt });
  };
  const isHeavy = (): boolean => totalWeight > unpackedBytes && unpacked.size > 1;
  return {
    put: (entry) => {
      unpacked.set(entry.facts.id, entry);
      totalWeight += entry.weight;
      while (isHeavy()) packOldest();
    },
    take: (id) => takeUnpacked(id) ?? takePacked(id),
    oldest: () => {
      for (const tier of [packed, unpacked]) for (const [id, { usedAt }] of tier) return { id, usedAt };
      return undefined;
    },
    count: () => unpacked.size + packed.size,
    survey: function* () {
      for (const [id, { zone, createdAt, usedAt }] of packed) yield { id, zone, createdAt, usedAt };
      for (const entry of unpacked.values()) yield surveyOf(entry);
    },
    peek: (id) => {
      const held = unpacked.get(id);
      if (held) return { ...surveyOf(held), facts: held.facts };
      const entry = packed.get(id);
      if (!entry) return undefined;
      const { zone, createdAt, usedAt, text } = entry;
      return { id, zone, createdAt, usedAt, facts: { id, ...unpackSession(text) } };
    },
    clear: () => {
      unpacked.clear();
      packed.clear();
      totalWeight = 0;
    },
  };
}

function surveyOf({ facts: { id, session }, usedAt }: Unpacked): SurveyedSession {
  return { id, zone: session.zone, createdAt: session.createdAt, usedAt };
}
