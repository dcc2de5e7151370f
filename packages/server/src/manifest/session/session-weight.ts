/** About how many bytes a session takes in memory as objects; measured with two ads of 12 trackers each, where it says 7 % too much. */
import type { BreakRow, DecidedAd, SkippedAd } from "../breaks/decision.ts";
import type { SessionFacts, Track } from "./session-packing.ts";
import type { Session } from "./session.ts";

const SESSION_BYTES = 1500;
const CLAIM_BYTES = 100;
const ROW_BYTES = 600;
const AD_BYTES = 1000;
const TIMELINE_BYTES = 700;
const AD_SEGMENT_BYTES = 250;
/** An object with an address in it, without the characters of that. */
const LINK_BYTES = 90;

export function weighSession({ session, cookies, breaks, tracks, claims }: SessionFacts): number {
  const own = SESSION_BYTES + weighTexts(session) + sum(cookies, ({ value }) => LINK_BYTES + value.length);
  return own + claims.length * CLAIM_BYTES + sum(breaks, weighRow) + sum(tracks, weighTrack);
}

/** What a client may have made long. */
function weighTexts({ contentUrl, query, viewer }: Session): number {
  const { userAgent, referer = "", acceptLanguage = "" } = viewer;
  return contentUrl.length + query.length + userAgent.length + referer.length + acceptLanguage.length;
}

/** Rows are never changed, only replaced. */
const weightOfRow = new WeakMap<BreakRow, number>();

function weighRow(row: BreakRow): number {
  const known = weightOfRow.get(row);
  if (known !== undefined) return known;
  const { ads = [], trackers = [], skipped = [] } = row.decision ?? {};
  const weight = ROW_BYTES + sum(ads, weighAd) + sum(trackers, weighLink) + sum(skipped, weighSkipped);
  weightOfRow.set(row, weight);
  return weight;
}

function weighSkipped({ errors = [] }: SkippedAd): number {
  return ROW_BYTES + sum(errors, (url) => LINK_BYTES + url.length);
}

function weighAd(ad: DecidedAd): number {
  const companions = sum(
    ad.companions,
    ({ resource, trackers }) => ROW_BYTES + resource.length + sum(trackers, weighLink),
  );
  const texts = sum([...ad.errors, ...ad.clickTrackers], (url) => LINK_BYTES + url.length);
  return AD_BYTES + sum(ad.trackers, weighLink) + sum(ad.renditions, weighLink) + texts + companions;
}

function weighLink({ url }: { readonly url: string }): number {
  return LINK_BYTES + url.length;
}

function weighTrack({ timeline }: Track): number {
  if (!timeline) return 0;
  const segments = sum(timeline.breaks, ({ ads }) => sum(ads, (ad) => ad.segments.length));
  return TIMELINE_BYTES + segments * AD_SEGMENT_BYTES;
}

function sum<T>(list: readonly T[], weigh: (entry: T) => number): number {
  let total = 0;
  for (const entry of list) total += weigh(entry);
  return total;
}
