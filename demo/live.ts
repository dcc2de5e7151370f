/**
 * A live channel as a pure function of the wall clock: the film's segments, round and round, with avails on a schedule.
 * Two servers, or one that was restarted, answer the same text at the same moment.
 *
 * @see RFC 8216 §4.3.3.2 MEDIA-SEQUENCE, §4.3.3.3 DISCONTINUITY-SEQUENCE, §6.2.2 live playlists
 */
import type { FastifyInstance } from "fastify";

/** What a viewer may ask of the channel by query; tests make channels of their own with it. Times are seconds. */
export interface LiveOptions {
  /** When the channel began, Unix time: media sequence 0. */
  readonly start: number;
  /** From the start of one avail to the start of the next; 0: no avails. */
  readonly every: number;
  /** Length of an avail. */
  readonly length: number;
  /** From `start` to the first avail. */
  readonly offset: number;
  /** Segments in the playlist. */
  readonly window: number;
}

/** The demo's own channel: an avail from second 32 to second 52 of each minute, whatever the time zone. */
export const DEFAULT_LIVE: LiveOptions = { start: 0, every: 60, length: 20, offset: 32, window: 8 };

/** The segments that are repeated, as they are listed in the film's media playlist. */
export interface Loop {
  /** Seconds of each segment. */
  readonly segmentDuration: number;
  /** URIs relative to the live playlist, in order. */
  readonly uris: readonly string[];
}

const LIMITS: Readonly<Record<keyof LiveOptions, { readonly least: number; readonly most: number }>> = {
  start: { least: 0, most: 4_000_000_000 },
  every: { least: 0, most: 86_400 },
  length: { least: 1, most: 3_600 },
  offset: { least: 0, most: 86_400 },
  window: { least: 3, most: 450 },
};

/**
 * Reads the query of a live URL; what is absent is the default.
 *
 * @throws RangeError naming the parameter that is no number or out of bounds
 */
export function parseLiveOptions(query: URLSearchParams): LiveOptions {
  const read = (name: keyof LiveOptions): number => {
    const text = query.get(name);
    if (text === null) return DEFAULT_LIVE[name];
    const { least, most } = LIMITS[name];
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most && (name !== "window" || Number.isInteger(value))) return value;
    throw new RangeError(
      `live channel: ${name}: expected a number from ${least} to ${most}, got ${JSON.stringify(text)}`,
    );
  };
  const options = {
    start: read("start"),
    every: read("every"),
    length: read("length"),
    offset: read("offset"),
    window: read("window"),
  };
  if (options.every === 0 || options.length < options.every) return options;
  throw new RangeError(`live channel: length: expected less than every (${options.every}), got ${options.length}`);
}

/** Media sequence numbers; an avail begins and ends on the first segment boundary at or after its times. */
interface Avail {
  readonly first: number;
  /** The first segment after it. */
  readonly end: number;
}

/** The avail that segment `sequence` lies in or that ends right before it. */
function findAvail(sequence: number, segmentDuration: number, options: LiveOptions): Avail | undefined {
  if (options.every === 0) return undefined;
  const boundary = (seconds: number): number => Math.ceil(seconds / segmentDuration - 1e-9);
  const latest = Math.floor((sequence * segmentDuration - options.offset) / options.every + 1e-9);
  for (const index of [latest + 1, latest, latest - 1]) {
    const begin = options.offset + index * options.every;
    const avail = { first: boundary(begin), end: boundary(begin + options.length) };
    if (index >= 0 && avail.first <= sequence && sequence <= avail.end) return avail;
  }
  return undefined;
}

/** The lines that signal an avail before segment `sequence`; empty outside avails. */
function formatCue(sequence: number, segmentDuration: number, options: LiveOptions): readonly string[] {
  const avail = findAvail(sequence, segmentDuration, options);
  if (!avail) return [];
  const duration = (avail.end - avail.first) * segmentDuration;
  if (sequence === avail.first) return [`#EXT-X-CUE-OUT:DURATION=${duration}`];
  if (sequence === avail.end) return ["#EXT-X-CUE-IN"];
  const elapsed = (sequence - avail.first) * segmentDuration;
  return [`#EXT-X-CUE-OUT-CONT:ElapsedTime=${elapsed},Duration=${duration}`];
}

/**
 * The media playlist at `now`: the last `window` segments that are complete, none before the channel began.
 *
 * @param now Unix time, seconds
 * @returns without segments before the first one is complete
 */
export function formatLivePlaylist(loop: Loop, options: LiveOptions, now: number): string {
  const { segmentDuration, uris } = loop;
  const end = Math.max(0, Math.floor((now - options.start) / segmentDuration));
  const first = Math.max(0, end - options.window);
  const lines = [
    "#EXTM3U",
    "#EXT-X-VERSION:3",
    `#EXT-X-TARGETDURATION:${Math.ceil(segmentDuration)}`,
    `#EXT-X-MEDIA-SEQUENCE:${first}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${countDiscontinuities(first, uris.length)}`,
  ];
  for (let sequence = first; sequence < end; sequence += 1) {
    if (sequence > 0 && sequence % uris.length === 0) lines.push("#EXT-X-DISCONTINUITY");
    const startTime = options.start + sequence * segmentDuration;
    lines.push(...formatCue(sequence, segmentDuration, options));
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(startTime * 1000).toISOString()}`);
    lines.push(`#EXTINF:${segmentDuration.toFixed(6)},`, uris[sequence % uris.length] ?? "");
  }
  return `${lines.join("\n")}\n`;
}

/** Discontinuities before segments 1 to `first` - 1: one at each repetition. */
function countDiscontinuities(first: number, length: number): number {
  return Math.max(0, Math.floor((first - 1) / length));
}

/** The film's master playlist with each rung's URI pointing at the live channel, the query carried along. */
export function formatLiveMaster(filmMaster: string, query: string): string {
  const suffix = query === "" ? "" : `?${query}`;
  return filmMaster.replaceAll(/^([\w-]+)\/media\.m3u8$/gm, `$1.m3u8${suffix}`);
}

/** Seconds from `now` to the start of the next avail of a channel; undefined where it has none. */
export function secondsToAvail(options: LiveOptions, now: number): number | undefined {
  if (options.every === 0) return undefined;
  const since = now - options.start - options.offset;
  return since < 0 ? -since : options.every - (since % options.every);
}

export interface LiveRoutes {
  /** The film's master playlist. */
  readonly filmMaster: () => Promise<string>;
  /** The media playlist of one rung of the film. @throws when there is no such rung */
  readonly filmMedia: (rung: string) => Promise<string>;
  /** The address of the film's folder, seen from `/live/`. */
  readonly filmBase: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const HEADERS = {
  "content-type": "application/vnd.apple.mpegurl",
  "cache-control": "no-store",
  "access-control-allow-origin": "*",
} as const;

/** `GET /live/master.m3u8` and `GET /live/{rung}.m3u8`, both with the query of {@link parseLiveOptions}. */
export function registerLive(app: FastifyInstance, routes: LiveRoutes): void {
  app.get<{ Params: { file: string } }>("/live/:file", async (request, reply) => {
    const query = new URL(request.url, "http://live.invalid").searchParams;
    const [, rung] = /^([\w-]{1,16})\.m3u8$/.exec(request.params.file) ?? [];
    if (!rung) return reply.callNotFound();
    try {
      const options = parseLiveOptions(query);
      if (rung === "master")
        return await reply.headers(HEADERS).send(formatLiveMaster(await routes.filmMaster(), query.toString()));
      const loop = parseLoop(await routes.filmMedia(rung), `${routes.filmBase}${rung}/`);
      return await reply.headers(HEADERS).send(formatLivePlaylist(loop, options, routes.now() / 1000));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return reply.code(400).send({ error: { code: "option-invalid", message: error.message } });
    }
  });
}

/** The loop that a VOD media playlist makes; its segments are all as long as the first. */
export function parseLoop(text: string, base: string): Loop {
  const entries = [...text.matchAll(/^#EXTINF:([\d.]+),.*\n([^#\n].*)$/gm)];
  return {
    segmentDuration: Number(entries[0]?.[1] ?? 0),
    uris: entries.map(([, , uri = ""]) => `${base}${uri.trim()}`),
  };
}
