/**
 * Reading VMAP sidecars, XML and JSON, and the XML that EXT-X-MARKER carries.
 *
 * @see primetime.md §2.5-2.7; VMAP 1.0.1 §2.3
 */
import { AdError } from "../error.ts";
import type { Ad, Companion } from "./ad.ts";
import { scheduleBeacons } from "./beacon.ts";
import { mergeWrappers } from "./merge.ts";
import type { SidecarAd, SidecarBreak, SidecarCompanion, SidecarSkip, SidecarTracker } from "./sidecar-break.ts";
import { MAX_ADS, MAX_BREAKS, MAX_TRACKERS } from "./sidecar-read-pods.ts";
import { SKIP_REASON_OF_TEXT } from "./sidecar-read-skip.ts";
import { SKIPPED_EXTENSION } from "./sidecar-vmap.ts";
import { parseTime } from "./time.ts";
import { parseVast } from "./vast.ts";
import { type AdBreak, parseVmap } from "./vmap.ts";
import { attribute, children, MAX_XML_DEPTH, readXml, type XmlElement, type XmlReader } from "./xml.ts";

/**
 * In document order. A break is as long as its ads, which follow each other. One whose timeOffset is no time is left out; one whose
 * VAST cannot be read has no ads.
 *
 * @throws AdError `vmap-malformed` when the root is not VMAP
 */
export function readVmapBreaks(root: XmlElement, reader: XmlReader, base: URL | undefined): readonly SidecarBreak[] {
  const elements = children(root, "AdBreak").slice(0, MAX_BREAKS);
  const placed = elements.flatMap((element) => {
    const startTime = readOffset(attribute(element, "timeOffset"));
    return startTime === undefined ? [] : [{ element: withOffset(element), startTime }];
  });
  // VMAP knows no time before the start, which a live window has
  const { breaks } = parseVmap({ ...root, children: placed.map(({ element }) => element) }, base);
  return breaks.map((adBreak, index) => {
    const { element, startTime } = placed[index] ?? { element: undefined, startTime: 0 };
    const ads = readAds(adBreak, startTime, reader, base);
    return {
      breakId: adBreak.breakId,
      startTime,
      duration: ads.reduce((sum, { duration }) => sum + duration, 0),
      ads,
      skipped: readSkipped(element),
      trackers: listTrackers(adBreak),
    };
  });
}

function readOffset(text: string | undefined): number | undefined {
  if (text?.startsWith("-")) {
    const before = parseTime(text.slice(1));
    return before === undefined ? undefined : -before;
  }
  return text?.toLowerCase() === "start" ? 0 : parseTime(text);
}

function withOffset(element: XmlElement): XmlElement {
  const others = Object.entries(element.attributes).filter(([name]) => name.toLowerCase() !== "timeoffset");
  return { ...element, attributes: { ...Object.fromEntries(others), timeOffset: "start" } };
}

function listTrackers({ breakStart, breakEnd, errors }: AdBreak): readonly SidecarTracker[] {
  const of = (event: string, urls: readonly string[]): readonly SidecarTracker[] =>
    urls.map((url) => ({ event, url, time: undefined }));
  return [...of("breakStart", breakStart), ...of("breakEnd", breakEnd), ...of("error", errors)];
}

function readAds(
  { source }: AdBreak,
  startTime: number,
  reader: XmlReader,
  base: URL | undefined,
): readonly SidecarAd[] {
  if (source.kind !== "vast") return [];
  let end = startTime;
  return readVast(source.vast, reader, base)
    .slice(0, MAX_ADS)
    .flatMap((ad, index) => {
      const read = toSidecarAd(ad, end, index);
      if (read.duration <= 0) return [];
      end += read.duration;
      return [read];
    });
}

/** The in-line ads; none where the document is broken: its break stays one. */
function readVast(vast: XmlElement | string, reader: XmlReader, base: URL | undefined): readonly Ad[] {
  try {
    const root = typeof vast === "string" ? readXml(vast, reader) : vast;
    return parseVast(root, base).ads.flatMap((found) => (found.kind === "inline" ? [found.ad] : []));
  } catch (cause) {
    if (cause instanceof AdError) return [];
    throw cause;
  }
}

function toSidecarAd(ad: Ad, startTime: number, index: number): SidecarAd {
  const [creative] = ad.creatives;
  const duration = creative?.duration ?? 0;
  const trackers = (creative?.trackers ?? []).slice(0, MAX_TRACKERS).map((tracker): SidecarTracker => {
    const alone = creative && { ...creative, trackers: [tracker] };
    const [due] = alone ? scheduleBeacons(ad, alone, duration, false) : [];
    return { event: tracker.event, url: tracker.url, time: due?.time };
  });
  return {
    adId: ad.id ?? "",
    adSystem: ad.adSystem,
    title: ad.title,
    creativeId: creative?.adId ?? creative?.id,
    sequence: ad.sequence ?? index + 1,
    startTime,
    duration,
    playlistUrl: creative?.mediaFiles[0]?.url ?? "",
    trackers: [...ad.impressions.map((url) => ({ event: "impression", url, time: 0 })), ...trackers],
    errors: ad.errors,
    clickThrough: creative?.clickThrough,
    clickTrackers: creative?.clickTrackers ?? [],
    companions: ad.companions.flatMap(toCompanion),
    wrapperAdIds: ad.wrapperAdIds,
  };
}

function toCompanion(companion: Companion): readonly SidecarCompanion[] {
  const { id, width, height, clickThrough, resources } = companion;
  const [shown] = resources;
  if (!shown) return [];
  const trackers = companion.trackers.map(({ event, url }) => ({ event, url, time: undefined }));
  const { kind: resourceType, creativeType: mimeType, value: resource } = shown;
  return [{ id, width, height, resourceType, mimeType, resource, clickThrough, trackers }];
}

function readSkipped(element: XmlElement | undefined): readonly SidecarSkip[] {
  return children(element, "Extensions", "Extension")
    .filter((extension) => attribute(extension, "type") === SKIPPED_EXTENSION)
    .flatMap((extension) => children(extension, "Skipped"))
    .slice(0, MAX_ADS)
    .map((skipped) => ({
      adId: attribute(skipped, "adId"),
      adSystem: attribute(skipped, "adSystem") ?? "",
      creativeId: attribute(skipped, "creativeId"),
      reason: SKIP_REASON_OF_TEXT.get(attribute(skipped, "reason") ?? "") ?? "media-unavailable",
    }));
}

/**
 * The DATA of a pod's marker: what its break is called and owes. Undefined where there is no VMAP with a break in it.
 *
 * @throws what {@link readXml} throws
 */
export function readPodFragment(
  text: string,
  reader: XmlReader,
  base?: URL,
): Pick<SidecarBreak, "breakId" | "trackers"> | undefined {
  const [vmap] = children(readXml(text, reader), "AdTrackingFragment", "VMAP");
  const [adBreak] = vmap ? parseVmap({ ...vmap, children: vmap.children.map(withOffset) }, base).breaks : [];
  return adBreak && { breakId: adBreak.breakId, trackers: listTrackers(adBreak) };
}

/**
 * The DATA of an ad's marker: the in-line ad with what its wrappers add. Undefined where there is none.
 *
 * @param startTime of its segments; an ad without a Duration lasts 0 seconds
 * @throws what {@link readXml} and `parseVast` throw
 */
export function readAdFragment(text: string, reader: XmlReader, startTime: number, base?: URL): SidecarAd | undefined {
  const documents = children(readXml(text, reader), "AdTrackingFragment", "VAST").slice(0, MAX_ADS);
  const found = documents.flatMap((vast) => parseVast(vast, base).ads);
  const inline = found.find(({ kind }) => kind === "inline");
  const wrappers = found.flatMap(({ kind, ad }) => (kind === "wrapper" ? [ad] : []));
  return inline && toSidecarAd(mergeWrappers(inline.ad, wrappers), startTime, 0);
}

const MAX_ELEMENTS = 50_000;

/**
 * Elements of the JSON that XML-to-JSON converters write: attributes as `@name`, text as `#text`, several of one name as a list.
 *
 * @throws AdError `vmap-malformed` for what is nested deeper, or has more elements, than XML may
 */
export function toXmlElement(name: string, json: unknown): XmlElement {
  let count = 0;
  const convert = (key: string, value: unknown, depth: number): XmlElement => {
    if (++count > MAX_ELEMENTS || depth > MAX_XML_DEPTH)
      throw new AdError("vmap-malformed", "sidecar: expected fewer elements, got too many or too deep a tree");
    const local = key.slice(key.lastIndexOf(":") + 1);
    if (typeof value !== "object" || value === null)
      return { name: local, attributes: Object.create(null), children: [], text: textOf(value) };
    const attributes: Record<string, string> = Object.create(null);
    const elements: XmlElement[] = [];
    let text = "";
    for (const [member, inner] of Object.entries(value)) {
      if (member === "#text") text = textOf(inner);
      else if (member.startsWith("@")) attributes[member.slice(1)] = textOf(inner);
      else for (const one of Array.isArray(inner) ? inner : [inner]) elements.push(convert(member, one, depth + 1));
    }
    return { name: local, attributes, children: elements, text };
  };
  return convert(name, json, 1);
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}
