/**
 * Line items as VAST 4.2. The elements come in the order that the schema demands.
 *
 * @see VAST 4.2 §3; vast_4.2.xsd
 */
import { absoluteUrl, type AdRequest, trackingUrl, type TrackedThing, wrappedTagUrl } from "./ad-request.ts";
import type { CampaignAd, CampaignMediaFile, LineItem } from "./campaign/campaign-file.ts";
import { cdata, element, type Markup, text } from "./xml-writer.ts";

const LINEAR_EVENTS = [
  "creativeView",
  "start",
  "firstQuartile",
  "midpoint",
  "thirdQuartile",
  "complete",
  "mute",
  "unmute",
  "pause",
  "resume",
] as const;

const HLS_TYPES: readonly string[] = ["application/x-mpegurl", "application/vnd.apple.mpegurl"];

/**
 * The VAST element. A pod of one is a stand-alone ad (no `sequence`); an empty one is no fill.
 *
 * @param newId makes the AdServingId of each ad: unique per serving
 */
export function buildVast(item: LineItem, request: AdRequest, newId: () => string): Markup {
  const attributes = { version: "4.2", xmlns: "http://www.iab.com/VAST" };
  if (item.kind === "wrapper") return element("VAST", attributes, buildWrapper(item.id, item.tagUrl, request));
  const isPod = item.ads.length > 1;
  const ads = item.ads.map((ad, index) => {
    const thing = { lineItem: item.id, ad: ad.id, creative: ad.creativeId, position: request.position + index };
    return element(
      "Ad",
      { id: ad.id, sequence: isPod ? index + 1 : undefined },
      buildInLine(ad, request, thing, newId),
    );
  });
  return element("VAST", attributes, ...ads);
}

function buildWrapper(id: string, tag: string, request: AdRequest): Markup {
  const thing = { lineItem: id, ad: id, creative: "", position: request.position };
  const linear = element("Linear", {}, buildTrackingEvents(LINEAR_EVENTS, request, thing));
  const wrapper = element(
    "Wrapper",
    { followAdditionalWrappers: true, allowMultipleAds: true, fallbackOnNoAd: true },
    element("AdSystem", {}, text("Interlude")),
    element("Error", {}, cdata(trackingUrl("error", request, thing))),
    element("Impression", { id }, cdata(trackingUrl("impression", request, thing))),
    element("Creatives", {}, element("Creative", {}, linear)),
    element("VASTAdTagURI", {}, cdata(wrappedTagUrl(tag, request))),
  );
  return element("Ad", { id }, wrapper);
}

function buildInLine(ad: CampaignAd, request: AdRequest, thing: TrackedThing, newId: () => string): Markup {
  const events = ad.skipOffset === undefined ? LINEAR_EVENTS : [...LINEAR_EVENTS, "skip"];
  const skipoffset = ad.skipOffset === undefined ? undefined : formatTime(ad.skipOffset);
  const linear = element(
    "Linear",
    { skipoffset },
    buildTrackingEvents(events, request, thing),
    element("Duration", {}, text(formatTime(ad.duration))),
    element("MediaFiles", {}, ...ad.mediaFiles.map((file) => buildMediaFile(file, request))),
    buildClicks(ad, request, thing),
  );
  return element(
    "InLine",
    {},
    element("AdSystem", {}, text("Interlude")),
    element("Error", {}, cdata(trackingUrl("error", request, thing))),
    element("Impression", { id: ad.id }, cdata(trackingUrl("impression", request, thing))),
    element("AdServingId", {}, text(newId())),
    element("AdTitle", {}, text(ad.title)),
    element(
      "Creatives",
      {},
      element(
        "Creative",
        { id: ad.creativeId, sequence: 1 },
        linear,
        element("UniversalAdId", { idRegistry: "unknown" }, text("unknown")),
      ),
    ),
  );
}

function buildTrackingEvents(events: readonly string[], request: AdRequest, thing: TrackedThing): Markup {
  const trackings = events.map((event) => element("Tracking", { event }, cdata(trackingUrl(event, request, thing))));
  return element("TrackingEvents", {}, ...trackings);
}

function buildMediaFile(file: CampaignMediaFile, request: AdRequest): Markup {
  const isStreaming = HLS_TYPES.includes(file.type.toLowerCase());
  const attributes = {
    delivery: isStreaming ? "streaming" : "progressive",
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
