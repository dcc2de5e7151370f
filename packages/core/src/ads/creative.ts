/**
 * Which media file of a creative is used: HLS, then MP4, FLV, WebM; within a type the highest bitrate.
 *
 * @see primetime.md §3.4 (priorities and quality), §4.4 (rules)
 */
import type { Creative, MediaFile } from "./ad.ts";

/** The order of MIME types when a zone names none. */
export const DEFAULT_MEDIA_TYPES: readonly string[] = [
  "application/x-mpegurl",
  "application/vnd.apple.mpegurl",
  "video/mp4",
  "video/x-flv",
  "video/webm",
];

const HLS_TYPES: readonly string[] = ["application/x-mpegurl", "application/vnd.apple.mpegurl", "audio/mpegurl"];

/** What ad servers write for the same type. */
const TYPE_ALIAS: ReadonlyMap<string, string> = new Map([
  ["audio/x-mpegurl", "application/x-mpegurl"],
  ["video/flv", "video/x-flv"],
  ["video/m4v", "video/mp4"],
  ["video/x-m4v", "video/mp4"],
  ["video/quicktime", "video/mp4"],
]);

/** Whether a media file is spliced as it is. */
export function isHls(file: MediaFile): boolean {
  return HLS_TYPES.includes(file.type);
}

/**
 * The media files that can be used, best first: by type, then by bitrate, then by height; ties keep VAST's order.
 * Interactive units (`apiFramework`) and types that are not in the list are left out; empty where nothing remains.
 *
 * @param mediaTypes the zone's order; empty means {@link DEFAULT_MEDIA_TYPES}
 */
export function rankMediaFiles(
  creative: Pick<Creative, "mediaFiles">,
  mediaTypes: readonly string[] = [],
): readonly MediaFile[] {
  const order = (mediaTypes.length > 0 ? mediaTypes : DEFAULT_MEDIA_TYPES).map((type) => type.toLowerCase());
  const rank = (file: MediaFile): number => order.indexOf(TYPE_ALIAS.get(file.type) ?? file.type);
  return creative.mediaFiles
    .filter((file) => file.apiFramework === undefined && rank(file) >= 0)
    .toSorted(
      (a, b) => rank(a) - rank(b) || (b.bitrateKbps ?? 0) - (a.bitrateKbps ?? 0) || (b.height ?? 0) - (a.height ?? 0),
    );
}
