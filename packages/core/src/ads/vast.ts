/**
 * VAST 2.0 to 4.3, as far as a linear ad needs it: one document, wrappers not followed.
 *
 * Lenient where the field is loose (case of names, white space, CDATA, missing attributes), strict where it is dangerous:
 * a URL is absolute http(s) or resolved against the document's address, or it is dropped, so a `javascript:` tracker
 * never leaves this file.
 *
 * @see VAST 4.3 §3; primetime.md §4.11
 */
import { AdError } from "../error.ts";
import type { Ad, Companion, Creative, Icon, MediaFile, StaticResource, Tracker, UniversalAdId } from "./ad.ts";
import { parseTime, parseTimeOffset } from "./time.ts";
import { attribute, child, children, isNamed, textOf, type XmlElement } from "./xml.ts";

/** One VAST, wrappers not followed. */
export interface VastDocument {
  /** As written, for instance "4.2"; "" where it is missing. */
  readonly version: string;
  /** `<Error>` of the document itself: fired with 303 when it has no ads. */
  readonly errors: readonly string[];
  /** In document order; an `<Ad>` that is neither InLine nor Wrapper is left out. */
  readonly ads: readonly (InLineAd | WrapperAd)[];
}

/** An ad that is all in this document. */
export interface InLineAd {
  readonly kind: "inline";
  readonly ad: Ad;
}

/**
 * An ad that is at another address.
 *
 * @see VAST 4.3 §3.19
 */
export interface WrapperAd {
  readonly kind: "wrapper";
  /** What the wrapper adds to the ad that it leads to: trackers, icons, companions; its creatives have no media files. */
  readonly ad: Ad;
  /** VASTAdTagURI, macros unexpanded; "" where it is missing or not http(s). */
  readonly tagUrl: string;
  /** Default true: a wrapper in the answer is followed. */
  readonly followAdditionalWrappers: boolean;
  /** Default false: of the answer only its first stand-alone ad is used. */
  readonly allowMultipleAds: boolean;
  /** Default true: a stand-alone ad takes the place of a wrapper that led to nothing. */
  readonly fallbackOnNoAd: boolean;
}

/**
 * @param base the document's address, for relative and protocol-relative URLs; without it those are dropped
 * @throws AdError `vast-malformed` when the root is not VAST, `vast-version` when it is VAST 1 or later than 4
 */
export function parseVast(root: XmlElement, base?: URL): VastDocument {
  const version = attribute(root, "version") ?? "";
  if (isNamed(root, "VideoAdServingTemplate") || (isNamed(root, "VAST") && !/^(?:[234](?:\.|$)|$)/.test(version)))
    throw new AdError(
      "vast-version",
      `VAST: expected version 2 to 4, got <${root.name.slice(0, 40)}> ${version.slice(0, 10)}`,
    );
  if (!isNamed(root, "VAST"))
    throw new AdError("vast-malformed", `VAST: expected a <VAST> root, got <${root.name.slice(0, 40)}>`);
  const urls = urlsIn(base);
  return {
    version,
    errors: urls(root, "Error"),
    ads: children(root, "Ad").flatMap((element) => parseAdElement(element, urls)),
  };
}

/** All URLs at the end of a path (the element's own without one) that may be used, in document order. */
type Urls = (element: XmlElement | undefined, ...path: readonly string[]) => readonly string[];

function urlsIn(base: URL | undefined): Urls {
  return (element, ...path) => children(element, ...path).flatMap((found) => parseAdUrl(found.text, base) ?? []);
}

/**
 * A URL of an ad document that may be used: trimmed, line breaks inside taken out (as a URL parser would), macros as they
 * are. Undefined where it is empty, neither http nor https, or relative without a base.
 */
export function parseAdUrl(text: string, base?: URL): string | undefined {
  const url = text.trim().replace(/[\t\n\r]/g, "");
  if (/^https?:\/\//i.test(url)) return url;
  if (!url || !base || /^[a-z][a-z\d+.-]*:/i.test(url)) return undefined;
  if (url.startsWith("//")) return base.protocol + url;
  return URL.canParse(url, base) ? new URL(url, base).href : undefined;
}

function parseAdElement(element: XmlElement, urls: Urls): readonly (InLineAd | WrapperAd)[] {
  const inline = child(element, "InLine");
  if (inline) return [{ kind: "inline", ad: parseAd(element, inline, urls) }];
  const wrapper = child(element, "Wrapper");
  if (!wrapper) return [];
  return [
    {
      kind: "wrapper",
      ad: parseAd(element, wrapper, urls),
      tagUrl: urls(wrapper, "VASTAdTagURI")[0] ?? "",
      followAdditionalWrappers: parseBoolean(wrapper, "followAdditionalWrappers", true),
      allowMultipleAds: parseBoolean(wrapper, "allowMultipleAds", false),
      fallbackOnNoAd: parseBoolean(wrapper, "fallbackOnNoAd", true),
    },
  ];
}

/** `true` and `1` against everything else; the default where the attribute is missing. */
export function parseBoolean(element: XmlElement | undefined, name: string, byDefault: boolean): boolean {
  const value = attribute(element, name)?.toLowerCase();
  return value === undefined ? byDefault : value === "true" || value === "1";
}

function parseNumber(element: XmlElement, name: string): number | undefined {
  const value = Number(attribute(element, name) ?? Number.NaN);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** Linear creatives of one ad; each carries all that the wrappers add. */
const MAX_CREATIVES = 10;

function parseAd(element: XmlElement, body: XmlElement, urls: Urls): Ad {
  const creatives = children(body, "Creatives", "Creative").toSorted(
    (a, b) => (parseNumber(a, "sequence") ?? 0) - (parseNumber(b, "sequence") ?? 0),
  );
  return {
    id: attribute(element, "id"),
    sequence: parseNumber(element, "sequence") || undefined,
    adSystem: textOf(body, "AdSystem"),
    title: textOf(body, "AdTitle"),
    adServingId: textOf(body, "AdServingId") || undefined,
    impressions: urls(body, "Impression"),
    errors: urls(body, "Error"),
    creatives: creatives
      .flatMap((creative) => children(creative, "Linear").map((linear) => parseCreative(creative, linear, urls)))
      .slice(0, MAX_CREATIVES),
    companions: creatives.flatMap((creative) => parseCompanions(creative, urls)),
    wrapperAdIds: [],
  };
}

function parseCreative(creative: XmlElement, linear: XmlElement, urls: Urls): Creative {
  const media = child(linear, "MediaFiles");
  const tickets = parseTickets(creative);
  const mediaFiles = children(media, "MediaFile")
    .flatMap((file) => parseMediaFile(file, urls))
    .map((file) => ({ ...file, ...tickets.get(file.url) }));
  const hasInteractive = child(media, "InteractiveCreativeFile") !== undefined || mediaFiles.length > 0;
  return {
    id: attribute(creative, "id"),
    adId: attribute(creative, "adId"),
    universalAdIds: children(creative, "UniversalAdId").flatMap(parseUniversalAdId),
    duration: parseTime(textOf(linear, "Duration")) ?? 0,
    skipOffset: parseTimeOffset(attribute(linear, "skipoffset")),
    mediaFiles,
    mezzanines: children(media, "Mezzanine").flatMap((file) => parseMediaFile(file, urls)),
    interactiveOnly: hasInteractive && mediaFiles.every((file) => file.apiFramework !== undefined),
    adParameters: textOf(linear, "AdParameters") || undefined,
    trackers: parseTrackers(linear, urls),
    clickThrough: urls(linear, "VideoClicks", "ClickThrough")[0],
    clickTrackers: urls(linear, "VideoClicks", "ClickTracking"),
    icons: children(linear, "Icons", "Icon").map((icon) => parseIcon(icon, urls)),
  };
}

/** The value "unknown" is what the standard tells ad servers to write when they have none. */
function parseUniversalAdId(element: XmlElement): readonly UniversalAdId[] {
  const value = element.text.trim() || (attribute(element, "idValue") ?? "");
  if (!value || value.toLowerCase() === "unknown") return [];
  return [{ registry: attribute(element, "idRegistry") ?? "", value }];
}

/** The type of the CreativeExtension in which Interlude's ad server puts repackage tickets. */
export const TICKET_EXTENSION = "application/vnd.interlude.repackage+xml";

/**
 * What the tickets say of media files, by URL. One that is the copy of another is read as that other: clients of ours find, or ask for,
 * the copy that fits their content.
 */
function parseTickets(creative: XmlElement): ReadonlyMap<string, Partial<MediaFile>> {
  const tickets = children(creative, "CreativeExtensions", "CreativeExtension")
    .filter((extension) => attribute(extension, "type") === TICKET_EXTENSION)
    .flatMap((extension) => children(extension, "RepackageTicket"));
  return new Map(
    tickets.flatMap((ticket) => {
      const url = parseAdUrl(attribute(ticket, "mediaFile") ?? "") ?? "";
      const known = { repackageTicket: ticket.text.trim() };
      const [copy, type] = [attribute(ticket, "copy"), attribute(ticket, "type")];
      if (!url || !copy || !type) return [[url, known] as const];
      return [[url, known] as const, [copy, { ...known, url, type, delivery: "progressive" }] as const];
    }),
  );
}

/** As {@link parseVast} reads it, without a ticket; undefined where its address cannot be used. */
export function parseMediaFileElement(element: XmlElement, base?: URL): MediaFile | undefined {
  return parseMediaFile(element, urlsIn(base))[0];
}

const TYPE_OF_EXTENSION: ReadonlyMap<string | undefined, string> = new Map([
  ["m3u8", "application/x-mpegurl"],
  ["mp4", "video/mp4"],
  ["flv", "video/x-flv"],
  ["webm", "video/webm"],
]);

function parseMediaFile(element: XmlElement, urls: Urls): readonly MediaFile[] {
  const [url] = urls(element);
  if (url === undefined) return [];
  const delivery = attribute(element, "delivery")?.toLowerCase();
  const type = attribute(element, "type")?.split(";")[0]?.trim().toLowerCase();
  const extension = /\.(\w+)(?:[?#]|$)/.exec(url)?.[1]?.toLowerCase();
  const least = parseNumber(element, "minBitrate");
  const most = parseNumber(element, "maxBitrate");
  return [
    {
      url,
      type: type ?? TYPE_OF_EXTENSION.get(extension) ?? "",
      delivery: delivery === "progressive" || delivery === "streaming" ? delivery : undefined,
      id: attribute(element, "id"),
      width: parseNumber(element, "width"),
      height: parseNumber(element, "height"),
      bitrateKbps:
        parseNumber(element, "bitrate") ??
        (least === undefined || most === undefined ? (most ?? least) : (least + most) / 2),
      codec: attribute(element, "codec"),
      apiFramework: attribute(element, "apiFramework"),
      fileSize: parseNumber(element, "fileSize"),
    },
  ];
}

function parseTrackers(element: XmlElement, urls: Urls): readonly Tracker[] {
  return children(element, "TrackingEvents", "Tracking").flatMap((tracking) => {
    const event = attribute(tracking, "event");
    const [url] = urls(tracking);
    return event && url ? [{ event, url, offset: parseTimeOffset(attribute(tracking, "offset")) }] : [];
  });
}

function parseResources(element: XmlElement, urls: Urls): readonly StaticResource[] {
  const resources = (kind: "static" | "iframe", name: string): readonly StaticResource[] =>
    children(element, name).flatMap((resource) =>
      urls(resource).map((value) => ({ kind, creativeType: attribute(resource, "creativeType"), value })),
    );
  const html = children(element, "HTMLResource").map((resource) => resource.text.trim());
  return [
    ...resources("static", "StaticResource"),
    ...resources("iframe", "IFrameResource"),
    ...html.filter(Boolean).map((value) => ({ kind: "html" as const, creativeType: undefined, value })),
  ];
}

function parseIcon(element: XmlElement, urls: Urls): Icon {
  return {
    program: attribute(element, "program"),
    width: parseNumber(element, "width"),
    height: parseNumber(element, "height"),
    xPosition: attribute(element, "xPosition"),
    yPosition: attribute(element, "yPosition"),
    offset: parseTimeOffset(attribute(element, "offset")),
    duration: parseTime(attribute(element, "duration")),
    resources: parseResources(element, urls),
    clickThrough: urls(element, "IconClicks", "IconClickThrough")[0],
    clickTrackers: urls(element, "IconClicks", "IconClickTracking"),
    viewTrackers: urls(element, "IconViewTracking"),
  };
}

function parseCompanions(creative: XmlElement, urls: Urls): readonly Companion[] {
  return children(creative, "CompanionAds").flatMap((companionAds) => {
    const required = attribute(companionAds, "required")?.toLowerCase();
    return children(companionAds, "Companion").map((element) => ({
      id: attribute(element, "id"),
      width: parseNumber(element, "width"),
      height: parseNumber(element, "height"),
      adSlotId: attribute(element, "adSlotId"),
      renderingMode: attribute(element, "renderingMode"),
      required: required === "all" || required === "any" || required === "none" ? required : undefined,
      altText: textOf(element, "AltText") || undefined,
      resources: parseResources(element, urls),
      clickThrough: urls(element, "CompanionClickThrough")[0],
      clickTrackers: urls(element, "CompanionClickTracking"),
      trackers: parseTrackers(element, urls),
    }));
  });
}
