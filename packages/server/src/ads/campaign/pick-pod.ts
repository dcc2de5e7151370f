/**
 * Which ads a break gets that no line item is named for.
 *
 *   1 eligible → zone, flight, key-values and device fit, the goal is not reached, the viewer has not seen it too often
 *   2 tiers    → of all eligible line items, those of the best priority fill the break first, the next ones what is left
 *   3 order    → within a tier by chance, by weight, times how far behind its goal a line item is
 *   4 fill     → of that order, the ads that leave the least time empty, competitors apart
 *   5 bumpers  → one before and one behind, where there are ads between them
 */
import type { Campaigns, LineItem } from "./campaign.ts";
import { isServed } from "./campaign.ts";
import { fillBreak, type FillOption, type Room } from "./fill-break.ts";
import { leftForViewer, urgencyOf } from "./pacing.ts";
import type { PodAd, ServedPod } from "./served-pod.ts";
import { matches, type Traits } from "./targeting.ts";

/** A break to be filled, and who sees it. */
export interface PodRequest extends Traits {
  readonly zone: string;
  /** Seconds; undefined: not known. */
  readonly duration: number | undefined;
  /** undefined: as many as fit; one where the duration is not known either. */
  readonly maxAds: number | undefined;
  /** Decides where chance does: the same number, the same pod. */
  readonly seed: number;
}

/** Impressions that count against goals and caps: told by players, or to be expected of what is on its way to them. */
export interface DeliveryCounts {
  /** To everybody; undefined: nobody knows. */
  impressionsOf(lineItem: string): number | undefined;
  /** When this viewer got one; undefined: nobody knows who it is, or what it saw. */
  seenOf(lineItem: string): readonly Date[] | undefined;
}

/** No break has more ads. */
const MAX_ADS = 30;

export function pickPod(
  request: PodRequest,
  { lineItems }: Campaigns,
  deliveries: DeliveryCounts,
  now: Date,
): ServedPod {
  const eligible = [...lineItems.values()].filter(
    (item) => item.priority !== undefined && isServed(item, request.zone, now) && matches(item.targeting, request),
  );
  const options = eligible.flatMap((item) => (item.bumper ? [] : listOptions(item, request, deliveries, now)));
  const first = pickBumper(eligible, "first", request);
  const last = pickBumper(eligible, "last", request);
  const room = roomOf(request);
  const framed = fillTiers(options, {
    ...room,
    seconds: room.seconds - (first?.duration ?? 0) - (last?.duration ?? 0),
  });
  if (framed.length > 0) return { ads: [...(first?.ads ?? []), ...framed, ...(last?.ads ?? [])], isPicked: true };
  return { ads: fillTiers(options, room), isPicked: true };
}

function roomOf({ duration, maxAds }: PodRequest): Room {
  const ads = Math.min(MAX_ADS, maxAds ?? (duration === undefined ? 1 : MAX_ADS));
  return { seconds: duration ?? Infinity, ads };
}

/** What may be put into the break as one. */
interface PodOption extends FillOption {
  readonly ads: readonly PodAd[];
  readonly priority: number;
  /** The smaller, the earlier. */
  readonly rank: number;
}

function listOptions(item: LineItem, request: PodRequest, deliveries: DeliveryCounts, now: Date): readonly PodOption[] {
  const delivered = item.goal === undefined ? 0 : deliveries.impressionsOf(item.id);
  const seen = item.frequency.length === 0 ? [] : deliveries.seenOf(item.id);
  if (delivered === undefined || seen === undefined) return [];
  const urgency = urgencyOf(item, delivered, now);
  if (urgency === 0) return [];
  const leftOfGoal = item.goal === undefined ? Infinity : item.goal.impressions - delivered;
  const left = Math.min(leftForViewer(item, seen, now), leftOfGoal);
  const groupLimit = Math.min(left, item.isTogether ? Infinity : item.perBreak);
  const common = { group: item.id, groupLimit, labels: item.separation, priority: item.priority ?? 0 };
  const weight = item.weight * urgency;
  return listParts(item)
    .filter((part) => part.count > 0 && part.count <= groupLimit)
    .map((part, index) => ({ ...part, ...common, rank: drawRank(`${request.seed} ${item.id} ${index}`, weight) }));
}

type Part = Pick<PodOption, "ads" | "duration" | "count" | "creatives">;

function listParts(item: LineItem): readonly Part[] {
  const role = item.bumper === undefined ? "ad" : "bumper";
  if (item.kind === "wrapper") {
    const ads = [{ lineItem: item.id, role, content: { kind: "wrapper", tagUrl: item.tagUrl } }] as const;
    return [{ ads, duration: item.duration ?? 0, count: 1, creatives: [] }];
  }
  const single = item.ads.map((ad) => ({
    ads: [{ lineItem: item.id, role, content: { kind: "ad", ad } } as const],
    duration: ad.duration,
    count: 1,
    creatives: [ad.creativeId],
  }));
  if (!item.isTogether) return single;
  return [
    {
      ads: single.flatMap(({ ads }) => ads),
      duration: single.reduce((sum, { duration }) => sum + duration, 0),
      count: single.length,
      creatives: single.flatMap(({ creatives }) => creatives),
    },
  ];
}

/** Each tier takes what the ones before it left; with every number drawn new, the order within one is a new one each time. */
function fillTiers(options: readonly PodOption[], room: Room): readonly PodAd[] {
  const taken: PodOption[] = [];
  const priorities = [...new Set(options.map(({ priority }) => priority))].sort((a, b) => a - b);
  for (const priority of priorities) {
    const tier = options.filter((option) => option.priority === priority).toSorted((a, b) => a.rank - b.rank);
    const seconds = taken.reduce((left, one) => left - one.duration, room.seconds);
    const ads = taken.reduce((left, one) => left - one.count, room.ads);
    taken.push(...fillBreak(tier, { seconds, ads }, taken));
  }
  return taken.flatMap((option) => option.ads);
}

function pickBumper(eligible: readonly LineItem[], place: "first" | "last", { seed }: PodRequest): Part | undefined {
  const ranked = eligible
    .filter((item) => item.bumper === place)
    .flatMap((item) =>
      listParts(item).map((part, index) => ({
        part,
        priority: item.priority ?? 0,
        rank: drawRank(`${seed} ${item.id} ${index}`, item.weight),
      })),
    );
  return ranked.toSorted((a, b) => a.priority - b.priority || a.rank - b.rank)[0]?.part;
}

/**
 * A number that is the smallest of several with a probability in proportion to the weights.
 *
 * @see Efraimidis, Spirakis: Weighted random sampling with a reservoir (2006)
 */
function drawRank(text: string, weight: number): number {
  return -Math.log(hashToUnit(text)) / weight;
}

/** FNV-1a and the last steps of MurmurHash3, as a number above 0 and below 1. */
function hashToUnit(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 2 ** 32;
}
