/**
 * EXT-X-PROGRAM-DATE-TIME values.
 *
 * @see RFC 8216 §4.3.2.6
 */
const LAST_DATE_MS = 8.64e15;

/** Milliseconds since 1970; `undefined` where the text is no date. Takes the zone as `+0800` too, which many packagers write. */
export function parseProgramDateTime(text: string): number | undefined {
  const time = Date.parse(text.trim().replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
  return Number.isNaN(time) ? undefined : time;
}

/** ISO 8601 in UTC with milliseconds; `undefined` for no time, or one that no date can hold. */
export function formatProgramDateTime(timeMs: number | undefined): string | undefined {
  return timeMs !== undefined && Math.abs(timeMs) <= LAST_DATE_MS ? new Date(timeMs).toISOString() : undefined;
}
