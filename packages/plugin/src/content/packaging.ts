/**
 * Packaging follows the content: what an ad must be, so that a player takes it into the same buffers.
 *
 *   TS, muxed                → hls
 *   TS, sound apart          → hls, the same segments in the playlists of pictures and of sound
 *   fMP4, sound apart        → cmaf, the ad's own sound in the playlists of sound
 *   sound alone              → as its segments are, the ad's sound alone
 *   fMP4, muxed              → nothing fits in line: players keep sound and pictures of it in one buffer; apart from it, hls
 *
 * @see DESIGN §6; RFC 8216 §4.3.4.1, §4.3.4.2
 */
import {
  isAudioCodec,
  isAudioVariant,
  type MasterPlaylist,
  type MediaRendition,
  type SpliceNeeds,
  type Variant,
} from "@interlude/core";
import type { ContentFacts, FetchedPlaylist } from "./content.ts";

/** What is asked of an ad's media. */
export interface MediaNeeds {
  readonly splice: SpliceNeeds;
  /** Whether the content has playlists of sound. */
  readonly hasSoundApart: boolean;
  /** Of the content's variants; empty: unknown. */
  readonly bandwidths: readonly number[];
}

export interface ContentPackaging extends MediaNeeds {
  /** Muxed fMP4. */
  readonly isMuxedFragments: boolean;
  /** True: the player plays the pictures alone of content whose sound is apart; absent: it does not, or there is none. */
  readonly isSilent?: boolean;
}

/**
 * @param master undefined where the player was given a media playlist
 * @param facts of a playlist of pictures or sound
 */
export function selectPackaging(master: MasterPlaylist | undefined, facts: ContentFacts): ContentPackaging {
  const { playlist, targetDuration, isLive } = facts;
  const { variants = [], renditions = [] } = master ?? {};
  const isAudioOnly = variants.length > 0 && variants.every(isAudioVariant);
  const isMuxed = variants.length === 0 || variants.some((variant) => isMuxedVariant(variant, renditions));
  return {
    splice: { packaging: playlist.hasMap ? "cmaf" : "hls", targetDuration, isLive, isAudioOnly },
    hasSoundApart: renditions.some(({ type, uri }) => type === "AUDIO" && uri !== undefined),
    bandwidths: variants.map(({ bandwidthBps }) => bandwidthBps),
    isMuxedFragments: playlist.hasMap && isMuxed,
  };
}

/** What an ad must be that plays apart from the content, in buffers of its own. */
export function selectOwnMedia(packaging: ContentPackaging): ContentPackaging {
  const splice = { ...packaging.splice, packaging: "hls", isAudioOnly: false } as const;
  return { ...packaging, splice, hasSoundApart: false, isMuxedFragments: false };
}

/** Whether sound and pictures are, or may be, in the same segments. */
function isMuxedVariant({ codecs, audio }: Variant, renditions: readonly MediaRendition[]): boolean {
  const group = renditions.filter(({ type, groupId }) => type === "AUDIO" && groupId === audio);
  if (group.length > 0 && group.every(({ uri }) => uri !== undefined)) return false;
  return codecs.length === 0 || (codecs.some(isAudioCodec) && !codecs.every(isAudioCodec));
}

/** The playlist of a variant that is sound alone takes ads as a playlist of sound does. */
export function asSound(fetched: FetchedPlaylist, master: MasterPlaylist | undefined): FetchedPlaylist {
  const { content } = fetched;
  const variants = master?.variants ?? [];
  const own = variants.filter(({ bandwidthBps }) => bandwidthBps === content.bandwidthBps);
  const isSound =
    content.kind === "main" && variants.length > 0 && (own.length > 0 ? own : variants).every(isAudioVariant);
  return isSound ? { ...fetched, content: { ...content, kind: "audio" } } : fetched;
}
