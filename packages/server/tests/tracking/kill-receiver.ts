/**
 * A receiver that is killed while beacons come in, and started again on what it left: each beacon is sent until it is acknowledged, as a
 * player's retries would, and some acknowledged ones are sent once more.
 */
import { once } from "node:events";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { openDatabase } from "../../src/database/database.ts";
import { createTracking } from "../../src/tracking/tracking.ts";
import { startServe } from "../cli/run-cli.ts";
import { type BeaconConnections, openConnections } from "./beacon-connections.ts";

export interface KillPlan {
  /** The state folder of the receivers, one after the other. */
  readonly state: string;
  readonly databaseUrl: string | undefined;
  /** Beacons in all, and those that are begun per second. */
  readonly total: number;
  readonly perSecond: number;
  /** The receiver is killed each time so many are acknowledged. */
  readonly killAt: readonly number[];
}

/** What there is after all. */
export interface KillOutcome {
  /** Requests that were not answered by 204. */
  readonly unanswered: number;
  readonly stored: number;
  readonly distinct: number;
  /** The sum of the hours. */
  readonly counted: number;
  /** From the first request to the last acknowledgement, starts after kills included; ms. */
  readonly elapsedMs: number;
  /** From the start of who comes after until the report has them all; ms. */
  readonly lagMs: number;
}

/** Of the database. */
type Counts = Pick<KillOutcome, "stored" | "distinct" | "counted">;

const MAX_UNDER_WAY = 1000;
const TICK_MS = 10;
/** Under way for sure when the receiver is killed. */
const MORE = 100;
/** Of the acknowledged ones, one in so many is sent again. */
const AGAIN = 50;

/** Starts receivers, which end with the test. */
export async function killReceiver(plan: KillPlan): Promise<KillOutcome> {
  const env = {
    INTERLUDE_STATE: plan.state,
    INTERLUDE_CRS: "off",
    ...(plan.databaseUrl === undefined ? {} : { DATABASE_URL: plan.databaseUrl }),
  };
  const open = async () => {
    const { child, base } = await startServe(env);
    return { child, connections: openConnections(base) };
  };
  let receiver: Awaited<ReturnType<typeof open>> | undefined = await open();
  const kill = async (): Promise<void> => {
    if (!receiver) return;
    const { child, connections } = receiver;
    receiver = undefined;
    child.kill("SIGKILL");
    await once(child, "exit");
    connections.destroy();
  };
  const kills = [...plan.killAt];
  const startedAt = performance.now();
  const unanswered = await sendAll(plan, {
    connections: () => receiver?.connections,
    onAcknowledged: async (count, sendMore) => {
      if (count < (kills[0] ?? Infinity)) return;
      kills.shift();
      // all that was sent before may have been answered at once
      sendMore();
      await turn();
      await kill();
      receiver = await open();
    },
  });
  const elapsedMs = performance.now() - startedAt;
  await kill();
  return { unanswered, elapsedMs, ...(await countStored(plan)) };
}

interface Sending {
  /** undefined: there is no receiver now. */
  readonly connections: () => BeaconConnections | undefined;
  /** `sendMore`: some are written at the end of this turn. */
  readonly onAcknowledged: (count: number, sendMore: () => void) => Promise<void>;
}

/** @returns how many requests were not acknowledged */
async function sendAll({ total, perSecond }: KillPlan, { connections, onAcknowledged }: Sending): Promise<number> {
  const again: number[] = [];
  let [next, acknowledged, underWay, begun, unanswered] = [0, 0, 0, 0, 0];
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const send = (to: BeaconConnections, index: number): void => {
      underWay++;
      to.send(beaconPath(index), (isTaken) => {
        underWay--;
        if (!isTaken) {
          unanswered++;
          again.push(index);
          return;
        }
        acknowledged++;
        if (index % AGAIN === 0) to.send(beaconPath(index), () => undefined);
        onAcknowledged(acknowledged, () => {
          const last = Math.min(next + MORE, total);
          begun += last - next;
          while (next < last) send(to, next++);
        }).catch(reject);
      });
    };
    const timer = setInterval(() => {
      if (acknowledged === total) {
        clearInterval(timer);
        resolve(unanswered);
      }
      const due = Math.ceil(((performance.now() - startedAt) / 1000) * perSecond);
      const to = connections();
      const room = Math.min(due - begun, MAX_UNDER_WAY - underWay, again.length + total - next);
      if (to === undefined) return;
      for (let i = 0; i < room; i++) send(to, again.shift() ?? next++);
      begun += Math.max(0, room);
    }, TICK_MS);
  });
}

/** Four happenings of each viewer. */
function beaconPath(index: number): string {
  const place = `zone=1&session=s${Math.floor(index / 4)}&break=mid&position=1&ad=a${index % 7}&creative=c${index % 7}`;
  return `/track/${EVENTS[index % 4]}?${place}&t=2026-11-21T10:00:00Z&playhead=00:00:05.000&cb=${index}`;
}

const EVENTS = ["impression", "firstQuartile", "midpoint", "complete"];

/** What the next process on the folder finds. */
async function countStored({ state, databaseUrl }: KillPlan): Promise<Counts & Pick<KillOutcome, "lagMs">> {
  const database = await openDatabase({ databaseUrl, directory: join(state, "database") });
  const tracking = createTracking({
    directory: join(state, "tracking"),
    database,
    now: Date.now,
    retention: { days: 35, months: 25 },
    acknowledge: "disk",
    onError: (error) => {
      throw error;
    },
  });
  try {
    tracking.start();
    const startedAt = performance.now();
    await tracking.settle(600_000);
    const lagMs = performance.now() - startedAt;
    const [row] = await database.query<Counts>(
      `select count(*)::integer as stored, count(distinct (session, event))::integer as distinct,
         (select sum(count)::integer from tracking_hour) as counted
       from tracking_event`,
    );
    if (!row) throw new Error("expected a row");
    return { ...row, lagMs };
  } finally {
    await tracking.close();
    await database.close();
  }
}
