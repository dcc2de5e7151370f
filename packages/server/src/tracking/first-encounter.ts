/**
 * What first encounters come to, as happenings tell it: an ad whose creative was not HLS and had no repackaged copy yet is shown all the
 * same, or lost to its format.
 *
 * @see DESIGN §4 step 4
 */
import type { EncounterStep, SkipReason } from "@interlude/core";

/** What a happening tells of an ad. */
interface Told {
  readonly event: string;
  readonly ad: string;
  readonly error: number | null;
  readonly reason: string;
  readonly mark: string;
}

/** By what an impression is saved. */
export type SavingStep = Exclude<EncounterStep, "skip">;

/** Impressions of ads at their first encounter. */
export interface EncounterFigures {
  readonly saved: Readonly<Record<SavingStep, number>>;
  readonly lostToFormat: number;
}

export const SAVING_STEPS: readonly SavingStep[] = ["remux", "wait"];

export const NO_ENCOUNTERS: EncounterFigures = { saved: { remux: 0, wait: 0 }, lostToFormat: 0 };

const FORMAT_REASONS: readonly SkipReason[] = [
  "new-creative",
  "repackage-in-progress",
  "repackage-unavailable",
  "repackage-refused",
  "repackage-failed",
];

/** Of a player that knows no reasons its VAST error number is all that is known. */
const FORMAT_ERROR = 407;

/** Why an ad is lost for no other reason than that it had no copy, as the report words it. */
export const LOST_TO_FORMAT: readonly string[] = [...FORMAT_REASONS, `vast-${FORMAT_ERROR}`];

/** "" for anything else, such as a macro that is still one. */
export function readSavingStep(text: string): SavingStep | "" {
  return SAVING_STEPS.find((step) => step === text) ?? "";
}

/** Of viewers: what is marked counts for nobody. */
export function countEncounters(happenings: readonly Told[]): EncounterFigures {
  const viewers = happenings.filter(({ mark }) => mark === "");
  const countSaved = (step: SavingStep): number =>
    viewers.filter(({ event, reason }) => event === "impression" && reason === step).length;
  return {
    saved: { remux: countSaved("remux"), wait: countSaved("wait") },
    lostToFormat: viewers.filter(isLostToFormat).length,
  };
}

export function addEncounters(one: EncounterFigures, other: EncounterFigures): EncounterFigures {
  const { remux, wait } = one.saved;
  return {
    saved: { remux: remux + other.saved.remux, wait: wait + other.saved.wait },
    lostToFormat: one.lostToFormat + other.lostToFormat,
  };
}

function isLostToFormat({ event, ad, reason, error }: Told): boolean {
  if (ad === "" || (event !== "adSkipped" && event !== "error")) return false;
  return reason === "" ? event === "error" && error === FORMAT_ERROR : LOST_TO_FORMAT.includes(reason);
}
