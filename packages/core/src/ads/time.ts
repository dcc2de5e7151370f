/**
 * Times as VAST and VMAP write them.
 *
 * @see VAST 4.3 §2.1 (`HH:MM:SS` and `HH:MM:SS.mmm`), §3.14.1 (`n%`); VMAP 1.0.1 §2.3.1
 */
import type { TimeOffset } from "./ad.ts";

const TIME = /^(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,6}(?:\.\d{1,9})?)$/;

/** Seconds of `HH:MM:SS[.mmm]`; the field's `MM:SS` and plain seconds too. Undefined for anything else. */
export function parseTime(text: string | undefined): number | undefined {
  const found = TIME.exec(text?.trim() ?? "");
  if (!found) return undefined;
  return Number(found[1] ?? 0) * 3600 + Number(found[2] ?? 0) * 60 + Number(found[3]);
}

/** A time, or `n%` (0 to 100) as a share; undefined for anything else. */
export function parseTimeOffset(text: string | undefined): TimeOffset | undefined {
  const percent = /^(\d{1,3}(?:\.\d{1,9})?)%$/.exec(text?.trim() ?? "")?.[1];
  if (percent !== undefined) return Number(percent) <= 100 ? { share: Number(percent) / 100 } : undefined;
  const seconds = parseTime(text);
  return seconds === undefined ? undefined : { seconds };
}

/** Seconds as `HH:MM:SS.mmm`, rounded; below zero counts as zero. */
export function formatTime(seconds: number): string {
  const ms = Math.max(0, Math.round(seconds * 1000));
  const digits = (value: number, width: number): string => String(Math.floor(value)).padStart(width, "0");
  return `${digits(ms / 3_600_000, 2)}:${digits((ms / 60_000) % 60, 2)}:${digits((ms / 1000) % 60, 2)}.${digits(ms % 1000, 3)}`;
}
