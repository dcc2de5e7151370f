/** Which beacons an outbox has room for. */
import type { OutboxBeacon, OutboxBounds } from "./outbox-rows.ts";

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

/** What is judged of a beacon. */
export interface Applicant {
  readonly host: string;
  readonly event: string;
}

/** Of the room, for what tells of errors: any ad may name hundreds of addresses for them, and impressions are paid for. */
const ERROR_SHARE = 0.5;

/** For each in turn whether it fits; those that do are counted as standing from then on. */
export function admit(applicants: readonly Applicant[], standing: Standing, bounds: OutboxBounds): readonly boolean[] {
  return applicants.map(({ host, event }) => {
    const ofHost = standing.byHost.get(host) ?? 0;
    const share = event === "error" ? ERROR_SHARE : 1;
    if (ofHost >= bounds.waitingPerHost * share || standing.total >= bounds.waitingOverall * share) return false;
    standing.byHost.set(host, ofHost + 1);
    standing.total++;
    return true;
  });
}

/** Characters of an address with its headers. */
const MAX_LENGTH = 32_768;

/** Whether it is too long to be kept, whatever room there is. */
export function isTooLong({ url, headers }: Pick<OutboxBeacon, "url" | "headers">): boolean {
  return url.length + JSON.stringify(headers).length > MAX_LENGTH;
}
