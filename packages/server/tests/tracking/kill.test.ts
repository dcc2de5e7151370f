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

/** Where sender, receiver and database share a machine that is too slow for it, as many in more time: how fast they are is for bench/. */
const MINUTE = { total: 6e5, perSecond: 1e4, killAt: [3e5] };

const FEW: readonly Cell[] = [
  { name: "1,000 beacons, PGlite", isEmbedded: true, total: 1000, perSecond: 1000, killAt: [500] },
];
const ALL: readonly Cell[] = [
  ...FEW,
  { name: "2,000 beacons, PostgreSQL", isEmbedded: false, total: 2000, perSecond: 2000, killAt: [700, 1400] },
  { name: "10,000 a second for a minute, PGlite", isEmbedded: true, ...MINUTE },
  { name: "10,000 a second for a minute, PostgreSQL", isEmbedded: false, ...MINUTE },
];

test.for(selectCells(ALL, FEW))(
  "every acknowledged beacon is counted, and none twice, when the receiver is killed among them: $name",
  { timeout: 600_000 },
  async ({ isEmbedded, total, perSecond, killAt }, { annotate, skip }) => {
    const state = mkdtempSync(join(tmpdir(), "interlude-killed-"));
    onTestFinished(() => rmSync(state, { recursive: true, force: true, maxRetries: 5 }));
    const postgres = isEmbedded ? undefined : await startPostgres();
    if (!isEmbedded && !postgres) return skip("no PostgreSQL is installed");
    onTestFinished(async () => postgres?.stop());
    const { elapsedMs, lagMs, ...outcome } = await killReceiver({
      state,
      databaseUrl: postgres?.url,
      total,
      perSecond,
      killAt,
    });
    expect(outcome).toEqual({ unanswered: expect.any(Number), stored: total, distinct: total, counted: total });
    // The kill did come among them.
    expect(outcome.unanswered).toBeGreaterThan(0);
    const [taken, behind] = [elapsedMs, lagMs].map((ms) => (ms / 1000).toFixed(1));
    await annotate(
      `${total} beacons in ${taken} s, the start after the kill included; in the report ${behind} s later`,
    );
  },
);
