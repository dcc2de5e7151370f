/**
 * One VAST with its wrappers resolved: every `<Ad>` that is left is in-line and holds what the wrappers on the way add.
 *
 *   wrapper → its answer, in parallel for every ad, under one deadline, one byte budget and one request budget
 *   in-line → the ad, merged with its wrappers
 *   neither → a failure with the VAST error number and the addresses that want to know
 *
 * As core's `resolveVast`, which reads an ad into values; here the document itself is the result.
 *
 * @see VAST 4.3 §2.3.6.3 (numbers), §2.4.2 (pods), §2.4.3 (wrappers), §3.19 (their attributes)
 */
import { AdError, attribute, parseVast, type SkipReason, type WrapperAd } from "@interlude/core";
import { type Chain, type Fault, faultOf, fetchFurther, nameUrl, readAnswer, type TreeFailure } from "./chain.ts";
import { mergeWrappers } from "./merge-tree.ts";
import { arrangeAds, type PlacedAd } from "./pod-tree.ts";
import { declarePrefixes } from "./portable-tree.ts";
import { findBlock, findBlockedCategory, sortBySystem, sortMediaFiles } from "./rules.ts";
import { elementsOf, mapChildren, type TreeElement, weighTree } from "./xml-tree.ts";

const MAX_ADS = 30;

/** A VAST at hand. */
export interface VastTree {
  readonly root: TreeElement;
  readonly base: URL;
}

/** `ads` in the order of the answer. Empty: no fill, or `failures` has the reasons. */
export interface TreeResult {
  readonly ads: readonly PlacedAd[];
  readonly failures: readonly TreeFailure[];
}

/** VMAP's AdSource; both default to true. */
export interface SourceOptions {
  readonly allowMultipleAds?: boolean;
  readonly followRedirects?: boolean;
}

/** A wrapper on the way, ready to be merged. */
interface Passed {
  readonly body: TreeElement;
  readonly parsed: WrapperAd;
}

interface Hop {
  readonly wrappers: readonly Passed[];
  /** Addresses that were asked, without fragments. */
  readonly seen: readonly string[];
  /** Characters of the wrappers. */
  readonly bytes: number;
}

/**
 * @param document whose own `<Error>` is left to the caller where it has no ads
 * @throws AdError where the document is no VAST 2 to 4; what its ads do is a value
 */
export async function resolveVastTree(
  document: VastTree,
  chain: Chain,
  { allowMultipleAds = true, followRedirects = true }: SourceOptions = {},
): Promise<TreeResult> {
  const hop = { wrappers: [], seen: [document.base.href.replace(/#.*/, "")], bytes: 0 };
  return resolveDocument(chain, document, hop, { allowMultipleAds, followRedirects });
}

interface FoundAd {
  readonly element: TreeElement;
  readonly sequence: number | undefined;
  /** undefined: the ad is in-line. */
  readonly wrapper: WrapperAd | undefined;
}

/** What is neither in-line nor wrapper is left out. */
function listAds({ root, base }: VastTree): readonly FoundAd[] {
  return elementsOf(root, "Ad")
    .slice(0, MAX_ADS)
    .flatMap((element): readonly FoundAd[] => {
      const number = Number(attribute(element, "sequence"));
      const sequence = Number.isFinite(number) && number > 0 ? number : undefined;
      if (elementsOf(element, "InLine").length > 0) return [{ element, sequence, wrapper: undefined }];
      const [parsed] = parseVast({ ...root, children: [element] }, base).ads;
      return parsed?.kind === "wrapper" ? [{ element, sequence, wrapper: parsed }] : [];
    });
}

/**
 * The addresses of a document's own `<Error>`.
 *
 * @throws AdError where the root is no VAST 2 to 4
 */
export function readOwnErrors({ root, base }: VastTree): readonly string[] {
  return parseVast({ ...root, children: elementsOf(root, "Error") }, base).errors;
}

const NO_ADS = { reason: "no-ads", vastError: 303, message: "VAST: expected an ad, got none" } as const;

async function resolveDocument(
  chain: Chain,
  document: VastTree,
  hop: Hop,
  { allowMultipleAds, followRedirects }: Required<SourceOptions>,
): Promise<TreeResult> {
  const errors = readOwnErrors(document);
  const found = listAds(document);
  if (found.length === 0) {
    const parent = hop.wrappers.at(-1);
    return failAd(parent?.parsed.ad.id, hop, parent ? errors : [], NO_ADS);
  }
  const chosen = allowMultipleAds ? found : found.toSorted((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0)).slice(0, 1);
  const version = attribute(document.root, "version") ?? "";
  const results = await Promise.all(
    chosen.map(({ element, wrapper }) =>
      wrapper
        ? resolveWrapper(chain, element, wrapper, hop, followRedirects)
        : resolveInLine(chain, element, version, hop),
    ),
  );
  const entries = chosen.map(({ sequence, wrapper }, index) => ({
    sequence,
    takesStandIn: wrapper?.fallbackOnNoAd ?? false,
    ads: results[index]?.ads ?? [],
  }));
  const ads = arrangeAds(entries, (unsorted) => sortBySystem(unsorted, chain.rules));
  return { ads, failures: results.flatMap(({ failures }) => failures) };
}

function failAd(adId: string | undefined, hop: Hop, own: readonly string[], fault: Fault): TreeResult {
  const errorUrls = [...hop.wrappers.flatMap(({ parsed }) => parsed.ad.errors), ...own];
  return { ads: [], failures: [{ ...fault, message: fault.message.slice(0, 500), adId, errorUrls }] };
}

function resolveInLine(chain: Chain, element: TreeElement, version: string, hop: Hop): TreeResult {
  const [inline] = elementsOf(element, "InLine");
  const id = attribute(element, "id");
  const refuse = (reason: SkipReason, vastError: number, what: string): TreeResult => {
    const own = inline ? elementsOf(inline, "Error").map(({ text }) => text.trim()) : [];
    return failAd(id, hop, own, { reason, vastError, message: `VAST ad ${id ?? ""}: ${what}` });
  };
  const bodies = hop.wrappers.map(({ body }) => body);
  if (!inline || !isForPlayers(inline)) return refuse("no-media-file", 201, "expected a linear creative, got none");
  const block = findBlock(inline, chain.rules);
  if (block !== undefined) return refuse("creative-blocked", 403, block);
  const category = findBlockedCategory(inline, bodies);
  if (category !== undefined) return refuse("policy", 205, `a wrapper does not take the category ${category}`);
  chain.mergedBytesLeft -= hop.bytes;
  if (chain.mergedBytesLeft < 0)
    return refuse("wrapper-limit", 302, "its wrappers add too much to the ads of one answer");
  const merged = sortMediaFiles(mergeWrappers(inline, bodies, version), chain.rules);
  const ad = mapChildren(element, (child) => (child === inline ? merged : child));
  return { ads: [{ element: ad, version, sequence: undefined }], failures: [] };
}

/** Linear, or an overlay, which is no business of a break but of the player's. */
function isForPlayers(inline: TreeElement): boolean {
  return ["Linear", "NonLinearAds"].some((name) => elementsOf(inline, "Creatives", "Creative", name).length > 0);
}

async function resolveWrapper(
  chain: Chain,
  element: TreeElement,
  parsed: WrapperAd,
  hop: Hop,
  followRedirects: boolean,
): Promise<TreeResult> {
  const [body = element] = elementsOf(element, "Wrapper");
  const { id } = parsed.ad;
  const next = { ...hop, wrappers: [...hop.wrappers, { body, parsed }], bytes: hop.bytes + weighTree(body) };
  const block = findBlock(body, chain.rules);
  const message = `VAST wrapper ${id ?? ""}: ${block ?? ""}`;
  if (block !== undefined) return failAd(id, next, [], { reason: "creative-blocked", vastError: 403, message });
  try {
    return await follow(chain, parsed, next, followRedirects);
  } catch (error) {
    return failAd(id, next, [], faultOf(error));
  }
}

/** @throws AdError */
async function follow(chain: Chain, wrapper: WrapperAd, hop: Hop, followRedirects: boolean): Promise<TreeResult> {
  const name = `VAST wrapper ${wrapper.ad.id ?? ""}`;
  if (hop.wrappers.length > chain.wrapperLimit || !followRedirects)
    throw new AdError("wrapper-limit", `${name}: one more than may be followed`);
  const address = chain.expandAddress(wrapper.tagUrl);
  if (!URL.canParse(address)) throw new AdError("vast-malformed", `${name}: expected an http(s) VASTAdTagURI`);
  const url = new URL(address);
  url.hash = "";
  if (hop.seen.includes(url.href)) throw new AdError("wrapper-limit", `${name}: it leads back to ${nameUrl(url)}`);
  const answer = await fetchFurther(chain, url);
  const read = readAnswer(answer);
  if (!read) return failAd(wrapper.ad.id, hop, [], NO_ADS);
  const { allowMultipleAds, followAdditionalWrappers } = wrapper;
  const document = { root: declarePrefixes(read), base: answer.url };
  const next = { ...hop, seen: [...hop.seen, url.href] };
  return resolveDocument(chain, document, next, { allowMultipleAds, followRedirects: followAdditionalWrappers });
}
