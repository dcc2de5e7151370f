/**
 * The order of the ads of an answer after its wrappers were followed: the pod, numbered anew, then the ads that stand by.
 *
 * @see VAST 4.3 §2.4.2 (pods and stand-alone ads), §3.19 (fallbackOnNoAd)
 */
import { isNamed } from "@interlude/core";
import { createElement, isElement, type TreeElement, type TreeNode, withAttribute, withNodes } from "./xml-tree.ts";

/** An in-line ad; `sequence` is undefined for one that stands by. `version` is its document's. */
export interface PlacedAd {
  readonly element: TreeElement;
  readonly sequence: number | undefined;
  readonly version: string;
}

/** An ad of a document, and what it came to. */
export interface ArrangedEntry {
  readonly sequence: number | undefined;
  /** A wrapper that led to nothing lets a stand-alone ad take its place. */
  readonly takesStandIn: boolean;
  readonly ads: readonly PlacedAd[];
}

/**
 * What a wrapper of a pod led to stands where the wrapper stood, a stand-alone ad has no place. Where no entry has a place, the
 * first that led to anything keeps its own pod.
 *
 * @param sort the order of stand-alone ads that may take a place
 */
export function arrangeAds(
  entries: readonly ArrangedEntry[],
  sort: (ads: readonly PlacedAd[]) => readonly PlacedAd[],
): readonly PlacedAd[] {
  if (entries.every(({ sequence }) => sequence === undefined)) {
    const first = entries.find(({ ads }) => ads.length > 0);
    const rest = entries.filter((entry) => entry !== first).flatMap(({ ads }) => ads);
    const own = first?.ads ?? [];
    const hasPod = own.some(({ sequence }) => sequence !== undefined);
    return hasPod ? [...own, ...sort(place(rest, undefined))] : sort(place([...own, ...rest], undefined));
  }
  const alone = [...sort(entries.flatMap(({ sequence, ads }) => (sequence === undefined ? ads : [])))];
  const placed = entries.flatMap(({ sequence, takesStandIn, ads }) => {
    if (sequence === undefined) return [];
    const { pod, standIns } = splitPod(ads);
    alone.push(...standIns);
    return place(pod.length === 0 && takesStandIn ? alone.splice(0, 1) : pod, sequence);
  });
  return [...placed, ...place(alone, undefined)];
}

function place(ads: readonly PlacedAd[], sequence: number | undefined): readonly PlacedAd[] {
  return ads.map((ad) => ({ ...ad, sequence }));
}

/** As core's `buildPod`: without any place, the first is the pod. */
export function splitPod(ads: readonly PlacedAd[]): {
  readonly pod: readonly PlacedAd[];
  readonly standIns: readonly PlacedAd[];
} {
  const pod = ads.filter((ad) => ad.sequence !== undefined).toSorted((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0));
  const standIns = ads.filter((ad) => ad.sequence === undefined);
  return pod.length > 0 ? { pod, standIns } : { pod: standIns.slice(0, 1), standIns: standIns.slice(1) };
}

/** The ads numbered from 1; those that stand by have no number. */
function numberAds(ads: readonly PlacedAd[]): readonly PlacedAd[] {
  if (ads.every(({ sequence }) => sequence === undefined)) return ads.map((ad) => setSequence(ad, undefined));
  const { pod, standIns } = splitPod(ads);
  return [...pod.map((ad, index) => setSequence(ad, index + 1)), ...standIns.map((ad) => setSequence(ad, undefined))];
}

function setSequence(ad: PlacedAd, sequence: number | undefined): PlacedAd {
  const value = sequence === undefined ? undefined : String(sequence);
  const key = Object.keys(ad.element.attributes).find((name) => name.toLowerCase() === "sequence");
  const isSame = (key === undefined ? undefined : ad.element.attributes[key]?.trim()) === value;
  return { ...ad, sequence, element: isSame ? ad.element : withAttribute(ad.element, "sequence", value) };
}

/** The document with these ads in place of its own. */
function withAds(root: TreeElement, ads: readonly TreeElement[]): TreeElement {
  const isAd = (node: TreeNode): boolean => isElement(node) && isNamed(node, "Ad");
  const first = root.nodes.findIndex(isAd);
  const at = first < 0 ? root.nodes.length : first;
  const rest = root.nodes.slice(at).filter((node) => !isAd(node));
  return withNodes(root, [...root.nodes.slice(0, at), ...ads, ...rest]);
}

/** No fill. */
export function emptyVast(version = "4.2"): TreeElement {
  return createElement("VAST", { version });
}

/** The document with its ads numbered; its version is the highest of what they came from. */
export function finishVast(
  root: TreeElement,
  resolved: readonly PlacedAd[],
): { readonly vast: TreeElement; readonly ads: readonly PlacedAd[] } {
  const ads = numberAds(resolved);
  return {
    vast: withAds(
      raiseVersion(root, ads),
      ads.map(({ element }) => element),
    ),
    ads,
  };
}

function raiseVersion(root: TreeElement, ads: readonly PlacedAd[]): TreeElement {
  const own = Object.entries(root.attributes).find(([name]) => name.toLowerCase() === "version");
  const highest = ads.reduce(
    (best, { version }) => (versionOf(version) > versionOf(best) ? version : best),
    own?.[1].trim() ?? "",
  );
  return highest === "" || highest === own?.[1].trim() ? root : withAttribute(root, "version", highest);
}

function versionOf(text: string): number {
  const version = Number.parseFloat(text);
  return Number.isFinite(version) ? version : 0;
}
