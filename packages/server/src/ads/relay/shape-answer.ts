/**
 * What an upstream answered, in the form that was asked for: wrappers resolved, ads numbered, the tracking of this server added.
 *
 * A VAST where a map was asked for is its break at the start; of a map where a VAST was asked for, the break that fits is answered.
 */
import { attribute, isNamed } from "@interlude/core";
import { addAdTracking, addBreakTracking } from "./own-tracking.ts";
import { emptyVast, finishVast, type PlacedAd } from "./pod-tree.ts";
import { declarePrefixes } from "./portable-tree.ts";
import type { RelayedAd, RelayedBreak, RelayRequest } from "./relay-answer.ts";
import { type Chain, readOwnErrors, resolveVastTree, type TreeFailure, type VastTree } from "./vast-tree.ts";
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

type UrlOf = (event: string, thing: TrackedAd) => string;

export interface ShapedAnswer {
  readonly root: TreeElement;
  readonly hasAds: boolean;
  readonly breaks: readonly RelayedBreak[];
  readonly failures: readonly TreeFailure[];
  /** `<Error>` of a document without ads, for 303: the player's, or of whoever does not hand the document on. */
  readonly ownErrors: readonly string[];
}

/** @throws AdError where the document is neither VAST nor VMAP */
export async function shapeAnswer(
  document: VastTree,
  request: RelayRequest,
  upstream: string,
  chain: Chain,
  urlOf: UrlOf,
): Promise<ShapedAnswer> {
  const track = (breakId: string, vast: TreeElement, ads: readonly PlacedAd[]): Tracked =>
    trackAds(vast, ads, request.position, { upstream, breakId }, urlOf);
  if (!isNamed(document.root, "VMAP")) return shapeVast(document, request, upstream, chain, urlOf, track);
  const found = listBreaks(document);
  if (request.form === "vast") {
    const one = selectBreak(found, request);
    const root = declarePrefixes(document.root);
    const [moved] = listBreaks({ ...document, root }).filter(({ parsed }) => parsed.breakId === one?.parsed.breakId);
    if (!moved)
      return { root: emptyVast(), hasAds: false, breaks: [noFill(request.breakId)], failures: [], ownErrors: [] };
    const { vast, ads, failures } = await resolveBreak(moved, document.base, chain);
    const tracked = track(request.breakId || moved.parsed.breakId, vast, ads);
    return { ...tracked, hasAds: ads.length > 0, breaks: [tracked.offered], failures, ownErrors: [] };
  }
  return shapeMap(document, found, upstream, chain, urlOf, track);
}

interface Tracked {
  readonly root: TreeElement;
  readonly offered: RelayedBreak;
}

type Track = (breakId: string, vast: TreeElement, ads: readonly PlacedAd[]) => Tracked;

async function shapeVast(
  document: VastTree,
  request: RelayRequest,
  upstream: string,
  chain: Chain,
  urlOf: UrlOf,
  track: Track,
): Promise<ShapedAnswer> {
  const resolved = await resolveVastTree(document, chain);
  const { vast, ads } = finishVast(document.root, resolved.ads);
  const hasAds = ads.length > 0;
  const ownErrors = hasAds ? [] : readOwnErrors(document);
  const common = { hasAds, failures: resolved.failures, ownErrors };
  if (request.form === "vast") {
    const { root, offered } = track(request.breakId, vast, ads);
    return { ...common, root, breaks: [offered] };
  }
  const breakId = request.breakId || PRE_ROLL;
  const { root, offered } = track(breakId, vast, ads);
  const map = mapChildren(wrapInVmap(breakId, root), (adBreak) =>
    addBreakTracking(adBreak, "vmap:", (event) => urlOf(event, trackedBreak(upstream, breakId))),
  );
  return { ...common, root: map, breaks: [offered] };
}

const PRE_ROLL = "preroll";

async function shapeMap(
  { root, base }: VastTree,
  found: readonly FoundBreak[],
  upstream: string,
  chain: Chain,
  urlOf: UrlOf,
  track: Track,
): Promise<ShapedAnswer> {
  const resolved = await Promise.all(found.map((one) => resolveBreak(one, base, chain)));
  const breaks: RelayedBreak[] = [];
  const byElement = new Map(resolved.map((one) => [one.element, one]));
  const filled = mapChildren(root, (adBreak) => {
    const one = byElement.get(adBreak);
    if (!one) return adBreak;
    const { root: vast, offered } = track(one.breakId, one.vast, one.ads);
    breaks.push(offered);
    const place = trackedBreak(upstream, one.breakId);
    return addBreakTracking(fillSource(adBreak, vast), prefixOf(adBreak), (event) => urlOf(event, place));
  });
  const failures = resolved.flatMap((one) => one.failures);
  return { root: filled, hasAds: resolved.some(({ ads }) => ads.length > 0), breaks, failures, ownErrors: [] };
}

function trackedBreak(upstream: string, breakId: string): TrackedAd {
  return { upstream, breakId, ad: "", creative: "", position: 0 };
}

function noFill(breakId: string): RelayedBreak {
  return { breakId, ads: [] };
}

/** The break of that id, else the first of its position, else the first. */
function selectBreak(found: readonly FoundBreak[], request: RelayRequest): FoundBreak | undefined {
  return (
    found.find(({ parsed }) => parsed.breakId === request.breakId) ??
    found.find(({ parsed }) => positionOf(parsed.timeOffset) === request.breakPosition) ??
    found[0]
  );
}

function positionOf(offset: FoundBreak["parsed"]["timeOffset"]): "pre" | "mid" | "post" {
  if (offset === "end" || (typeof offset === "object" && "share" in offset && offset.share >= 1)) return "post";
  if (offset === "start") return "pre";
  return ("seconds" in offset && offset.seconds === 0) || ("share" in offset && offset.share === 0) ? "pre" : "mid";
}

/** What a tracking URL takes of an id. */
const MAX_ID = 200;

function trackAds(
  vast: TreeElement,
  ads: readonly PlacedAd[],
  position: number,
  of: Pick<TrackedAd, "upstream" | "breakId">,
  urlOf: UrlOf,
): Tracked {
  const places = new Map(
    ads.map(({ element, sequence, version }) => [element, { place: position + (sequence ?? 1) - 1, version }]),
  );
  const offered: RelayedAd[] = [];
  const root = mapChildren(vast, (element) => {
    const found = places.get(element);
    if (!found) return element;
    const creatives = elementsOf(element, "InLine", "Creatives", "Creative");
    const creative = creatives.find((one) => elementsOf(one, "Linear").length > 0);
    const [adSystem] = elementsOf(element, "InLine", "AdSystem");
    const thing = {
      ad: (attribute(element, "id") ?? "").slice(0, MAX_ID),
      creative: (attribute(creative, "id") ?? attribute(creative, "adId") ?? "").slice(0, MAX_ID),
      position: found.place,
    };
    offered.push({ ...thing, adSystem: adSystem?.text.trim() ?? "" });
    return addAdTracking(element, found.version, (event) => urlOf(event, { ...of, ...thing }));
  });
  return { root, offered: { breakId: of.breakId, ads: offered } };
}
