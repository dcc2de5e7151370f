/** Tells ad servers of what no player gets to see, a player's errors; never so many of one answer that they make this server a crowd. */
import { expandMacros, type MacroValues } from "@interlude/core";
import type { RelayViewer, Tell, UntoldError } from "./relay-answer.ts";

export interface TellerDeps {
  readonly viewer: RelayViewer;
  /** What is known for the macros of an address. */
  readonly macros: MacroValues;
  /** Fire and forget, macros filled in. */
  readonly sendBeacon: (url: string, viewer: RelayViewer) => void;
}

const MAX_BEACONS = 50;

/** Of one answer. */
export function createTeller({ viewer, macros, sendBeacon }: TellerDeps): Tell {
  let left = MAX_BEACONS;
  return (urls, vastError, reason) => {
    const values = { ...macros, ERRORCODE: vastError };
    for (const url of urls.slice(0, left)) {
      left--;
      const expanded = expandMacros(url, values, reason === undefined ? {} : { INTERLUDE_REASON: reason });
      if (/^https?:\/\//i.test(expanded) && URL.canParse(expanded)) sendBeacon(expanded, viewer);
    }
  };
}

export function tellAll(untold: readonly UntoldError[], tell: Tell): void {
  for (const { errorUrls, vastError } of untold) tell(errorUrls, vastError);
}
