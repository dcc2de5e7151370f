/**
 * One VMAP whose breaks hold their ads: an AdTagURI is asked, wrappers are resolved, and everything else of a break stays.
 *
 * @see VMAP 1.0.1 §2.3.1 (AdBreak), §2.3.2 (AdSource)
 */
import { type AdBreak, AdError, isNamed, parseVmap, type XmlElement } from "@interlude/core";
import { type Chain, faultOf, fetchFurther, readAnswer, readInner, type TreeFailure } from "./chain.ts";
import { emptyVast, finishVast, type PlacedAd } from "./pod-tree.ts";
import { declarePrefixes } from "./portable-tree.ts";
import { resolveVastTree, type VastTree } from "./vast-tree.ts";
import { createElement, elementsOf, mapChildren, type TreeElement, withNodes } from "./xml-tree.ts";

/** A break with its ads; `vast` holds them, numbered, and is an empty VAST where there are none. */
export interface ResolvedBreak {
  readonly breakId: string;
  /** The break as it came. */
  readonly element: TreeElement;
  readonly parsed: AdBreak;
  readonly vast: TreeElement;
  readonly ads: readonly PlacedAd[];
  readonly failures: readonly TreeFailure[];
}

/** A break of a map with its element; the rest of a very long map is passed on as it came. */
export interface FoundBreak {
  readonly element: TreeElement;
  readonly parsed: AdBreak;
}

const MAX_BREAKS = 60;

/**
 * The linear breaks that this server can fill, in document order; one with CustomAdData is for whoever understands it.
 *
 * @throws AdError `vmap-malformed`
 */
export function listBreaks({ root, base }: VastTree): readonly FoundBreak[] {
  // One by one, because those without a readable offset are left out of the whole.
  const elements = elementsOf(root, "AdBreak").filter(
    (element) => parseVmap({ ...root, children: [element] }, base).breaks.length > 0,
  );
  return parseVmap(root, base)
    .breaks.flatMap((parsed, index) => {
      const element = elements[index];
      const isOurs = parsed.breakTypes.includes("linear") && parsed.source.kind !== "custom";
      return element && isOurs ? [{ element, parsed }] : [];
    })
    .slice(0, MAX_BREAKS);
}

/** Never throws: the reasons are in `failures`. */
export async function resolveBreak(found: FoundBreak, base: URL, chain: Chain): Promise<ResolvedBreak> {
  const { element, parsed } = found;
  const common = { breakId: parsed.breakId, element, parsed };
  try {
    const document = await openSource(found, base, chain);
    if (!document) return { ...common, vast: emptyVast(), ads: [], failures: [noAds(parsed.breakId)] };
    const result = await resolveVastTree(document, chain, parsed.source);
    return { ...common, ...finishVast(document.root, result.ads), failures: result.failures };
  } catch (error) {
    return { ...common, vast: emptyVast(), ads: [], failures: [{ ...faultOf(error), adId: undefined, errorUrls: [] }] };
  }
}

function noAds(breakId: string): TreeFailure {
  const message = `VMAP break ${breakId}: expected ads, got none`;
  return { reason: "no-ads", vastError: 303, message, adId: undefined, errorUrls: [] };
}

/** undefined: the break has nothing to ask. */
async function openSource({ element, parsed }: FoundBreak, base: URL, chain: Chain): Promise<VastTree | undefined> {
  const { source } = parsed;
  if (source.kind === "vast") {
    const { vast } = source;
    const root = typeof vast === "string" ? readInner({ text: vast, url: base }, chain) : findElement(element, vast);
    return root && { root, base };
  }
  if (source.kind !== "tag") return undefined;
  const address = chain.expandAddress(source.url);
  if (!URL.canParse(address)) throw new AdError("url-malformed", "VMAP: expected an http(s) AdTagURI");
  const answer = await fetchFurther(chain, new URL(address));
  const root = readAnswer(answer);
  return root && { root: declarePrefixes(root), base: answer.url };
}

/** The tree of an element that core's parser found in it. */
function findElement(tree: TreeElement, wanted: XmlElement): TreeElement | undefined {
  if (tree === wanted) return tree;
  for (const child of tree.children) {
    const found = findElement(child, wanted);
    if (found) return found;
  }
  return undefined;
}

const SOURCES = ["VASTAdData", "VASTData", "AdTagURI", "CustomAdData"];

/** The break with a VAST as its source; whatever else the source holds stays. */
export function fillSource(adBreak: TreeElement, vast: TreeElement): TreeElement {
  return mapChildren(adBreak, (source) => {
    if (!isNamed(source, "AdSource")) return source;
    const rest = source.nodes.filter((node) => !SOURCES.some((name) => "nodes" in node && isNamed(node, name)));
    return withNodes(source, [...rest, createElement(`${prefixOf(source)}VASTAdData`, {}, vast)]);
  });
}

/** `vmap:` of `vmap:AdBreak`; "" where there is none. */
export function prefixOf({ qualifiedName }: TreeElement): string {
  return qualifiedName.slice(0, qualifiedName.indexOf(":") + 1);
}

const VMAP = { "xmlns:vmap": "http://www.iab.net/videosuite/vmap", version: "1.0" };

/** No breaks. */
export function emptyVmap(): TreeElement {
  return createElement("vmap:VMAP", VMAP);
}

/** A map of one break at the start, for an ad server that was asked for a map and knows none. */
export function wrapInVmap(breakId: string, vast: TreeElement): TreeElement {
  const source = createElement("vmap:AdSource", { id: breakId, allowMultipleAds: "true", followRedirects: "true" });
  const adBreak = createElement("vmap:AdBreak", { timeOffset: "start", breakType: "linear", breakId }, source);
  return createElement("vmap:VMAP", VMAP, fillSource(adBreak, vast));
}
