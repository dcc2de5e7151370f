/** What becomes of an ad of which there is no repackaged copy yet: how many impressions are saved or lost, how soon there is a copy. */
import type { JSX } from "preact";
import { useCallback, useMemo } from "preact/hooks";
import { fillInSpiteOfFormat, firstEncounterFill, sumOf } from "../api/report.ts";
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
        A creative that nobody has seen before has no HLS copy yet. These are the impressions that were saved all the
        same, since a page remuxed it or its copy was waited for, and those that its format cost.
      </p>
      <ReportChoices route={route} config={config} />
      <Loaded load={report} again={reportAgain}>
        {(value) => <Encounters report={value} />}
      </Loaded>
      <Loaded load={overview} again={overviewAgain}>
        {(value) => <ThisServer overview={value} />}
      </Loaded>
    </>
  );
}

function Encounters({ report: { rows, buckets } }: { readonly report: TimeReport }): JSX.Element {
  const saved = sumOf(rows, "savedImpressions");
  const lost = sumOf(rows, "lostToFormat");
  const impressions = sumOf(rows, "total_impressions");
  const whole = { savedImpressions: saved, lostToFormat: lost, total_impressions: impressions };
  const time = useMemo(
    () => ({ axis: buckets[0]?.includes(" ") ? "Hour" : "Day", labels: buckets.map(formatBucket) }),
    [buckets],
  );
  return (
    <>
      <Tiles
        label="Sums"
        tiles={[
          {
            name: "First-encounter fill",
            value: formatShare(firstEncounterFill(whole)),
            note: "saved, of saved and lost",
          },
          { name: "Saved impressions", value: formatCount(saved), ...(saved > 0 ? { tone: "good" as const } : {}) },
          { name: "Lost to format", value: formatCount(lost), ...(lost > 0 ? { tone: "warn" as const } : {}) },
          {
            name: "Fill in spite of format",
            value: formatShare(fillInSpiteOfFormat(whole)),
            note: "shown, of shown and lost to format",
          },
          { name: "Impressions", value: formatCount(impressions) },
        ]}
      />
      <section class="card">
        <h2>First encounters over time</h2>
        {saved + lost === 0 ? <Empty>No creative was new in this time.</Empty> : <SavedAndLost rows={rows} {...time} />}
      </section>
      <section class="card">
        <h2>Fill over time</h2>
        {impressions + lost === 0 ? (
          <Empty>No ad was shown or lost to its format in this time.</Empty>
        ) : (
          <Fill rows={rows} {...time} />
        )}
      </section>
    </>
  );
}

interface OverTime {
  readonly rows: TimeReport["rows"];
  readonly axis: string;
  readonly labels: readonly string[];
}

function SavedAndLost({ rows, axis, labels }: OverTime): JSX.Element {
  const series = useMemo(
    () => [
      { name: "Remuxed", color: "--series-1", values: rows.map((row) => row?.savedByStep["remux"] ?? 0) },
      { name: "Waited for", color: "--series-3", values: rows.map((row) => row?.savedByStep["wait"] ?? 0) },
      { name: "Lost", color: "--series-2", values: rows.map((row) => row?.lostToFormat ?? 0) },
    ],
    [rows],
  );
  return (
    <Chart
      title="Impressions at first encounters, saved and lost"
      kind="bars"
      axis={axis}
      labels={labels}
      series={series}
      formatValue={formatWhole}
    />
  );
}

function Fill({ rows, axis, labels }: OverTime): JSX.Element {
  const series = useMemo(
    () => [
      { name: "First-encounter fill", color: "--series-3", values: rows.map((row) => firstEncounterFill(row)) },
      { name: "Fill in spite of format", color: "--series-1", values: rows.map((row) => fillInSpiteOfFormat(row)) },
    ],
    [rows],
  );
  return (
    <Chart
      title="Fill of first encounters, and in spite of format"
      kind="line"
      axis={axis}
      labels={labels}
      series={series}
      formatValue={formatShare}
      max={1}
    />
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
