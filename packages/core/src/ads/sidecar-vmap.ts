/**
 * VMAP sidecars, XML and JSON, and the XML that EXT-X-MARKER carries.
 *
 * One tree gives all of them. Where Primetime's two forms differ, so do these: `version` 1.0.1 and `vmap:VASTAdData` and `AdID`
 * in XML are 1.0, `vmap:VASTData` and `AdId` in JSON, which has no MediaFiles.
 *
 * @see primetime.md §2.5-2.7; VMAP 1.0.1 §2.3; VAST 3.0 §2.2-2.3
 */
import {
  byStartTime,
  type SidecarAd,
  type SidecarBreak,
  type SidecarCompanion,
  type SidecarInput,
  type SidecarTracker,
  vastErrorOf,
} from "./sidecar-break.ts";
import { formatXml, textNode, toXmlJson, xmlNode, type XmlNode } from "./sidecar-xml.ts";
import { formatTime } from "./time.ts";

/** What XML and JSON spell differently. */
interface Spelling {
  readonly version: string;
  readonly vastData: string;
  readonly adId: string;
  readonly hasMediaFiles: boolean;
}

const XML: Spelling = { version: "1.0.1", vastData: "vmap:VASTAdData", adId: "AdID", hasMediaFiles: true };
const JSON_FORM: Spelling = { version: "1.0", vastData: "vmap:VASTData", adId: "AdId", hasMediaFiles: false };
const LISTS: ReadonlySet<string> = new Set([
  "vmap:AdBreak",
  "vmap:Tracking",
  "vmap:Extension",
  "Skipped",
  "Ad",
  "Creative",
  "Tracking",
]);

const NAMESPACE = "http://www.iab.net/videosuite/vmap";
const SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance";
const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** Of the extension that holds our skip reasons. */
export const SKIPPED_EXTENSION = "interlude.skipped";

/** The whole VMAP document, with its XML declaration. */
export function formatVmapSidecar({ breaks }: SidecarInput): string {
  const root = xmlNode(
    "vmap:VMAP",
    { version: XML.version, "xmlns:vmap": NAMESPACE },
    ...byStartTime(breaks).map((entry) => breakNode(entry, XML, formatXmlOffset(entry.startTime))),
  );
  return `${DECLARATION}${formatXml(root)}\n`;
}

/** v3. Without breaks, `vmap:AdBreak` is an empty list. */
export function formatVmapJson({ breaks }: SidecarInput): string {
  const root = xmlNode(
    "vmap:VMAP",
    { version: JSON_FORM.version, "xmlns:vmap": NAMESPACE, "xmlns:xsi": SCHEMA_INSTANCE },
    ...byStartTime(breaks).map((entry) => breakNode(entry, JSON_FORM, formatXmlOffset(entry.startTime))),
  );
  const members = toXmlJson(root, LISTS);
  const withList = breaks.length > 0 || typeof members === "string" ? members : { ...members, "vmap:AdBreak": [] };
  return JSON.stringify({ vmap: { "vmap:VMAP": withList } });
}

/** The XML of a pod's marker: one VMAP with one AdBreak, whose timeOffset means nothing. */
export function formatPodFragment({ breakId, trackers }: Pick<SidecarBreak, "breakId" | "trackers">): string {
  const adBreak = xmlNode(
    "vmap:AdBreak",
    { timeOffset: "start", breakType: "linear", breakId },
    breakTracking(trackers),
  );
  return formatFragments([xmlNode("vmap:VMAP", { version: XML.version, "xmlns:vmap": NAMESPACE }, adBreak)]);
}

/**
 * The XML of an ad's marker: one VAST with the in-line ad, to which the trackers of its wrappers were added, and one for each
 * wrapper that led there, with its id alone.
 */
export function formatAdFragment(ad: SidecarAd): string {
  const wrappers = ad.wrapperAdIds.map((id) => xmlNode("Ad", { id }, xmlNode("Wrapper", {})));
  return formatFragments([adNode(ad, XML), ...wrappers].map((node) => xmlNode("VAST", { version: "3.0" }, node)));
}

function formatFragments(documents: readonly XmlNode[]): string {
  const fragments = documents.map((document) => xmlNode("AdTrackingFragment", {}, document));
  return formatXml(xmlNode("AdTrackingFragments", {}, ...fragments));
}

/** VMAP knows no negative offset: a reader that keeps to it leaves out a break that began before the window. */
function formatXmlOffset(seconds: number): string {
  return seconds < -0.0005 ? `-${formatTime(-seconds)}` : formatTime(seconds);
}

function breakNode(entry: SidecarBreak, spelling: Spelling, timeOffset: string): XmlNode {
  const { breakId, ads, trackers, skipped } = entry;
  const vast = xmlNode("VAST", { version: "3.0" }, ...byStartTime(ads).map((ad) => adNode(ad, spelling)));
  const isXml = spelling === XML;
  const attributes = { id: breakId, allowMultipleAds: true, followRedirects: true };
  const reasons = skipped.map((skip) => {
    const { adId, adSystem, creativeId, reason } = skip;
    return xmlNode("Skipped", { adId, adSystem, creativeId, reason, vastError: vastErrorOf(skip) });
  });
  const extension = reasons.length > 0 && xmlNode("vmap:Extension", { type: SKIPPED_EXTENSION }, ...reasons);
  return xmlNode(
    "vmap:AdBreak",
    { breakType: "linear", breakId, timeOffset },
    xmlNode("vmap:AdSource", attributes, xmlNode(spelling.vastData, {}, vast)),
    breakTracking(trackers),
    extension || isXml ? xmlNode("vmap:Extensions", {}, extension || undefined) : undefined,
  );
}

const BREAK_EVENT: ReadonlyMap<string, string> = new Map([
  ["breakstart", "breakStart"],
  ["breakend", "breakEnd"],
  ["error", "error"],
]);

function breakTracking(trackers: readonly SidecarTracker[]): XmlNode {
  const events = trackers.flatMap(({ event, url }) => {
    const name = BREAK_EVENT.get(event.toLowerCase());
    return name === undefined ? [] : [textNode("vmap:Tracking", url, { event: name })];
  });
  return xmlNode("vmap:TrackingEvents", {}, ...events);
}

function adNode(ad: SidecarAd, spelling: Spelling): XmlNode {
  const isImpression = ({ event }: SidecarTracker): boolean => event.toLowerCase() === "impression";
  const companions = ad.companions.map(companionNode);
  const inLine = xmlNode(
    "InLine",
    {},
    textNode("AdSystem", ad.adSystem),
    textNode("AdTitle", ad.title),
    ...ad.errors.map((url) => textNode("Error", url)),
    ...ad.trackers.filter(isImpression).map(({ url }) => textNode("Impression", url)),
    xmlNode(
      "Creatives",
      {},
      xmlNode("Creative", { [spelling.adId]: ad.creativeId }, linearNode(ad, spelling)),
      companions.length > 0 ? xmlNode("Creative", {}, xmlNode("CompanionAds", {}, ...companions)) : undefined,
    ),
  );
  return xmlNode("Ad", { id: ad.adId, sequence: ad.sequence }, inLine);
}

function linearNode(ad: SidecarAd, { hasMediaFiles }: Spelling): XmlNode {
  const { clickThrough, clickTrackers, playlistUrl, duration, trackers } = ad;
  const clicks = [
    ...(clickThrough === undefined ? [] : [textNode("ClickThrough", clickThrough)]),
    ...clickTrackers.map((url) => textNode("ClickTracking", url)),
  ];
  const mediaFile = { id: "Auditude", delivery: "streaming", type: "application/x-mpegURL", width: 0, height: 0 };
  return xmlNode(
    "Linear",
    {},
    textNode("Duration", formatTime(duration)),
    xmlNode("TrackingEvents", {}, ...trackers.flatMap(trackingNode)),
    clicks.length > 0 ? xmlNode("VideoClicks", {}, ...clicks) : undefined,
    hasMediaFiles ? xmlNode("MediaFiles", {}, textNode("MediaFile", playlistUrl, mediaFile)) : undefined,
  );
}

function trackingNode({ event, url, time }: SidecarTracker): readonly XmlNode[] {
  if (event.toLowerCase() === "impression") return [];
  const offset = event.toLowerCase() === "progress" && time !== undefined ? formatTime(time) : undefined;
  return [textNode("Tracking", url, { event, offset })];
}

const RESOURCE_OF_TYPE: Readonly<Record<SidecarCompanion["resourceType"], string>> = {
  static: "StaticResource",
  iframe: "IFrameResource",
  html: "HTMLResource",
};

function companionNode(companion: SidecarCompanion): XmlNode {
  const { id, width, height, resourceType, mimeType, resource, clickThrough, trackers } = companion;
  const tracking = trackers.map(({ event, url }) => textNode("Tracking", url, { event }));
  return xmlNode(
    "Companion",
    { id, width, height },
    textNode(RESOURCE_OF_TYPE[resourceType], resource, { creativeType: mimeType }),
    tracking.length > 0 ? xmlNode("TrackingEvents", {}, ...tracking) : undefined,
    clickThrough === undefined ? undefined : textNode("CompanionClickThrough", clickThrough),
  );
}
