/** What Prometheus reads at `/metrics`: one registry per server. */
import type { CreativeState } from "@interlude/core";
import type { FastifyInstance } from "fastify";
import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** What is told of a creative's change. */
export interface CreativeChange {
  readonly zone: string;
  readonly key: string;
  readonly state: CreativeState;
}

/** What the parts tell; labels that come from strangers are bounded here. */
export interface Metrics {
  /** `outcome`: accepted, or the code of the error. */
  countRepackage(outcome: string): void;
  countBeacon(event: string, error: number | undefined): void;
  /** Measures the time from the first unfinished state that is seen to `ready`. */
  observeCreative(change: CreativeChange): void;
  /** Where other parts add their own. */
  readonly registry: Registry;
  /** Counts every request that `app` answers, by route, and adds `GET /metrics`. */
  register(app: FastifyInstance): void;
}

/** What the metrics ask. */
export interface MetricsPorts {
  /** Read at each scrape. */
  readonly countCreatives: () => Promise<readonly { readonly state: string; readonly count: number }[]>;
  readonly countWebhooks: () => Promise<readonly { readonly state: string; readonly count: number }[]>;
  /** ms, from any zero. */
  readonly now: () => number;
}

/** The events that get a line of their own; a label that strangers choose must not grow without end. */
const EVENTS: ReadonlySet<string> = new Set([
  ..."impression creativeView start firstQuartile midpoint thirdQuartile complete progress skip error click".split(" "),
  ..."mute unmute pause resume rewind playerExpand playerCollapse loaded closeLinear breakStart breakEnd".split(" "),
]);

const MAX_PENDING = 10_000;

/** A registry of its own, so that several servers fit into one process. */
export function createMetrics(ports: MetricsPorts): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: "interlude_http_requests_total",
    help: "Answered requests",
    labelNames: ["method", "route", "status"],
    registers,
  });
  const repackages = new Counter({
    name: "interlude_repackage_requests_total",
    help: "Requests of pages to have a creative repackaged",
    labelNames: ["outcome"],
    registers,
  });
  const beacons = new Counter({
    name: "interlude_beacons_total",
    help: "Stored beacons",
    labelNames: ["event"],
    registers,
  });
  const adErrors = new Counter({
    name: "interlude_ad_errors_total",
    help: "Error beacons by VAST error number: ads that were skipped or failed",
    labelNames: ["code"],
    registers,
  });
  registerGauges(registers, ports);
  const observeCreative = watchTimeToReady(registers, ports.now);

  return {
    countRepackage: (outcome) => repackages.inc({ outcome }),
    countBeacon: (event, error) => {
      beacons.inc({ event: EVENTS.has(event) ? event : "other" });
      if (event === "error") adErrors.inc({ code: error !== undefined && error < 1000 ? String(error) : "unknown" });
    },
    observeCreative,
    registry,
    register: (app) => {
      app.addHook("onResponse", async (request, reply) => {
        const route = request.routeOptions.url ?? "unknown";
        requests.inc({ method: request.method, route, status: String(reply.statusCode) });
      });
      const schema = { summary: "Prometheus metrics", tags: ["operations"] };
      app.get("/metrics", { schema }, async (_request, reply) => {
        reply.type(registry.contentType).header("cache-control", "no-store");
        return registry.metrics();
      });
    },
  };
}

function registerGauges(registers: Registry[], ports: MetricsPorts): void {
  const creatives = new Gauge({
    name: "interlude_creatives",
    help: "Creatives by state",
    labelNames: ["state"],
    registers,
    collect: async () => {
      creatives.reset();
      for (const { state, count } of await ports.countCreatives()) creatives.set({ state }, count);
    },
  });
  const webhooks = new Gauge({
    name: "interlude_webhook_deliveries",
    help: "Webhook deliveries of the last week by state; failed: given up",
    labelNames: ["state"],
    registers,
    collect: async () => {
      webhooks.reset();
      for (const { state, count } of await ports.countWebhooks()) webhooks.set({ state }, count);
    },
  });
  const memory = new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory",
    registers,
    collect: () => {
      memory.set(process.memoryUsage.rss());
    },
  });
  const cpu = new Gauge({
    name: "process_cpu_seconds",
    help: "Processor time used, user and system",
    registers,
    collect: () => {
      const { user, system } = process.cpuUsage();
      cpu.set((user + system) / 1e6);
    },
  });
}

const UNFINISHED: ReadonlySet<CreativeState> = new Set(["queued", "fetching", "transcoding", "publishing"]);

function watchTimeToReady(registers: Registry[], now: () => number): (change: CreativeChange) => void {
  const timeToReady = new Histogram({
    name: "interlude_time_to_ready_seconds",
    help: "From the request that started the work to the master playlist on a CDN",
    buckets: [0.5, 1, 1.5, 2, 3, 5, 8, 13, 20, 30, 60, 120, 300],
    registers,
  });
  const startedAt = new Map<string, number>();
  return ({ zone, key, state }) => {
    const id = `${zone}/${key}`;
    if (UNFINISHED.has(state)) {
      if (!startedAt.has(id) && startedAt.size < MAX_PENDING) startedAt.set(id, now());
      return;
    }
    const start = startedAt.get(id);
    startedAt.delete(id);
    if (start !== undefined && state === "ready") timeToReady.observe((now() - start) / 1000);
  };
}
