/** Impressions that were lost, and why: over time, and by what they were of. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { type ReportRow, sumLabels, sumOf } from "../api/report.ts";
import { formatBucket, formatCount, formatShare, formatWhole, shareOf } from "../format.ts";
import type { PageProps } from "../page-props.ts";
import { Chart } from "../parts/chart.tsx";
import { Options } from "../parts/choices.tsx";
import {
  choose,
  DIMENSION_NAME,
  DimensionSelect,
  readDimension,
  readSpan,
  readZone,
  ReportChoices,
} from "../parts/report-choices.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { Table } from "../parts/table.tsx";
import { Tiles } from "../parts/tiles.tsx";
import { type TimeReport, useDimensionReport, useRowName, useTimeReport } from "../report-load.ts";
import type { Route } from "../route.ts";
import { stackReasons } from "../stack-reasons.ts";

const SHOWN_ROWS = 50;

export function LossesPage({ api, route, config }: PageProps): JSX.Element {
  const [load, again] = useTimeReport(api, readSpan(route), readZone(route));
  return (
    <>
      <p class="note lead">Ads that were offered for a break and not shown, by the reason that was given.</p>
      <ReportChoices route={route} config={config} />
      <Loaded load={load} again={again}>
        {(report) => <LossesOverTime report={report} route={route} />}
      </Loaded>
      <LossesOf api={api} route={route} config={config} />
    </>
  );
}

function LossesOverTime({ report, route }: { readonly report: TimeReport; readonly route: Route }): JSX.Element {
  const { rows } = report;
  const lost = sumOf(rows, "lostImpressions");
  const shown = sumOf(rows, "total_impressions");
  const reasons = sumLabels(rows, "lostByReason");
  const skips = sumLabels(rows, "skipReasons");
  return (
    <>
      <Tiles
        label="Sums"
        tiles={[
          { name: "Lost impressions", value: formatCount(lost), ...(lost > 0 ? { tone: "warn" as const } : {}) },
          { name: "Lost of all", value: formatShare(shareOf(lost, lost + shown)), note: "of shown and lost" },
          { name: "Impressions", value: formatCount(shown) },
          { name: "Errors", value: formatCount(sumOf(rows, "errors")), note: "of any kind" },
        ]}
      />
      <section class="card">
        <h2>Reasons over time</h2>
        <ReasonsOverTime report={report} route={route} />
      </section>
      {skips.length > 0 && <Reasons reasons={reasons} skips={skips} lost={lost} />}
    </>
  );
}

const COUNTED = {
  lost: { label: "Lost impressions", counts: "lostByReason", title: "Lost impressions over time" },
  skips: { label: "All skips", counts: "skipReasons", title: "Skips over time" },
} as const;

/** Skips are more than losses: whole breaks are skipped too, and not every ad that is skipped was an impression to lose. */
function ReasonsOverTime({
  report: { buckets, rows },
  route,
}: {
  readonly report: TimeReport;
  readonly route: Route;
}): JSX.Element {
  const of = route.query.get("of") === "skips" ? "skips" : "lost";
  const { counts, title } = COUNTED[of];
  const series = useMemo(() => stackReasons(rows, counts), [rows, counts]);
  const labels = useMemo(() => buckets.map(formatBucket), [buckets]);
  return (
    <>
      <form class="choices" onSubmit={(event) => event.preventDefault()}>
        <Options
          legend="Count"
          choices={Object.entries(COUNTED).map(([value, { label }]) => ({ value, label }))}
          value={of}
          onChoose={(value) => choose(route, "of", value)}
        />
      </form>
      {series.length === 0 ? (
        <Empty>{of === "lost" ? "Nothing was lost in this time." : "Nothing was skipped in this time."}</Empty>
      ) : (
        <Chart
          title={title}
          kind="bars"
          axis={buckets[0]?.includes(" ") ? "Hour" : "Day"}
          labels={labels}
          series={series}
          formatValue={formatWhole}
        />
      )}
    </>
  );
}

function Reasons({
  reasons,
  skips,
  lost,
}: {
  readonly reasons: readonly (readonly [string, number])[];
  readonly skips: readonly (readonly [string, number])[];
  readonly lost: number;
}): JSX.Element {
  const losses = new Map(reasons);
  return (
    <section class="card">
      <h2>Skip reasons</h2>
      <Table
        caption="Skip reasons"
        isCaptionHidden
        columns={[
          { title: "Reason", cell: ([reason]) => <code>{reason}</code> },
          { title: "Skips", isNumber: true, cell: ([, count]) => formatCount(count) },
          { title: "Lost impressions", isNumber: true, cell: ([reason]) => formatCount(losses.get(reason) ?? 0) },
          {
            title: "Of all lost",
            isNumber: true,
            cell: ([reason]) => formatShare(shareOf(losses.get(reason) ?? 0, lost)),
          },
        ]}
        rows={skips}
      />
    </section>
  );
}

function LossesOf({ api, route }: PageProps): JSX.Element {
  const dimension = readDimension(route);
  const [load, again] = useDimensionReport(api, readSpan(route), readZone(route), dimension);
  const nameOf = useRowName(dimension);
  return (
    <section class="card">
      <h2>What they were of</h2>
      <DimensionSelect route={route} />
      <Loaded load={load} again={again}>
        {({ rows }) => <LostRows name={DIMENSION_NAME[dimension]} rows={rows} nameOf={nameOf} />}
      </Loaded>
      <p class="note">Whole days, today among them. The {SHOWN_ROWS} that lost most.</p>
    </section>
  );
}

function LostRows({
  name,
  rows,
  nameOf,
}: {
  readonly name: string;
  readonly rows: readonly ReportRow[];
  readonly nameOf: (row: ReportRow) => string;
}): JSX.Element {
  const worst = rows
    .filter(({ lostImpressions }) => lostImpressions > 0)
    .toSorted((a, b) => b.lostImpressions - a.lostImpressions)
    .slice(0, SHOWN_ROWS);
  if (worst.length === 0) return <Empty>Nothing was lost in this time.</Empty>;
  return (
    <Table
      caption={`Lost impressions by ${name.toLowerCase()}`}
      isCaptionHidden
      columns={[
        { title: name, cell: nameOf },
        { title: "Lost", isNumber: true, cell: ({ lostImpressions }) => formatCount(lostImpressions) },
        { title: "Shown", isNumber: true, cell: (row) => formatCount(row.total_impressions) },
        {
          title: "Most for",
          cell: (row) => {
            const [first] = sumLabels([row], "lostByReason");
            return first ? <code>{first[0]}</code> : "–";
          },
        },
      ]}
      rows={worst}
    />
  );
}
