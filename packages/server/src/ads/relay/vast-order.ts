/**
 * Where a further element stands among its siblings: VAST's schemas are sequences, and they changed theirs with version 4.
 *
 * @see vast_2.0.1.xsd, vast3.xsd, vast_4.2.xsd
 */
import { elementsOf, isElement, type TreeElement, withNodes } from "./xml-tree.ts";
import { isNamed } from "@interlude/core";

type Order = Readonly<Record<string, readonly string[]>>;

const list = (names: string): readonly string[] => names.toLowerCase().split(" ");

const ORDER_3: Order = {
  inline: list("AdSystem AdTitle Description Advertiser Pricing Survey Error Impression Creatives Extensions"),
  creative: list("CreativeExtensions Linear CompanionAds NonLinearAds"),
  linear: list("CreativeExtensions Duration TrackingEvents AdParameters VideoClicks MediaFiles Icons"),
  videoclicks: list("ClickThrough ClickTracking CustomClick"),
  companion: list(
    "StaticResource IFrameResource HTMLResource CreativeExtensions TrackingEvents CompanionClickThrough CompanionClickTracking",
  ),
  nonlinearads: list("TrackingEvents NonLinear"),
  adbreak: list("AdSource TrackingEvents Extensions"),
};

const ORDER_4: Order = {
  inline: [
    ...list("AdSystem Error Extensions Impression Pricing ViewableImpression AdServingId AdTitle AdVerifications"),
    ...list("Advertiser Category Creatives Description Expires Survey"),
  ],
  creative: list("CompanionAds CreativeExtensions Linear NonLinearAds UniversalAdId"),
  linear: list("Icons TrackingEvents AdParameters Duration MediaFiles VideoClicks"),
  videoclicks: list("ClickTracking ClickThrough CustomClick"),
  companion: list(
    "HTMLResource IFrameResource StaticResource AdParameters AltText CompanionClickThrough CompanionClickTracking CreativeExtensions TrackingEvents",
  ),
  nonlinearads: list("TrackingEvents NonLinear"),
};

/** `version` as the document writes it; one that cannot be read counts as old. */
function orderOf(parent: TreeElement, version: string): readonly string[] {
  const order = Number.parseInt(version, 10) >= 4 ? ORDER_4 : ORDER_3;
  return order[parent.name.toLowerCase()] ?? [];
}

/**
 * Puts elements of one name before their first sibling of that name; where there is none, behind whatever the schema puts before
 * them. A name that the schema does not have comes last.
 */
export function insertChildren(parent: TreeElement, added: readonly TreeElement[], version: string): TreeElement {
  const [first] = added;
  if (!first) return parent;
  const same = parent.nodes.findIndex((node) => isElement(node) && isNamed(node, first.name));
  const at = same >= 0 ? same : findPlace(parent, first, orderOf(parent, version));
  return withNodes(parent, parent.nodes.toSpliced(at, 0, ...added));
}

function findPlace(parent: TreeElement, added: TreeElement, order: readonly string[]): number {
  const rank = order.indexOf(added.name.toLowerCase());
  if (rank < 0) return parent.nodes.length;
  const before = parent.nodes.findLastIndex((node) => {
    const other = isElement(node) ? order.indexOf(node.name.toLowerCase()) : -1;
    return other >= 0 && other < rank;
  });
  return before + 1;
}

/** Puts elements first into the child that holds their like, which is made where it is missing. */
export function fillContainer(
  parent: TreeElement,
  container: TreeElement,
  added: readonly TreeElement[],
  version: string,
): TreeElement {
  if (added.length === 0) return parent;
  const [own] = elementsOf(parent, container.name);
  if (!own) return insertChildren(parent, [withNodes(container, added)], version);
  const nodes = parent.nodes.map((node) => (node === own ? withNodes(own, [...added, ...own.nodes]) : node));
  return withNodes(parent, nodes);
}
