/** How far viewers watch: from the ad that was offered to the one that was watched to its end. */
import type { JSX } from "preact";
import { type ReportRow, sumOf } from "../api/report.ts";
import { formatCount, formatShare, shareOf } from "../format.ts";
import type { PageProps } from "../page-props.ts";
import {
  DIMENSION_NAME,
  DimensionSelect,
  readDimension,
  readSpan,
  readZone,
  ReportChoices,
} from "../parts/report-choices.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Tiles } from "../parts/tiles.tsx";
import { type TimeReport, useDimensionReport, useRowName, useTimeReport } from "../report-load.ts";

const STEPS = [
  ["Ads offered", "adsOffered"],
  ["Impressions", "total_impressions"],
  ["Starts", "starts"],
  ["First quartile", "firstQuartiles"],
  ["Midpoint", "midpoints"],
  ["Third quartile", "thirdQuartiles"],
  ["Complete", "completes"],
] as const;

const SHOWN_ROWS = 50;

export function FunnelPage({ api, route, config }: PageProps): JSX.Element {
  const [load, again] = useTimeReport(api, readSpan(route), readZone(route));
  return (
    <>
      <p class="note lead">What players reported of ads. Programs and prefetches are left out.</p>
      <ReportChoices route={route} config={config} />
      <Loaded load={load} again={again}>
        {(report) => <Funnel report={report} />}
      </Loaded>
      <FunnelOf api={api} route={route} config={config} />
    </>
  );
}

function Funnel({ report: { rows, isComplete } }: { readonly report: TimeReport }): JSX.Element {
  const steps = STEPS.map(([name, count]) => ({ name, count: sumOf(rows, count) }));
  const most = Math.max(...steps.map(({ count }) => count));
  const requests = sumOf(rows, "adRequests");
  const filled = requests - sumOf(rows, "noFills");
  return (
    <>
      <Tiles
        label="Sums"
        tiles={[
          {
            name: "Completion",
            value: formatShare(shareOf(sumOf(rows, "completes"), sumOf(rows, "starts"))),
            note: "of starts",
          },
          {
            name: "Ad server's fill",
            value: formatShare(shareOf(filled, requests)),
            note: `of ${formatCount(requests)} requests`,
          },
          { name: "Clicks", value: formatCount(sumOf(rows, "clicks")) },
          { name: "Skips by viewers", value: formatCount(sumOf(rows, "skips")) },
        ]}
      />
      <section class="card">
        <h2>Funnel</h2>
        {most === 0 ? (
          <Empty>No player has reported anything in this time.</Empty>
        ) : (
          <ol class="funnel">
            {steps.map(({ name, count }, place) => (
              <FunnelStep key={name} name={name} count={count} most={most} before={steps[place - 1]?.count} />
            ))}
          </ol>
        )}
        {!isComplete && <p class="note">Reports of the last moments are still on their way.</p>}
      </section>
    </>
  );
}

function FunnelStep({
  name,
  count,
  most,
  before,
}: {
  readonly name: string;
  readonly count: number;
  readonly most: number;
  /** undefined: it is the first. */
  readonly before: number | undefined;
}): JSX.Element {
  return (
    <li>
      <span class="name">{name}</span>
      <span class="bar" aria-hidden="true">
        <i style={{ width: `${(count / most) * 100}%` }} />
      </span>
      <span class="count">
        <strong>{formatCount(count)}</strong>
        {before !== undefined && before > 0 && (
          <small>
            {" "}
            {formatShare(shareOf(count, before))}
            <span class="words"> of the one above</span>
          </small>
        )}
      </span>
    </li>
  );
}

const COUNT_COLUMNS: readonly Column<ReportRow>[] = [
  ...STEPS.map(([title, count]) => ({ title, isNumber: true, cell: (row: ReportRow) => formatCount(row[count]) })),
  { title: "Completion", isNumber: true, cell: (row) => formatShare(shareOf(row.completes, row.starts)) },
];

function FunnelOf({ api, route }: PageProps): JSX.Element {
  const dimension = readDimension(route);
  const [load, again] = useDimensionReport(api, readSpan(route), readZone(route), dimension);
  const nameOf = useRowName(dimension);
  return (
    <section class="card">
      <h2>One by one</h2>
      <DimensionSelect route={route} />
      <Loaded load={load} again={again}>
        {({ rows }) => {
          const most = rows
            .filter((row) => row.total_impressions > 0 || row.adsOffered > 0)
            .toSorted((a, b) => b.total_impressions - a.total_impressions)
            .slice(0, SHOWN_ROWS);
          return most.length === 0 ? (
            <Empty>No player has reported anything in this time.</Empty>
          ) : (
            <Table
              caption={`Funnel by ${DIMENSION_NAME[dimension].toLowerCase()}`}
              isCaptionHidden
              columns={[{ title: DIMENSION_NAME[dimension], cell: nameOf }, ...COUNT_COLUMNS]}
              rows={most}
            />
          );
        }}
      </Loaded>
      <p class="note">Whole days, today among them. The {SHOWN_ROWS} with most impressions.</p>
    </section>
  );
}
