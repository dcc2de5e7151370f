/** What a tag is answered with, before it is VAST. */
import type { CampaignAd, LineItem } from "./campaign.ts";

/** One ad of an answer; a bumper stands before or behind the ads and is not counted as one. */
export interface PodAd {
  readonly lineItem: string;
  readonly role: "ad" | "bumper";
  readonly content:
    { readonly kind: "ad"; readonly ad: CampaignAd } | { readonly kind: "wrapper"; readonly tagUrl: string };
}

/** Empty: no fill. */
export interface ServedPod {
  readonly ads: readonly PodAd[];
  /** Made to fit a break, where a wrapper stands for one ad; false: a line item that was asked for by its name. */
  readonly isPicked: boolean;
}

/** No fill. */
export const EMPTY_POD: ServedPod = { ads: [], isPicked: false };

/** A line item as it stands, all of its ads in their order. */
export function podOf(item: LineItem): ServedPod {
  const role = item.bumper === undefined ? "ad" : "bumper";
  if (item.kind === "wrapper") {
    return { ads: [{ lineItem: item.id, role, content: { kind: "wrapper", tagUrl: item.tagUrl } }], isPicked: false };
  }
  return { ads: item.ads.map((ad) => ({ lineItem: item.id, role, content: { kind: "ad", ad } })), isPicked: false };
}
