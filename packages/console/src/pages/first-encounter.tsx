/** What becomes of an ad of which there is no repackaged copy yet: how many impressions that costs, how soon there is one. */
import type { JSX } from "preact";
import { useCallback, useMemo } from "preact/hooks";
import { firstEncounterFill, lostToFormat, sumLabels, sumOf } from "../api/report.ts";
import type { BreakCounts, Overview } from "../api/server.ts";
import { formatAgo, formatBucket, formatCount, formatSeconds, formatShare, formatWhole, shareOf } from "../format.ts";
import { useLoad } from "../load.ts";
import type { PageProps } from "../page-props.ts";
import { Chart } from "../parts/chart.tsx";
import { Counted } from "../parts/counted.tsx";
import { readSpan, readZone, ReportChoices } from "../parts/report-choices.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { Table } from "../parts/table.tsx";
import { Tiles } from "../parts/tiles.tsx";
import { type TimeReport, useTimeReport } from "../report-load.ts";

export function FirstEncounterPage({ api, route, config }: PageProps): JSX.Element {
  const [report, reportAgain] = useTimeReport(api, readSpan(route), readZone(route));
  const [overview, overviewAgain] = useLoad(
    useCallback((signal: AbortSignal) => api.get<Overview>("v1/overview", signal), [api]),
    { everySeconds: 15 },
  );
  return (
    <>
      <p class="note lead">
        A creative that nobody has seen before has no HLS copy yet. These are the impressions that its format cost.
      </p>
      <ReportChoices route={route} config={config} />
      <Loaded load={report} again={reportAgain}>
        {(value) => <Fill report={value} />}
      </Loaded>
      <Loaded load={overview} again={overviewAgain}>
        {(value) => <ThisServer overview={value} />}
      </Loaded>
    </>
  );
}

function Fill({ report: { rows, buckets } }: { readonly report: TimeReport }): JSX.Element {
  const impressions = sumOf(rows, "total_impressions");
  const lost = rows.reduce((sum, row) => sum + lostToFormat(row), 0);
  const whole = { total_impressions: impressions, lostByReason: Object.fromEntries(sumLabels(rows, "lostByReason")) };
  const fill = firstEncounterFill(whole);
  const series = useMemo(
    () => [{ name: "Fill", color: "--series-1", values: rows.map((row) => firstEncounterFill(row)) }],
    [rows],
  );
  const labels = useMemo(() => buckets.map(formatBucket), [buckets]);
  return (
    <>
      <Tiles
        label="Sums"
        tiles={[
          { name: "Fill in spite of format", value: formatShare(fill), note: "shown, of shown and lost to format" },
          { name: "Lost to format", value: formatCount(lost), ...(lost > 0 ? { tone: "warn" as const } : {}) },
          { name: "Impressions", value: formatCount(impressions) },
        ]}
      />
      <section class="card">
        <h2>Fill over time</h2>
        {fill === undefined ? (
          <Empty>No ad was shown or lost to its format in this time.</Empty>
        ) : (
          <Chart
            title="Fill in spite of format"
            kind="line"
            axis={buckets[0]?.includes(" ") ? "Hour" : "Day"}
            labels={labels}
            series={series}
            formatValue={formatShare}
            max={1}
          />
        )}
      </section>
    </>
  );
}

function ThisServer({ overview }: { readonly overview: Overview }): JSX.Element {
  const { probes, breaks, timeToReady, server, repackageRequests } = overview;
  return (
    <>
      <p class="note">
        Below: what this server has counted since it started, {formatAgo(server.startedAt, Date.now())}.
      </p>
      <section class="card">
        <h2>From asked for to ready</h2>
        {timeToReady.count === 0 ? <Empty>No creative was made yet.</Empty> : <TimeToReady overview={overview} />}
      </section>
      <div class="columns">
        <section class="card">
          <h2>Looks for a copy on the CDN</h2>
          <Counted counts={{ ...probes }} name="Outcome" empty="Nobody has looked yet." />
        </section>
        <section class="card">
          <h2>Requests to repackage</h2>
          <Counted counts={repackageRequests} name="Outcome" empty="No page has asked yet." />
        </section>
      </div>
      <section class="card">
        <h2>Breaks of the manifest server</h2>
        <Table caption="Breaks of the manifest server" isCaptionHidden columns={BREAK_COLUMNS} rows={breaks} />
      </section>
    </>
  );
}

const BREAK_COLUMNS = [
  { title: "Content", cell: ({ kind }: BreakCounts) => (kind === "live" ? "Live" : "On demand") },
  { title: "Decided", isNumber: true, cell: ({ decided }: BreakCounts) => formatCount(decided) },
  { title: "Listed", isNumber: true, cell: ({ listed }: BreakCounts) => formatCount(listed) },
  { title: "Ads", isNumber: true, cell: ({ ads }: BreakCounts) => formatCount(ads) },
  {
    title: "Filled",
    isNumber: true,
    cell: ({ filledSeconds, seconds }: BreakCounts) => formatShare(shareOf(filledSeconds, seconds)),
  },
];

function TimeToReady({ overview: { timeToReady } }: { readonly overview: Overview }): JSX.Element {
  const { buckets, averageSeconds, count } = timeToReady;
  const series = useMemo(
    () => [{ name: "Creatives", color: "--series-3", values: buckets.map((bucket) => bucket.count) }],
    [buckets],
  );
  const labels = useMemo(
    () => buckets.map(({ upTo }) => (upTo === undefined ? "longer" : `≤ ${formatSeconds(upTo)}`)),
    [buckets],
  );
  return (
    <>
      <p>
        {formatCount(count)} made
        {averageSeconds === undefined ? "" : `, in ${formatSeconds(averageSeconds)} on average`}
      </p>
      <Chart
        title="Creatives by the time until they were ready"
        kind="bars"
        axis="Time"
        labels={labels}
        series={series}
        formatValue={formatWhole}
      />
    </>
  );
}
