import { expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../../src/database/database.ts";
import { ensurePartitions } from "../../src/tracking/partitions.ts";
import { makeReport } from "../../src/tracking/report.ts";
import { readReportRequest } from "../../src/tracking/report-request.ts";
import { rollUpFrom } from "../../src/tracking/rollup.ts";
import { startPostgres } from "../database/private-postgres.ts";
import { openTestDatabase } from "../http/test-app.ts";

const MADE = `(values
    (timestamptz '2026-10-31T23:30:00Z', 'z', 'impression', 'c', 'a', 'l', '', null::integer, '', '', 0),
    (timestamptz '2026-11-01T00:30:00Z', 'z', 'impression', 'c', 'a', 'l', '', null, '', '', 0),
    (timestamptz '2026-11-01T00:45:00Z', 'z', 'error', 'c', 'Ä', 'l', '', 407, 'new-creative', '', 0),
    (timestamptz '2026-11-01T00:45:00Z', 'z', 'error', 'c', 'b', 'l', '', 401, '', '', 0),
    (timestamptz '2026-11-01T00:50:00Z', 'z', 'adRequest', '', '', '', 'up', null, 'no-ads', '', 0))
  as made (received_at, zone, event, creative, ad, line_item, upstream, error, reason, mark, amount)`;

const GROUPINGS = ["", "y", "m,reason", "d,error,ad", "h,upstream", "zone,creative,lineItem"];

test("PostgreSQL and the embedded database make the same report, however it is grouped", async ({ skip }) => {
  const postgres = await startPostgres();
  if (!postgres) return skip("no PostgreSQL is installed");
  onTestFinished(() => postgres.stop());
  const ours = await openDatabase({ databaseUrl: postgres.url, directory: "" });
  onTestFinished(() => ours.close());
  const embedded = await openTestDatabase();
  for (const { query } of [ours, embedded]) {
    await ensurePartitions(query, ["2026-10-31", "2026-11-01"]);
    await query(rollUpFrom(MADE));
  }
  for (const groupBy of GROUPINGS) {
    const asked = { startDate: "2026-10-31", endDate: "2026-11-01", utcOffset: "1", groupBy };
    const request = readReportRequest(asked, Date.parse("2026-11-21T10:00:00Z"));
    expect(await makeReport(ours.query, request)).toEqual(await makeReport(embedded.query, request));
  }
  const request = readReportRequest({ endDate: "2026-11-01", utcOffset: "1", groupBy: "d" }, Date.parse("2026-11-21"));
  const { rows } = await makeReport(ours.query, request);
  expect(rows).toMatchObject([
    { dates: "11-01-2026", total_impressions: 2, noFills: 1, lostByReason: { "new-creative": 1, "vast-401": 1 } },
  ]);
});
