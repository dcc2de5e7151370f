/**
 * What the wrappers on the way add to an ad, put into its InLine; as core's `mergeWrappers` does it, and with all that core does not
 * read: extensions, verifications, viewable impressions, elements that nobody here knows.
 *
 * @see VAST 4.3 §2.4.3.4 (trackers of wrappers), §3.11.1 (icons), §3.19 (what a wrapper may hold); primetime.md §4.11 (companions)
 */
import { attribute } from "@interlude/core";
import { fillContainer, insertChildren } from "./vast-order.ts";
import { createElement, elementsOf, mapChildren, mapNamed, type TreeElement, withNodes } from "./xml-tree.ts";

/** What a wrapper says of itself, and what is merged by its own rule; anything else in one is handed on. */
const KNOWN: ReadonlySet<string> = new Set(
  "adsystem adtitle vastadtaguri pricing blockedadcategories impression error extensions adverifications viewableimpression creatives".split(
    " ",
  ),
);

/** Elements that hold a list, to which every wrapper adds its items. */
const CONTAINERS = ["Extensions", "AdVerifications", "ViewableImpression"];

/**
 * @param wrappers the `<Wrapper>` elements, outermost first
 * @param version of the document that the InLine is from, whose order of elements it keeps
 */
export function mergeWrappers(inline: TreeElement, wrappers: readonly TreeElement[], version: string): TreeElement {
  if (wrappers.length === 0) return inline;
  const all = (...path: readonly string[]): readonly TreeElement[] =>
    wrappers.flatMap((wrapper) => elementsOf(wrapper, ...path));
  let merged = inline;
  for (const name of ["Error", "Impression"]) merged = insertChildren(merged, all(name), version);
  for (const name of CONTAINERS) {
    const items = all(name).flatMap(({ children }) => children);
    merged = fillContainer(merged, createElement(name, {}), items, version);
  }
  const companions = mergeCompanions(merged, all("Creatives", "Creative", "CompanionAds"), version);
  const creatives = mapCreative(companions, (creative) => mergeCreative(creative, all, version));
  const unknown = wrappers.flatMap(({ children }) => children.filter(({ name }) => !KNOWN.has(name.toLowerCase())));
  return withNodes(creatives, [...creatives.nodes, ...unknown]);
}

function mapCreative(inline: TreeElement, change: (creative: TreeElement) => TreeElement): TreeElement {
  return mapNamed(inline, "Creatives", (creatives) => mapNamed(creatives, "Creative", change));
}

function mergeCreative(
  creative: TreeElement,
  all: (...path: readonly string[]) => readonly TreeElement[],
  version: string,
): TreeElement {
  const linears = all("Creatives", "Creative", "Linear");
  const overlays = all("Creatives", "Creative", "NonLinearAds");
  const merged = mapNamed(
    mapNamed(creative, "Linear", (linear) => mergeLinear(linear, linears, version)),
    "NonLinearAds",
    (own) => addTrackers(own, overlays, version),
  );
  if (elementsOf(creative, "Linear").length === 0) return merged;
  const extensions = all("Creatives", "Creative", "CreativeExtensions").flatMap(({ children }) => children);
  return fillContainer(merged, createElement("CreativeExtensions", {}), extensions, version);
}

/** @param added whose `TrackingEvents` join the element's own */
function addTrackers(element: TreeElement, added: readonly TreeElement[], version: string): TreeElement {
  const trackings = added.flatMap((one) => elementsOf(one, "TrackingEvents").flatMap(({ children }) => children));
  return fillContainer(element, createElement("TrackingEvents", {}), trackings, version);
}

/** Of a wrapper's linear what is not here (a `ClickThrough`, which it may not have) is left out. */
function mergeLinear(linear: TreeElement, wrapped: readonly TreeElement[], version: string): TreeElement {
  const all = (...path: readonly string[]): readonly TreeElement[] =>
    wrapped.flatMap((one) => elementsOf(one, ...path));
  let merged = addTrackers(linear, wrapped, version);
  for (const name of ["CustomClick", "ClickTracking"]) merged = addClicks(merged, all("VideoClicks", name), version);
  const interactive = all("InteractiveCreativeFile");
  merged = fillContainer(merged, createElement("MediaFiles", {}), interactive, version);
  const icons = selectIcons(elementsOf(merged, "Icons", "Icon"), wrapped);
  if (icons.length === 0) return merged;
  const [own] = elementsOf(merged, "Icons");
  if (!own) return insertChildren(merged, [createElement("Icons", {}, ...icons)], version);
  return mapChildren(merged, (child) => (child === own ? withNodes(own, [...own.nodes, ...icons]) : child));
}

function addClicks(linear: TreeElement, clicks: readonly TreeElement[], version: string): TreeElement {
  if (clicks.length === 0) return linear;
  const [own] = elementsOf(linear, "VideoClicks");
  if (!own) return insertChildren(linear, [createElement("VideoClicks", {}, ...clicks)], version);
  return mapChildren(linear, (child) => (child === own ? insertChildren(own, clicks, version) : child));
}

/** The icons that wrappers add, nearest first: of one program there is one. */
function selectIcons(own: readonly TreeElement[], wrapped: readonly TreeElement[]): readonly TreeElement[] {
  const programs = new Set(own.map((icon) => attribute(icon, "program")));
  return wrapped.toReversed().flatMap((linear) => {
    const added = elementsOf(linear, "Icons", "Icon").filter((icon) => {
      const program = attribute(icon, "program");
      return program === undefined || !programs.has(program);
    });
    for (const icon of added) programs.add(attribute(icon, "program"));
    return added;
  });
}

const RESOURCES: ReadonlySet<string> = new Set(["staticresource", "iframeresource", "htmlresource"]);

function hasResource(companion: TreeElement): boolean {
  return companion.children.some(({ name, text }) => RESOURCES.has(name.toLowerCase()) && text.trim() !== "");
}

function isSameSize(a: TreeElement, b: TreeElement): boolean {
  return ["width", "height"].every((name) => attribute(a, name) === attribute(b, name));
}

function mergeCompanions(inline: TreeElement, added: readonly TreeElement[], version: string): TreeElement {
  const own = elementsOf(inline, "Creatives", "Creative", "CompanionAds", "Companion");
  const tracking = added.flatMap((ads) => elementsOf(ads, "Companion").filter((one) => !hasResource(one)));
  const track = (companion: TreeElement): TreeElement => {
    const joining = tracking.filter((one) => attribute(one, "width") === undefined || isSameSize(companion, one));
    const clicks = joining.flatMap((one) => elementsOf(one, "CompanionClickTracking"));
    return insertChildren(addTrackers(companion, joining, version), clicks, version);
  };
  const tracked = mapCreative(inline, (creative) =>
    mapNamed(creative, "CompanionAds", (ads) => mapNamed(ads, "Companion", track)),
  );
  // Companions are shown with the creative whose place in the ad they share.
  const linear = elementsOf(inline, "Creatives", "Creative").find((one) => elementsOf(one, "Linear").length > 0);
  const sequence = attribute(linear, "sequence");
  const shown = added.flatMap((ads) => {
    const kept = elementsOf(ads, "Companion").filter(
      (one) => hasResource(one) && !own.some((mine) => isSameSize(mine, one)),
    );
    return kept.length === 0 ? [] : [createElement("Creative", { sequence }, withNodes(ads, kept))];
  });
  if (shown.length === 0) return tracked;
  const [creatives] = elementsOf(tracked, "Creatives");
  if (!creatives) return insertChildren(tracked, [createElement("Creatives", {}, ...shown)], version);
  return mapChildren(tracked, (child) =>
    child === creatives ? withNodes(creatives, [...creatives.nodes, ...shown]) : child,
  );
}
