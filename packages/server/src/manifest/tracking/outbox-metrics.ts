/** What the outbox tells Prometheus beside what became of its beacons. docs/tracking.md says what to make of it. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { RetryCause } from "./outbox-retry.ts";
import type { OutboxRows } from "./outbox-rows.ts";

export interface OutboxMetrics {
  /** Once for each further request that is going to be made. */
  countRetry(cause: RetryCause): void;
}

/**
 * `count` is read at each scrape, and is of all instances on one database.
 *
 * @throws Error where the registry has them already
 */
export function createOutboxMetrics(registry: Registry, count: OutboxRows["count"]): OutboxMetrics {
  const registers = [registry];
  const kept: Gauge<"state"> = new Gauge({
    name: "interlude_server_beacons_kept",
    help: "Beacons in the outbox, by what they do",
    labelNames: ["state"],
    registers,
    collect: async () => {
      const { waiting, sending } = await count();
      kept.set({ state: "waiting" }, waiting);
      kept.set({ state: "sending" }, sending);
    },
  });
  const retries = new Counter({
    name: "interlude_server_beacon_retries_total",
    help: "Beacons that are sent again because the host cannot have taken them",
    labelNames: ["cause"],
    registers,
  });
  return { countRetry: (cause) => retries.inc({ cause }) };
}
