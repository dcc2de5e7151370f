/** Which beacons an outbox has room for. */
import type { OutboxBounds } from "./outbox-rows.ts";

/** How many beacons of each host are kept. */
export interface Standing {
  readonly byHost: Map<string, number>;
  total: number;
}

export function countStanding(rows: Iterable<{ readonly host: string; readonly count: number }>): Standing {
  const standing: Standing = { byHost: new Map(), total: 0 };
  for (const { host, count } of rows) {
    standing.byHost.set(host, (standing.byHost.get(host) ?? 0) + count);
    standing.total += count;
  }
  return standing;
}

/** For each host in turn whether one more of it fits; those that do are counted as standing from then on. */
export function admit(hosts: readonly string[], standing: Standing, bounds: OutboxBounds): readonly boolean[] {
  return hosts.map((host) => {
    const ofHost = standing.byHost.get(host) ?? 0;
    if (ofHost >= bounds.waitingPerHost || standing.total >= bounds.waitingOverall) return false;
    standing.byHost.set(host, ofHost + 1);
    standing.total++;
    return true;
  });
}
