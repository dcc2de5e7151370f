/** What Prometheus reads of relays. Names of zones and upstreams are the operator's, so their number is bounded. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { RelayAttempt } from "./relay-answer.ts";
import type { UpstreamStatus } from "./relay.ts";

export interface RelayMetrics {
  countAttempt(zone: string, attempt: RelayAttempt): void;
}

const STATES = ["closed", "half-open", "open"] as const;

/** @param list read at each scrape */
export function createRelayMetrics(registry: Registry, list: () => readonly UpstreamStatus[]): RelayMetrics {
  const registers = [registry];
  const attempts = new Counter({
    name: "interlude_relay_attempts_total",
    help: "Ad servers asked, or not asked, by outcome: ads, no-ads, failed, timeout, open, busy",
    labelNames: ["zone", "upstream", "outcome"],
    registers,
  });
  const seconds = new Histogram({
    name: "interlude_relay_upstream_seconds",
    help: "Until an ad server that was asked had answered with all its wrappers",
    labelNames: ["zone", "upstream"],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5],
    registers,
  });
  const breakers = new Gauge({
    name: "interlude_relay_breaker_state",
    help: "1 for the state that the breaker of an ad server is in",
    labelNames: ["zone", "upstream", "state"],
    registers,
    collect: () => {
      breakers.reset();
      for (const { zone, upstream, state } of list())
        for (const one of STATES) breakers.set({ zone, upstream, state: one }, one === state ? 1 : 0);
    },
  });
  const pending = new Gauge({
    name: "interlude_relay_pending",
    help: "Requests that wait for an ad server",
    labelNames: ["zone", "upstream"],
    registers,
    collect: () => {
      pending.reset();
      for (const { zone, upstream, pending: waiting } of list()) pending.set({ zone, upstream }, waiting);
    },
  });
  return {
    countAttempt: (zone, { upstream, outcome, ms }) => {
      attempts.inc({ zone, upstream, outcome });
      if (outcome !== "open" && outcome !== "busy") seconds.observe({ zone, upstream }, ms / 1000);
    },
  };
}
