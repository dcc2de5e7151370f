/**
 * What an ad server has answered that is no part of this server: nobody else tells the report of it, so the manifest server does, and
 * adds this server's own tracking, as the relay and the campaign file do to theirs.
 *
 * @see docs/report.md (fillRate, renderRate)
 */
import type { Ad, VastResult } from "@interlude/core";
import { adName } from "../../ad-name.ts";
import { cleanText } from "../../clean-text.ts";
import type { NotedAd, NotedPlace, NoteEvent } from "../../noted-event.ts";

export interface OwnReport {
  readonly note: NoteEvent;
  /** Of one event of an ad, macros unexpanded; under the address at which the client reached this server. */
  readonly trackingUrl: (event: string, ad: NotedAd, base: URL) => string;
  /** Whether an address is a tag of this server's, which has told of its answers itself; `base` is where the client reached it. */
  readonly isOwnTag: (url: URL, base: URL) => boolean;
  /** Whether an impression is this server's, whatever name its tag was reached by. */
  readonly isOwnImpression: (url: string) => boolean;
}

const LINEAR_EVENTS = ["start", "firstQuartile", "midpoint", "thirdQuartile", "complete"];

/** Names are a stranger's. */
const MAX_BREAK = 200;

/** @returns the answer with this server's tracking in each of its ads; as it is where that is in it already */
export function tellAnswer(
  result: VastResult,
  asked: NotedPlace,
  base: URL,
  { note, trackingUrl, isOwnImpression }: OwnReport,
): VastResult {
  if (result.ads.some(({ impressions }) => impressions.some(isOwnImpression))) return result;
  const place = { ...asked, breakId: cleanText(asked.breakId.slice(0, MAX_BREAK)) };
  note({ event: "adRequest", ...place, adsOffered: result.ads.length });
  const ads = result.ads.map((ad, index) => {
    const noted = nameAd(ad, place, index + 1);
    note({ event: "adOffered", ...noted });
    return track(ad, (event) => trackingUrl(event, noted, base));
  });
  return { ...result, ads };
}

function nameAd({ id = "", creatives }: Ad, place: NotedPlace, position: number): NotedAd {
  const creative = cleanText(creatives[0]?.id ?? "");
  return { ...place, position, ad: adName(cleanText(id), position), creative };
}

function track(ad: Ad, urlOf: (event: string) => string): Ad {
  const trackers = LINEAR_EVENTS.map((event) => ({ event, url: urlOf(event), offset: undefined }));
  return {
    ...ad,
    impressions: [...ad.impressions, urlOf("impression")],
    errors: [...ad.errors, urlOf("error")],
    creatives: ad.creatives.map((creative) => ({ ...creative, trackers: [...creative.trackers, ...trackers] })),
  };
}
