/**
 * Which of a creative's variants is repackaged: the best one that can be read, and the sound that goes with it.
 *
 * @see RFC 8216 §4.3.4
 */
import type { MasterPlaylist, Variant } from "@interlude/core";
import type { SourceLimits } from "./crs-config.ts";
import { RepackageFailure } from "./repackage-failure.ts";

/** URIs as written in the master playlist. */
export interface SelectedVariant {
  readonly video: string;
  /** Left out: the sound is in the video's segments, or there is none. */
  readonly audio?: string;
}

/** What ffmpeg decodes for us, by the first part of the RFC 6381 name. */
const VIDEO_CODECS: ReadonlySet<string> = new Set(["avc1", "avc3", "hvc1", "hev1", "vp08", "vp09", "av01", "mp4v"]);
const AUDIO_CODECS: ReadonlySet<string> = new Set(["mp4a", "ac-3", "ec-3", "opus", "flac", "mp3"]);

/**
 * The variant of the highest BANDWIDTH among those whose codecs we read and whose picture is within the limits; among equals the
 * larger picture, then H.264, then the first. Variants that do not tell codecs or size are given a chance, those of sound alone
 * are not. Its sound is the DEFAULT rendition of its audio group, else the first.
 *
 * @throws RepackageFailure `unsupported`
 */
export function selectVariant(master: MasterPlaylist, limits: Pick<SourceLimits, "maxPixels">): SelectedVariant {
  const [best] = master.variants
    .filter((variant) => hasReadableCodecs(variant) && pixelsOf(variant) <= limits.maxPixels)
    .toSorted(compareVariants);
  if (best === undefined) {
    const offered = master.variants.slice(0, 5).map(describe).join("; ") || "none";
    throw new RepackageFailure("unsupported", `creative: expected a variant that can be read, got ${offered}`);
  }
  const group = master.renditions.filter((one) => one.type === "AUDIO" && one.groupId === best.audio);
  const audio = (group.find((one) => one.isDefault) ?? group[0])?.uri;
  return { video: best.uri, ...(audio !== undefined && audio !== best.uri && { audio }) };
}

function compareVariants(a: Variant, b: Variant): number {
  return b.bandwidthBps - a.bandwidthBps || pixelsOf(b) - pixelsOf(a) || Number(isH264(b)) - Number(isH264(a));
}

function hasReadableCodecs({ codecs }: Variant): boolean {
  const families = codecs.map(familyOf);
  const isReadable = families.every((family) => VIDEO_CODECS.has(family) || AUDIO_CODECS.has(family));
  return isReadable && (families.length === 0 || families.some((family) => VIDEO_CODECS.has(family)));
}

function familyOf(codec: string): string {
  return codec.split(".", 1).join("").toLowerCase();
}

function pixelsOf({ resolution }: Variant): number {
  return resolution ? resolution.width * resolution.height : 0;
}

function isH264({ codecs }: Variant): boolean {
  return codecs.some((codec) => familyOf(codec).startsWith("avc"));
}

function describe({ codecs, resolution }: Variant): string {
  const size = resolution ? `${resolution.width}x${resolution.height}` : "no size";
  return `${codecs.join(",").slice(0, 80) || "no codecs"} ${size}`;
}
