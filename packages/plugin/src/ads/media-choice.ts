/**
 * Which media file of a creative the page repackages itself: the best that the viewer's connection carries while it plays. CRS is asked
 * for the best of all the same.
 *
 * @see DESIGN §4 step 4
 */
import { type Creative, isForeignCodec, type MediaFile, USUAL_BANDWIDTH_BPS } from "@interlude/core";

/** Of which the page reads boxes. */
const MP4_TYPES: readonly string[] = ["video/mp4", "video/m4v", "video/x-m4v", "video/quicktime"];
/** How much of the bandwidth a file may take. */
const COMFORTABLE = 0.7;

/** Of a file of this type, as the policy knows it. */
export function nameContainer(type: string): "mp4" | "webm" | "flv" | "other" {
  if (MP4_TYPES.includes(type)) return "mp4";
  if (type === "video/webm") return "webm";
  return type === "video/x-flv" || type === "video/flv" ? "flv" : "other";
}

/** Kilobit per second, by what VAST says of bitrate, size and duration; undefined: it says too little. */
export function readBitrate(file: MediaFile, duration: number): number | undefined {
  // 0 is what ad servers write that do not know it
  if (file.bitrateKbps) return file.bitrateKbps;
  return file.fileSize === undefined || duration <= 0 ? undefined : (file.fileSize * 8) / duration / 1000;
}

/** Bytes, by what VAST says of size or bitrate; 0: it says too little. */
function readSize({ fileSize, bitrateKbps = 0 }: MediaFile, duration: number): number {
  return fileSize ?? (bitrateKbps * 1000 * duration) / 8;
}

/**
 * The file to take, and after it those to take in its place. First come those that take at most 0.7 of the bandwidth, the highest before
 * the others, of equal ones the one with more lines; then the rest, the lowest first; then those that say nothing of their bitrate.
 *
 * @param bandwidthBps undefined: not known, and so as with {@link USUAL_BANDWIDTH_BPS}
 * @param maxBytes larger files are left out, as those that are named as something else than H.264
 * @returns empty where there is no MP4
 */
export function selectMediaFiles(
  { mediaFiles, duration }: Pick<Creative, "mediaFiles" | "duration">,
  bandwidthBps: number | undefined,
  maxBytes: number,
): readonly MediaFile[] {
  const files = mediaFiles.filter(
    (file) =>
      MP4_TYPES.includes(file.type) &&
      file.apiFramework === undefined &&
      !isForeignCodec(file.codec ?? "") &&
      readSize(file, duration) <= maxBytes &&
      URL.canParse(file.url.trim()),
  );
  const known = files
    .flatMap((file) => {
      const bitrateKbps = readBitrate(file, duration);
      return bitrateKbps === undefined ? [] : [{ file, bitrateKbps }];
    })
    .toSorted((a, b) => b.bitrateKbps - a.bitrateKbps || (b.file.height ?? 0) - (a.file.height ?? 0));
  const most = (COMFORTABLE * (bandwidthBps ?? USUAL_BANDWIDTH_BPS)) / 1000;
  const light = known.filter(({ bitrateKbps }) => bitrateKbps <= most);
  const heavy = known.filter(({ bitrateKbps }) => bitrateKbps > most).toReversed();
  const unknown = files.filter((file) => readBitrate(file, duration) === undefined);
  return [...[...light, ...heavy].map(({ file }) => file), ...unknown];
}
