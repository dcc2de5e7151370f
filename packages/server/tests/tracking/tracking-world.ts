/** Receivers on a folder of their own and a given database, as several processes would be. */
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Database } from "../../src/database/database.ts";
import { type Beacon, readBeacon } from "../../src/tracking/beacon.ts";
import { createTracking, type Tracking, type TrackingOptions } from "../../src/tracking/tracking.ts";

export const NOON = new Date("2026-11-21T12:00:00Z");

export interface TrackingWorld {
  readonly directory: string;
  /** What went wrong behind the beacons. */
  readonly problems: string[];
  /** One more process; closed when the test ends. */
  readonly open: (settings?: Partial<TrackingOptions>) => Tracking;
}

export function trackingWorld(database: Database): TrackingWorld {
  const directory = mkdtempSync(join(tmpdir(), "interlude-tracking-"));
  const opened: Tracking[] = [];
  const problems: string[] = [];
  onTestFinished(async () => {
    for (const tracking of opened) await tracking.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const open: TrackingWorld["open"] = (settings = {}) => {
    const tracking = createTracking({
      directory,
      database,
      now: () => NOON.getTime(),
      retention: { days: 35, months: 25 },
      acknowledge: "disk",
      onError: (error) => problems.push(error instanceof Error ? error.message : String(error)),
      ...settings,
    });
    opened.push(tracking);
    return tracking;
  };
  return { directory, problems, open };
}

/** A database that can be away: then each transaction fails. */
export function switchable(database: Database): {
  readonly database: Database;
  readonly setAway: (isAway: boolean) => void;
} {
  let away = false;
  const transaction: Database["transaction"] = (run) =>
    away ? Promise.reject(new Error("away")) : database.transaction(run);
  return {
    database: { ...database, transaction },
    setAway: (isAway) => {
      away = isAway;
    },
  };
}

/** As a process that was killed leaves it, below `directory`; its name. */
export function leaveJournal(directory: string, text: string, name: string = randomUUID()): string {
  mkdirSync(join(directory, name));
  writeFileSync(join(directory, name, "000000001.journal"), text);
  return name;
}

/** A beacon of a viewer, at {@link NOON} where nothing else is said. */
export function viewerBeacon(
  event: string,
  query: Readonly<Record<string, string>>,
  reception: Partial<Pick<Beacon, "receivedAt" | "mark">> = {},
): Beacon {
  return readBeacon(event, query, { receivedAt: NOON, signature: "unsigned", mark: "", ...reception });
}

/** The counts of a zone, by event. */
export async function countHours(database: Database, zone: string): Promise<Readonly<Record<string, number>>> {
  const rows = await database.query<{ readonly event: string; readonly count: number }>(
    "select event, sum(count)::integer as count from tracking_hour where zone = $1 group by event order by event",
    [zone],
  );
  return Object.fromEntries(rows.map(({ event, count }) => [event, count]));
}
