/**
 * What leads from a tag to its ads: the documents on the way, under one deadline and the budgets that they share, and what is wrong
 * with those that do not come.
 *
 * @see VAST 4.3 §2.3.6.3 (numbers)
 */
import { AdError, type AdErrorCode, type SkipReason, VAST_ERROR_OF_CODE } from "@interlude/core";
import { declareForgotten, resolveAddresses } from "./portable-tree.ts";
import { readTree } from "./read-tree.ts";
import type { RelayRules } from "./relay-zone.ts";
import { findBlockedHost } from "./rules.ts";
import type { TreeElement } from "./xml-tree.ts";

/** A text that an ad server answered, and the address after redirects; an empty one is no ad. */
export interface FetchedText {
  readonly text: string;
  readonly url: URL;
}

export interface FetchBounds {
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Told of the bytes as they come; throws where others have used up what there is for all. */
  readonly spend: (bytes: number) => void;
  /** Told of each address before it is asked, of redirects too; throws where it must not be. */
  readonly admit: (url: URL) => void;
}

/** What all documents of one answer share; the budgets are counted down. */
export interface Chain {
  /** @throws AdError where nothing usable came; any status but 2xx is one */
  readonly fetchText: (url: URL, bounds: FetchBounds) => Promise<FetchedText>;
  /** Milliseconds of a clock that never goes back. */
  readonly clock: () => number;
  readonly deadline: number;
  /** Macros of an address; may be called often for one. */
  readonly expandAddress: (template: string) => string;
  readonly wrapperLimit: number;
  readonly rules: RelayRules;
  bytesLeft: number;
  requestsLeft: number;
  /** Bytes of wrappers that may yet be merged into ads: a wrapper of a pod comes into each of its ads. */
  mergedBytesLeft: number;
}

/** What one chain may cost. */
export const CHAIN_BUDGET = { bytesLeft: 5_000_000, requestsLeft: 100, mergedBytesLeft: 5_000_000 } as const;

/** Of one document. */
const MAX_BYTES = 2_000_000;

/**
 * Reads an answer: addresses in it are absolute afterwards. undefined: an empty body, which says that there is no ad.
 *
 * @throws AdError `xml-malformed`, `response-too-large`
 */
export function readAnswer({ text, url }: FetchedText): TreeElement | undefined {
  if (text.trim() === "") return undefined;
  return resolveAddresses(declareForgotten(readTree(text, MAX_BYTES)), url);
}

/**
 * A document that stands in another as text.
 *
 * @throws AdError as {@link readAnswer}
 */
export function readInner(inner: FetchedText, chain: Chain): TreeElement | undefined {
  spendBytes(chain, inner.url, inner.text.length);
  return readAnswer(inner);
}

function spendBytes(chain: Chain, url: URL, bytes: number): void {
  chain.bytesLeft -= bytes;
  if (chain.bytesLeft < 0)
    throw new AdError("response-too-large", `${nameUrl(url)}: the bytes of the whole answer are used up`);
}

/** @throws AdError; the time, bytes and requests of the chain are checked */
export async function fetchAnswer(
  chain: Chain,
  url: URL,
  fetchText: Chain["fetchText"] = chain.fetchText,
  admit: FetchBounds["admit"] = () => undefined,
): Promise<FetchedText> {
  if (chain.requestsLeft-- <= 0) throw new AdError("wrapper-limit", `${nameUrl(url)}: too many requests in one answer`);
  const timeoutMs = chain.deadline - chain.clock();
  if (timeoutMs <= 0) throw new AdError("upstream-timeout", `${nameUrl(url)}: the time of the whole answer is used up`);
  let spent = 0;
  const spend = (bytes: number): void => {
    spent += bytes;
    spendBytes(chain, url, bytes);
  };
  try {
    return await fetchText(url, { timeoutMs, maxBytes: MAX_BYTES, spend, admit });
  } catch (error) {
    // Nothing of it is kept: others may have the room.
    chain.bytesLeft += spent;
    throw error;
  }
}

/**
 * What an ad, a wrapper or a map leads to.
 *
 * @throws AdError as {@link fetchAnswer}, HostBlocked where a rule of the zone keeps it, or where it is sent on to, from being asked
 */
export async function fetchFurther(chain: Chain, url: URL): Promise<FetchedText> {
  return fetchAnswer(chain, url, chain.fetchText, (hop) => refuseBlocked(chain, hop));
}

function refuseBlocked({ rules }: Chain, url: URL): void {
  const reason = findBlockedHost(url.href, rules.block);
  if (reason !== undefined) throw new HostBlocked(`${nameUrl(url)}: ${reason}`);
}

class HostBlocked extends Error {}

/** What is wrong. */
export type Fault = Pick<TreeFailure, "reason" | "vastError" | "message">;

export interface TreeFailure {
  readonly reason: SkipReason;
  readonly vastError: number;
  readonly message: string;
  readonly adId: string | undefined;
  /** To be told with `vastError` by whoever resolves wrappers: no player sees them. Outermost first. */
  readonly errorUrls: readonly string[];
}

/** Codes that are not here: the document could not be read. */
const REASON_OF_CODE: { readonly [Code in AdErrorCode]?: SkipReason } = {
  "wrapper-limit": "wrapper-limit",
  "upstream-status": "ads-timeout",
  "upstream-timeout": "ads-timeout",
  "upstream-unreachable": "ads-timeout",
  "address-refused": "ads-timeout",
};

/** An error as the reason why there are no ads. */
export function faultOf(error: unknown): Fault {
  if (error instanceof HostBlocked)
    return { reason: "creative-blocked", vastError: 403, message: error.message.slice(0, 500) };
  const code = error instanceof AdError ? error.code : "vast-malformed";
  const reason = REASON_OF_CODE[code] ?? "vast-malformed";
  return { reason, vastError: VAST_ERROR_OF_CODE[code], message: String(error).slice(0, 500) };
}

/** For messages: without the query, which holds what a viewer is known by. */
export function nameUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname.slice(0, 200)}`;
}
