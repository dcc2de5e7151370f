/** Where the sessions of one process are kept: bounded in number, in idle time, and in what is held unpacked. */
import { packSession, type SessionFacts, type Track, unpackSession } from "./session-packing.ts";
import type { Session } from "./session.ts";

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
  clear(): void;
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
}

const DEFAULT_UNPACKED_BYTES = 256e6;
/** As V8 lays them out, measured: an object of four numbers, and one ad segment with its address. */
const SEGMENT_BYTES = 90;
const AD_SEGMENT_BYTES = 320;
const SESSION_BYTES = 1500;
/** Decisions are mostly text of one byte per character, and objects around it. */
const BYTES_PER_CHARACTER = 2;

export function createSessionShelf(options: ShelfOptions): SessionShelf {
  const { maxSessions, idleMs, now, unpackedBytes = DEFAULT_UNPACKED_BYTES } = options;
  // Both in the order of use, and all that is packed was used before all that is not.
  const packed = new Map<string, Packed>();
  const unpacked = new Map<string, Unpacked>();
  let totalWeight = 0;

  const take = (id: string): Unpacked | undefined => {
    const entry = unpacked.get(id);
    if (!entry) return undefined;
    unpacked.delete(id);
    totalWeight -= entry.weight;
    return entry;
  };
  const put = (entry: Unpacked): void => {
    unpacked.set(entry.facts.id, entry);
    totalWeight += entry.weight;
    while (isHeavy()) packOldest();
  };
  const isHeavy = (): boolean => totalWeight > unpackedBytes && unpacked.size > 1;
  const packOldest = (): void => {
    const [oldest] = unpacked.values();
    if (!oldest) return;
    const { id, ...facts } = oldest.facts;
    take(id);
    packed.set(id, { text: packSession(facts), usedAt: oldest.usedAt });
  };
  const forget = (id: string): void => {
    take(id);
    packed.delete(id);
  };
  const oldest = (): readonly [id: string, usedAt: number] | undefined => {
    for (const [id, { usedAt }] of packed) return [id, usedAt];
    for (const [id, { usedAt }] of unpacked) return [id, usedAt];
    return undefined;
  };
  const forgetIdle = (): void => {
    const before = now() - idleMs;
    for (let first = oldest(); first && first[1] <= before; first = oldest()) forget(first[0]);
  };
  const takePacked = (id: string): Unpacked | undefined => {
    const entry = packed.get(id);
    if (!entry) return undefined;
    packed.delete(id);
    const facts = { id, ...unpackSession(entry.text) };
    return { facts, usedAt: entry.usedAt, weight: weigh(facts) };
  };
  return {
    add: (session) => {
      forgetIdle();
      const facts = { id: session.id, session, cookies: [], breaks: [], tracks: [], claims: [] };
      put({ facts, usedAt: now(), weight: weigh(facts) });
      for (let first = oldest(); first && unpacked.size + packed.size > maxSessions; first = oldest()) forget(first[0]);
    },
    open: (id) => {
      forgetIdle();
      const entry = take(id) ?? takePacked(id);
      if (!entry) return undefined;
      entry.usedAt = now();
      put(entry);
      return entry.facts;
    },
    replace: ({ id }, change) => {
      const entry = take(id);
      if (!entry) return;
      entry.facts = { ...entry.facts, ...change };
      entry.weight = weigh(entry.facts);
      put(entry);
    },
    count: () => {
      forgetIdle();
      return unpacked.size + packed.size;
    },
    clear: () => {
      unpacked.clear();
      packed.clear();
      totalWeight = 0;
    },
  };
}

function weigh({ breaks, tracks, claims }: HeldSession): number {
  const texts = [...breaks.map(weighRow), ...tracks.map(weighTrack)];
  return texts.reduce((sum, bytes) => sum + bytes, SESSION_BYTES + claims.length * 80);
}

const weightOfRow = new WeakMap<object, number>();

function weighRow(row: object): number {
  const known = weightOfRow.get(row);
  if (known !== undefined) return known;
  const weight = JSON.stringify(row).length * BYTES_PER_CHARACTER;
  weightOfRow.set(row, weight);
  return weight;
}

function weighTrack({ timeline }: Track): number {
  if (!timeline) return 0;
  const ads = timeline.breaks.reduce(
    (count, entry) => count + entry.ads.reduce((n, ad) => n + ad.segments.length, 0),
    0,
  );
  return timeline.segments.length * SEGMENT_BYTES + ads * AD_SEGMENT_BYTES;
}
