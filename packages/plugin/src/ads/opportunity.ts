/**
 * A break that could have ads, and who finds them: the publisher's own resolvers before the ad tag.
 *
 * @see primetime.md §4.9 (opportunities and resolvers)
 */
import type { AvailSignal } from "@interlude/core";
import type { BreakPosition } from "../events.ts";

/** Ads at hand, or where to ask for them. Of several members the first one counts, in this order; none: no ads. */
export interface AdsOption {
  /** A VAST document, wrappers included. */
  readonly vast?: string | Element;
  /** Ads that are HLS already, in the order of the pod: the first 30. They have no beacons. */
  readonly hlsUrls?: readonly (string | URL)[];
  /** VAST, asked for when the break is resolved. */
  readonly adTagUrl?: string | URL;
}

/** A break before its ads are known. */
export interface Opportunity {
  /** As events name the break. */
  readonly id: string;
  readonly position: BreakPosition;
  /** Seconds of content, `end` for a post-roll; undefined in live. */
  readonly contentTime: number | "end" | undefined;
  /** Seconds that the ads may fill; undefined: any. */
  readonly duration: number | undefined;
  /** Of the EXT-X-ASSET tags beside the cue, names in upper case; empty where there is no cue. */
  readonly attributes: Readonly<Record<string, string>>;
  /** The cue; undefined where the break comes from elsewhere. */
  readonly signal: AvailSignal | undefined;
}

/** Finds ads. What it throws costs its break the ads, and never the content. */
export interface OpportunityResolver {
  /** Whether {@link resolve} is asked; the resolvers after this one are not, then. */
  readonly canResolve: (opportunity: Opportunity) => boolean;
  /**
   * Undefined, or an answer without members: no ads. An answer that takes longer than `adTimeoutMs` is not waited for.
   *
   * @param options.signal aborted when nobody waits any more
   */
  readonly resolve: (
    opportunity: Opportunity,
    options: { readonly signal: AbortSignal },
  ) => AdsOption | undefined | Promise<AdsOption | undefined>;
}
