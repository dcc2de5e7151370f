/**
 * Ads and breaks that are left out: told to the page, and to the URLs that want to know.
 */
import { type Ad, type SkipReason, VAST_ERROR_OF_SKIP } from "@interlude/core";
import type { ContentFacts } from "../content/content.ts";
import type { Emit } from "../events.ts";
import type { SkippedAd } from "../insertion.ts";
import type { BeaconSender, BeaconSubject } from "../viewing/beacons.ts";
import type { BreakEntry, SessionPorts } from "./break-entry.ts";

export interface SkipDeps {
  readonly emit: Emit;
  readonly beacons: BeaconSender;
  /** Breaks were added, placed or skipped. */
  readonly onBreaksChange: () => void;
}

/** Every way in which an ad or a break is left out: told to the host and to the error URLs. */
export function createSkips(
  { emit, beacons, onBreaksChange }: SkipDeps,
  facts: () => ContentFacts | undefined,
): Pick<SessionPorts, "reportSkipped" | "skipBreak" | "takeResolved"> {
  const reportSkipped: SessionPorts["reportSkipped"] = (entry, skipped) => {
    const { breakId, isLive } = entry.planned;
    if (facts()?.isLive && !isLive) return;
    // ads that come after their break was left out still owe their errors
    const isTold = entry.status === "skipped";
    const subject = describeEntrySubject(entry, facts());
    for (const { errorUrls, place, ad, ...event } of skipped) {
      if (!isTold) emit("adskip", { breakId, ...event });
      const { adId, creativeUrl: mediaUrl } = event;
      const known = { ...subject, ...describeAd(entry, ad), adId, mediaUrl, place };
      beacons.sendErrors(known, errorUrls, event.vastError, event.reason);
    }
  };
  const skipBreak: SessionPorts["skipBreak"] = (entry, reason, told, message) => {
    const { errors } = entry.planned;
    if (told.length === 0) reportSkipped(entry, describeSkippedBreak(entry, reason, message));
    beacons.sendErrors(describeEntrySubject(entry, facts()), errors, VAST_ERROR_OF_SKIP[reason], reason);
    Object.assign(entry, { status: "skipped", reason });
    onBreaksChange();
  };
  return {
    reportSkipped,
    skipBreak,
    takeResolved: (entry, { ads, skipped }) => {
      entry.ads = ads;
      reportSkipped(entry, skipped);
      if (entry.status === "pending" && ads.length > 0) return true;
      if (entry.status === "pending") skipBreak(entry, skipped[0]?.reason ?? "no-ads", skipped);
      else if (entry.reason && ads.length > 0) reportSkipped(entry, describeSkippedBreak(entry, entry.reason));
      return false;
    },
  };
}

/** Whatever is told of no ad on screen. */
export const NOWHERE: Omit<BeaconSubject, "breakId" | "position"> = {
  adId: undefined,
  ad: undefined,
  creative: undefined,
  index: undefined,
  adCount: undefined,
  mediaUrl: undefined,
  contentTime: undefined,
};

/** A break by itself; its content time is where it stands, as far as that is known. */
function describeEntrySubject({ planned, time }: BreakEntry, facts: ContentFacts | undefined): BeaconSubject {
  const { breakId, position, isLive } = planned;
  const start = position === "pre" && !isLive ? 0 : undefined;
  return { ...NOWHERE, breakId, position, contentTime: time === "end" ? facts?.duration : (time ?? start) };
}

/** What the macros can say of an ad that was not shown: its place where it had one. */
function describeAd({ ads }: BreakEntry, ad: Ad | undefined): Partial<BeaconSubject> {
  const index = ads.findIndex((ready) => ready.ad === ad);
  const place = index < 0 ? {} : { index, adCount: ads.length };
  return { ad, creative: ad?.creatives[0], ...place };
}

/** A break that is left out as a whole: each of its ads, or the break itself while its ads are not known. */
function describeSkippedBreak(
  { ads, planned }: BreakEntry,
  reason: SkipReason,
  message = MESSAGE[reason] ?? reason,
): readonly SkippedAd[] {
  const vastError = VAST_ERROR_OF_SKIP[reason];
  if (ads.length === 0)
    return [
      {
        adId: undefined,
        creativeUrl: undefined,
        reason,
        vastError,
        message: `break ${planned.breakId}: ${message}`,
        errorUrls: [],
      },
    ];
  return ads.map(({ ad, mediaUrl }, index) => ({
    place: String(index),
    ad,
    adId: ad.id,
    creativeUrl: mediaUrl,
    reason,
    vastError,
    message,
    errorUrls: ad.errors,
  }));
}

const MESSAGE: { readonly [Reason in SkipReason]?: string } = {
  "ads-timeout": "decided too late for where the viewer is",
  policy: "the content has no place for it",
  "no-ads": "no ad came",
  "break-duration-exceeded": "more than its break has room for",
  "early-return": "the content came back before it",
  "media-unavailable": "a segment cannot be loaded",
};

/**
 * Leaves out an ad that was ready; a break of which nothing is left is skipped. Once per ad.
 *
 * @param staysListed the player has some of it: whatever playlist comes next must show it as well. Absent: it does not
 */
export function refuseAd(
  entry: BreakEntry | undefined,
  index: number,
  reason: SkipReason,
  ports: SessionPorts,
  staysListed = false,
): void {
  const ready = entry?.ads[index];
  if (!entry || !ready || entry.refused.has(ready) || entry.broken?.has(ready)) return;
  (staysListed ? (entry.broken ??= new Set()) : entry.refused).add(ready);
  const { ad } = ready;
  const skipped = { ad, adId: ad.id, creativeUrl: ready.mediaUrl, reason, vastError: VAST_ERROR_OF_SKIP[reason] };
  const told = [{ ...skipped, message: MESSAGE[reason] ?? reason, errorUrls: ad.errors, place: String(index) }];
  ports.reportSkipped(entry, told);
  if (entry.refused.size === entry.ads.length) ports.skipBreak(entry, reason, told);
}
