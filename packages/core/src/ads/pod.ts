/**
 * Which of the answered ads are the pod, and which stand by.
 *
 * @see VAST 4.3 §2.4.2 (pods and stand-alone ads)
 */
import type { Ad } from "./ad.ts";

/**
 * Ads with a sequence are the pod, in its order (equal ones keep the document's); those without are stand-ins for one that cannot
 * be played. Where no ad has a sequence, the first is the pod. Both lists are empty where there are no ads.
 */
export function buildPod(ads: readonly Ad[]): { readonly pod: readonly Ad[]; readonly standIns: readonly Ad[] } {
  const pod = ads.filter((ad) => ad.sequence !== undefined).toSorted((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0));
  const standIns = ads.filter((ad) => ad.sequence === undefined);
  return pod.length > 0 ? { pod, standIns } : { pod: standIns.slice(0, 1), standIns: standIns.slice(1) };
}
