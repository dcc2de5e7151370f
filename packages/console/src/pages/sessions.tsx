/** Who watches now, through the manifest server. */
import type { JSX } from "preact";
import { useCallback } from "preact/hooks";
import type { Session, SessionPage as Sessions } from "../api/server.ts";
import { formatAgo, formatCount } from "../format.ts";
import { useLoad } from "../load.ts";
import type { PageProps } from "../page-props.ts";
import { readZone, ZoneSelect } from "../parts/report-choices.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { formatRoute, type Route } from "../route.ts";

export function SessionsPage({ api, route, config }: PageProps): JSX.Element {
  const zone = readZone(route);
  const before = route.query.get("before") ?? undefined;
  const query = new URLSearchParams({ limit: "50", ...(zone && { zone }), ...(before && { before }) }).toString();
  const [load, again] = useLoad(
    useCallback((signal: AbortSignal) => api.get<Sessions>(`v1/sessions?${query}`, signal), [api, query]),
    { everySeconds: 5 },
  );
  return (
    <>
      <p class="note lead">Sessions of the manifest server. Players that put in the ads themselves have none.</p>
      <form class="choices" onSubmit={(event) => event.preventDefault()}>
        {/* Another zone has other pages. */}
        <ZoneSelect route={{ ...route, query: new URLSearchParams(zone ? { zone } : {}) }} config={config} />
      </form>
      <Loaded load={load} again={again}>
        {(page) => <SessionRows page={page} route={route} isFirst={before === undefined} />}
      </Loaded>
    </>
  );
}

function SessionRows({
  page: { sessions, total, next, store },
  route,
  isFirst,
}: {
  readonly page: Sessions;
  readonly route: Route;
  readonly isFirst: boolean;
}): JSX.Element {
  if (sessions.length === 0) return <Empty>{isFirst ? "Nobody watches at this moment." : "There are no more."}</Empty>;
  const zone = readZone(route);
  return (
    <section class="card">
      <p class="note">
        {formatCount(total)} alive{store === "memory" ? " on this server" : " on all servers"}, the newest first
      </p>
      <Table caption="Live sessions" isCaptionHidden columns={COLUMNS} rows={sessions} />
      <nav class="actions" aria-label="Pages of sessions">
        {!isFirst && <a href={formatRoute(["sessions"], { zone })}>Newest</a>}
        {next !== undefined && <a href={formatRoute(["sessions"], { zone, before: next })}>Older</a>}
      </nav>
    </section>
  );
}

const COLUMNS: readonly Column<Session>[] = [
  { title: "Asset", cell: ({ asset, id }) => <a href={formatRoute(["sessions", id])}>{asset || id.slice(0, 8)}</a> },
  { title: "Breaks", isNumber: true, cell: ({ breaks }) => formatCount(breaks) },
  { title: "Ads", isNumber: true, cell: ({ ads }) => formatCount(ads) },
  {
    title: "Left out",
    isNumber: true,
    cell: ({ skipped }) => formatCount(Object.values(skipped).reduce((sum, count) => sum + count, 0)),
  },
  { title: "Last seen", cell: ({ lastSeenAt }) => formatAgo(lastSeenAt, Date.now()) },
  { title: "Started", cell: ({ startedAt }) => formatAgo(startedAt, Date.now()) },
  { title: "Zone", cell: ({ zone }) => zone },
  { title: "Content", cell: ({ kind }) => (kind === undefined ? "–" : kind === "live" ? "Live" : "On demand") },
];
