/**
 * What a campaign file says: line items, each with its ads and the terms on which it is served, and schedules, which are VMAP.
 * A line item that has a `priority` is picked for breaks that name none; one without is served by its name only.
 */
import type { DeviceKind } from "./device.ts";

/** URLs may be relative to the server's own base. */
export interface CampaignMediaFile {
  readonly url: string;
  readonly type: string;
  readonly width: number;
  readonly height: number;
  readonly bitrateKbps: number | undefined;
  readonly codec: string | undefined;
}

/** What a companion shows: an image, a page in a frame, or markup. */
export type CompanionResource =
  | { readonly kind: "static"; readonly url: string; readonly type: string }
  | { readonly kind: "iframe"; readonly url: string }
  | { readonly kind: "html"; readonly html: string };

/** @see VAST 4.3 §3.12; sizes in pixels */
export interface CampaignCompanion {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly adSlotId: string | undefined;
  readonly altText: string | undefined;
  readonly clickThrough: string | undefined;
  readonly resource: CompanionResource;
}

/** One ad with one linear creative; at least one media file. */
export interface CampaignAd {
  readonly id: string;
  readonly title: string;
  /** Of the creative; the ad's id where the file names none. */
  readonly creativeId: string;
  /** Seconds, above 0. */
  readonly duration: number;
  /** Seconds after which the viewer may skip. */
  readonly skipOffset: number | undefined;
  readonly clickThrough: string | undefined;
  readonly mediaFiles: readonly CampaignMediaFile[];
  readonly companions: readonly CampaignCompanion[];
  /** How many of the companions a player must show for the ad to count. */
  readonly companionsRequired: "all" | "any" | "none";
}

/** Whom a line item is for. What is empty asks for nothing. */
export interface Targeting {
  /** Each key must be there with one of its values; values in lower case. */
  readonly keyValues: ReadonlyMap<string, readonly string[]>;
  /** None of these may be there. */
  readonly exclude: ReadonlyMap<string, readonly string[]>;
  readonly devices: readonly DeviceKind[];
}

/** At most so many impressions to one viewer within the hours before. */
export interface FrequencyCap {
  readonly impressions: number;
  readonly hours: number;
}

/** How many impressions a line item is sold for; `even` spreads them over its flight, which then has both ends. */
export interface Goal {
  readonly impressions: number;
  readonly pacing: "even" | "asap";
}

/** On which terms a line item is served. */
export interface LineItemTerms {
  readonly id: string;
  /** Empty: all. */
  readonly zones: readonly string[];
  /** From `start` on, before `end`; undefined: always. */
  readonly flight: { readonly start: Date | undefined; readonly end: Date | undefined };
  /** 1 goes first; undefined: served by its name only. */
  readonly priority: number | undefined;
  /** Above 0: twice the weight is twice as likely to be first among equals. */
  readonly weight: number;
  readonly targeting: Targeting;
  readonly frequency: readonly FrequencyCap[];
  readonly goal: Goal | undefined;
  /** Line items that share a label are never in one break. */
  readonly separation: readonly string[];
  /** How many of its ads one break may have. */
  readonly perBreak: number;
  /** All of its ads in their order, or none. */
  readonly isTogether: boolean;
  /** Which place of a break it fills, without counting as an ad. */
  readonly bumper: "first" | "last" | undefined;
}

/** A list of ads (none: no fill), or a wrapper around another ad tag with the seconds that it counts for in a pod. */
export type LineItem = LineItemTerms &
  (
    | { readonly kind: "pod"; readonly ads: readonly CampaignAd[] }
    | { readonly kind: "wrapper"; readonly tagUrl: string; readonly duration: number | undefined }
  );

/** One ad break of a schedule. */
export interface ScheduledBreak {
  readonly id: string;
  /** As VMAP spells it: `start`, `end`, `hh:mm:ss.mmm`, `n%`, `#n`. */
  readonly timeOffset: string;
  /** A key of {@link Campaigns.lineItems}; undefined: picked. */
  readonly lineItem: string | undefined;
  /** Seconds that a picked pod may take; undefined: no limit. */
  readonly duration: number | undefined;
  readonly maxAds: number | undefined;
}

/** All line items and schedules by id, in the order of the file. */
export interface Campaigns {
  readonly lineItems: ReadonlyMap<string, LineItem>;
  readonly schedules: ReadonlyMap<string, readonly ScheduledBreak[]>;
}

/** An ad server without campaigns: every tag is unknown. */
export const NO_CAMPAIGNS: Campaigns = { lineItems: new Map(), schedules: new Map() };

/** Whether it may be served in this zone now, whoever asks for it and however. */
export function isServed(item: LineItem, zone: string, now: Date): boolean {
  const { start, end } = item.flight;
  const isOurs = item.zones.length === 0 || item.zones.includes(zone);
  return isOurs && (start === undefined || start <= now) && (end === undefined || now < end);
}

/** Whether impressions of it count for anything. */
export function isCounted(item: LineItem): boolean {
  return item.goal !== undefined || item.frequency.length > 0;
}
