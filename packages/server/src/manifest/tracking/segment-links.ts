/**
 * The addresses that ad segments have in sstm: on this server, which redirects to the segment and knows by that how far the ad was
 * fetched. Everything that the answer depends on is in the address and signed, so any instance answers, and it leads nowhere
 * else than where it was made to lead.
 *
 * `/auditude/segment/{session}/~{break, base64url}/{ad}/{segment}/{file name}?u={target, base64url}&s={ms}&d={ms}&f={flags}&sig=…`
 *
 * @see primetime.md §2.1
 */
import type { AdSegmentPlace } from "@interlude/core";
import { createBreakCache } from "./break-cache.ts";
import type { BreakDecision } from "../breaks/decision.ts";
import { findAd, type SegmentSpan } from "./schedule.ts";
import type { Signer } from "../signature.ts";

/** What an address says. */
export interface SegmentLink extends SegmentSpan {
  readonly sessionId: string;
  readonly breakId: string;
  /** Place of the segment in the ad. */
  readonly index: number;
  /** The segment itself, absolute. */
  readonly target: string;
  /** simplesstm: the client tells a part. */
  readonly isHybrid: boolean;
}

/** The session that links are made for. */
export interface LinkedSession {
  readonly sessionId: string;
  readonly isHybrid: boolean;
}

/** Both ways of the same addresses. */
export interface SegmentLinks {
  /**
   * Gives the segments of a break their addresses, path-absolute, so that scheme and host follow the playlist's. The same for the
   * same place. undefined where the segment is no http(s) resource or the decision has no such ad.
   */
  readonly open: (session: LinkedSession, decision: BreakDecision) => LinkWriter;
  /** undefined: not an address that was written here. What a player adds to the query is not looked at. */
  readonly read: (address: LinkAddress) => SegmentLink | undefined;
}

/** Answers the same for the same place. */
export type LinkWriter = (place: AdSegmentPlace) => string | undefined;

/** An address as the router took it apart, decoded. */
export interface LinkAddress {
  readonly session: string;
  readonly break: string;
  readonly ad: string;
  readonly index: string;
  readonly query: URLSearchParams;
}

/** By place of the ad, by place of the segment: that segment in each rendition. */
type KnownLinks = { readonly uri: string; readonly link: string }[][][];

const PREFIX = "/auditude/segment";
const MAX_CHARACTERS = 64_000_000;

/** @param options.maxCharacters of all links that are remembered; default 64 million, which are 64 MB */
export function createSegmentLinks(signer: Signer, options: { readonly maxCharacters?: number } = {}): SegmentLinks {
  const cache = createBreakCache<KnownLinks>(options.maxCharacters ?? MAX_CHARACTERS);
  return {
    open: ({ sessionId, isHybrid }, decision) => {
      const { breakId } = decision;
      const entry = cache.open(`${sessionId}${isHybrid ? "+" : ""}`, breakId, () => []);
      return (place) => {
        const { adId, adIndex, index, uri } = place;
        const renditions = ((entry.value[adIndex] ??= [])[index] ??= []);
        for (const known of renditions) if (known.uri === uri) return known.link;
        const found = findAd(decision, adId, adIndex);
        if (found < 0 || !/^https?:/i.test(uri)) return undefined;
        const link = formatLink({ ...toSpan(place, found), sessionId, breakId, index, target: uri, isHybrid }, signer);
        renditions.push({ uri, link });
        entry.grow(link.length);
        return link;
      };
    },
    read: (address) => readLink(address, signer),
  };
}

function toSpan({ startTime, duration, index, count, isFirstOfBreak, isLastOfBreak }: AdSegmentPlace, adIndex: number) {
  return { adIndex, startTime, duration, isLastOfAd: index === count - 1, isFirstOfBreak, isLastOfBreak };
}

const FLAGS = [
  ["a", "isLastOfAd"],
  ["b", "isFirstOfBreak"],
  ["e", "isLastOfBreak"],
  ["h", "isHybrid"],
] as const;

interface LinkParts {
  readonly session: string;
  readonly break: string;
  readonly ad: string;
  readonly index: string;
  readonly u: string;
  readonly s: string;
  readonly d: string;
  readonly f: string;
}

function formatLink(link: SegmentLink, signer: Signer): string {
  const parts: LinkParts = {
    session: link.sessionId,
    break: `~${Buffer.from(link.breakId).toString("base64url")}`,
    ad: String(link.adIndex),
    index: String(link.index),
    u: Buffer.from(link.target).toString("base64url"),
    s: String(Math.round(link.startTime * 1000)),
    d: String(Math.round(link.duration * 1000)),
    f: FLAGS.flatMap(([flag, name]) => (link[name] ? [flag] : [])).join(""),
  };
  const path = `${PREFIX}/${encodeURIComponent(parts.session)}/${parts.break}/${parts.ad}/${parts.index}`;
  const query = `u=${parts.u}&s=${parts.s}&d=${parts.d}&f=${parts.f}&sig=${signer.sign(signedText(parts))}`;
  return `${path}/${fileName(link.target)}?${query}`;
}

function signedText({ session, break: breakPart, ad, index, u, s, d, f }: LinkParts): string {
  return JSON.stringify([session, breakPart, ad, index, u, s, d, f]);
}

/** Some players go by the ending of a segment's name. */
function fileName(target: string): string {
  const name = /([\w.-]{1,80})$/.exec(target.split(/[?#]/, 1)[0] ?? "")?.[1] ?? "";
  return /^[\w-]/.test(name) ? name : "segment";
}

function readLink({ query, ...path }: LinkAddress, signer: Signer): SegmentLink | undefined {
  const of = (name: string): string => query.get(name) ?? "";
  const parts = { ...path, u: of("u"), s: of("s"), d: of("d"), f: of("f") };
  if (!signer.isSigned(signedText(parts), of("sig"))) return undefined;
  const has = (flag: string): boolean => parts.f.includes(flag);
  return {
    sessionId: path.session,
    breakId: Buffer.from(path.break.slice(1), "base64url").toString(),
    adIndex: Number(path.ad),
    index: Number(path.index),
    target: Buffer.from(parts.u, "base64url").toString(),
    startTime: Number(parts.s) / 1000,
    duration: Number(parts.d) / 1000,
    isLastOfAd: has("a"),
    isFirstOfBreak: has("b"),
    isLastOfBreak: has("e"),
    isHybrid: has("h"),
  };
}
