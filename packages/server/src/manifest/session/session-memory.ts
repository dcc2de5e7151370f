/**
 * Sessions in the memory of one process. Those that were used last are kept as objects, which costs nothing to read; the others
 * are packed. The one that was not used for longest goes first, when there are too many.
 */
import type { BreakRow } from "../breaks/decision.ts";
import { createSessionShelf, type HeldSession, type ShelfOptions } from "./session-shelf.ts";
import { SESSION_LIMITS } from "./session-limits.ts";
import { listHeld, showHeld } from "./session-memory-list.ts";
import type { SessionState, SessionStore, StoredCookie } from "./session.ts";
import { isCurrent, positionOf } from "./track-position.ts";

/** Sessions that nothing outlives: they end with the process. */
export function createMemorySessions(options: ShelfOptions): SessionStore {
  const { now } = options;
  const shelf = createSessionShelf(options);

  /** Writes to a session that is gone are lost, and answered as if they stood. */
  const changeBreak = async (
    id: string,
    breakId: string,
    change: (row: BreakRow) => BreakRow,
    firstListedAt = now(),
  ): Promise<BreakRow> => {
    const fresh: BreakRow = {
      breakId,
      firstListedAt,
      decision: undefined,
      earlyReturn: undefined,
      resumption: undefined,
    };
    const held = shelf.open(id);
    const known = held?.breaks.find((row) => row.breakId === breakId);
    const row = change(known ?? fresh);
    if (held && row !== known) shelf.replace(held, { breaks: putRow(held, ownCopy(row)) });
    return row;
  };

  return {
    create: async (session) => {
      if (!shelf.open(session.id)) shelf.add(ownCopy(session));
    },
    load: async (id) => {
      const held = shelf.open(id);
      return held && describeState(held);
    },
    noteBreak: (id, breakId, firstListedAt) => changeBreak(id, breakId, (row) => row, firstListedAt),
    decide: (id, decision) => changeBreak(id, decision.breakId, (row) => (row.decision ? row : { ...row, decision })),
    noteReturn: (id, breakId, earlyReturn) =>
      changeBreak(id, breakId, (row) => (row.earlyReturn ? row : { ...row, earlyReturn })),
    noteResumption: (id, breakId, resumption) =>
      changeBreak(id, breakId, (row) => (row.resumption ? row : { ...row, resumption })),
    saveTrack: async (id, name, timeline) => {
      const held = shelf.open(id);
      if (!held) return;
      const known = held.tracks.find((track) => track.name === name)?.timeline;
      const isNew = timeline && (!known || isCurrent(positionOf(timeline), positionOf(known)));
      const track = Object.freeze({ name, timeline: isNew ? timeline : known });
      shelf.replace(held, { tracks: [...held.tracks.filter((other) => other.name !== name), track] });
    },
    saveCookies: async (id, cookies) => {
      const held = shelf.open(id);
      if (held) shelf.replace(held, { cookies: putCookies(held.cookies, ownCopy(cookies), now()) });
    },
    claim: async (id, key) => {
      const held = shelf.open(id);
      if (!held || held.claims.includes(key)) return false;
      shelf.replace(held, { claims: [...held.claims, key].slice(-SESSION_LIMITS.claims) });
      return true;
    },
    count: async () => shelf.count(),
    list: async (filter) => listHeld(shelf, filter),
    show: async (id) => showHeld(shelf, id),
    close: async () => shelf.clear(),
  };
}

/** What is handed out is never changed here, and changing its lists does not change what is held. */
function describeState({ session, cookies, breaks, tracks }: HeldSession): SessionState {
  const timelines = new Map<string, NonNullable<(typeof tracks)[number]["timeline"]>>();
  for (const { name, timeline } of tracks) if (timeline) timelines.set(name, timeline);
  return { session, cookies, breaks, timelines, tracks: tracks.map(({ name }) => name) };
}

function putRow({ breaks }: HeldSession, row: BreakRow): readonly BreakRow[] {
  const index = breaks.findIndex(({ breakId }) => breakId === row.breakId);
  const rows = index < 0 ? [...breaks, row].slice(-SESSION_LIMITS.breaks) : breaks.with(index, row);
  return Object.freeze(rows);
}

function putCookies(
  known: readonly StoredCookie[],
  added: readonly StoredCookie[],
  now: number,
): readonly StoredCookie[] {
  const keyOf = ({ host, name }: StoredCookie): string => `${host} ${name}`;
  const byKey = new Map([...known, ...added].map((cookie) => [keyOf(cookie), cookie]));
  const alive = [...byKey.values()].filter(({ expiresAt = Infinity }) => expiresAt > now);
  return Object.freeze(alive.slice(-SESSION_LIMITS.cookies));
}

/**
 * A copy that nobody can change. Not only for safety: a text that was cut out of an ad server's answer would keep all of that
 * answer in memory.
 */
function ownCopy<T>(value: T): T {
  const copy: T = JSON.parse(JSON.stringify(value));
  freezeAll(copy);
  return copy;
}

function freezeAll(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  Object.freeze(value);
  for (const part of Object.values(value)) freezeAll(part);
}
