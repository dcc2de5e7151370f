/** How many beacons may be on their way at once, to one host and in all, and which hosts get none for a while. */
import type { OutboxRoom } from "./outbox-rows.ts";

export interface SlotLimits {
  readonly perHost: number;
  readonly overall: number;
}

export interface Slots {
  /** What may be begun now. */
  readonly room: () => Omit<OutboxRoom, "held">;
  readonly begin: (host: string) => void;
  readonly end: (host: string) => void;
}

export function createSlots({ perHost, overall }: SlotLimits): Slots {
  const active = new Map<string, number>();
  let free = overall;
  return {
    room: () => ({ free, perHost, active }),
    begin: (host) => {
      free--;
      active.set(host, (active.get(host) ?? 0) + 1);
    },
    end: (host) => {
      free++;
      const left = (active.get(host) ?? 1) - 1;
      if (left === 0) active.delete(host);
      else active.set(host, left);
    },
  };
}

/** Hosts with the time until which something holds for them, ms since 1970. */
export interface Holds {
  readonly hold: (host: string, untilMs: number) => void;
  readonly has: (host: string) => boolean;
  readonly list: () => readonly string[];
}

const MAX_HELD = 2000;

/** Beyond 2,000 hosts the ones that were held first are forgotten. */
export function createHolds(now: () => number): Holds {
  const untils = new Map<string, number>();
  return {
    hold: (host, untilMs) => {
      const longest = Math.max(untilMs, untils.get(host) ?? 0);
      untils.delete(host);
      untils.set(host, longest);
      const [oldest] = untils.keys();
      if (untils.size > MAX_HELD && oldest !== undefined) untils.delete(oldest);
    },
    has: (host) => (untils.get(host) ?? 0) > now(),
    list: () => {
      for (const [host, untilMs] of untils) if (untilMs <= now()) untils.delete(host);
      return [...untils.keys()];
    },
  };
}
