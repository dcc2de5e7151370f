/**
 * Which renditions of an ad can be spliced into a content, and why others cannot.
 *
 *   packaging hls   → TS without a map, sound and picture in one
 *   packaging cmaf  → a map, and sound of its own (muxed fMP4 is fatal in players: DESIGN §6)
 *   sound alone     → renditions of sound alone
 *   live            → no segment longer than the content's target duration
 *
 * @see primetime.md §3.8 (HLS-to-HLS), §3.9; RFC 8216 §4.3.4
 */
import type { SpliceNeeds } from "./cdn.ts";
import type { MasterPlaylist, MediaRendition, Variant } from "./hls/master-playlist.ts";
import type { MediaPlaylist } from "./hls/media-playlist.ts";
import type { SkipReason } from "./skip-reason.ts";

/** A rendition before it is loaded. `url` is absolute; `hasOwnSound`: its sound is another playlist. */
export interface AdCandidate {
  readonly bandwidthBps: number;
  readonly url: string;
  readonly kind: "main" | "audio";
  readonly hasOwnSound: boolean;
}

/** A candidate with what is decided by of its playlist. */
export interface LoadedCandidate extends AdCandidate {
  readonly playlist: Pick<MediaPlaylist, "hasMap" | "segments">;
}

/** What of an ad can be spliced. */
export interface FittingRenditions<T extends LoadedCandidate> {
  /** Empty: none. */
  readonly renditions: readonly T[];
  /** Seconds, of the longest rendition with a picture; of the longest where none has one. */
  readonly duration: number;
  /** Why some do not fit; undefined: all that matter do. */
  readonly misfit: Extract<SkipReason, "no-variant-match" | "target-duration-exceeded"> | undefined;
}

const MAX_VARIANTS = 12;
const MAX_SOUNDS = 4;
const AUDIO_CODEC = /^(?:mp4a|ac-3|ec-3|ac-4|opus|flac|alac|mp3)/i;

/**
 * The variants of an ad's master and the sounds of their groups (the default of each, or its first), by address, each once; at most
 * twelve and four. A URI that is no http(s) URL is left out.
 *
 * @param base of the master, after redirects
 */
export function listAdCandidates(master: MasterPlaylist, base: URL): readonly AdCandidate[] {
  const variants = master.variants.flatMap((variant): readonly AdCandidate[] => {
    const url = resolveUri(variant.uri, base);
    if (url === undefined) return [];
    const hasOwnSound = selectSounds(master, variant.audio).length > 0;
    return [{ bandwidthBps: variant.bandwidthBps, url, kind: isAudioVariant(variant) ? "audio" : "main", hasOwnSound }];
  });
  const groups = new Set(master.variants.map(({ audio }) => audio));
  const sounds = [...groups].flatMap((group) =>
    selectSounds(master, group).flatMap(({ uri = "" }): readonly AdCandidate[] => {
      const url = resolveUri(uri, base);
      return url === undefined ? [] : [{ bandwidthBps: 0, url, kind: "audio", hasOwnSound: false }];
    }),
  );
  return uniqueByUrl([...uniqueByUrl(variants).slice(0, MAX_VARIANTS), ...uniqueByUrl(sounds).slice(0, MAX_SOUNDS)]);
}

/** The default playlist of a group of sounds, or its first; none where the sound is in the variants. */
function selectSounds({ renditions }: MasterPlaylist, group: string | undefined): readonly MediaRendition[] {
  const sounds = renditions.filter((one) => one.type === "AUDIO" && one.groupId === group && one.uri !== undefined);
  return [sounds.find(({ isDefault }) => isDefault) ?? sounds[0]].filter((one) => one !== undefined);
}

/** Whether a variant is sound alone, as far as its CODECS and RESOLUTION tell; false where they do not. */
export function isAudioVariant({ codecs, resolution }: Variant): boolean {
  return !resolution && codecs.length > 0 && codecs.every(isAudioCodec);
}

/** Whether an RFC 6381 name is one of sound. */
export function isAudioCodec(codec: string): boolean {
  return AUDIO_CODEC.test(codec);
}

function resolveUri(uri: string, base: URL): string | undefined {
  const url = URL.canParse(uri, base.href) ? new URL(uri, base) : undefined;
  return url?.protocol === "http:" || url?.protocol === "https:" ? url.href : undefined;
}

function uniqueByUrl(candidates: readonly AdCandidate[]): readonly AdCandidate[] {
  const urls = new Set<string>();
  return candidates.filter(({ url }) => !urls.has(url) && urls.add(url));
}

/**
 * Those that fit the content. Where the content has pictures and none of the fitting has, none is given.
 *
 * @param found at least one
 */
export function selectFitting<T extends LoadedCandidate>(
  found: readonly T[],
  needs: SpliceNeeds,
): FittingRenditions<T> {
  const wanted = needs.isAudioOnly ? "audio" : "main";
  const measured = found.filter(({ kind }) => kind === wanted);
  const duration = Math.max(...(measured.length > 0 ? measured : found).map(durationOf));
  const packaged = found.filter((one) => isPackaged(one, needs));
  const isLacking = needs.packaging === "cmaf" && !packaged.some(({ kind }) => kind === "audio");
  const usable = isLacking ? [] : packaged.filter(({ kind }) => kind === "audio" || wanted === "main");
  const fitting = usable.filter((one) => !isTooLong(one, needs));
  const hasWanted = fitting.some(({ kind }) => kind === wanted);
  const misfit = usable.some((one) => one.kind === wanted && isTooLong(one, needs))
    ? "target-duration-exceeded"
    : hasWanted
      ? undefined
      : "no-variant-match";
  return { renditions: hasWanted ? fitting : [], duration, misfit };
}

function isPackaged({ kind, hasOwnSound, playlist }: LoadedCandidate, { packaging }: SpliceNeeds): boolean {
  const { hasMap } = playlist;
  if (kind === "audio") return hasMap === (packaging === "cmaf");
  return packaging === "cmaf" ? hasMap && hasOwnSound : !hasMap && !hasOwnSound;
}

function isTooLong({ playlist }: LoadedCandidate, { isLive, targetDuration }: SpliceNeeds): boolean {
  const limit = targetDuration;
  // Rounded, as EXT-X-TARGETDURATION counts (RFC 8216 §4.3.3.1).
  return isLive && limit !== undefined && playlist.segments.some(({ duration }) => Math.round(duration) > limit);
}

function durationOf({ playlist }: LoadedCandidate): number {
  return playlist.segments.reduce((sum, { duration }) => sum + duration, 0);
}
