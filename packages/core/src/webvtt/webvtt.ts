/**
 * WebVTT: the text as it came, and where in it each cue stands. What is no cue (header, STYLE, REGION, NOTE) stays in the text.
 *
 * Time and memory grow with the length of the text alone, whatever it holds.
 *
 * @see WebVTT §4.1, §6.1 (blocks); RFC 8216 §3.5 (X-TIMESTAMP-MAP)
 */
import { type CueTime, parseCueTime, readCueTiming } from "./cue-time.ts";

/** A cue with all its lines: the range goes from its identifier to the blank lines behind it. */
export interface WebVttCue {
  readonly start: number;
  readonly end: number;
  /** undefined: lines with an arrow and no times that can be read, which no player shows. */
  readonly timing: { readonly from: CueTime; readonly to: CueTime } | undefined;
}

/** At `localMs` on the clock of the cues the media's clock reads `mpegTs`, in ticks of 90 kHz. */
export interface TimestampMap {
  readonly mpegTs: number;
  readonly localMs: number;
}

/** A file, never changed. Ranges are places in its text. */
export interface WebVtt {
  readonly text: string;
  /** 0 and 0 where the header has none (RFC 8216 §3.5); undefined where it has one that cannot be read. */
  readonly timestampMap: TimestampMap | undefined;
  /** In the order of the text, which need not be that of their times. */
  readonly cues: readonly WebVttCue[];
}

/**
 * A millisecond of nothing, for hls.js: it keeps a segment with a cue until the media's clock at its discontinuity is known, and
 * drops what it keeps when another discontinuity's becomes known. A segment without a cue it does not keep: it goes on to the
 * segment behind the next discontinuity at once, and loses that and all that follow.
 */
export const EMPTY_CUE = "00:00.000 --> 00:00.001\n\n";

/** Nothing to read, for the time of an ad. */
export const BLANK_WEBVTT: string = `WEBVTT\n\n${EMPTY_CUE}`;

const SIGNATURE = /^\uFEFF?WEBVTT(?=[ \t\r\n]|$)/;
const MAP = /^X-TIMESTAMP-MAP=(.{0,200})$/m;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** undefined: a text that is no WebVTT. */
export function parseWebVtt(text: string): WebVtt | undefined {
  if (!SIGNATURE.test(text)) return undefined;
  const lines = createLines(text);
  const headerEnd = skipHeader(lines);
  const cues: WebVttCue[] = [];
  while (lines.start < text.length) {
    const cue = readBlock(lines);
    if (cue) cues.push(cue);
  }
  return { text, timestampMap: readMap(text.slice(0, headerEnd)), cues };
}

/** The line that is being read: its text is [start, end), the next one begins at `next`. */
interface Lines {
  readonly text: string;
  start: number;
  end: number;
  next: number;
  hasArrow: boolean;
  readonly advance: () => void;
}

/** Each of the three searches goes through the text once, however many lines there are. */
function createLines(text: string): Lines {
  const find = (what: string): ((from: number) => number) => {
    let found = -1;
    return (from) => {
      if (found < from) found = text.indexOf(what, from);
      if (found < 0) found = text.length;
      return found;
    };
  };
  const [lineFeed, carriageReturn, arrow] = [find("\n"), find("\r"), find("-->")];
  const lines: Lines = {
    text,
    start: 0,
    end: 0,
    next: 0,
    hasArrow: false,
    advance: () => {
      lines.start = lines.next;
      lines.end = Math.min(lineFeed(lines.start), carriageReturn(lines.start));
      const isPair = text.charCodeAt(lines.end) === CARRIAGE_RETURN && text.charCodeAt(lines.end + 1) === LINE_FEED;
      lines.next = Math.min(lines.end + (isPair ? 2 : 1), text.length);
      lines.hasArrow = arrow(lines.start) < lines.end;
    },
  };
  lines.advance();
  return lines;
}

/** The header ends at a blank line, or where a cue begins without one. */
function skipHeader(lines: Lines): number {
  lines.advance();
  while (lines.start < lines.text.length && lines.end > lines.start && !lines.hasArrow) lines.advance();
  return lines.start;
}

/** Reads one block and the blank lines behind it. A line with an arrow that is not among its first two begins the next block. */
function readBlock(lines: Lines): WebVttCue | undefined {
  const { start } = lines;
  let timingAt: number | undefined;
  for (let count = 1; lines.start < lines.text.length && lines.end > lines.start; count++) {
    if (lines.hasArrow) {
      if (count > 2 || timingAt !== undefined) break;
      timingAt = lines.start;
    }
    lines.advance();
  }
  while (lines.start < lines.text.length && lines.end === lines.start) lines.advance();
  return timingAt === undefined ? undefined : { start, end: lines.start, timing: readCueTiming(lines.text, timingAt) };
}

function readMap(header: string): TimestampMap | undefined {
  if (!header.includes("X-TIMESTAMP-MAP")) return { mpegTs: 0, localMs: 0 };
  const value = MAP.exec(header)?.[1] ?? "";
  const mpegTs = /(?:^|,)MPEGTS:(\d{1,15})\s*(?:,|$)/.exec(value)?.[1];
  const local = /(?:^|,)LOCAL:([\d:.]+)\s*(?:,|$)/.exec(value)?.[1];
  const localMs = local === undefined ? undefined : parseCueTime(local);
  return mpegTs === undefined || localMs === undefined ? undefined : { mpegTs: Number(mpegTs), localMs };
}
