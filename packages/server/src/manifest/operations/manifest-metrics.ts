/**
 * What the manifest server tells Prometheus, in the words that ad operations use: avails, fill, skipped ads, the ad server, the
 * origin. Every label has few values, all of them ours. docs/operations.md lists them.
 */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { BreakDecision, SkippedAd } from "../breaks/decision.ts";

/** `stitched`: with an ad in it; `content`: there was none to put in; `passed-through`: it could not be stitched. */
export type ManifestOutcome = "stitched" | "content" | "passed-through" | "sidecar" | "redirect" | "error";
export type ManifestKind = "bootstrap" | "master" | "live" | "vod" | "webvtt" | "segment";
/** `empty`: an answer without ads. */
export type AdServerOutcome = "filled" | "empty" | "error" | "timeout";

/** Whether what was waited for came in time. */
export type WaitOutcome = "played" | "skipped";

/** A break that is in a playlist for the first time. Seconds. */
export interface ListedBreak {
  readonly kind: "live" | "vod";
  /** Of the avail as signalled; 0: not known, or without bounds. */
  readonly availDuration: number;
  /** Of the ads that are listed, or will be. */
  readonly filledDuration: number;
}

/** Times in ms. */
export interface ManifestMetrics {
  countRequest(kind: ManifestKind, outcome: ManifestOutcome, ms: number): void;
  /** Once per break: by whom its row was written. Rows that hold a plan are passed over. */
  countDecision(decision: BreakDecision): void;
  /** Once per break and session. */
  countListed(listed: ListedBreak): void;
  /** An ad that is not shown although its break was decided with it, or since it was given up before that. */
  countSkipped(skipped: Pick<SkippedAd, "reason" | "encounter">): void;
  /** Once per call, whatever breaks it was for; `isTimedOut`: something of it was given up, also where a fallback filled it. */
  countAdCall(outcome: AdServerOutcome, ms: number, isTimedOut: boolean): void;
  countOrigin(outcome: "ok" | "error" | "timeout", ms: number): void;
  countProbe(result: "hit" | "miss" | "error", isCached: boolean): void;
  countServerBeacon(outcome: "sent" | "failed" | "dropped"): void;
  /** Once per creative that a decision has waited for, whatever became of its ad. */
  countWait(outcome: WaitOutcome, ms: number): void;
}

/** Read at each scrape. */
export interface ManifestMetricsPorts {
  readonly countSessions: () => Promise<number>;
  readonly readOverload: () => {
    readonly isLean: boolean;
    readonly isShedding: boolean;
    readonly delayMs: number;
    readonly inFlight: number;
  };
}

const LATENCY_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10];

/** @throws Error where the registry has them already */
export function createManifestMetrics(registry: Registry, ports: ManifestMetricsPorts): ManifestMetrics {
  const registers = [registry];
  registerGauges(registers, ports);
  return { ...createBreakMetrics(registers), ...createRequestMetrics(registers) };
}

type BreakMetrics = Pick<ManifestMetrics, "countDecision" | "countListed" | "countSkipped">;

function createBreakMetrics(registers: Registry[]): BreakMetrics {
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> =>
    new Counter({ name, help, labelNames, registers });
  const avails = counter("interlude_avails_total", "Breaks that were decided", ["kind", "position"]);
  const seconds = counter("interlude_avail_seconds_total", "Length of the breaks that were decided", ["kind"]);
  const filled = counter("interlude_avail_filled_seconds_total", "Length of the ads decided for them", ["kind"]);
  const observed = counter("interlude_avails_observed_total", "Breaks that a playlist has listed", ["kind"]);
  const observedSeconds = counter("interlude_avail_observed_seconds_total", "Length of the breaks listed", ["kind"]);
  const observedFilled = counter("interlude_avail_filled_observed_seconds_total", "Length of the ads listed", ["kind"]);
  const ads = counter("interlude_inserted_ads_total", "Ads that were decided to be inserted", ["kind"]);
  const skipped = counter("interlude_skipped_ads_total", "Ads that were answered and not inserted", ["reason"]);
  const encounters = counter("interlude_first_encounters_total", "Ads whose creative had no copy yet", [
    "step",
    "outcome",
  ]);
  const countSkipped: ManifestMetrics["countSkipped"] = ({ reason, encounter }) => {
    skipped.inc({ reason });
    if (encounter) encounters.inc({ step: encounter, outcome: "skipped" });
  };
  return {
    countDecision: (decision) => {
      if (decision.planned) return;
      const { position, availDuration, place } = decision;
      const { kind } = place;
      const filledDuration = decision.ads.reduce((sum, { duration }) => sum + duration, 0);
      avails.inc({ kind, position });
      seconds.inc({ kind }, availDuration || filledDuration);
      filled.inc({ kind }, filledDuration);
      ads.inc({ kind }, decision.ads.length);
      for (const { encounter } of decision.ads) if (encounter) encounters.inc({ step: encounter, outcome: "played" });
      for (const left of decision.skipped) countSkipped(left);
    },
    countListed: ({ kind, availDuration, filledDuration }) => {
      observed.inc({ kind });
      observedSeconds.inc({ kind }, availDuration || filledDuration);
      observedFilled.inc({ kind }, filledDuration);
    },
    countSkipped,
  };
}

function createRequestMetrics(registers: Registry[]): Omit<ManifestMetrics, keyof BreakMetrics> {
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> =>
    new Counter({ name, help, labelNames, registers });
  const histogram = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Histogram({ name, help, labelNames, registers, buckets: LATENCY_SECONDS });
  const requests = counter("interlude_manifest_requests_total", "Answers of the manifest server", ["kind", "outcome"]);
  const latency = histogram("interlude_manifest_latency_seconds", "From request to answer", ["kind"]);
  const adCalls = counter("interlude_ad_server_requests_total", "Requests to ad servers", ["outcome"]);
  const adLatency = histogram("interlude_ad_server_latency_seconds", "Of the ad server, wrappers included", []);
  const adTimeouts = counter("interlude_ad_server_timeouts_total", "Ad servers that did not answer in time", []);
  const originLatency = histogram("interlude_origin_latency_seconds", "Of the content's origin", []);
  const originErrors = counter("interlude_origin_errors_total", "Failed requests to the content's origin", []);
  const originTimeouts = counter("interlude_origin_timeouts_total", "Origins that did not answer in time", []);
  const probes = counter("interlude_probe_total", "Looks for a repackaged creative on a CDN", ["result", "cached"]);
  const beacons = counter("interlude_server_beacons_total", "Beacons that the server sends", ["outcome"]);
  const waits = histogram("interlude_wait_seconds", "That decisions waited for a creative's first copy", ["outcome"]);
  return {
    countWait: (outcome, ms) => waits.observe({ outcome }, ms / 1000),
    countRequest: (kind, outcome, ms) => {
      requests.inc({ kind, outcome });
      latency.observe({ kind }, ms / 1000);
    },
    countAdCall: (outcome, ms, isTimedOut) => {
      adCalls.inc({ outcome });
      adLatency.observe(ms / 1000);
      if (isTimedOut) adTimeouts.inc();
    },
    countOrigin: (outcome, ms) => {
      originLatency.observe(ms / 1000);
      if (outcome === "error") originErrors.inc();
      if (outcome === "timeout") originTimeouts.inc();
    },
    countProbe: (result, isCached) => probes.inc({ result, cached: String(isCached) }),
    countServerBeacon: (outcome) => beacons.inc({ outcome }),
  };
}

function registerGauges(registers: Registry[], ports: ManifestMetricsPorts): void {
  const gauge = (name: string, help: string, read: () => number | Promise<number>): void => {
    const made: Gauge = new Gauge({ name, help, registers, collect: async () => made.set(await read()) });
  };
  const { countSessions, readOverload } = ports;
  gauge("interlude_sessions", "Sessions that are alive", countSessions);
  gauge("interlude_overload", "0: none; 1: new breaks stay content; 2: new sessions are refused as well", () => {
    const { isLean, isShedding } = readOverload();
    return isShedding ? 2 : Number(isLean);
  });
  gauge(
    "interlude_event_loop_delay_seconds",
    "What a request waits before it is looked at",
    () => readOverload().delayMs / 1000,
  );
  gauge("interlude_manifest_requests_in_flight", "Requests that wait for an answer", () => readOverload().inFlight);
}
