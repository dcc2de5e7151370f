/**
 * Times of WebVTT cues, read as leniently as the most lenient player reads them: a cue that any player shows must be found here.
 *
 * @see WebVTT §3.3 (WebVTT timestamp), §6.4 (collect a timestamp)
 */

/** Where a time stands in the text, and what it says. */
export interface CueTime {
  readonly start: number;
  readonly end: number;
  readonly ms: number;
}

const TIME = String.raw`(?:(\d{1,9}):)?(\d{1,9}):(\d{1,9})(?:[.,](\d{1,9}))?`;
const TIMING = new RegExp(String.raw`([ \t\f]*)(${TIME})([ \t\f]*-->[ \t\f]*)(${TIME})`, "y");
const TIME_ALONE = new RegExp(`^${TIME}$`);

/** The two times of the line that starts at `at`; undefined where they cannot be read (negative ones among them). */
export function readCueTiming(text: string, at: number): { readonly from: CueTime; readonly to: CueTime } | undefined {
  TIMING.lastIndex = at;
  const match = TIMING.exec(text);
  if (!match) return undefined;
  const [, space = "", from = "", , , , , arrow = "", to = ""] = match;
  const fromStart = at + space.length;
  const toStart = fromStart + from.length + arrow.length;
  return {
    from: { start: fromStart, end: fromStart + from.length, ms: toMs(match.slice(3, 7)) },
    to: { start: toStart, end: toStart + to.length, ms: toMs(match.slice(9, 13)) },
  };
}

/** Milliseconds of `hh:mm:ss.ttt` or `mm:ss.ttt`; undefined where it is none. */
export function parseCueTime(text: string): number | undefined {
  const match = TIME_ALONE.exec(text);
  return match ? toMs(match.slice(1)) : undefined;
}

/** `hh:mm:ss.ttt`; hours take more digits where they need them. */
export function formatCueTime(ms: number): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const fraction = String(ms % 1000).padStart(3, "0");
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:${two(seconds % 60)}.${fraction}`;
}

function toMs([hours = "0", minutes = "0", seconds = "0", fraction = "0"]: readonly (string | undefined)[]): number {
  const whole = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return whole * 1000 + Math.round(Number(`0.${fraction}`) * 1000);
}
