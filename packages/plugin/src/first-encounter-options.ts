/**
 * Options about creatives that have no repackaged copy yet: what is tried, and what it may cost.
 *
 * @see DESIGN §4 step 4
 */
import { ENCOUNTER_STEPS, type EncounterPolicy } from "@interlude/core";
import { parseUrl } from "./opportunity-options.ts";
import { wrongOption } from "./wrong-option.ts";

export interface FirstEncounterOptions {
  /**
   * What is tried, in order, to play an ad whose creative is not HLS and has no copy yet: `remux` in the page, `wait` for the copy, `skip`.
   * A list, or a function of what is known of break, file and connection, where undefined leaves it to the plugin. Default: the zone
   * document's, else what is best by what is known, in which `skip` is the last.
   */
  readonly firstEncounter?: EncounterPolicy;
  /** How long the start of the content may wait for the copy of a pre-roll's creative, where `startBudgetMs` is less. Default 2500. */
  readonly waitBudgetMs?: number;
  /** Where `interlude-remux.min.js` is, for pages without modules; absent: beside the plugin's own file. Relative to the page. */
  readonly remuxUrl?: string | URL;
  /** Bytes of the largest file that the page repackages. Default 24 MB. */
  readonly remuxMaxBytes?: number;
}

export interface FirstEncounterSettings {
  /** Undefined: the page leaves it to the zone. */
  readonly firstEncounter: EncounterPolicy | undefined;
  readonly waitBudgetMs: number;
  readonly remuxUrl: URL | undefined;
  readonly remuxMaxBytes: number;
}

const MAX_BYTES = 24_000_000;

/**
 * @param base the page's address
 * @throws AdError `option-invalid` naming the option
 */
export function parseFirstEncounterOptions(options: FirstEncounterOptions, base: string): FirstEncounterSettings {
  const { firstEncounter, waitBudgetMs = 2500, remuxUrl, remuxMaxBytes = MAX_BYTES } = options;
  // of another type it is told by name, where types are looked at
  const wrong = Array.isArray(firstEncounter)
    ? firstEncounter.find((step) => !ENCOUNTER_STEPS.includes(step))
    : undefined;
  if (wrong !== undefined) throw wrongOption("firstEncounter", "remux, wait or skip", wrong);
  return {
    firstEncounter,
    waitBudgetMs: parseFrom0("waitBudgetMs", "milliseconds", waitBudgetMs),
    remuxUrl: remuxUrl === undefined ? undefined : parseUrl("remuxUrl", remuxUrl, base),
    remuxMaxBytes: parseFrom0("remuxMaxBytes", "bytes", remuxMaxBytes),
  };
}

function parseFrom0(name: string, unit: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw wrongOption(name, `${unit} from 0`, value);
}
