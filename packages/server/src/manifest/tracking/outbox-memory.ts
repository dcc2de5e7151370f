/** Beacons that wait in the memory of one process, and end with it. */
import { admit, countStanding } from "./outbox-bounds.ts";
import type { OutboxBeacon, OutboxBounds, OutboxRows, TakenBeacon } from "./outbox-rows.ts";

interface Row {
  readonly id: string;
  readonly host: string;
  readonly beacon: OutboxBeacon;
  readonly createdAt: number;
  dueAt: number;
  attempts: number;
  /** undefined: waits. */
  sendingSince: number | undefined;
}

export function createMemoryOutbox(bounds: OutboxBounds): OutboxRows {
  const rows = new Map<string, Row>();
  let lastId = 0;

  const addOne = (beacon: OutboxBeacon, now: number): void => {
    const id = String(++lastId);
    const { host } = new URL(beacon.url);
    rows.set(id, { id, host, beacon, createdAt: now, dueAt: now, attempts: 0, sendingSince: undefined });
  };

  const remove = (isOver: (row: Row) => boolean): readonly OutboxBeacon[] => {
    const over = [...rows.values()].filter(isOver);
    for (const { id } of over) rows.delete(id);
    return over.map(({ beacon }) => beacon);
  };

  return {
    add: async (beacons, now) => {
      const standing = countStanding([...rows.values()].map(({ host }) => ({ host, count: 1 })));
      const applicants = beacons.map(({ url, event }) => ({ host: new URL(url).host, event }));
      const admitted = admit(applicants, standing, bounds);
      for (const [index, beacon] of beacons.entries()) if (admitted[index]) addOne(beacon, now);
      return admitted;
    },
    take: async ({ free, perHost, active, held }, now) => {
      const due = [...rows.values()]
        .filter(({ host, dueAt, sendingSince }) => sendingSince === undefined && dueAt <= now && !held.includes(host))
        .toSorted((a, b) => a.dueAt - b.dueAt);
      const chosen = placeByHost(due)
        .filter(({ row, place }) => place <= perHost - (active.get(row.host) ?? 0))
        .toSorted((a, b) => a.place - b.place)
        .slice(0, free);
      return chosen.map(({ row }): TakenBeacon => {
        row.sendingSince = now;
        const { id, host, beacon, createdAt } = row;
        return { id, host, beacon, createdAt, attempt: ++row.attempts };
      });
    },
    settle: async (ended, again) => {
      for (const id of ended) rows.delete(id);
      for (const { id, dueAt } of again) {
        const row = rows.get(id);
        if (row) Object.assign(row, { dueAt, sendingSince: undefined });
      }
    },
    sweep: async ({ expired, interrupted }) => ({
      expired: remove(({ createdAt, sendingSince }) => sendingSince === undefined && createdAt < expired),
      interrupted: remove(({ sendingSince = Infinity }) => sendingSince < interrupted),
    }),
    count: async () => {
      const sending = [...rows.values()].filter(({ sendingSince }) => sendingSince !== undefined).length;
      return { waiting: rows.size - sending, sending };
    },
  };
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
