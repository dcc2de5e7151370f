/**
 * Whether content is live, where the client does not say (`live`): one request more, for the first variant's playlist, which is
 * then there for the player.
 *
 * @see primetime.md §1.2 (EXT-X-PLAYLIST-TYPE), §1.4 `live`
 */
import type { Content, MasterContent } from "./content.ts";
import { isEnded } from "./content-cache.ts";

/** Variants that are tried before the content counts as one that cannot be had. */
const MAX_ATTEMPTS = 3;

/**
 * @param candidates addresses of media playlists of the master, the best to ask first
 * @throws what the last attempt threw
 */
export async function detectKind(
  master: MasterContent,
  candidates: readonly URL[],
  loadMedia: (url: URL) => Promise<Content>,
): Promise<"live" | "vod"> {
  if (master.playlist === undefined) return isEnded(master.text) ? "vod" : "live";
  let failure: unknown;
  for (const url of candidates.slice(0, MAX_ATTEMPTS)) {
    try {
      return (await loadMedia(url)).isLive ? "live" : "vod";
    } catch (error) {
      failure = error;
    }
  }
  // A master whose playlists are all elsewhere is passed on: none of its addresses will ask for one kind or the other.
  if (failure === undefined) return "vod";
  throw failure;
}
