import { readFileSync } from "node:fs";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { createManifestMetrics } from "../../src/manifest/operations/manifest-metrics.ts";
import { createOutboxMetrics } from "../../src/manifest/tracking/outbox-metrics.ts";
import { sampleDecision } from "./session-samples.ts";

function create() {
  const registry = new Registry();
  const overload = { isLean: false, isShedding: false, delayMs: 12, inFlight: 3 };
  const metrics = createManifestMetrics(registry, { countSessions: async () => 7, readOverload: () => overload });
  /** The lines of one metric. */
  const read = async (name: string): Promise<readonly string[]> =>
    (await registry.metrics()).split("\n").filter((line) => line.startsWith(name) && !line.includes("_bucket"));
  return { registry, metrics, overload, read };
}

describe("metrics of the manifest server", () => {
  test("the planned fill rate is the length of decided ads by the length of the breaks", async () => {
    const { metrics, read } = create();
    const { ads } = sampleDecision();
    metrics.countDecision(sampleDecision({ availDuration: 120 }));
    metrics.countDecision(sampleDecision({ ads: ads.slice(0, 1), availDuration: 60 }));
    metrics.countDecision(sampleDecision({ ads: [], availDuration: 60 }));
    expect(await read("interlude_avails_total")).toEqual(['interlude_avails_total{kind="live",position="mid"} 3']);
    expect(await read("interlude_avail_seconds_total")).toEqual(['interlude_avail_seconds_total{kind="live"} 240']);
    expect(await read("interlude_avail_filled_seconds_total")).toEqual([
      'interlude_avail_filled_seconds_total{kind="live"} 90',
    ]);
    expect(await read("interlude_inserted_ads_total")).toEqual(['interlude_inserted_ads_total{kind="live"} 3']);
  });

  test("a break without a length of its own is as long as its ads", async () => {
    const { metrics, read } = create();
    const place = { kind: "vod", time: 0, replaces: 0 } as const;
    metrics.countDecision(sampleDecision({ position: "pre", place, availDuration: 0 }));
    metrics.countListed({ kind: "vod", availDuration: 0, filledDuration: 59.5 });
    expect(await read("interlude_avail_seconds_total")).toEqual(['interlude_avail_seconds_total{kind="vod"} 60']);
    expect(await read("interlude_avail_observed_seconds_total")).toEqual([
      'interlude_avail_observed_seconds_total{kind="vod"} 59.5',
    ]);
  });

  test("the row that holds a session's plan is no avail", async () => {
    const { metrics, read } = create();
    metrics.countDecision(sampleDecision({ planned: ["1", "2"] }));
    expect(await read("interlude_avails_total")).toEqual([]);
  });

  test("what playlists really listed is counted beside what was planned", async () => {
    const { metrics, read } = create();
    metrics.countListed({ kind: "live", availDuration: 60, filledDuration: 30 });
    expect(await read("interlude_avails_observed_total")).toEqual(['interlude_avails_observed_total{kind="live"} 1']);
    expect(await read("interlude_avail_filled_observed_seconds_total")).toEqual([
      'interlude_avail_filled_observed_seconds_total{kind="live"} 30',
    ]);
  });

  test("skipped ads are counted by reason, when they are decided and when they do not fit", async () => {
    const { metrics, read } = create();
    const skip = { adId: "a", adSystem: "", creativeId: undefined, reason: "new-creative", message: "" } as const;
    metrics.countDecision(sampleDecision({ skipped: [skip, skip] }));
    metrics.countSkipped({ reason: "no-variant-match" });
    expect(await read("interlude_skipped_ads_total")).toEqual([
      'interlude_skipped_ads_total{reason="new-creative"} 2',
      'interlude_skipped_ads_total{reason="no-variant-match"} 1',
    ]);
  });

  test("an ad server or an origin that is late is counted as such, with the time that it took", async () => {
    const { metrics, read } = create();
    metrics.countAdCall("filled", 200, false);
    metrics.countAdCall("timeout", 1800, true);
    metrics.countOrigin("ok", 50);
    metrics.countOrigin("error", 50);
    metrics.countOrigin("timeout", 2000);
    expect(await read("interlude_ad_server_")).toEqual([
      'interlude_ad_server_requests_total{outcome="filled"} 1',
      'interlude_ad_server_requests_total{outcome="timeout"} 1',
      "interlude_ad_server_latency_seconds_sum 2",
      "interlude_ad_server_latency_seconds_count 2",
      "interlude_ad_server_timeouts_total 1",
    ]);
    expect(await read("interlude_origin_")).toEqual([
      "interlude_origin_latency_seconds_sum 2.1",
      "interlude_origin_latency_seconds_count 3",
      "interlude_origin_errors_total 1",
      "interlude_origin_timeouts_total 1",
    ]);
  });

  test("answers, probes and beacons are counted by what became of them", async () => {
    const { metrics, read } = create();
    metrics.countRequest("live", "stitched", 4);
    metrics.countProbe("hit", false);
    metrics.countProbe("hit", true);
    metrics.countServerBeacon("sent");
    expect(await read("interlude_manifest_requests_total")).toEqual([
      'interlude_manifest_requests_total{kind="live",outcome="stitched"} 1',
    ]);
    expect(await read("interlude_probe_total")).toEqual([
      'interlude_probe_total{result="hit",cached="false"} 1',
      'interlude_probe_total{result="hit",cached="true"} 1',
    ]);
    expect(await read("interlude_server_beacons_total")).toEqual(['interlude_server_beacons_total{outcome="sent"} 1']);
  });

  test("sessions and overload are read at each scrape", async () => {
    const { overload, read } = create();
    expect(await read("interlude_sessions")).toEqual(["interlude_sessions 7"]);
    expect(await read("interlude_overload")).toEqual(["interlude_overload 0"]);
    overload.isLean = true;
    expect(await read("interlude_overload")).toEqual(["interlude_overload 1"]);
    overload.isShedding = true;
    expect(await read("interlude_overload")).toEqual(["interlude_overload 2"]);
    expect(await read("interlude_event_loop_delay_seconds")).toEqual(["interlude_event_loop_delay_seconds 0.012"]);
  });

  test("docs/operations.md names all of them and no others", () => {
    const { registry } = create();
    createOutboxMetrics(registry, async () => ({ waiting: 0, sending: 0 }));
    const text = readFileSync(new URL("../../../../docs/operations.md", import.meta.url), "utf8");
    const from = text.indexOf("## Manifest server");
    const section = text.slice(from, text.indexOf("\n## ", from));
    const documented = [...section.matchAll(/`(interlude_\w+)/g)].map(([, name]) => name);
    expect([...new Set(documented)].toSorted()).toEqual(
      registry
        .getMetricsAsArray()
        .map(({ name }) => name)
        .toSorted(),
    );
  });
});
