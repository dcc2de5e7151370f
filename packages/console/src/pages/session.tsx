/** One viewer's session: what was decided for each break, and why. */
import type { JSX } from "preact";
import { useCallback } from "preact/hooks";
import type { Decision, SessionDetail } from "../api/server.ts";
import { formatAgo, formatSeconds, formatTime } from "../format.ts";
import { useLoad } from "../load.ts";
import type { PageProps } from "../page-props.ts";
import { Facts } from "../parts/facts.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { formatRoute } from "../route.ts";

export function SessionPage({ api, route }: PageProps): JSX.Element {
  const [id = ""] = route.path;
  const [load, again] = useLoad(
    useCallback(
      (signal: AbortSignal) => api.get<SessionDetail>(`v1/sessions/${encodeURIComponent(id)}`, signal),
      [api, id],
    ),
    { everySeconds: 5 },
  );
  return (
    <>
      <p>
        <a href={formatRoute(["sessions"])}>← All sessions</a>
      </p>
      <Loaded load={load} again={again}>
        {(session) => <SessionDetails session={session} />}
      </Loaded>
    </>
  );
}

function SessionDetails({ session }: { readonly session: SessionDetail }): JSX.Element {
  const { asset, id, zone, contentUrl, startedAt, lastSeenAt, userAgent, decisions } = session;
  return (
    <>
      <section class="card">
        <h2>{asset || id}</h2>
        <Facts
          facts={[
            { name: "Session", value: id },
            { name: "Zone", value: zone },
            { name: "Content", value: contentUrl },
            { name: "Started", value: formatTime(startedAt) },
            { name: "Last seen", value: formatAgo(lastSeenAt, Date.now()) },
            { name: "Player", value: userAgent || "not told" },
          ]}
        />
      </section>
      <section class="card">
        <h2>Breaks</h2>
        {decisions.length === 0 ? (
          <Empty>No break was decided yet.</Empty>
        ) : (
          <ol class="decisions">
            {decisions.map((decision) => (
              <DecisionRow key={decision.id} decision={decision} />
            ))}
          </ol>
        )}
      </section>
    </>
  );
}

function DecisionRow({ decision }: { readonly decision: Decision }): JSX.Element {
  const { id, availSeconds, ads, skipped, firstListedAt } = decision;
  return (
    <li>
      <h3>
        {placeOf(decision)} <code>{id}</code>
      </h3>
      <p class="note">
        {availSeconds > 0 ? `An avail of ${formatSeconds(availSeconds)}, ` : ""}listed first at{" "}
        {formatTime(firstListedAt)}
      </p>
      <ul>
        {ads.map((ad, place) => (
          <li key={place}>
            <span class="badge" data-tone="good">
              in
            </span>{" "}
            {ad.title || ad.id}, {formatSeconds(ad.seconds)}
            <span class="note">
              {" "}
              {ad.adSystem}
              {ad.isRepackaged ? ", repackaged" : ""}
            </span>
          </li>
        ))}
        {skipped.map((ad, place) => (
          <li key={place}>
            <span class="badge" data-tone="warn">
              {ad.reason}
            </span>{" "}
            {ad.id ?? ad.adSystem}
            <span class="note"> {ad.message}</span>
          </li>
        ))}
        {ads.length + skipped.length === 0 && <li class="note">The ad server had no ad for it.</li>}
      </ul>
    </li>
  );
}

const POSITION = { pre: "Before the content", mid: "In the content", post: "After the content" } as const;

function placeOf({ position, at, mediaSequence }: Decision): string {
  if (at !== undefined && position === "mid") return `At ${formatSeconds(at)}`;
  if (mediaSequence !== undefined) return `At segment ${mediaSequence}`;
  return POSITION[position];
}
