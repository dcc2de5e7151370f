/** Owed beacons where the sessions are in the memory of this process and the outbox is elsewhere. */
import type { Kept, OutboxBeacon, OwedBeacon } from "./outbox-rows.ts";

const MAX_UNKEPT = 10_000;

/**
 * One that was claimed and had no room is still owed. One whose writing failed may have been written all the same, so it is not: no
 * host must be asked twice.
 */
export function claimBeforehand(
  add: (beacon: OutboxBeacon) => Promise<boolean>,
  claim: (sessionId: string, key: string) => Promise<boolean> = () => Promise.resolve(true),
): (owed: OwedBeacon) => Promise<Kept> {
  const unkept = new Set<string>();
  return async ({ beacon, claim: key }) => {
    const name = JSON.stringify([beacon.sessionId, key]);
    if (!unkept.delete(name) && !(await claim(beacon.sessionId, key))) return "known";
    if (await add(beacon)) return "kept";
    unkept.add(name);
    const [oldest] = unkept;
    if (unkept.size > MAX_UNKEPT && oldest !== undefined) unkept.delete(oldest);
    return "full";
  };
}
