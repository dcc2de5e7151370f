/** The receiver as a process of its own, which is killed in the middle of its work. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startPostgres } from "../database/private-postgres.ts";
import { selectCells } from "../matrix.ts";
import { killReceiver } from "./kill-receiver.ts";

interface Cell {
  readonly name: string;
  readonly isEmbedded: boolean;
  readonly total: number;
  readonly perSecond: number;
  readonly killAt: readonly number[];
}

const FEW: readonly Cell[] = [
  { name: "1,000 beacons, PGlite", isEmbedded: true, total: 1000, perSecond: 1000, killAt: [500] },
];
const ALL: readonly Cell[] = [
  ...FEW,
  { name: "2,000 beacons, PostgreSQL", isEmbedded: false, total: 2000, perSecond: 2000, killAt: [700, 1400] },
  { name: "10,000 a second for a minute, PGlite", isEmbedded: true, total: 6e5, perSecond: 1e4, killAt: [3e5] },
  { name: "10,000 a second for a minute, PostgreSQL", isEmbedded: false, total: 6e5, perSecond: 1e4, killAt: [3e5] },
];

test.for(selectCells(ALL, FEW))(
  "every acknowledged beacon is counted, and none twice, when the receiver is killed among them: $name",
  { timeout: 600_000 },
  async ({ isEmbedded, total, perSecond, killAt }, { skip }) => {
    const state = mkdtempSync(join(tmpdir(), "interlude-killed-"));
    onTestFinished(() => rmSync(state, { recursive: true, force: true, maxRetries: 5 }));
    const postgres = isEmbedded ? undefined : await startPostgres();
    if (!isEmbedded && !postgres) return skip("no PostgreSQL is installed");
    onTestFinished(async () => postgres?.stop());
    const outcome = await killReceiver({ state, databaseUrl: postgres?.url, total, perSecond, killAt });
    expect(outcome).toEqual({ unanswered: expect.any(Number), stored: total, distinct: total, counted: total });
    // The kill did come among them.
    expect(outcome.unanswered).toBeGreaterThan(0);
  },
);
