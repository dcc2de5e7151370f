/** Beacons that wait in the memory of one process, and end with it. */
import { admit, countStanding } from "./outbox-bounds.ts";
import type { OutboxBeacon, OutboxBounds, OutboxRoom, OutboxRows, TakenBeacon } from "./outbox-rows.ts";

interface Row {
  readonly id: string;
  readonly host: string;
  readonly beacon: OutboxBeacon;
  readonly createdAtMs: number;
  dueAtMs: number;
  attempts: number;
  /** undefined: waits. */
  sendingSinceMs: number | undefined;
}

export function createMemoryOutbox(bounds: OutboxBounds): OutboxRows {
  const rows = new Map<string, Row>();
  let lastId = 0;

  const addOne = (beacon: OutboxBeacon, nowMs: number): void => {
    const id = String(++lastId);
    const { host } = new URL(beacon.url);
    rows.set(id, { id, host, beacon, createdAtMs: nowMs, dueAtMs: nowMs, attempts: 0, sendingSinceMs: undefined });
  };

  const remove = (isOver: (row: Row) => boolean): readonly OutboxBeacon[] => {
    const over = [...rows.values()].filter(isOver);
    for (const { id } of over) rows.delete(id);
    return over.map(({ beacon }) => beacon);
  };

  return {
    add: async (beacons, nowMs) => {
      const standing = countStanding([...rows.values()].map(({ host }) => ({ host, count: 1 })));
      const applicants = beacons.map(({ url, event }) => ({ host: new URL(url).host, event }));
      const admitted = admit(applicants, standing, bounds);
      for (const [index, beacon] of beacons.entries()) if (admitted[index]) addOne(beacon, nowMs);
      return admitted;
    },
    take: async (room, nowMs) =>
      chooseDue([...rows.values()], room, nowMs).map((row): TakenBeacon => {
        row.sendingSinceMs = nowMs;
        const { id, host, beacon, createdAtMs } = row;
        return { id, host, beacon, createdAtMs, attempt: ++row.attempts };
      }),
    settle: async (ended, again) => {
      for (const id of ended) rows.delete(id);
      for (const { id, dueAtMs } of again) {
        const row = rows.get(id);
        if (row) Object.assign(row, { dueAtMs, sendingSinceMs: undefined });
      }
    },
    sweep: async ({ createdBeforeMs, markedBeforeMs }) => ({
      expired: remove(
        ({ createdAtMs, sendingSinceMs }) => sendingSinceMs === undefined && createdAtMs < createdBeforeMs,
      ),
      interrupted: remove(({ sendingSinceMs = Infinity }) => sendingSinceMs < markedBeforeMs),
    }),
    count: async () => {
      const sending = [...rows.values()].filter(({ sendingSinceMs }) => sendingSinceMs !== undefined).length;
      return { waiting: rows.size - sending, sending };
    },
  };
}

function chooseDue(rows: readonly Row[], room: OutboxRoom, nowMs: number): readonly Row[] {
  const { free, perHost, active, held } = room;
  const due = rows
    .filter((row) => row.sendingSinceMs === undefined && row.dueAtMs <= nowMs && !held.includes(row.host))
    .toSorted((a, b) => a.dueAtMs - b.dueAtMs);
  return placeByHost(due)
    .filter(({ row, place }) => place <= perHost - (active.get(row.host) ?? 0))
    .toSorted((a, b) => a.place - b.place)
    .slice(0, free)
    .map(({ row }) => row);
}

/** `place`: from 1 among the rows of the same host. */
function placeByHost(rows: readonly Row[]): readonly { readonly row: Row; readonly place: number }[] {
  const places = new Map<string, number>();
  return rows.map((row) => {
    const place = (places.get(row.host) ?? 0) + 1;
    places.set(row.host, place);
    return { row, place };
  });
}
