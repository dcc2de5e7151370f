/**
 * An ad as VAST describes it, after its wrappers were followed: what the decision, the splice and the beacons need.
 * URLs stay strings here, because trackers carry macros that no URL parser leaves alone.
 *
 * @see VAST 4.3 §3 (elements), §2.4.1.3 (mezzanine)
 */
export interface Ad {
  readonly id: string | undefined;
  /** Place in the pod, from 1; absent on a stand-alone ad. */
  readonly sequence: number | undefined;
  readonly adSystem: string;
  readonly title: string;
  readonly adServingId: string | undefined;
  readonly impressions: readonly string[];
  readonly errors: readonly string[];
  /** The linear creatives in order of their `sequence`; usually one. */
  readonly creatives: readonly Creative[];
  readonly companions: readonly Companion[];
  /** Ids of the wrappers that led here, outermost first. */
  readonly wrapperAdIds: readonly string[];
}

/** A linear creative: the same film in several media files. */
export interface Creative {
  readonly id: string | undefined;
  readonly adId: string | undefined;
  readonly universalAdIds: readonly UniversalAdId[];
  /** Seconds, as VAST declares it; 0 where it does not. */
  readonly duration: number;
  readonly skipOffset: TimeOffset | undefined;
  readonly mediaFiles: readonly MediaFile[];
  readonly mezzanines: readonly MediaFile[];
  /** True where the only film is an interactive unit (SIMID, VPAID). */
  readonly interactiveOnly: boolean;
  readonly adParameters: string | undefined;
  readonly trackers: readonly Tracker[];
  readonly clickThrough: string | undefined;
  readonly clickTrackers: readonly string[];
  readonly icons: readonly Icon[];
}

/** The identity of a film across ad systems; `value` "unknown" names nothing. @see VAST 4.3 §3.7.1 */
export interface UniversalAdId {
  readonly registry: string;
  readonly value: string;
}

/** @see VAST 4.3 §3.9.1; `type` is the MIME type in lower case, without parameters. */
export interface MediaFile {
  readonly url: string;
  readonly type: string;
  readonly delivery: "progressive" | "streaming" | undefined;
  readonly id: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Kilobit per second; the middle of `minBitrate` and `maxBitrate` where only those are given. */
  readonly bitrateKbps: number | undefined;
  readonly codec: string | undefined;
  readonly apiFramework: string | undefined;
  readonly fileSize: number | undefined;
  /** By what Interlude's ad server knows that it named this file: it goes with the request to repackage it. */
  readonly repackageTicket?: string;
}

/** A point of an ad: seconds from its start, or a share (0 to 1) of its duration. */
export type TimeOffset = { readonly seconds: number } | { readonly share: number };

/** @see VAST 4.3 §3.14.1; `event` is spelled as in the standard, `offset` belongs to `progress`. */
export interface Tracker {
  readonly event: string;
  readonly url: string;
  readonly offset: TimeOffset | undefined;
}

/** The resource of an icon or a companion. */
export interface StaticResource {
  readonly kind: "static" | "iframe" | "html";
  readonly creativeType: string | undefined;
  readonly value: string;
}

/** @see VAST 4.3 §3.11 */
export interface Icon {
  readonly program: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly xPosition: string | undefined;
  readonly yPosition: string | undefined;
  readonly offset: TimeOffset | undefined;
  /** Seconds; absent: to the end of the ad. */
  readonly duration: number | undefined;
  readonly resources: readonly StaticResource[];
  readonly clickThrough: string | undefined;
  readonly clickTrackers: readonly string[];
  readonly viewTrackers: readonly string[];
}

/** @see VAST 4.3 §3.12 */
export interface Companion {
  readonly id: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly adSlotId: string | undefined;
  readonly renderingMode: string | undefined;
  readonly required: "all" | "any" | "none" | undefined;
  readonly altText: string | undefined;
  readonly resources: readonly StaticResource[];
  readonly clickThrough: string | undefined;
  readonly clickTrackers: readonly string[];
  readonly trackers: readonly Tracker[];
}
