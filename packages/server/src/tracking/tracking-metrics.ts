/** What Prometheus reads of the way from the journal to the database. */
import { Counter, Gauge, type Registry } from "prom-client";
import { SAVING_STEPS } from "./first-encounter.ts";
import type { Tracking } from "./tracking.ts";

/** Adds them to the registry; they are read at each scrape. */
export function registerTrackingMetrics(registry: Registry, { figures }: Pick<Tracking, "figures">): void {
  const registers = [registry];
  const loaded = new Counter({
    name: "interlude_beacons_loaded_total",
    help: "Beacons that came from journals into the database; duplicate: known already, rejected: cannot be stored",
    labelNames: ["outcome"],
    registers,
    collect: () => {
      const { added, duplicates, rejected } = figures();
      loaded.reset();
      loaded.inc({ outcome: "added" }, added);
      loaded.inc({ outcome: "duplicate" }, duplicates);
      loaded.inc({ outcome: "rejected" }, rejected);
    },
  });
  registerEncounters(registers, figures);
  const waiting = new Gauge({
    name: "interlude_beacon_journal_bytes",
    help: "Size of journals, this process's and those it took over; they grow for as long as the database does not take beacons",
    registers,
    collect: () => {
      waiting.set(figures().journalBytes);
    },
  });
}

/** The fill of first encounters is the one of both. */
function registerEncounters(registers: Registry[], figures: Tracking["figures"]): void {
  const saved = new Counter({
    name: "interlude_saved_impressions_total",
    help: "Impressions of ads whose creative had no copy yet: remuxed in the page, or waited for",
    labelNames: ["step"],
    registers,
    collect: () => {
      saved.reset();
      for (const step of SAVING_STEPS) saved.inc({ step }, figures().encounters.saved[step]);
    },
  });
  const lost = new Counter({
    name: "interlude_impressions_lost_to_format_total",
    help: "Ads that were left out because their creative had no copy yet",
    registers,
    collect: () => {
      lost.reset();
      lost.inc(figures().encounters.lostToFormat);
    },
  });
}
