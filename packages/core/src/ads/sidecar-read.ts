/**
 * Reading sidecars: what a manifest server tells of the breaks that it has stitched, in any of the four forms, as one shape.
 *
 * Lenient where Primetime's own documents are loose (names of events, clicks among trackers, ids that are numbers), strict where it is
 * dangerous: addresses are http(s), and lists are bounded.
 *
 * @see primetime.md §2.2-2.6
 */
import { AdError } from "../error.ts";
import type { SidecarBreak } from "./sidecar-break.ts";
import { list, member, readAddress, readNumber, readText } from "./sidecar-read-json.ts";
import { readPods } from "./sidecar-read-pods.ts";
import { readVmapBreaks, toXmlElement } from "./sidecar-read-vmap.ts";
import { readXml, type XmlReader } from "./xml.ts";

/** A URL that is due at a time of the stitched timeline, and nothing else is known of it. */
export interface SidecarUrl {
  readonly time: number;
  readonly adSystem: string;
  readonly url: string;
}

/** Times are those of the sidecar: see `SidecarInput`. */
export interface SidecarReading {
  /** Seconds; undefined where the form does not tell. */
  readonly endTime: number | undefined;
  /** In order of their time. What a form does not carry is empty: titles and playlists in v2, clicks of companions in all. */
  readonly breaks: readonly SidecarBreak[];
  /** In order of their time; v1 alone, which does not tell ads apart and has no breaks. */
  readonly urls: readonly SidecarUrl[];
}

/**
 * The form is told by the document itself, whatever version was asked for. A text without anything in it has no breaks.
 *
 * @param base its address, for relative URLs; without it those are dropped
 * @throws AdError `vmap-malformed` for JSON that is no sidecar, and what {@link readXml} throws
 */
export function readSidecar(text: string, reader: XmlReader, base?: URL): SidecarReading {
  const trimmed = text.replace(/^\uFEFF/, "").trim();
  if (trimmed === "") return { endTime: undefined, breaks: [], urls: [] };
  if (trimmed.startsWith("<")) return ofBreaks(readVmapBreaks(readXml(trimmed, reader), reader, base));
  const value = parseJson(trimmed);
  const vmap = member(member(value, "vmap"), "vmap:VMAP");
  if (vmap !== undefined) return ofBreaks(readVmapBreaks(toXmlElement("VMAP", vmap), reader, base));
  if (Array.isArray(member(value, "pods")))
    return { ...ofBreaks(readPods(value, base)), endTime: readNumber(value, "endTime") };
  if (Array.isArray(member(value, "adtracking")))
    return { endTime: readNumber(value, "end"), breaks: [], urls: readTimes(value, base) };
  throw wrongSidecar("vmap, pods or adtracking", trimmed);
}

function ofBreaks(breaks: readonly SidecarBreak[]): SidecarReading {
  return { endTime: undefined, breaks: breaks.toSorted((a, b) => a.startTime - b.startTime), urls: [] };
}

const MAX_TIMES = 20_000;
const MAX_URLS = 20_000;

function readTimes(value: unknown, base: URL | undefined): readonly SidecarUrl[] {
  const urls = list(value, "adtracking", MAX_TIMES).flatMap((group) => {
    const time = readNumber(group, "time");
    if (time === undefined) return [];
    return list(group, "trackingurls", MAX_URLS).flatMap((entry): readonly SidecarUrl[] => {
      const url = readAddress(entry, "url", base);
      return url === undefined ? [] : [{ time, adSystem: readText(entry, "adsystem") ?? "", url }];
    });
  });
  return urls.slice(0, MAX_URLS).toSorted((a, b) => a.time - b.time);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw wrongSidecar("JSON or XML", text, cause);
  }
}

function wrongSidecar(expected: string, got: string, cause?: unknown): AdError {
  const message = `sidecar: expected ${expected}, got ${JSON.stringify(got.slice(0, 40))}`;
  return new AdError("vmap-malformed", message, { cause });
}
