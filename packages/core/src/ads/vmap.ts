/**
 * VMAP 1.0 and 1.0.1: the ad breaks of a content, each with its ads or where to ask for them.
 *
 * @see VMAP 1.0.1 §2.3
 */
import { AdError } from "../error.ts";
import type { TimeOffset } from "./ad.ts";
import { parseTime, parseTimeOffset } from "./time.ts";
import { parseAdUrl, parseBoolean } from "./vast.ts";
import { attribute, child, children, isNamed, type XmlElement } from "./xml.ts";

/** One VMAP; no address in it has been asked. */
export interface VmapDocument {
  /** As written; "" where it is missing. */
  readonly version: string;
  /** In document order, several at one offset included; a break whose timeOffset cannot be read is left out. */
  readonly breaks: readonly AdBreak[];
}

/** Seconds or a share of the content, its start, its end, or the n-th of the breaks (from 1) that the content offers. */
export type BreakOffset = TimeOffset | "start" | "end" | { readonly position: number };

/** @see VMAP 1.0.1 §2.3.1 */
export type BreakType = "linear" | "nonlinear" | "display";

/** @see VMAP 1.0.1 §2.3.1; trackers are http(s) URLs, macros unexpanded */
export interface AdBreak {
  /**
   * As written, of a long one the first 200 characters; `break-n` (n from 1) where it is missing; a second of the same name gets `-2`
   * appended, and so on.
   */
  readonly breakId: string;
  readonly timeOffset: BreakOffset;
  /** Linear where the document says nothing that is known. */
  readonly breakTypes: readonly BreakType[];
  /** Seconds between repetitions of the break; undefined: it comes once. */
  readonly repeatAfter: number | undefined;
  readonly source: AdSource;
  readonly breakStart: readonly string[];
  readonly breakEnd: readonly string[];
  readonly errors: readonly string[];
}

/** Where the ads of a break come from; `vast` is an element, or a text where the document carries it as CDATA. */
export type AdSource = AdSourceOptions &
  (
    | { readonly kind: "vast"; readonly vast: XmlElement | string }
    /** AdTagURI, macros unexpanded; `templateType` for instance vast3. */
    | { readonly kind: "tag"; readonly url: string; readonly templateType: string | undefined }
    | { readonly kind: "custom"; readonly text: string; readonly templateType: string | undefined }
    | { readonly kind: "none" }
  );

/** @see VMAP 1.0.1 §2.3.2 */
export interface AdSourceOptions {
  readonly id: string | undefined;
  /** Default true. */
  readonly allowMultipleAds: boolean;
  /** Default true: wrappers are followed. */
  readonly followRedirects: boolean;
}

/** What names a break goes into the address of each of its segments. */
const MAX_ID = 200;

/**
 * @param base the document's address, for relative URLs; without it those are dropped
 * @throws AdError `vmap-malformed` when the root is not VMAP
 */
export function parseVmap(root: XmlElement, base?: URL): VmapDocument {
  if (!isNamed(root, "VMAP"))
    throw new AdError("vmap-malformed", `VMAP: expected a <VMAP> root, got <${root.name.slice(0, 40)}>`);
  const unique = uniqueNames();
  const breaks = children(root, "AdBreak").flatMap((element, index) => {
    const timeOffset = parseBreakOffset(attribute(element, "timeOffset"));
    if (timeOffset === undefined) return [];
    const id = cleanId(attribute(element, "breakId")) ?? `break-${index + 1}`;
    return [parseBreak(element, unique(id), timeOffset, base)];
  });
  return { version: attribute(root, "version") ?? "", breaks };
}

/** As tracking takes it: half a character where it was cut, and control characters, become U+FFFD. */
function cleanId(text: string | undefined): string | undefined {
  return text?.slice(0, MAX_ID).replaceAll(/[\p{Cc}\p{Cs}]/gu, "\uFFFD");
}

/** Counts per name, so that a thousand breaks of one name cost no more than a thousand of different ones. */
function uniqueNames(): (name: string) => string {
  const last = new Map<string, number>();
  const taken = new Set<string>();
  return (name) => {
    let count = last.get(name) ?? 1;
    let unique = name;
    while (taken.has(unique)) unique = `${name}-${++count}`;
    last.set(name, count);
    taken.add(unique);
    return unique;
  };
}

function parseBreakOffset(text: string | undefined): BreakOffset | undefined {
  const name = text?.toLowerCase();
  if (name === "start" || name === "end") return name;
  const position = Number(/^#(\d{1,6})$/.exec(text ?? "")?.[1] ?? 0);
  return position > 0 ? { position } : parseTimeOffset(text);
}

const BREAK_TYPES: readonly BreakType[] = ["linear", "nonlinear", "display"];

function parseBreak(element: XmlElement, breakId: string, timeOffset: BreakOffset, base: URL | undefined): AdBreak {
  const names = (attribute(element, "breakType") ?? "").toLowerCase().split(/[\s,]+/);
  const breakTypes = BREAK_TYPES.filter((type) => names.includes(type));
  const trackers = (event: string): readonly string[] =>
    children(element, "TrackingEvents", "Tracking")
      .filter((tracking) => attribute(tracking, "event")?.toLowerCase() === event)
      .flatMap((tracking) => parseAdUrl(tracking.text, base) ?? []);
  return {
    breakId,
    timeOffset,
    breakTypes: breakTypes.length > 0 ? breakTypes : ["linear"],
    repeatAfter: parseTime(attribute(element, "repeatAfter")) || undefined,
    source: parseSource(child(element, "AdSource"), base),
    breakStart: trackers("breakstart"),
    breakEnd: trackers("breakend"),
    errors: trackers("error"),
  };
}

function parseSource(element: XmlElement | undefined, base: URL | undefined): AdSource {
  const options = {
    id: attribute(element, "id"),
    allowMultipleAds: parseBoolean(element, "allowMultipleAds", true),
    followRedirects: parseBoolean(element, "followRedirects", true),
  };
  // VMAP 1.0 drafts and Primetime's sidecar say VASTData
  const inline = child(element, "VASTAdData") ?? child(element, "VASTData");
  const vast = child(inline, "VAST") ?? inline?.text.trim();
  if (vast) return { ...options, kind: "vast", vast };
  const tag = child(element, "AdTagURI");
  const url = parseAdUrl(tag?.text ?? "", base);
  if (url !== undefined) return { ...options, kind: "tag", url, templateType: attribute(tag, "templateType") };
  const custom = child(element, "CustomAdData");
  if (custom)
    return { ...options, kind: "custom", text: custom.text.trim(), templateType: attribute(custom, "templateType") };
  return { ...options, kind: "none" };
}
