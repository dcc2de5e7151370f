/**
 * The playlists of a package.
 *
 * Packaging `hls` is version 3, which every content and every player takes: TS segments, EXTINF with fractions, no byte ranges,
 * no maps, no tag of a later version. Packaging `cmaf` is version 7: EXT-X-MAP in an ordinary playlist asks for 6 at least, and
 * EXT-X-MEDIA for 4; packagers of fragmented MP4, ffmpeg among them, write 7, so that an ad asks no more of a player than the
 * content around it does.
 *
 * @see RFC 8216 §4.3, §7; server-notes.md §3.1
 */
import { formatPictureLead } from "@interlude/core";
import type { CutPackage, CutSegment, CutTrack } from "./cut-package.ts";
import { type FrameRate, framesPerSecond } from "./frame-rate.ts";

const AUDIO_CODEC = "mp4a.40.2";
const AUDIO_GROUP = "sound";

/** Every segment begins with a key frame in both packagings; version 3 has no tag that says so. */
function formatHead(isFragmented: boolean): readonly string[] {
  return isFragmented
    ? ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    : ["#EXTM3U", "#EXT-X-VERSION:3"];
}

/** A whole media playlist (VOD), which stands beside the track's folder. */
export function formatMediaPlaylist(track: CutTrack, targetDuration: number): string {
  const { name, mapUri, segments, pictureLead } = track;
  return [
    ...formatHead(mapUri !== undefined),
    `#EXT-X-TARGETDURATION:${targetDuration}`,
    "#EXT-X-MEDIA-SEQUENCE:0",
    "#EXT-X-PLAYLIST-TYPE:VOD",
    ...(pictureLead === undefined ? [] : [formatPictureLead(pictureLead)]),
    ...(mapUri === undefined ? [] : [`#EXT-X-MAP:URI="${name}/${mapUri}"`]),
    ...segments.flatMap(({ uri, duration }) => [`#EXTINF:${duration.toFixed(6)},`, `${name}/${uri}`]),
    "#EXT-X-ENDLIST",
    "",
  ].join("\n");
}

/**
 * The master playlist, best rendition first; sound that is a track of its own is a group of one, which all variants name.
 *
 * @param base the folder of the media playlists, relative to the master: `<base>/720p.m3u8`
 * @see RFC 8216 §4.3.4.1, §4.3.4.2 (BANDWIDTH is the largest sum of what can be played together)
 */
export function formatMasterPlaylist(
  { tracks, targetDuration }: Pick<CutPackage, "tracks" | "targetDuration">,
  frameRate: FrameRate,
  base: string,
): string {
  const sound = tracks.find(({ kind }) => kind === "audio");
  const media = sound
    ? `TYPE=AUDIO,GROUP-ID="${AUDIO_GROUP}",NAME="Sound",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="${base}/${sound.name}.m3u8"`
    : undefined;
  const variants = tracks.flatMap(({ name, rendition, segments }) => {
    if (!rendition) return [];
    const played = [segments, ...(sound ? [sound.segments] : [])];
    const sum = (rate: (of: readonly CutSegment[]) => number): number => played.reduce((all, of) => all + rate(of), 0);
    const attributes = [
      `BANDWIDTH=${sum((of) => peakBandwidthBps(of, targetDuration))}`,
      `AVERAGE-BANDWIDTH=${sum(averageBandwidthBps)}`,
      `CODECS="${rendition.codec},${AUDIO_CODEC}"`,
      `RESOLUTION=${rendition.width}x${rendition.height}`,
      `FRAME-RATE=${framesPerSecond(frameRate).toFixed(3)}`,
      ...(sound ? [`AUDIO="${AUDIO_GROUP}"`] : []),
    ];
    return [`#EXT-X-STREAM-INF:${attributes.join(",")}`, `${base}/${name}.m3u8`];
  });
  const isFragmented = tracks.some(({ mapUri }) => mapUri !== undefined);
  return [...formatHead(isFragmented), ...(media === undefined ? [] : [`#EXT-X-MEDIA:${media}`]), ...variants, ""].join(
    "\n",
  );
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
