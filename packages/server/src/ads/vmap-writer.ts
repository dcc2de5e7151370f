/**
 * Schedules as VMAP 1.0: each break with its VAST inside, or with the tag that gives it.
 *
 * @see VMAP 1.0.1 §2
 */
import { type AdRequest, tagUrl, trackingUrl } from "./ad-request.ts";
import type { LineItem } from "./campaign/campaign-file.ts";
import { buildVast } from "./vast-writer.ts";
import { cdata, element, type Markup } from "./xml-writer.ts";

/** A scheduled break with the line item that plays in it. */
export interface VmapBreak {
  readonly id: string;
  /** As VMAP spells it. */
  readonly timeOffset: string;
  readonly lineItem: LineItem;
}

/** `inline`: VAST in VASTAdData; `tag`: AdTagURI. */
export type VmapSource = "inline" | "tag";

/** The VMAP element; a schedule without breaks is an empty one. */
export function buildVmap(
  breaks: readonly VmapBreak[],
  source: VmapSource,
  request: AdRequest,
  newId: () => string,
): Markup {
  const printed = breaks.map((entry) => buildBreak(entry, source, { ...request, breakId: entry.id }, newId));
  return element("vmap:VMAP", { "xmlns:vmap": "http://www.iab.net/videosuite/vmap", version: "1.0" }, ...printed);
}

function buildBreak(entry: VmapBreak, source: VmapSource, request: AdRequest, newId: () => string): Markup {
  const { lineItem } = entry;
  const ads =
    source === "tag"
      ? element("vmap:AdTagURI", { templateType: "vast4" }, cdata(tagUrl(lineItem.id, request)))
      : element("vmap:VASTAdData", {}, buildVast(lineItem, request, newId));
  const tracked = { lineItem: lineItem.id, ad: "", creative: "", position: 0 };
  const tracking = (["breakStart", "breakEnd", "error"] as const).map((event) =>
    element("vmap:Tracking", { event }, cdata(trackingUrl(event, request, tracked))),
  );
  return element(
    "vmap:AdBreak",
    { timeOffset: entry.timeOffset, breakType: "linear", breakId: entry.id },
    element("vmap:AdSource", { id: lineItem.id, allowMultipleAds: true, followRedirects: true }, ads),
    element("vmap:TrackingEvents", {}, ...tracking),
  );
}
