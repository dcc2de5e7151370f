/** What an operator sets up for the manifest server in one zone. */
import type { EncounterStep } from "@interlude/core";

export interface ZoneManifest {
  /** Origins whose playlists may be stitched: `https://cdn.example`, `https://*.cdn.example`, `self` (this server); empty: none. */
  readonly contentOrigins: readonly string[];
  /**
   * Ad tag of a VOD asset, VMAP or VAST: absolute, or a path of this server. VAST macros, `[#NAME]` for attributes of EXT-X-ASSET.
   * undefined: no ads.
   */
  readonly adTagUrl: string | undefined;
  /** Ad tag of one avail, VAST; undefined: the same. */
  readonly availTagUrl: string | undefined;
  /** Ad tag of the pre-roll of live content, VAST; undefined: live content has none. */
  readonly preRollTagUrl: string | undefined;
  /** Asked where an ad request fails or is not answered in time; undefined: nothing is. */
  readonly fallbackTagUrl: string | undefined;
  /** All ad requests of one break; `ptadtimeout` may only lower it. */
  readonly adTimeoutMs: number;
  /** How long a playlist may wait for ads before content is handed over without them. */
  readonly startBudgetMs: number;
  /** What becomes of ads whose creative has no copy yet, `ptencounter` before it; undefined: as core has it. */
  readonly firstEncounter: readonly EncounterStep[] | undefined;
  /** Dialect of cues where `ptcueformat` does not say; undefined: all that are known. */
  readonly cueFormat: string | undefined;
  /** By name: `adfetch_…` changes addresses before they are fetched, `cdn_…` those that are written into playlists. */
  readonly rewriteRules: readonly RewriteRule[];
  /** Origins of pages that may read manifests; undefined: all. */
  readonly corsOrigins: readonly string[] | undefined;
  /** Header that is sent with the request for a content master, for origins that sign segments (primetime.md §1.12). */
  readonly originSecret: { readonly name: string; readonly value: string } | undefined;
}

/** @see primetime.md §1.13 */
export interface RewriteRule {
  readonly name: string;
  /** A regular expression. */
  readonly find: string;
  /** `$1` … `$9` stand for its groups. */
  readonly replace: string;
}
