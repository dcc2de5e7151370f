/** How the server is, at a glance. */
import type { JSX } from "preact";
import { useCallback } from "preact/hooks";
import { sumOf } from "../api/report.ts";
import type { Overview, Upstream } from "../api/server.ts";
import { formatAgo, formatCount, formatShare, shareOf } from "../format.ts";
import { useLoad } from "../load.ts";
import type { PageProps } from "../page-props.ts";
import { Counted } from "../parts/counted.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { type Tile, Tiles } from "../parts/tiles.tsx";
import { type TimeReport, useTimeReport } from "../report-load.ts";
import { formatRoute } from "../route.ts";

export function OverviewPage({ api, config }: PageProps): JSX.Element {
  const [report, reportAgain] = useTimeReport(api, "24h", undefined);
  const [overview, overviewAgain] = useLoad(
    useCallback((signal: AbortSignal) => api.get<Overview>("v1/overview", signal), [api]),
    { everySeconds: 5 },
  );
  const { campaigns } = config;
  return (
    <>
      {campaigns.state === "outdated" && (
        <div class="state complaint" role="alert">
          <p>
            The campaign file has changed and cannot be used: {campaigns.complaint}. What was read before is in force.
          </p>
        </div>
      )}
      <h2>Last 24 hours</h2>
      <Loaded load={report} again={reportAgain}>
        {(value) => <Tiles label="Last 24 hours" tiles={listImpressions(value)} />}
      </Loaded>
      <h2>Now</h2>
      <Loaded load={overview} again={overviewAgain}>
        {(value) => <Now overview={value} />}
      </Loaded>
    </>
  );
}

function listImpressions({ rows }: TimeReport): readonly Tile[] {
  const lost = sumOf(rows, "lostImpressions");
  const shown = sumOf(rows, "total_impressions");
  return [
    { name: "Impressions", value: formatCount(shown), href: formatRoute(["funnel"]) },
    {
      name: "Lost impressions",
      value: formatCount(lost),
      note: `${formatShare(shareOf(lost, lost + shown))} of all`,
      href: formatRoute(["losses"]),
      ...(lost > 0 ? { tone: "warn" as const } : {}),
    },
    {
      name: "Completion",
      value: formatShare(shareOf(sumOf(rows, "completes"), sumOf(rows, "starts"))),
      note: "of starts",
      href: formatRoute(["funnel"]),
    },
  ];
}

function Now({ overview }: { readonly overview: Overview }): JSX.Element {
  const { server, creatives, adServer, skipped, beacons, upstreams } = overview;
  const waiting = creatives.queued + creatives.fetching + creatives.transcoding + creatives.publishing;
  return (
    <>
      <Tiles label="Now" tiles={[...listServer(overview), ...listCreatives(overview, waiting)]} />
      {upstreams.length > 0 && (
        <section class="card">
          <h2>Ad servers behind the relay</h2>
          <Table caption="Ad servers behind the relay" isCaptionHidden columns={UPSTREAMS} rows={upstreams} />
        </section>
      )}
      <p class="note">
        Interlude {server.version} on Node {server.node},{" "}
        {server.database === "embedded" ? "embedded database" : "PostgreSQL"}. Below: counted by this server since it
        started, {formatAgo(server.startedAt, Date.now())}.
      </p>
      <div class="columns">
        <section class="card">
          <h2>Answers of ad servers</h2>
          <Counted counts={adServer} name="Outcome" empty="The manifest server has asked none yet." />
        </section>
        <section class="card">
          <h2>Ads left out</h2>
          <Counted counts={skipped} name="Reason" empty="The manifest server has left none out." />
        </section>
        <section class="card">
          <h2>Beacons received</h2>
          <Counted counts={beacons} name="Event" empty="None yet." />
        </section>
      </div>
      {!server.isRepackaging && <Empty>Repackaging is off on this server.</Empty>}
    </>
  );
}

const OVERLOAD: Readonly<Record<Overview["overload"], Pick<Tile, "value" | "note" | "tone">>> = {
  none: { value: "None", tone: "good" },
  lean: { value: "Lean", note: "new breaks stay content", tone: "warn" },
  shedding: { value: "Shedding", note: "new sessions are refused", tone: "bad" },
};

function listServer({ sessions, overload, requestsInFlight }: Overview): readonly Tile[] {
  return [
    {
      name: "Live sessions",
      value: formatCount(sessions.alive),
      note: sessions.store === "memory" ? "of this server" : "of all servers",
      href: formatRoute(["sessions"]),
    },
    { name: "Overload", ...OVERLOAD[overload] },
    { name: "Requests under way", value: formatCount(requestsInFlight) },
  ];
}

function listCreatives({ creatives }: Overview, waiting: number): readonly Tile[] {
  const failed = creatives.failed + creatives.blocked;
  return [
    {
      name: "Creatives ready",
      value: formatCount(creatives.ready),
      href: formatRoute(["creatives"], { state: "ready" }),
    },
    { name: "In the making", value: formatCount(waiting), href: formatRoute(["creatives"]) },
    {
      name: "Failed or blocked",
      value: formatCount(failed),
      href: formatRoute(["creatives"], { state: creatives.failed > 0 ? "failed" : "blocked" }),
      ...(failed > 0 ? { tone: "bad" as const } : {}),
    },
  ];
}

const BREAKER: Readonly<Record<Upstream["state"], { readonly text: string; readonly tone: string }>> = {
  closed: { text: "asked", tone: "good" },
  "half-open": { text: "tried again", tone: "warn" },
  open: { text: "left alone", tone: "bad" },
};

const UPSTREAMS: readonly Column<Upstream>[] = [
  { title: "Ad server", cell: ({ upstream }) => upstream },
  { title: "Zone", cell: ({ zone }) => zone },
  {
    title: "Circuit breaker",
    cell: ({ state }) => (
      <span class="badge" data-tone={BREAKER[state].tone}>
        {state}: {BREAKER[state].text}
      </span>
    ),
  },
];
