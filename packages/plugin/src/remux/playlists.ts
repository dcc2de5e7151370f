/**
 * The virtual media playlists of a creative: VOD, addresses relative to the creative's own, no byte ranges.
 *
 * Packaging `hls` is version 3, which every content takes; EXT-X-MAP in an ordinary playlist asks for 6.
 *
 * @see RFC 8216 §4.3, §7
 */
import { formatPictureLead } from "@interlude/core";
import type { RemuxPlan } from "./segment-job.ts";

export type VirtualPlaylistKind = "main" | "video" | "audio";

/** How the files of a track are named: what stands before a segment's number, what behind it, and its initialisation segment. */
const NAMES = {
  main: { prefix: "", suffix: ".ts", init: undefined },
  video: { prefix: "v", suffix: ".m4s", init: "v.mp4" },
  audio: { prefix: "a", suffix: ".m4s", init: "a.mp4" },
} as const;

/**
 * The whole text.
 *
 * @param kind `main` of packaging `hls`, `video` or `audio` of `cmaf`
 */
export function writePlaylist({ segments, pictureLead }: RemuxPlan, kind: VirtualPlaylistKind): string {
  const { prefix, suffix, init } = NAMES[kind];
  const targetDuration = segments.reduce((most, { duration }) => Math.max(most, Math.round(duration)), 1);
  return [
    "#EXTM3U",
    `#EXT-X-VERSION:${init === undefined ? 3 : 6}`,
    `#EXT-X-TARGETDURATION:${targetDuration}`,
    "#EXT-X-MEDIA-SEQUENCE:0",
    "#EXT-X-PLAYLIST-TYPE:VOD",
    ...(kind === "main" && pictureLead ? [formatPictureLead(pictureLead)] : []),
    ...(init === undefined ? [] : [`#EXT-X-MAP:URI="${init}"`]),
    ...segments.flatMap(({ duration }, index) => [`#EXTINF:${duration.toFixed(6)},`, `${prefix}${index}${suffix}`]),
    "#EXT-X-ENDLIST",
    "",
  ].join("\n");
}
