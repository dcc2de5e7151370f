/**
 * Primetime's `Format`: how one creative is wanted, as words between spaces.
 *
 * @see primetime.md §3.5
 */
import { selectTargetDuration } from "@interlude/core";
import type { RepackageRequestInput } from "./crs.ts";

/** What the words ask for; each packaging is a package of its own. */
export interface FormatOptions {
  /** At least one, each once. */
  readonly packagings: readonly RepackageRequestInput["packaging"][];
  /** 6, 4 or 2 s: the longest that is not above the one that was asked for. */
  readonly targetDuration: number;
  readonly id3: boolean;
}

/** Words that cannot be followed; the message says which. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

const PACKAGINGS = ["hls", "cmaf", "dash"] as const;
/** Primetime's own. */
const DEFAULT_SECONDS = 4;

/**
 * Words in any case and any order; none of them is needed. `clientside` changes nothing: everything is where clients look.
 *
 * @throws FormatError for a word that is not known, and for two target durations
 */
export function parseFormatOptions(format: string): FormatOptions {
  const words = new Set(format.toLowerCase().split(/\s+/).filter(Boolean));
  const packagings = PACKAGINGS.filter((packaging) => words.delete(packaging));
  const id3 = words.delete("id3");
  words.delete("clientside");
  const [seconds, ...others] = [...words].map(parseTargetDuration);
  if (others.length > 0) throw new FormatError(`expected one targetdur, got ${others.length + 1}`);
  return {
    packagings: packagings.length > 0 ? packagings : ["hls"],
    // Not live: what is below the shortest that is made gets the shortest.
    targetDuration: selectTargetDuration(seconds ?? DEFAULT_SECONDS, false) ?? DEFAULT_SECONDS,
    id3,
  };
}

function parseTargetDuration(word: string): number {
  const seconds = Number(/^targetdur=(\d{1,4}(?:\.\d{1,3})?)$/.exec(word)?.[1] ?? 0);
  if (seconds > 0) return seconds;
  throw new FormatError(
    `expected clientside, hls, cmaf, dash, id3 or targetdur=<seconds>, got ${JSON.stringify(word.slice(0, 100))}`,
  );
}
