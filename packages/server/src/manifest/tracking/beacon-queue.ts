/**
 * Beacons on their way out: a few at a time to each host, so that a dead one holds up no other, and a bounded number that waits.
 * What has no room is dropped, never sent late in a burst: the media that it tells of is long over.
 */

/** Requests of one host and of all hosts: under way, and waiting. */
export interface BeaconLimits {
  readonly perHost: number;
  readonly overall: number;
  readonly waitingPerHost: number;
  readonly waitingOverall: number;
}

/** A host that takes 3 s for each answer still gets 2 to 3 a second. */
export const BEACON_LIMITS: BeaconLimits = { perHost: 8, overall: 128, waitingPerHost: 500, waitingOverall: 5000 };

/** Hosts take turns; one host's requests start in the order of their coming. */
export interface BeaconQueue {
  /** Whether the host has room for one more. */
  readonly hasRoom: (host: string) => boolean;
  /** `task` must not reject. False: dropped, `task` is never called. */
  readonly push: (host: string, task: () => Promise<void>) => boolean;
  /** When nothing is under way and nothing waits. */
  readonly idle: () => Promise<void>;
  /** Drops what waits; resolves when what is under way has ended. */
  readonly close: () => Promise<void>;
}

interface Host {
  active: number;
  waiting: (() => Promise<void>)[];
}

/** The limits hold for this queue alone. */
export function createBeaconQueue(limits: BeaconLimits = BEACON_LIMITS): BeaconQueue {
  const hosts = new Map<string, Host>();
  let [active, waiting, isClosed] = [0, 0, false];
  let listeners: (() => void)[] = [];

  const start = (name: string, host: Host, task: () => Promise<void>): void => {
    active++;
    host.active++;
    void task().finally(() => {
      active--;
      host.active--;
      if (host.active === 0 && host.waiting.length === 0) hosts.delete(name);
      startWaiting();
      if (active === 0 && waiting === 0) for (const tell of listeners.splice(0)) tell();
    });
  };

  const startWaiting = (): void => {
    if (waiting === 0) return;
    for (const [name, host] of hosts) {
      if (active >= limits.overall) return;
      if (host.active >= limits.perHost) continue;
      const task = host.waiting.shift();
      if (!task) continue;
      waiting--;
      // The host goes to the end of the line.
      hosts.delete(name);
      hosts.set(name, host);
      start(name, host, task);
    }
  };

  const hasRoom = (name: string): boolean => {
    if (isClosed) return false;
    const host = hosts.get(name);
    const isFree = active < limits.overall && (host?.active ?? 0) < limits.perHost;
    return isFree || ((host?.waiting.length ?? 0) < limits.waitingPerHost && waiting < limits.waitingOverall);
  };

  const idle = (): Promise<void> =>
    active === 0 && waiting === 0 ? Promise.resolve() : new Promise((resolve) => listeners.push(resolve));

  return {
    hasRoom,
    push: (name, task) => {
      if (!hasRoom(name)) return false;
      const host = hosts.get(name) ?? { active: 0, waiting: [] };
      hosts.set(name, host);
      if (active < limits.overall && host.active < limits.perHost && host.waiting.length === 0) {
        start(name, host, task);
      } else {
        host.waiting.push(task);
        waiting++;
      }
      return true;
    },
    idle,
    close: () => {
      isClosed = true;
      for (const host of hosts.values()) host.waiting = [];
      waiting = 0;
      return idle();
    },
  };
}
