/**
 * What an upstream answered, in the form that was asked for: wrappers resolved, ads numbered, the tracking of this server added.
 *
 * A VAST where a map was asked for is its break at the start; of a map where a VAST was asked for, the break that fits is answered.
 */
import { attribute, isNamed } from "@interlude/core";
import { adName } from "../../ad-name.ts";
import { cleanText } from "../../clean-text.ts";
import type { Chain, TreeFailure } from "./chain.ts";
import { explainFilmless, selectOffered } from "./film.ts";
import {
  addAdTracking,
  addBreakTracking,
  isOwnBreak,
  listOwnTracking,
  type ReadOwnTracking,
  type TrackingUrl,
} from "./own-tracking.ts";
import { emptyVast, finishVast, type PlacedAd } from "./pod-tree.ts";
import { declarePrefixes } from "./portable-tree.ts";
import type { RelayedAd, RelayedBreak, RelayRequest } from "./relay-answer.ts";
import { readOwnErrors, resolveVastTree, type VastTree } from "./vast-tree.ts";
import { fillSource, type FoundBreak, listBreaks, prefixOf, resolveBreak, wrapInVmap } from "./vmap-tree.ts";
import { elementsOf, mapChildren, type TreeElement } from "./xml-tree.ts";

/** What a tracking URL is for; `ad` and `creative` are empty and `position` is 0 for the break itself. */
export interface TrackedAd {
  readonly upstream: string;
  readonly breakId: string;
  readonly ad: string;
  readonly creative: string;
  readonly position: number;
}

/** For whom, and how, an answer is shaped. */
export interface Shaping {
  readonly request: RelayRequest;
  readonly upstream: string;
  readonly chain: Chain;
  readonly urlsOf: (thing: TrackedAd) => TrackingUrl;
  /** Of an address in the answer. */
  readonly readOwn: ReadOwnTracking;
  /** The zone's order; empty is the usual one. */
  readonly mediaTypes: readonly string[];
}

export interface ShapedAnswer {
  readonly root: TreeElement;
  /** Some ad has a film that can be played. */
  readonly hasAds: boolean;
  readonly breaks: readonly RelayedBreak[];
  readonly failures: readonly TreeFailure[];
  /** Where `hasAds` is false: the ads that `root` has all the same, for players that know more; it is theirs to tell of them. */
  readonly filmless: readonly TreeFailure[];
  /** `<Error>` of a document without ads, for 303: the player's, or of whoever does not hand the document on. */
  readonly ownErrors: readonly string[];
}

/** @throws AdError where the document is neither VAST nor VMAP */
export async function shapeAnswer(document: VastTree, shaping: Shaping): Promise<ShapedAnswer> {
  if (!isNamed(document.root, "VMAP")) return shapeVast(document, shaping);
  const found = listBreaks(document);
  return shaping.request.form === "vast" ? shapeBreak(document, found, shaping) : shapeMap(document, found, shaping);
}

async function shapeVast(document: VastTree, shaping: Shaping): Promise<ShapedAnswer> {
  const { request, upstream, urlsOf } = shaping;
  const resolved = await resolveVastTree(document, shaping.chain);
  const { vast, ads } = finishVast(document.root, resolved.ads);
  const ownErrors = ads.length > 0 ? [] : readOwnErrors(document);
  const common = { failures: resolved.failures, ownErrors };
  if (request.form === "vast") {
    const tracked = trackAds(vast, ads, request.breakId, shaping);
    return { ...common, ...judgeBreaks([tracked]), root: tracked.root };
  }
  const breakId = request.breakId || PRE_ROLL;
  const tracked = trackAds(vast, ads, breakId, shaping);
  const root = mapChildren(wrapInVmap(breakId, tracked.root), (adBreak) =>
    request.relayed ? adBreak : addBreakTracking(adBreak, "vmap:", urlsOf(trackedBreak(upstream, breakId))),
  );
  return { ...common, ...judgeBreaks([tracked]), root };
}

const PRE_ROLL = "preroll";

/** The VAST of one break of a map. */
async function shapeBreak(document: VastTree, found: readonly FoundBreak[], shaping: Shaping): Promise<ShapedAnswer> {
  const { request, chain } = shaping;
  const one = selectBreak(found, request);
  const root = declarePrefixes(document.root);
  const [moved] = listBreaks({ ...document, root }).filter(({ parsed }) => parsed.breakId === one?.parsed.breakId);
  const breaks = [{ breakId: request.breakId, ads: [] }];
  if (!moved) return { root: emptyVast(), hasAds: false, breaks, failures: [], filmless: [], ownErrors: [] };
  const { vast, ads, failures } = await resolveBreak(moved, document.base, chain);
  const tracked = trackAds(vast, ads, request.breakId || moved.parsed.breakId, shaping);
  return { ...judgeBreaks([tracked]), root: tracked.root, failures, ownErrors: [] };
}

async function shapeMap(
  { root, base }: VastTree,
  found: readonly FoundBreak[],
  shaping: Shaping,
): Promise<ShapedAnswer> {
  const { request, chain, upstream, urlsOf, readOwn } = shaping;
  const resolved = await Promise.all(found.map((one) => resolveBreak(one, base, chain)));
  const breaks: Tracked[] = [];
  const byElement = new Map(resolved.map((one) => [one.element, one]));
  const filled = mapChildren(root, (adBreak) => {
    const one = byElement.get(adBreak);
    if (!one) return adBreak;
    const tracked = trackAds(one.vast, one.ads, one.breakId, shaping);
    breaks.push(tracked);
    const place = trackedBreak(upstream, one.breakId);
    const source = fillSource(adBreak, tracked.root);
    if (request.relayed || isOwnBreak(adBreak, readOwn)) return source;
    return addBreakTracking(source, prefixOf(adBreak), urlsOf(place));
  });
  const failures = resolved.flatMap((one) => one.failures);
  return { ...judgeBreaks(breaks), root: filled, failures, ownErrors: [] };
}

function judgeBreaks(breaks: readonly Tracked[]): Pick<ShapedAnswer, "hasAds" | "breaks" | "filmless"> {
  const hasAds = breaks.some(({ offered }) => offered.ads.length > 0);
  const filmless = hasAds ? [] : breaks.flatMap(({ ads }) => ads.map(explainFilmless));
  return { hasAds, breaks: breaks.map(({ offered }) => offered), filmless };
}

function trackedBreak(upstream: string, breakId: string): TrackedAd {
  return { upstream, breakId, ad: "", creative: "", position: 0 };
}

/** The break of that id, else the first of its position; only who names neither gets the first: another break has its own request. */
function selectBreak(found: readonly FoundBreak[], { breakId, breakPosition }: RelayRequest): FoundBreak | undefined {
  if (breakId === "" && breakPosition === undefined) return found[0];
  return (
    found.find(({ parsed }) => parsed.breakId === breakId) ??
    found.find(({ parsed }) => positionOf(parsed.timeOffset) === breakPosition)
  );
}

function positionOf(offset: FoundBreak["parsed"]["timeOffset"]): "pre" | "mid" | "post" {
  if (offset === "end" || (typeof offset === "object" && "share" in offset && offset.share >= 1)) return "post";
  if (offset === "start") return "pre";
  return ("seconds" in offset && offset.seconds === 0) || ("share" in offset && offset.share === 0) ? "pre" : "mid";
}

/** What a tracking URL takes of an id, in UTF-16 units. */
const MAX_ID = 200;

interface Tracked {
  readonly root: TreeElement;
  /** Without our tracking. */
  readonly ads: readonly PlacedAd[];
  readonly offered: RelayedBreak;
}

/**
 * Every ad is tracked, but those of this server's campaign file, which are already, and none for a relay of this server, which does
 * it itself. `offered` has those that a player will come to.
 */
function trackAds(vast: TreeElement, ads: readonly PlacedAd[], breakId: string, shaping: Shaping): Tracked {
  const { request, upstream, urlsOf, readOwn, mediaTypes } = shaping;
  const ours = new Map(ads.map(({ element }) => [element, listOwnTracking(element, readOwn)]));
  const known = new Map(ads.map((ad) => [ad.element, nameAd(ad, request.position)]));
  const root = mapChildren(vast, (element) => {
    const named = known.get(element);
    if (!named || request.relayed || ours.get(element)?.length) return element;
    const { version, adSystem: _system, ...thing } = named;
    return addAdTracking(element, version, urlsOf({ upstream, breakId, ...thing }));
  });
  const offered = selectOffered(ads, mediaTypes).flatMap((ad): readonly RelayedAd[] => {
    const { version: _version, ...thing } = nameAd(ad, request.position);
    const own = ours.get(ad.element) ?? [];
    if (own.length === 0) return [thing];
    return own
      .filter(({ event }) => event === "impression")
      .map(({ event: _event, ...told }) => ({ ...thing, ...told }));
  });
  return { root, ads, offered: { breakId, ads: dropRepeats(offered) } };
}

/** A wrapper of this server that leads to several ads is in each of them, and is one line item that is shown. */
function dropRepeats(offered: readonly RelayedAd[]): readonly RelayedAd[] {
  const keyOf = ({ lineItem, ad, position }: RelayedAd): string => JSON.stringify([lineItem, ad, position]);
  return [...new Map(offered.toReversed().map((one) => [keyOf(one), one])).values()].toReversed();
}

function nameAd({ element, sequence, version }: PlacedAd, position: number): RelayedAd & Pick<PlacedAd, "version"> {
  const creatives = elementsOf(element, "InLine", "Creatives", "Creative");
  const creative = creatives.find((one) => elementsOf(one, "Linear").length > 0);
  const [adSystem] = elementsOf(element, "InLine", "AdSystem");
  const place = position + (sequence ?? 1) - 1;
  return {
    ad: adName(cleanId(attribute(element, "id")), place),
    creative: cleanId(attribute(creative, "id") ?? attribute(creative, "adId")),
    position: place,
    adSystem: adSystem?.text.trim() ?? "",
    version,
  };
}

/** As the receiver takes it: a seal over anything else would be of an address that is refused. */
function cleanId(id = ""): string {
  return cleanText(id.slice(0, MAX_ID));
}
