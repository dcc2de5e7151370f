/**
 * The renditions of an ad that can be spliced into a content, and why others cannot.
 *
 *   packaging hls   → TS without a map, sound and picture in one
 *   packaging cmaf  → a map, and sound of its own (muxed fMP4 is fatal in players: DESIGN §6)
 *   live            → no segment longer than the content's target duration
 *
 * @see primetime.md §3.8 (HLS-to-HLS), §3.9; RFC 8216 §4.3.4
 */
import {
  AdError,
  isMasterPlaylist,
  type MasterPlaylist,
  type MediaRendition,
  parseMasterPlaylist,
  type SkipReason,
  type SpliceNeeds,
  type Variant,
} from "@interlude/core";
import type { AdPlaylists, LoadedPlaylist, Rewrite } from "./ad-playlists.ts";
import type { DecidedRendition } from "../breaks/decision.ts";
import type { ProbeCache } from "./probe-cache.ts";
import type { RequestTrace } from "../trace.ts";

/** What was found at the address of an ad. */
export interface AdMedia {
  /** That fit; empty: none. */
  readonly renditions: readonly DecidedRendition[];
  /** Seconds, of the longest rendition with a picture; of the longest where none has one. */
  readonly duration: number;
  /** Why some do not fit; undefined: all that matter do. */
  readonly misfit: Extract<SkipReason, "no-variant-match" | "target-duration-exceeded"> | undefined;
}

export interface AdMediaDeps {
  readonly probes: Pick<ProbeCache, "load">;
  readonly playlists: Pick<AdPlaylists, "loadPlaylist" | "adopt">;
}

/** For whom it is loaded. */
export interface MediaRequest {
  readonly splice: SpliceNeeds;
  readonly rewrite: Rewrite;
  readonly trace: RequestTrace;
}

/** A rendition before it was loaded; `hasOwnSound` where its sound is another playlist. */
interface Candidate extends DecidedRendition {
  readonly hasOwnSound: boolean;
}

interface Loaded extends Candidate {
  readonly loaded: LoadedPlaylist;
}

const MAX_VARIANTS = 12;
const MAX_SOUNDS = 4;
const AUDIO_CODEC = /^(?:mp4a|ac-3|ec-3|ac-4|opus|flac|alac|mp3)/i;

/** @throws AdError as the fetch does; `upstream-status`, `playlist-malformed`, also where no rendition can be loaded */
export async function loadAdMedia(url: URL, request: MediaRequest, deps: AdMediaDeps): Promise<AdMedia> {
  const asked = new URL(request.rewrite(url.href));
  const { playlist, cause, status } = await deps.probes.load(asked, request.trace);
  if (!playlist) {
    if (cause instanceof AdError) throw cause;
    throw new AdError("upstream-status", `ad at ${url.href}: expected a playlist, got status ${status ?? "none"}`);
  }
  const base = playlist.url.href === asked.href ? url : playlist.url;
  if (!isMasterPlaylist(playlist.text)) {
    const loaded = deps.playlists.adopt(url.href, playlist.text, base);
    return selectFitting(
      [{ bandwidthBps: 0, url: url.href, kind: "main", hasOwnSound: false, loaded }],
      request.splice,
    );
  }
  const candidates = listCandidates(parseMasterPlaylist(playlist.text), base);
  const results = await Promise.allSettled(
    candidates.map(async (candidate) => ({
      ...candidate,
      loaded: await deps.playlists.loadPlaylist(candidate.url, request.trace, request.rewrite),
    })),
  );
  const found = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  if (found.length > 0) return selectFitting(found, request.splice);
  const failed = results.find((result) => result.status === "rejected");
  throw failed?.reason ?? new AdError("playlist-malformed", `ad at ${url.href}: expected variants, got none`);
}

/** By address, each once; a URI that is no URL is left out. */
function listCandidates(master: MasterPlaylist, base: URL): readonly Candidate[] {
  const variants = master.variants.flatMap((variant): readonly Candidate[] => {
    const url = resolveUri(variant.uri, base);
    if (url === undefined) return [];
    const hasOwnSound = selectSounds(master, variant.audio).length > 0;
    return [{ bandwidthBps: variant.bandwidthBps, url, kind: isAudio(variant) ? "audio" : "main", hasOwnSound }];
  });
  const groups = new Set(master.variants.map(({ audio }) => audio));
  const sounds = [...groups].flatMap((group) =>
    selectSounds(master, group).flatMap(({ uri = "" }): readonly Candidate[] => {
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

function isAudio({ codecs, resolution }: Variant): boolean {
  return !resolution && codecs.length > 0 && codecs.every((codec) => AUDIO_CODEC.test(codec));
}

function resolveUri(uri: string, base: URL): string | undefined {
  const url = URL.canParse(uri, base.href) ? new URL(uri, base) : undefined;
  return url?.protocol === "http:" || url?.protocol === "https:" ? url.href : undefined;
}

function uniqueByUrl(candidates: readonly Candidate[]): readonly Candidate[] {
  const urls = new Set<string>();
  return candidates.filter(({ url }) => !urls.has(url) && urls.add(url));
}

function selectFitting(found: readonly Loaded[], needs: SpliceNeeds): AdMedia {
  const pictures = found.filter(({ kind }) => kind === "main");
  const measured = pictures.length > 0 ? pictures : found;
  const duration = Math.max(...measured.map(({ loaded }) => durationOf(loaded)));
  const packaged = found.filter((one) => isPackaged(one, needs));
  const isLacking = needs.packaging === "cmaf" && !packaged.some(({ kind }) => kind === "audio");
  const usable = isLacking ? [] : packaged;
  const fitting = usable.filter(({ loaded }) => !isTooLong(loaded, needs));
  const hasPicture = fitting.some(({ kind }) => kind === "main");
  const misfit = usable.some(({ kind, loaded }) => kind === "main" && isTooLong(loaded, needs))
    ? "target-duration-exceeded"
    : hasPicture
      ? undefined
      : "no-variant-match";
  const renditions = hasPicture ? fitting.map(({ bandwidthBps, url, kind }) => ({ bandwidthBps, url, kind })) : [];
  return { renditions, duration, misfit };
}

function isPackaged({ kind, hasOwnSound, loaded }: Loaded, { packaging }: SpliceNeeds): boolean {
  const { hasMap } = loaded.playlist;
  if (kind === "audio") return hasMap === (packaging === "cmaf");
  return packaging === "cmaf" ? hasMap && hasOwnSound : !hasMap && !hasOwnSound;
}

function isTooLong({ playlist }: LoadedPlaylist, { isLive, targetDuration }: SpliceNeeds): boolean {
  const limit = targetDuration;
  // Rounded, as EXT-X-TARGETDURATION counts (RFC 8216 §4.3.3.1).
  return isLive && limit !== undefined && playlist.segments.some(({ duration }) => Math.round(duration) > limit);
}

function durationOf({ playlist }: LoadedPlaylist): number {
  return playlist.segments.reduce((sum, { duration }) => sum + duration, 0);
}
