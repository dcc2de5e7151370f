/** Media playlists as two readers that know nothing of this project see them: hls-parser, and the parser of video.js. */
import * as HlsParser from "hls-parser";
import { Parser } from "m3u8-parser";

/** One media playlist. `faults` says where a reader complains, and where the two differ. */
export interface ReadPlaylist {
  readonly targetDuration: number;
  readonly mediaSequence: number;
  readonly hasEndList: boolean;
  readonly segments: readonly ReadSegment[];
  readonly faults: readonly string[];
}

export interface ReadSegment {
  readonly uri: string;
  /** Seconds. */
  readonly duration: number;
  /** EXT-X-DISCONTINUITY-SEQUENCE and every EXT-X-DISCONTINUITY up to this segment (RFC 8216 §6.3.4 compares these). */
  readonly discontinuitySequence: number;
  /** Milliseconds since 1970. */
  readonly date: number | undefined;
}

/** Reads a text with both; a text that neither understands has no segments and says why. */
export function readPlaylist(text: string): ReadPlaylist {
  const first = readWithHlsParser(text);
  const second = readWithM3u8Parser(text);
  const faults = [...first.faults, ...second.faults];
  if (faults.length > 0) return { ...first, faults };
  const [one, other] = [first, second].map((playlist) => JSON.stringify(playlist));
  return one === other ? first : { ...first, faults: [`hls-parser reads ${one}, m3u8-parser ${other}`] };
}

function readWithHlsParser(text: string): ReadPlaylist {
  const empty = { targetDuration: 0, mediaSequence: 0, hasEndList: false, segments: [] };
  // Otherwise it prints what is wrong and goes on.
  HlsParser.setOptions({ strictMode: true });
  try {
    const playlist = HlsParser.parse(text);
    if (!("segments" in playlist)) return { ...empty, faults: ["hls-parser: expected a media playlist"] };
    return {
      targetDuration: playlist.targetDuration,
      mediaSequence: playlist.mediaSequenceBase ?? 0,
      hasEndList: playlist.endlist,
      segments: playlist.segments.map(({ uri, duration, discontinuitySequence, programDateTime }) => ({
        uri,
        duration,
        discontinuitySequence,
        date: programDateTime?.getTime(),
      })),
      faults: [],
    };
  } catch (error) {
    return { ...empty, faults: [`hls-parser: ${error instanceof Error ? error.message : String(error)}`] };
  }
}

function readWithM3u8Parser(text: string): ReadPlaylist {
  const parser = new Parser();
  const faults: string[] = [];
  for (const kind of ["warn", "error"] as const) {
    parser.on(kind, ({ message }) => faults.push(`m3u8-parser: ${message}`));
  }
  parser.push(text);
  parser.end();
  const { targetDuration, mediaSequence, endList, segments } = parser.manifest;
  return {
    targetDuration: targetDuration ?? 0,
    mediaSequence: mediaSequence ?? 0,
    hasEndList: endList ?? false,
    segments: segments.map(({ uri, duration, timeline, dateTimeString }) => ({
      uri,
      duration,
      discontinuitySequence: timeline ?? 0,
      date: dateTimeString === undefined ? undefined : Date.parse(dateTimeString),
    })),
    faults,
  };
}
