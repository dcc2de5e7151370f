/**
 * `npm run bench [-- stitch player size crs manifest tracking report remux first-encounter] [--quick] [--only <text>]`: what the budgets of the design name,
 * both sides in one run, as one table. `--quick` is for all but stitch and size, `--only` for player, crs, manifest and tracking: fewer
 * runs or sources, shorter rounds, or one part. `--database postgres` or `both` is for relay and tracking, which are on the embedded one
 * otherwise. `--into <file>` puts the table between the marks `<!-- bench -->` of a Markdown file.
 */
import { parseArgs } from "node:util";
import { benchCrs, type CrsBenchOptions } from "./crs.ts";
import { benchFirstEncounter } from "./first-encounter.ts";
import { benchManifest } from "./manifest.ts";
import { benchPlayer } from "./player.ts";
import { benchRelay } from "./relay.ts";
import { benchRemux } from "./remux.ts";
import { benchReport } from "./report.ts";
import { benchSize } from "./size.ts";
import { benchStitch } from "./stitch.ts";
import { benchTracking } from "./tracking.ts";
import { publishTable } from "./publish.ts";
import { formatTable, type Row } from "./table.ts";

interface BenchOptions extends CrsBenchOptions {
  readonly database: string;
}

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<readonly Row[]>>> = {
  stitch: async () =>
    (await benchStitch()).map(({ name, against, ours, theirs, ratio, required }) => ({
      name: `stitch: ${name}`,
      ours: `${ours.toFixed(0)} µs`,
      theirs: `${theirs.toFixed(0)} µs`,
      ratio: ratio.toFixed(1),
      budget: required === undefined ? "-" : `≥ ${required}×`,
      note: `against ${against}`,
    })),
  player: benchPlayer,
  size: benchSize,
  crs: benchCrs,
  manifest: benchManifest,
  relay: benchRelay,
  tracking: benchTracking,
  report: benchReport,
  remux: benchRemux,
  "first-encounter": benchFirstEncounter,
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    database: { type: "string", default: "embedded" },
    into: { type: "string" },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(BENCHES);
const rows: Row[] = [];
for (const name of names) {
  const bench = BENCHES[name];
  if (!bench) throw new Error(`bench: expected any of ${Object.keys(BENCHES).join(", ")}, got ${name}`);
  process.stderr.write(`bench: ${name}\n`);
  rows.push(...(await bench(values)));
}
process.stdout.write(`${formatTable(rows)}\n`);
if (values.into !== undefined) await publishTable(values.into, process.argv.slice(2), rows);
// What failed may have left something open.
process.exit();
