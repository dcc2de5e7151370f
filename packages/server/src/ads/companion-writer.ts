/**
 * Companions of an ad as VAST 4.2.
 *
 * @see VAST 4.2 §3.12 to §3.15; vast_4.2.xsd for the order of the elements
 */
import { absoluteUrl, type AdRequest, trackingUrl, type TrackedThing } from "./ad-request.ts";
import type { CampaignAd, CampaignCompanion, CompanionResource } from "./campaign/campaign.ts";
import { cdata, element, type Markup, text } from "./xml-writer.ts";

/** The creative that holds them; undefined where the ad has none. */
export function buildCompanions(ad: CampaignAd, request: AdRequest, thing: TrackedThing): Markup | undefined {
  if (ad.companions.length === 0) return undefined;
  const companions = ad.companions.map((companion) => buildCompanion(companion, request, thing));
  const universalAdId = element("UniversalAdId", { idRegistry: "unknown" }, text("unknown"));
  return element(
    "Creative",
    { id: `${ad.creativeId}-companions`, sequence: 1 },
    element("CompanionAds", { required: ad.companionsRequired }, ...companions),
    universalAdId,
  );
}

/** A companion's view has an event name of its own: `creativeView` is the film's. By its creative it is told from the others. */
function buildCompanion(companion: CampaignCompanion, request: AdRequest, ad: TrackedThing): Markup {
  const { id, width, height, adSlotId, altText, clickThrough, resource } = companion;
  const thing = { ...ad, creative: id };
  const isCounted = ad.position > 0;
  const view = element("Tracking", { event: "creativeView" }, cdata(trackingUrl("companionView", request, thing)));
  return element(
    "Companion",
    { id, width, height, adSlotId },
    buildResource(resource, request),
    altText === undefined ? undefined : element("AltText", {}, text(altText)),
    clickThrough === undefined
      ? undefined
      : element("CompanionClickThrough", {}, cdata(absoluteUrl(clickThrough, request))),
    clickThrough === undefined || !isCounted
      ? undefined
      : element("CompanionClickTracking", { id }, cdata(trackingUrl("companionClick", request, thing))),
    isCounted ? element("TrackingEvents", {}, view) : undefined,
  );
}

function buildResource(resource: CompanionResource, request: AdRequest): Markup {
  if (resource.kind === "html") return element("HTMLResource", {}, cdata(resource.html));
  const url = cdata(absoluteUrl(resource.url, request));
  if (resource.kind === "iframe") return element("IFrameResource", {}, url);
  return element("StaticResource", { creativeType: resource.type }, url);
}
