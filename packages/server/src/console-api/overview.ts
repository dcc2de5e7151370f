/** What an operator wants to see first: how many, of what, in which state. */
import type { CreativeState } from "@interlude/core";
import type { Counts, HistogramReading, MetricReader } from "./metric-reader.ts";

/** Whatever is counted is counted by this process since it began; what is in the database is told of all of it. */
export interface Overview {
  readonly server: ServerFacts;
  /** In the database. */
  readonly creatives: Readonly<Record<CreativeState, number>>;
  readonly sessions: { readonly alive: number; readonly store: "memory" | "database" };
  readonly overload: "none" | "lean" | "shedding";
  /** Of the manifest server. */
  readonly requestsInFlight: number;
  readonly timeToReady: TimeToReady;
  readonly breaks: readonly BreakCounts[];
  /** By outcome. */
  readonly adServer: Counts;
  /** Ads that the manifest server left out, by skip reason. */
  readonly skipped: Counts;
  /** Looks for a repackaged copy on a CDN. */
  readonly probes: { readonly hit: number; readonly miss: number; readonly error: number };
  /** Of pages, by outcome. */
  readonly repackageRequests: Counts;
  /** By event. */
  readonly beacons: Counts;
  readonly upstreams: readonly UpstreamState[];
}

export interface ServerFacts {
  readonly version: string;
  /** Of Node.js. */
  readonly node: string;
  /** ISO 8601 */
  readonly startedAt: string;
  readonly database: "embedded" | "postgres";
  readonly isRepackaging: boolean;
}

/** From the request for a creative that nobody had asked for to its copy on a CDN. */
export interface TimeToReady {
  readonly count: number;
  /** Left out where there was none. */
  readonly averageSeconds?: number;
  readonly buckets: HistogramReading["buckets"];
}

export interface BreakCounts {
  readonly kind: "live" | "vod";
  readonly decided: number;
  /** What follows is about breaks that a playlist has listed; `ads`: that were decided. */
  readonly listed: number;
  readonly seconds: number;
  readonly filledSeconds: number;
  readonly ads: number;
}

/** A circuit breaker of the relay. */
export interface UpstreamState {
  readonly zone: string;
  readonly upstream: string;
  readonly state: "closed" | "open" | "half-open";
}

export interface OverviewSource {
  readonly server: ServerFacts;
  readonly sessionStore: "memory" | "database";
  readonly metrics: MetricReader;
  readonly upstreams: () => readonly UpstreamState[];
}

const NO_CREATIVES: Overview["creatives"] = {
  absent: 0,
  queued: 0,
  fetching: 0,
  transcoding: 0,
  publishing: 0,
  ready: 0,
  failed: 0,
  blocked: 0,
};
const OVERLOAD = ["none", "lean", "shedding"] as const;

/** At this moment. @throws the driver's error */
export async function readOverview(source: OverviewSource): Promise<Overview> {
  const { server, sessionStore: store, metrics, upstreams } = source;
  const { sum, countBy } = metrics;
  const uncached = { cached: "false" };
  const probe = (result: string): Promise<number> => sum("interlude_probe_total", { result, ...uncached });
  return {
    server,
    creatives: { ...NO_CREATIVES, ...(await countBy("interlude_creatives", "state")) },
    sessions: { alive: await sum("interlude_sessions"), store },
    overload: OVERLOAD[await sum("interlude_overload")] ?? "none",
    requestsInFlight: await sum("interlude_manifest_requests_in_flight"),
    timeToReady: describeTime(await metrics.histogram("interlude_time_to_ready_seconds")),
    breaks: await Promise.all((["live", "vod"] as const).map((kind) => countBreaks(kind, metrics))),
    adServer: await countBy("interlude_ad_server_requests_total", "outcome"),
    skipped: await countBy("interlude_skipped_ads_total", "reason"),
    probes: { hit: await probe("hit"), miss: await probe("miss"), error: await probe("error") },
    repackageRequests: await countBy("interlude_repackage_requests_total", "outcome"),
    beacons: await countBy("interlude_beacons_total", "event"),
    upstreams: upstreams().map(({ zone, upstream, state }) => ({ zone, upstream, state })),
  };
}

async function countBreaks(kind: BreakCounts["kind"], { sum }: MetricReader): Promise<BreakCounts> {
  return {
    kind,
    decided: await sum("interlude_avails_total", { kind }),
    listed: await sum("interlude_avails_observed_total", { kind }),
    seconds: await sum("interlude_avail_observed_seconds_total", { kind }),
    filledSeconds: await sum("interlude_avail_filled_observed_seconds_total", { kind }),
    ads: await sum("interlude_inserted_ads_total", { kind }),
  };
}

function describeTime(reading: HistogramReading | undefined): TimeToReady {
  const { count, sum, buckets } = reading ?? { count: 0, sum: 0, buckets: [] };
  return { count, ...(count > 0 && { averageSeconds: sum / count }), buckets };
}
