/**
 * One ad request: a VAST address, or a VAST that came with a VMAP, to the ads that can be played.
 *
 *   wrapper → its answer, in parallel for every ad, under one deadline, one byte budget and one request budget
 *   in-line → the ad, with what the wrappers on the way add
 *   neither → a failure with the VAST error number and the URLs that want to know
 *
 * What an ad server does never throws: one ad failing costs no other.
 *
 * @see VAST 4.3 §2.3.6.3 (numbers), §2.4.3 (wrappers), §3.19 (their attributes)
 */
import { AdError, type AdErrorCode, VAST_ERROR_OF_CODE } from "../error.ts";
import type { FetchText } from "../ports.ts";
import type { SkipReason } from "../skip-reason.ts";
import type { Ad } from "./ad.ts";
import { expandMacros, type MacroValues } from "./macros.ts";
import { mergeWrappers } from "./merge.ts";
import { buildPod } from "./pod.ts";
import { type InLineAd, parseVast, type VastDocument, type WrapperAd } from "./vast.ts";
import { MAX_XML_BYTES, readXml, type XmlElement, type XmlReader } from "./xml.ts";

/** What an ad request asks of its platform. */
export interface AdRequestPorts {
  readonly fetchText: FetchText;
  readonly readXml: XmlReader;
  /** Milliseconds of a clock that never goes back; default `performance.now`. */
  readonly now?: () => number;
}

/** Limits in milliseconds, bytes and counts; each keeps one answer from costing more than it may. */
export interface AdRequestOptions {
  /** The whole chain, all wrappers included. */
  readonly timeoutMs: number;
  /** Wrappers within each other; default 5. */
  readonly wrapperLimit?: number;
  /** Of one document; default 2 MB. */
  readonly maxBytes?: number;
  /** Of all documents; default 5 MB. */
  readonly maxTotalBytes?: number;
  /** Of the whole tree of wrappers; default 30. */
  readonly maxRequests?: number;
  /** Of one document, the rest is not looked at; default 30. */
  readonly maxAds?: number;
  /** VMAP's AdSource: false takes one ad of the answer; default true. */
  readonly allowMultipleAds?: boolean;
  /** VMAP's AdSource: false follows no wrapper; default true. */
  readonly followRedirects?: boolean;
  /** For the macros in wrapper addresses. */
  readonly macros?: MacroValues;
  /** Fills the macros in wrapper addresses in another way; the time that it takes counts against `timeoutMs`. */
  readonly expandAddress?: (template: string) => string | Promise<string>;
}

/**
 * `ads` with wrappers replaced by what they led to, for {@link buildPod}: those with a place in the pod, then the others; of
 * each kind in document order.
 */
export interface VastResult {
  readonly ads: readonly Ad[];
  readonly failures: readonly AdFailure[];
}

/** One ad, or a whole answer, that gave nothing. */
export interface AdFailure {
  readonly reason: SkipReason;
  readonly message: string;
  /** To be requested with `vastError` for [ERRORCODE], outermost wrapper first; empty where nobody asked. */
  readonly errorUrls: readonly string[];
  readonly vastError: number;
  /** Of the ad, or of the innermost wrapper, empty where that has none; undefined for the request itself. */
  readonly adId: string | undefined;
}

/**
 * Asks an ad server. An answer without ads (empty VAST, empty body, 204) is a failure `no-ads` with the URLs that want to know.
 *
 * @param url macros already expanded
 */
export function resolveVast(url: URL, ports: AdRequestPorts, options: AdRequestOptions): Promise<VastResult> {
  const chain = startChain(ports, options);
  return resolveAnswer(chain, { wrappers: [], urls: [] }, (hop) => fetchVast(chain, hop, url));
}

/**
 * The same for a VAST at hand: the text or element of VMAP's VASTAdData, or one given by the page.
 *
 * @param base its address, for relative URLs
 */
export function resolveVastText(
  vast: XmlElement | string,
  base: URL,
  ports: AdRequestPorts,
  options: AdRequestOptions,
): Promise<VastResult> {
  const chain = startChain(ports, options);
  return resolveAnswer(chain, { wrappers: [], urls: [] }, (hop) =>
    Promise.resolve(parseAnswer(chain, hop, vast, base)),
  );
}

/** What all requests of a tree of wrappers share. */
interface Chain {
  readonly ports: AdRequestPorts;
  readonly options: Required<Omit<AdRequestOptions, "timeoutMs" | "macros">>;
  readonly now: () => number;
  readonly deadline: number;
  bytesLeft: number;
  requestsLeft: number;
}

/** The way to a document: its wrappers, outermost first, and the addresses that were asked. */
interface Hop {
  readonly wrappers: readonly WrapperAd[];
  readonly urls: readonly string[];
}

interface Answer {
  readonly document: VastDocument;
  readonly hop: Hop;
}

function startChain(ports: AdRequestPorts, { timeoutMs, macros = {}, ...given }: AdRequestOptions): Chain {
  const options = {
    wrapperLimit: 5,
    maxBytes: MAX_XML_BYTES,
    maxTotalBytes: 5_000_000,
    maxRequests: 30,
    maxAds: 30,
    allowMultipleAds: true,
    followRedirects: true,
    expandAddress: (template: string) => expandMacros(template, macros),
    ...given,
  };
  const now = ports.now ?? (() => performance.now());
  const { maxTotalBytes: bytesLeft, maxRequests: requestsLeft } = options;
  return { ports, options, now, deadline: now() + timeoutMs, bytesLeft, requestsLeft };
}

async function fetchVast(chain: Chain, hop: Hop, url: URL): Promise<Answer> {
  const { href } = url;
  const address = href.replace(/#.*/, "");
  if (hop.urls.includes(address)) throw new AdError("wrapper-limit", `VAST at ${href}: a wrapper leads back to it`);
  if (chain.requestsLeft-- <= 0) throw new AdError("wrapper-limit", `VAST at ${href}: too many requests in one chain`);
  const timeoutMs = chain.deadline - chain.now();
  if (timeoutMs <= 0) throw new AdError("upstream-timeout", `VAST at ${href}: the time of the whole chain is used up`);
  const maxBytes = Math.min(chain.options.maxBytes, chain.bytesLeft);
  if (maxBytes <= 0)
    throw new AdError("response-too-large", `VAST at ${href}: the bytes of the whole chain are used up`);
  const response = await chain.ports.fetchText(url, { timeoutMs, maxBytes });
  if (response.status < 200 || response.status > 299)
    throw new AdError("upstream-status", `VAST at ${href}: expected status 200, got ${response.status}`);
  return parseAnswer(chain, { ...hop, urls: [...hop.urls, address] }, response.text, response.url);
}

function parseAnswer(chain: Chain, hop: Hop, vast: XmlElement | string, base: URL): Answer {
  if (typeof vast !== "string") return { document: parseVast(vast, base), hop };
  const maxBytes = Math.min(chain.options.maxBytes, chain.bytesLeft);
  chain.bytesLeft -= vast.length;
  if (vast.trim() === "") return { document: { version: "", errors: [], ads: [] }, hop };
  return { document: parseVast(readXml(vast, chain.ports.readXml, { maxBytes }), base), hop };
}

async function resolveAnswer(chain: Chain, hop: Hop, load: (hop: Hop) => Promise<Answer>): Promise<VastResult> {
  try {
    const answer = await load(hop);
    if (answer.document.ads.length > 0) return await resolveDocument(chain, answer);
    const message = "VAST: expected an ad, got none";
    return fail(hop, { reason: "no-ads", vastError: 303, message }, answer.document.errors);
  } catch (error) {
    const code = error instanceof AdError ? error.code : "vast-malformed";
    const reason = REASON_OF_CODE[code] ?? "vast-malformed";
    return fail(hop, { reason, vastError: VAST_ERROR_OF_CODE[code], message: String(error) });
  }
}

/** Codes that are not here: the document could not be read. */
const REASON_OF_CODE: { readonly [Code in AdErrorCode]?: SkipReason } = {
  "wrapper-limit": "wrapper-limit",
  "upstream-status": "ads-timeout",
  "upstream-timeout": "ads-timeout",
  "upstream-unreachable": "ads-timeout",
  "address-refused": "ads-timeout",
};

type Fault = Pick<AdFailure, "reason" | "vastError" | "message">;

function fail(hop: Hop, fault: Fault, errors: readonly string[] = []): VastResult {
  const errorUrls = [...hop.wrappers.flatMap((wrapper) => wrapper.ad.errors), ...errors];
  const message = fault.message.slice(0, 500);
  const last = hop.wrappers.at(-1);
  return { ads: [], failures: [{ ...fault, message, errorUrls, adId: last && (last.ad.id ?? "") }] };
}

async function resolveDocument(chain: Chain, { document, hop }: Answer): Promise<VastResult> {
  const parent = hop.wrappers.at(-1);
  const allowMultipleAds = chain.options.allowMultipleAds && (parent?.allowMultipleAds ?? true);
  const ads = selectAds(document.ads.slice(0, chain.options.maxAds), allowMultipleAds);
  const results = await Promise.all(
    ads.map((found) => (found.kind === "inline" ? resolveInLine(found, hop) : resolveWrapper(chain, found, hop))),
  );
  return { ads: arrange(ads, results), failures: results.flatMap((result) => result.failures) };
}

/** Gives every ad its place: what a wrapper of a pod led to stands where the wrapper stood; a stand-alone ad has no place. */
function arrange(ads: readonly (InLineAd | WrapperAd)[], results: readonly VastResult[]): readonly Ad[] {
  const found = ads.map((entry, i) => ({ entry, ads: results[i]?.ads ?? [], sequence: entry.ad.sequence }));
  if (found.every(({ sequence }) => sequence === undefined)) {
    const first = found.find((one) => one.ads.length > 0);
    return found.flatMap((one) => (one === first ? one.ads : withSequence(one.ads, undefined)));
  }
  const alone = found.flatMap((one) => (one.sequence === undefined ? one.ads : []));
  const placed = found.flatMap(({ entry, ads, sequence }) => {
    if (sequence === undefined) return [];
    const inner = buildPod(ads);
    alone.push(...inner.standIns);
    const isLost = inner.pod.length === 0 && entry.kind === "wrapper" && entry.fallbackOnNoAd;
    return withSequence(isLost ? alone.splice(0, 1) : inner.pod, sequence);
  });
  return [...placed, ...withSequence(alone, undefined)];
}

function withSequence(ads: readonly Ad[], sequence: number | undefined): readonly Ad[] {
  return ads.map((ad) => ({ ...ad, sequence }));
}

/** Where one ad is allowed, that is the first stand-alone one; the first of the pod where there is none. */
function selectAds<T extends InLineAd | WrapperAd>(ads: readonly T[], allowMultipleAds: boolean): readonly T[] {
  if (allowMultipleAds) return ads;
  return ads.toSorted((a, b) => (a.ad.sequence ?? 0) - (b.ad.sequence ?? 0)).slice(0, 1);
}

function resolveInLine({ ad }: InLineAd, hop: Hop): VastResult {
  const wrappers = hop.wrappers.map((wrapper) => wrapper.ad);
  if (ad.creatives.length > 0) return { ads: [mergeWrappers(ad, wrappers)], failures: [] };
  const message = `VAST ad ${ad.id ?? ""}: expected a linear creative, got none`;
  const { failures } = fail(hop, { reason: "no-media-file", vastError: 201, message }, ad.errors);
  return { ads: [], failures: failures.map((failure) => ({ ...failure, adId: ad.id ?? "" })) };
}

function resolveWrapper(chain: Chain, wrapper: WrapperAd, hop: Hop): Promise<VastResult> {
  const { wrapperLimit, followRedirects, expandAddress } = chain.options;
  const parent = hop.wrappers.at(-1);
  const next = { ...hop, wrappers: [...hop.wrappers, wrapper] };
  return resolveAnswer(chain, next, async () => {
    if (next.wrappers.length > wrapperLimit || !(parent ? parent.followAdditionalWrappers : followRedirects))
      throw new AdError("wrapper-limit", `VAST wrapper ${wrapper.ad.id ?? ""}: one more than may be followed`);
    const url = await expandAddress(wrapper.tagUrl);
    if (!URL.canParse(url))
      throw new AdError("vast-malformed", `VAST wrapper ${wrapper.ad.id ?? ""}: expected an http(s) VASTAdTagURI`);
    return fetchVast(chain, next, new URL(url));
  });
}
