/**
 * Options about what ad requests and tracking requests say.
 *
 * @see VAST 4.3 §6
 */
import type { MacroOverrides } from "@interlude/core";
import { wrongOption } from "./wrong-option.ts";

export interface TrackingOptions {
  /**
   * Values for `[NAME]` in ad requests and beacons, by name, before those that the plugin finds itself: `{ CONTENTID: "example.com 42",
   * IFA: null }`. `null` may not be told (-2), undefined leaves it to the plugin. Names that VAST does not have are filled too: upper-case
   * letters, digits and `_`. Default none.
   */
  readonly macros?: MacroOverrides;
  /**
   * How many milliseconds an ad request or a beacon that has a consent macro waits for the page's consent platforms (TCF, GPP, US
   * Privacy) at most; then it goes with -1. Nothing else waits. Default 500.
   */
  readonly consentTimeoutMs?: number;
}

export interface TrackingSettings {
  readonly macros: MacroOverrides;
  readonly consentTimeoutMs: number;
}

/** @throws AdError `option-invalid` naming the option */
export function parseTrackingOptions({ macros = {}, consentTimeoutMs = 500 }: TrackingOptions): TrackingSettings {
  const wrong = Object.keys(macros).find((name) => !/^[A-Z][A-Z0-9_]*$/.test(name));
  if (wrong !== undefined) throw wrongOption("macros", `upper-case letters, digits and "_"`, wrong);
  if (!(Number.isFinite(consentTimeoutMs) && consentTimeoutMs >= 0))
    throw wrongOption("consentTimeoutMs", "milliseconds from 0", consentTimeoutMs);
  return { macros, consentTimeoutMs };
}
