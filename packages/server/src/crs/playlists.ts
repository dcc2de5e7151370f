/**
 * The playlists of a package: HLS version 3, which every content and every player takes. TS segments, EXTINF with fractions, no
 * byte ranges, no maps, no tag of a later version.
 *
 * @see RFC 8216 §4.3, §7; server-notes.md §3.1
 */
import type { CutSegment, CutTrack } from "./cut-package.ts";
import { type FrameRate, framesPerSecond } from "./frame-rate.ts";

const AUDIO_CODEC = "mp4a.40.2";

/** What ffmpeg's own playlist says of the segments that it cut: durations and names, in order. */
export function parseCutList(text: string): readonly { readonly uri: string; readonly duration: number }[] {
  const durations = [...text.matchAll(/^#EXTINF:([\d.]+)/gm)].map(([, value]) => Number(value));
  const uris = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return uris.map((uri, index) => ({ uri, duration: durations[index] ?? 0 }));
}

/** A whole media playlist (VOD). */
export function formatMediaPlaylist(segments: readonly CutSegment[], targetDuration: number): string {
  const lines = segments.flatMap(({ uri, duration }) => [`#EXTINF:${duration.toFixed(6)},`, uri]);
  return [
    "#EXTM3U",
    "#EXT-X-VERSION:3",
    `#EXT-X-TARGETDURATION:${targetDuration}`,
    "#EXT-X-MEDIA-SEQUENCE:0",
    "#EXT-X-PLAYLIST-TYPE:VOD",
    ...lines,
    "#EXT-X-ENDLIST",
    "",
  ].join("\n");
}

/**
 * The master playlist, best rendition first.
 *
 * @param base the folder of the media playlists, relative to the master: `<base>/720p.m3u8`
 */
export function formatMasterPlaylist(
  tracks: readonly CutTrack[],
  frameRate: FrameRate,
  targetDuration: number,
  base: string,
): string {
  const variants = tracks.flatMap(({ rendition, segments }) => {
    if (!rendition) return [];
    const { name, width, height, codec } = rendition;
    const attributes = [
      `BANDWIDTH=${peakBandwidthBps(segments, targetDuration)}`,
      `AVERAGE-BANDWIDTH=${averageBandwidthBps(segments)}`,
      `CODECS="${codec},${AUDIO_CODEC}"`,
      `RESOLUTION=${width}x${height}`,
      `FRAME-RATE=${framesPerSecond(frameRate).toFixed(3)}`,
    ];
    return [`#EXT-X-STREAM-INF:${attributes.join(",")}`, `${base}/${name}.m3u8`];
  });
  return ["#EXTM3U", "#EXT-X-VERSION:3", ...variants, ""].join("\n");
}

/**
 * The largest rate of any run of segments that is between half and one and a half target durations long.
 *
 * @see RFC 8216 §4.1 (peak segment bit rate)
 */
export function peakBandwidthBps(segments: readonly CutSegment[], targetDuration: number): number {
  let peak = 0;
  for (const [start] of segments.entries()) {
    let bytes = 0;
    let duration = 0;
    for (const segment of segments.slice(start)) {
      bytes += segment.bytes;
      duration += segment.duration;
      if (duration > targetDuration * 1.5) break;
      if (duration >= targetDuration * 0.5) peak = Math.max(peak, (bytes * 8) / duration);
    }
  }
  return Math.ceil(peak) || averageBandwidthBps(segments);
}

/** All bytes over all seconds; 0 for no segments. */
export function averageBandwidthBps(segments: readonly CutSegment[]): number {
  const duration = segments.reduce((sum, segment) => sum + segment.duration, 0);
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  return duration > 0 ? Math.ceil((bytes * 8) / duration) : 0;
}
