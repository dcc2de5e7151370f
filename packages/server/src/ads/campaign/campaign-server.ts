/** The ad server that a campaign file is: what a tag gets, by name or picked. */
import { HttpError } from "../../http-error.ts";
import type { NoteEvent } from "../../noted-event.ts";
import { trackedSession } from "../ad-request.ts";
import type { BreakCall } from "../break-call.ts";
import type { Campaigns, LineItem } from "./campaign.ts";
import { isCounted, isServed } from "./campaign.ts";
import type { Deliveries } from "./deliveries.ts";
import { happeningKey } from "./delivery-store.ts";
import { type DeliveryCounts, pickPod } from "./pick-pod.ts";
import { EMPTY_POD, podOf, type ServedPod } from "./served-pod.ts";

/** A break of a schedule, with what plays in it where that was asked for. */
export interface ServedBreak {
  readonly id: string;
  /** Under which its ads are tracked. */
  readonly trackedId: string;
  /** As VMAP spells it. */
  readonly timeOffset: string;
  /** undefined: the pod is picked. */
  readonly lineItem: string | undefined;
  readonly duration: number | undefined;
  readonly maxAds: number | undefined;
  readonly pod: ServedPod;
}

/** `inline`: each break with its pod; `tag`: without, and nothing counts as under way. */
export type ScheduleSource = "inline" | "tag";

export interface CampaignServer {
  /**
   * The line item that is named, whatever its terms but zone and flight; without a name, the pod that is picked. Empty: no fill.
   *
   * @throws HttpError `line-item-unknown`
   */
  serveBreak(call: BreakCall): Promise<ServedPod>;
  /**
   * The breaks of a schedule in its order; a line item that is named takes the place of every break's own.
   *
   * @throws HttpError `schedule-unknown`, `line-item-unknown`
   */
  serveSchedule(schedule: string, call: BreakCall, source: ScheduleSource): Promise<readonly ServedBreak[]>;
  /** Of the ads that were served, these are left out of the answer: they are not on their way. */
  takeBack(ads: readonly AdPlace[]): void;
}

/** An ad in somebody's viewing, as its tracking names it. */
export interface AdPlace {
  readonly zone: string;
  readonly session: string;
  readonly breakId: string;
  readonly position: number;
  readonly ad: string;
}

export interface CampaignServerDeps {
  readonly campaigns: () => Campaigns;
  readonly deliveries: Pick<Deliveries, "countsFor" | "offer" | "takeBack">;
  readonly note: NoteEvent;
  /** ms since the epoch */
  readonly now: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
}

export function createCampaignServer(deps: CampaignServerDeps): CampaignServer {
  return {
    serveBreak: async (call) => {
      const campaigns = deps.campaigns();
      const counts = call.li === undefined ? await countsFor(call, campaigns, deps) : NO_COUNTS;
      return servePod({ ...call, isEarly: false }, campaigns, counts, deps);
    },
    serveSchedule: async (schedule, call, source) => {
      const campaigns = deps.campaigns();
      const breaks = campaigns.schedules.get(schedule);
      if (!breaks) throw unknown("schedule-unknown", "schedule", schedule);
      const named = breaks.map((entry) => ({
        ...entry,
        trackedId: call.relayedBreak ?? entry.id,
        lineItem: call.li ?? entry.lineItem,
      }));
      for (const { lineItem } of named) if (lineItem !== undefined) requireLineItem(campaigns, lineItem);
      if (source === "tag") return named.map((entry) => ({ ...entry, pod: EMPTY_POD }));
      const isPicking = named.some(({ lineItem }) => lineItem === undefined);
      const counts = isPicking ? await countsFor(call, campaigns, deps) : NO_COUNTS;
      return named.map(({ duration = call.duration, maxAds = call.maxAds, ...entry }) => {
        const request = { ...call.request, breakId: entry.trackedId };
        const isEarly = call.relayedBreak === undefined && !AT_START.test(entry.timeOffset);
        const asked = { ...call, request, li: entry.lineItem, duration, maxAds, isEarly };
        const pod = servePod(asked, campaigns, counts, deps);
        return { ...entry, duration, maxAds, pod };
      });
    },
    takeBack: (ads) =>
      deps.deliveries.takeBack(ads.map(({ breakId, ...place }) => happeningKey({ ...place, break: breakId }))),
  };
}

/** A break that is due when the map is. */
const AT_START = /^(?:start|0+%|00:00:00(?:\.000)?)$/;

/** A break, and whether it is asked for long before it comes. */
interface ServedCall extends BreakCall {
  readonly isEarly: boolean;
}

/** Nothing is looked up where no line item has terms that count. */
async function countsFor(
  { viewer }: BreakCall,
  campaigns: Campaigns,
  { deliveries }: CampaignServerDeps,
): Promise<DeliveryCounts> {
  return [...campaigns.lineItems.values()].some(isCounted) ? deliveries.countsFor(viewer.key) : NO_COUNTS;
}

const NO_COUNTS: DeliveryCounts = { impressionsOf: () => 0, seenOf: () => undefined };

function servePod(call: ServedCall, campaigns: Campaigns, counts: DeliveryCounts, deps: CampaignServerDeps): ServedPod {
  const { request, viewer, li } = call;
  const now = new Date(deps.now());
  const { servedZone = request.zone } = request;
  const pod = li === undefined ? pick(call, campaigns, counts, now, deps) : podByName(li, servedZone, campaigns, now);
  const { zone, breakId } = request;
  const session = trackedSession(request);
  const place = { zone, session, breakId };
  const ads = pod.ads
    .filter(({ role }) => role === "ad")
    .map(({ lineItem, content }, index) => ({
      lineItem,
      position: request.position + index,
      ad: content.kind === "ad" ? content.ad.id : lineItem,
      creative: content.kind === "ad" ? content.ad.creativeId : "",
    }));
  if (!call.isRelayed) {
    deps.note({ event: "adRequest", ...place, lineItem: li, adsOffered: ads.length });
    for (const ad of ads) deps.note({ event: "adOffered", ...place, ...ad });
  }
  const counted = ads.filter(({ lineItem }) => isCountedByName(campaigns, lineItem));
  const offers = counted.map(({ lineItem, position, ad }) => ({
    lineItem,
    happening: happeningKey({ zone, session, break: breakId, position, ad }),
    isForRobot: call.isRobot,
    isEarly: call.isEarly,
  }));
  deps.deliveries.offer(viewer.key, offers);
  return pod;
}

function isCountedByName(campaigns: Campaigns, id: string): boolean {
  const item = campaigns.lineItems.get(id);
  return item !== undefined && isCounted(item);
}

function podByName(id: string, zone: string, campaigns: Campaigns, now: Date): ServedPod {
  const item = requireLineItem(campaigns, id);
  return isServed(item, zone, now) ? podOf(item) : EMPTY_POD;
}

function pick(
  { request, viewer, duration, maxAds }: BreakCall,
  campaigns: Campaigns,
  counts: DeliveryCounts,
  now: Date,
  { random }: CampaignServerDeps,
): ServedPod {
  const { keyValues, device } = viewer;
  const seed = Math.floor(random() * 2 ** 32);
  return pickPod(
    { zone: request.servedZone ?? request.zone, keyValues, device, duration, maxAds, seed },
    campaigns,
    counts,
    now,
  );
}

function requireLineItem(campaigns: Campaigns, id: string): LineItem {
  const item = campaigns.lineItems.get(id);
  if (!item) throw unknown("line-item-unknown", "li", id);
  return item;
}

function unknown(code: "line-item-unknown" | "schedule-unknown", name: string, got: string): HttpError {
  return new HttpError(code, `${name}: expected one of the campaign file, got ${JSON.stringify(got)}`);
}
