/**
 * The tracking of this server, added to ads and breaks that are passed on. Theirs stays as it is.
 *
 * @see VAST 4.3 §3.14.1 (events); VMAP 1.0.1 §2.3.3 (breakStart, breakEnd, error)
 */
import { attribute, textOf } from "@interlude/core";
import { listLinearEvents } from "../linear-events.ts";
import { fillContainer, insertChildren } from "./vast-order.ts";
import { cdataNode, createElement, elementsOf, mapChildren, mapNamed, type TreeElement } from "./xml-tree.ts";

/** The address that wants to know of one event. */
export type TrackingUrl = (event: string) => string;

/** @param ad an `<Ad>` with an InLine */
export function addAdTracking(ad: TreeElement, version: string, urlOf: TrackingUrl): TreeElement {
  return mapNamed(ad, "InLine", (inline) => {
    const error = createElement("Error", {}, cdataNode(urlOf("error")));
    const impression = createElement("Impression", { id: "interlude" }, cdataNode(urlOf("impression")));
    const told = insertChildren(insertChildren(inline, [error], version), [impression], version);
    return mapNamed(told, "Creatives", (creatives) =>
      mapNamed(creatives, "Creative", (creative) =>
        mapNamed(creative, "Linear", (linear) => addLinearTracking(linear, version, urlOf)),
      ),
    );
  });
}

function addLinearTracking(linear: TreeElement, version: string, urlOf: TrackingUrl): TreeElement {
  const events = listLinearEvents(attribute(linear, "skipoffset") !== undefined);
  const trackings = events.map((event) => createElement("Tracking", { event }, cdataNode(urlOf(event))));
  const tracked = fillContainer(linear, createElement("TrackingEvents", {}), trackings, version);
  if (textOf(linear, "VideoClicks", "ClickThrough") === "") return tracked;
  const click = createElement("ClickTracking", {}, cdataNode(urlOf("click")));
  const [clicks] = elementsOf(tracked, "VideoClicks");
  return mapChildren(tracked, (child) => (child === clicks ? insertChildren(clicks, [click], version) : child));
}

/** @param prefix of the map's own elements, `vmap:` for instance */
export function addBreakTracking(adBreak: TreeElement, prefix: string, urlOf: TrackingUrl): TreeElement {
  const trackings = ["breakStart", "breakEnd", "error"].map((event) =>
    createElement(`${prefix}Tracking`, { event }, cdataNode(urlOf(event))),
  );
  return fillContainer(adBreak, createElement(`${prefix}TrackingEvents`, {}), trackings, "1.0");
}

/** What a tracking address of this server says, where it was sealed here. */
export interface OwnTracking {
  readonly event: string;
  readonly ad: string;
  readonly creative: string;
  readonly lineItem: string;
  readonly position: number;
}

/** undefined: it is not this server's. */
export type ReadOwnTracking = (url: string) => OwnTracking | undefined;

/** The impressions, a bumper's too, that an ad of the campaign file brings; empty: it is an ad of others. */
export function listOwnTracking(ad: TreeElement, read: ReadOwnTracking): readonly OwnTracking[] {
  return elementsOf(ad, "InLine", "Impression").flatMap(({ text }) => read(text.trim()) ?? []);
}

export function isOwnBreak(adBreak: TreeElement, read: ReadOwnTracking): boolean {
  return elementsOf(adBreak, "TrackingEvents", "Tracking").some(({ text }) => read(text.trim()) !== undefined);
}
