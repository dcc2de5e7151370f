/**
 * Pods of the campaign file as VAST 4.2. The elements come in the order that the schema demands.
 *
 * @see VAST 4.2 §3; vast_4.2.xsd
 */
import { absoluteUrl, type AdRequest, trackingUrl, type TrackedThing, wrappedTagUrl } from "./ad-request.ts";
import type { CampaignAd, CampaignMediaFile } from "./campaign/campaign.ts";
import type { PodAd, ServedPod } from "./campaign/served-pod.ts";
import { buildCompanions } from "./companion-writer.ts";
import { listLinearEvents } from "./linear-events.ts";
import { cdata, element, type Markup, text } from "./xml-writer.ts";

const HLS_TYPES: readonly string[] = ["application/x-mpegurl", "application/vnd.apple.mpegurl"];

const AD_SYSTEM = "Interlude";

/**
 * The VAST element. A pod of one is a stand-alone ad (no `sequence`); an empty one is no fill.
 *
 * @param newId makes the AdServingId of each ad: unique per serving
 */
export function buildVast(pod: ServedPod, request: AdRequest, newId: () => string): Markup {
  let position = request.position;
  const ads = pod.ads.map((entry, index) => {
    const thing = { ...describe(entry), position: entry.role === "ad" ? position++ : 0 };
    const attributes = { id: thing.ad, sequence: pod.ads.length > 1 ? index + 1 : undefined };
    const { content, role } = entry;
    if (content.kind === "wrapper") {
      return element("Ad", attributes, buildWrapper(content.tagUrl, request, thing, !pod.isPicked));
    }
    if (role === "bumper") return element("Ad", attributes, buildInLine(content.ad, BUMPER, request, thing, newId));
    const events = listLinearEvents(content.ad.skipOffset !== undefined);
    const tracked = { impression: "impression", events, hasError: true };
    return element("Ad", attributes, buildInLine(content.ad, tracked, request, thing, newId));
  });
  return element("VAST", { version: "4.2", xmlns: "http://www.iab.com/VAST" }, ...ads);
}

/** What an ad is told apart by; a wrapper has the name of its line item. */
function describe({ lineItem, content }: PodAd): Omit<TrackedThing, "position"> {
  if (content.kind === "wrapper") return { lineItem, ad: lineItem, creative: "" };
  return { lineItem, ad: content.ad.id, creative: content.ad.creativeId };
}

/** @param allowMultipleAds false where the wrapper stands for one ad of a break whose time is measured */
function buildWrapper(tag: string, request: AdRequest, thing: TrackedThing, allowMultipleAds: boolean): Markup {
  const linear = element("Linear", {}, buildTrackingEvents(listLinearEvents(false), request, thing));
  return element(
    "Wrapper",
    { followAdditionalWrappers: true, allowMultipleAds, fallbackOnNoAd: true },
    element("AdSystem", {}, text(AD_SYSTEM)),
    element("Error", {}, cdata(trackingUrl("error", request, thing))),
    element("Impression", { id: thing.ad }, cdata(trackingUrl("impression", request, thing))),
    element("Creatives", {}, element("Creative", {}, linear)),
    element("VASTAdTagURI", {}, cdata(wrappedTagUrl(tag, request))),
  );
}

/** What is asked of a player to tell of an ad. */
interface Tracked {
  /** The event that stands for VAST's impression. */
  readonly impression: string;
  readonly events: readonly string[];
  readonly hasError: boolean;
}

/** VAST demands an impression; that of a bumper has a name of its own, so that nothing counts it as an ad's. */
const BUMPER: Tracked = { impression: "bumper", events: [], hasError: false };

function buildInLine(
  ad: CampaignAd,
  tracked: Tracked,
  request: AdRequest,
  thing: TrackedThing,
  newId: () => string,
): Markup {
  const skipoffset = ad.skipOffset === undefined ? undefined : formatTime(ad.skipOffset);
  const linear = element(
    "Linear",
    { skipoffset },
    tracked.events.length > 0 ? buildTrackingEvents(tracked.events, request, thing) : undefined,
    element("Duration", {}, text(formatTime(ad.duration))),
    element("MediaFiles", {}, ...ad.mediaFiles.map((file) => buildMediaFile(file, request))),
    buildClicks(ad, request, thing),
  );
  const universalAdId = element("UniversalAdId", { idRegistry: "unknown" }, text("unknown"));
  const film = element(
    "Creative",
    { id: ad.creativeId, sequence: 1 },
    buildTickets(ad, request),
    linear,
    universalAdId,
  );
  return element(
    "InLine",
    {},
    element("AdSystem", {}, text(AD_SYSTEM)),
    tracked.hasError ? element("Error", {}, cdata(trackingUrl("error", request, thing))) : undefined,
    element("Impression", { id: ad.id }, cdata(trackingUrl(tracked.impression, request, thing))),
    element("AdServingId", {}, text(newId())),
    element("AdTitle", {}, text(ad.title)),
    element("Creatives", {}, film, buildCompanions(ad, request, thing)),
  );
}

/** By what a page may have the media files repackaged: those that are no HLS, and HLS that does not fit its content. */
function buildTickets(ad: CampaignAd, request: AdRequest): Markup | undefined {
  const tickets = ad.mediaFiles.flatMap((file) => {
    const url = absoluteUrl(file.url, request);
    const described = { adSystem: AD_SYSTEM, adId: ad.id, creativeId: ad.creativeId };
    const ticket = request.repackageTicket?.(url, described);
    return ticket === undefined ? [] : [element("RepackageTicket", { mediaFile: url }, text(ticket))];
  });
  if (tickets.length === 0) return undefined;
  const type = "application/vnd.interlude.repackage+xml";
  return element("CreativeExtensions", {}, element("CreativeExtension", { type }, ...tickets));
}

function buildTrackingEvents(events: readonly string[], request: AdRequest, thing: TrackedThing): Markup {
  const trackings = events.map((event) => element("Tracking", { event }, cdata(trackingUrl(event, request, thing))));
  return element("TrackingEvents", {}, ...trackings);
}

function isStreaming({ type }: CampaignMediaFile): boolean {
  return HLS_TYPES.includes(type.toLowerCase());
}

function buildMediaFile(file: CampaignMediaFile, request: AdRequest): Markup {
  const attributes = {
    delivery: isStreaming(file) ? "streaming" : "progressive",
    type: file.type,
    width: file.width,
    height: file.height,
    codec: file.codec,
    bitrate: file.bitrateKbps === undefined ? undefined : Math.round(file.bitrateKbps),
  };
  return element("MediaFile", attributes, cdata(absoluteUrl(file.url, request)));
}

function buildClicks(ad: CampaignAd, request: AdRequest, thing: TrackedThing): Markup | undefined {
  if (ad.clickThrough === undefined) return undefined;
  return element(
    "VideoClicks",
    {},
    element("ClickTracking", {}, cdata(trackingUrl("click", request, thing))),
    element("ClickThrough", {}, cdata(absoluteUrl(ad.clickThrough, request))),
  );
}

/** `hh:mm:ss.mmm` of seconds. */
export function formatTime(seconds: number): string {
  const ms = Math.round(seconds * 1000);
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const clock = `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}`;
  return `${clock}.${String(ms % 1000).padStart(3, "0")}`;
}
