/** The rules of a zone, applied to one ad: whether it is let through, and which of its parts go first. */
import { attribute, isNamed, textOf } from "@interlude/core";
import type { RelayRules } from "./relay-zone.ts";
import { elementsOf, isElement, mapChildren, type TreeElement, withNodes } from "./xml-tree.ts";

/** Names as a document writes them; a host is `host`, or `.host` with all below it. */
function indexOfHost(hosts: readonly string[], url: string): number {
  const text = url.trim();
  if (hosts.length === 0 || !URL.canParse(text)) return -1;
  // A name with a dot behind it is the same host.
  const hostname = new URL(text).hostname.replace(/\.$/, "");
  return hosts.findIndex((host) => {
    const wanted = host.toLowerCase();
    return wanted.startsWith(".") ? `.${hostname}`.endsWith(wanted) : hostname === wanted;
  });
}

function indexOfSystem(systems: readonly string[], adSystem: string): number {
  return systems.findIndex((system) => system.toLowerCase() === adSystem.toLowerCase());
}

/** What is listed first, then the rest; equal ones keep their order. */
function rank(index: number): number {
  return index < 0 ? Number.MAX_SAFE_INTEGER : index;
}

/**
 * Why an ad is left out, as a sentence; undefined: it is not.
 *
 * @param body its `<InLine>` or `<Wrapper>`
 */
export function findBlock(body: TreeElement, { block }: RelayRules): string | undefined {
  const adSystem = textOf(body, "AdSystem");
  if (indexOfSystem(block.adSystems, adSystem) >= 0) return `ad system ${JSON.stringify(adSystem)} is blocked`;
  const urls = [
    ...elementsOf(body, "VASTAdTagURI"),
    // A wrapper's has no MediaFiles around it.
    ...elementsOf(body, "Creatives", "Creative", "Linear", "InteractiveCreativeFile"),
    ...["MediaFile", "Mezzanine", "InteractiveCreativeFile"].flatMap((name) =>
      elementsOf(body, "Creatives", "Creative", "Linear", "MediaFiles", name),
    ),
  ].map(({ text }) => text);
  return urls.map((url) => findBlockedHost(url, block)).find((reason) => reason !== undefined);
}

/** Why nothing is asked or taken from an address, as a sentence; undefined: its host is not blocked. */
export function findBlockedHost(url: string, { hosts }: RelayRules["block"]): string | undefined {
  return indexOfHost(hosts, url) < 0 ? undefined : `host ${new URL(url.trim()).hostname} is blocked`;
}

/** The ads, those of systems with priority first. */
export function sortBySystem<T extends { readonly element: TreeElement }>(
  ads: readonly T[],
  { priority }: RelayRules,
): readonly T[] {
  if (priority.adSystems.length === 0) return ads;
  const rankOf = ({ element }: T): number =>
    rank(indexOfSystem(priority.adSystems, textOf(element, "InLine", "AdSystem")));
  return ads.toSorted((a, b) => rankOf(a) - rankOf(b));
}

/** The InLine with the media files of its linear creatives in the order of the zone. */
export function sortMediaFiles(inline: TreeElement, { priority }: RelayRules): TreeElement {
  if (priority.hosts.length === 0) return inline;
  const rankOf = ({ text }: TreeElement): number => rank(indexOfHost(priority.hosts, text));
  const sort = (media: TreeElement): TreeElement => {
    const sorted = elementsOf(media, "MediaFile").toSorted((a, b) => rankOf(a) - rankOf(b));
    let next = 0;
    const nodes = media.nodes.flatMap((node) =>
      isElement(node) && isNamed(node, "MediaFile") ? (sorted[next++] ?? []) : node,
    );
    return withNodes(media, nodes);
  };
  const path = ["Creatives", "Creative", "Linear", "MediaFiles"];
  const descend = (element: TreeElement, depth: number): TreeElement =>
    mapChildren(element, (child) => {
      if (!isNamed(child, path[depth] ?? "")) return child;
      return depth === path.length - 1 ? sort(child) : descend(child, depth + 1);
    });
  return descend(inline, 0);
}

/**
 * The category of an ad that one of its wrappers does not take; undefined: none.
 *
 * @see VAST 4.3 §3.4.5 (Category), §3.19.2 (BlockedAdCategories, error 205)
 */
export function findBlockedCategory(inline: TreeElement, wrappers: readonly TreeElement[]): string | undefined {
  const refused = wrappers.flatMap((wrapper) => elementsOf(wrapper, "BlockedAdCategories"));
  if (refused.length === 0) return undefined;
  return elementsOf(inline, "Category")
    .map(({ text }) => text.trim())
    .find((category, index) => {
      const own = elementsOf(inline, "Category")[index];
      return refused.some(
        (element) =>
          splitCodes(element.text).includes(category) &&
          [attribute(own, "authority"), undefined].includes(attribute(element, "authority")),
      );
    });
}

function splitCodes(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}
