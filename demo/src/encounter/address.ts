/** What the address of the page of first encounters says: which step is chosen. */
import type { EncounterStep } from "@interlude/core";

const STEPS: readonly EncounterStep[] = ["skip", "wait", "remux"];

/** Whether an address is of the page of first encounters. */
export function isEncounterPage(query: URLSearchParams): boolean {
  return query.has("encounter");
}

/** What an address chooses; one that chooses nothing known skips, as is usual where ads are sold. */
export function readStep(query: URLSearchParams): EncounterStep {
  return STEPS.find((step) => step === query.get("encounter")) ?? "skip";
}

/** The query that brings a choice back. */
export function formatStep(step: EncounterStep): string {
  return new URLSearchParams({ encounter: step }).toString();
}
