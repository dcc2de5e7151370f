/**
 * Schedules as VMAP 1.0: each break with its VAST inside, or with the tag that gives it.
 *
 * @see VMAP 1.0.1 §2
 */
import { type AdRequest, tagUrl, type TagTerms, trackingUrl } from "./ad-request.ts";
import type { ScheduleSource, ServedBreak } from "./campaign/campaign-server.ts";
import { buildVast } from "./vast-writer.ts";
import { cdata, element, type Markup } from "./xml-writer.ts";

/**
 * The VMAP element; a schedule without breaks is an empty one.
 *
 * @param source `inline`: VAST in VASTAdData; `tag`: AdTagURI
 * @param parameters of the viewer, which the tags say again
 */
export function buildVmap(
  breaks: readonly ServedBreak[],
  source: ScheduleSource,
  request: AdRequest,
  parameters: TagTerms["parameters"],
  newId: () => string,
): Markup {
  const printed = breaks.map((entry) => {
    const own = { ...request, breakId: entry.trackedId };
    const ads =
      source === "tag"
        ? element("vmap:AdTagURI", { templateType: "vast4" }, cdata(tagUrl({ ...entry, parameters }, own)))
        : element("vmap:VASTAdData", {}, buildVast(entry.pod, own, newId));
    return buildBreak(entry, ads, own);
  });
  return element("vmap:VMAP", { "xmlns:vmap": "http://www.iab.net/videosuite/vmap", version: "1.0" }, ...printed);
}

function buildBreak({ id, timeOffset, lineItem }: ServedBreak, ads: Markup, request: AdRequest): Markup {
  const tracked = { lineItem: lineItem ?? "", ad: "", creative: "", position: 0 };
  const tracking = (["breakStart", "breakEnd", "error"] as const).map((event) =>
    element("vmap:Tracking", { event }, cdata(trackingUrl(event, request, tracked))),
  );
  return element(
    "vmap:AdBreak",
    { timeOffset, breakType: "linear", breakId: id },
    element("vmap:AdSource", { id: lineItem ?? id, allowMultipleAds: true, followRedirects: true }, ads),
    element("vmap:TrackingEvents", {}, ...tracking),
  );
}
