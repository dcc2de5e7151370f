/**
 * The session's master playlist: the content's, line by line, with every playlist in it at an address of this server.
 *
 * @see primetime.md §1.2 (slots), §1.10; RFC 8216 §4.3.4
 */
import { parseAttributeList, replaceAttribute } from "@interlude/core";
import { readVariables, resolveUri, substitute } from "./absolute-uris.ts";
import type { MasterContent } from "./content.ts";
import { type FailoverSets, splitFailover } from "./failover.ts";
import { appendToken } from "./segment-token.ts";

/** One playlist that the content's master names. */
export interface MasterEntry {
  /** Absolute, with the token of `pttoken`. */
  readonly url: URL;
  /** Kilobits per second, or `webvtt`, `audio`, `video`, `iframe`, `image`. */
  readonly slot: string;
  readonly isBackup: boolean;
}

/** The address at which the entry is served; undefined: it stays where it is, and nothing is stitched into it. */
export type PlaceEntry = (entry: MasterEntry) => string | undefined;

const STREAM = "#EXT-X-STREAM-INF:";
const I_FRAME = "#EXT-X-I-FRAME-STREAM-INF:";
const IMAGE = "#EXT-X-IMAGE-STREAM-INF:";
const MEDIA = "#EXT-X-MEDIA:";
/** Tags whose URI is no playlist; it is made absolute. */
const OTHER = /^#EXT-X-(?:SESSION-DATA|SESSION-KEY|CONTENT-STEERING):/;

const SLOT_OF_TYPE: ReadonlyMap<string, string> = new Map([
  ["AUDIO", "audio"],
  ["SUBTITLES", "webvtt"],
  ["VIDEO", "video"],
]);

/** Bits per second of a content that does not say, because it has no master. */
const UNKNOWN_BANDWIDTH = 2_000_000;

/**
 * Lossless but for the addresses; a media playlist gets a master of one variant.
 *
 * @param contentUrl where the master was asked for
 * @param hasFailover `ptfailover`; without it everything is in the primary set
 */
export function formatSessionMaster(
  master: MasterContent,
  options: { readonly contentUrl: URL; readonly hasFailover: boolean; readonly place: PlaceEntry },
): string {
  if (master.playlist === undefined) return formatSingle(master, options.contentUrl, options.place);
  const lines = master.text.split("\n");
  const sets = options.hasFailover ? readSets(lines) : undefined;
  const counts = { variants: 0, iFrames: 0 };
  const resolve = resolver(master);
  const write = (uri: string, slot: string, isBackup: boolean): string => {
    const url = resolve(uri);
    return url === undefined ? uri : (options.place({ url, slot, isBackup }) ?? url.href);
  };
  let slot: string | undefined;
  const written = lines.map((line) => {
    if (line.startsWith(STREAM)) slot = kbpsOf(attributesOf(line, STREAM));
    if (line.startsWith(I_FRAME)) {
      return writeTag(line, I_FRAME, "iframe", sets?.iFrames[counts.iFrames++] ?? false, write);
    }
    if (line.startsWith(IMAGE)) return writeTag(line, IMAGE, "image", false, write);
    if (line.startsWith(MEDIA)) {
      const type = attributesOf(line, MEDIA).get("TYPE") ?? "";
      return writeTag(line, MEDIA, SLOT_OF_TYPE.get(type) ?? "audio", false, write);
    }
    if (OTHER.test(line)) return writeOther(line, resolve);
    const uri = line.trim();
    if (slot === undefined || uri === "" || uri.startsWith("#")) return line;
    const url = write(uri, slot, sets?.variants[counts.variants++] ?? false);
    slot = undefined;
    return `${url}${line.endsWith("\r") ? "\r" : ""}`;
  });
  return written.join("\n");
}

/** The playlists of a master that can be asked whether they are live, in its order. */
export function listMediaUrls(master: MasterContent): readonly URL[] {
  const { variants = [], renditions = [] } = master.playlist ?? {};
  const uris = [...variants, ...renditions.filter(({ type }) => type === "AUDIO")].map(({ uri }) => uri);
  const resolve = resolver(master);
  return uris.flatMap((uri) => (uri === undefined ? [] : (resolve(uri) ?? [])));
}

/** Addresses as the session asks for them; undefined for what is no http(s) URL. */
function resolver(master: MasterContent): (uri: string) => URL | undefined {
  const variables = readVariables(master.text, master.url);
  return (uri) => {
    const url = resolveUri(substitute(uri, variables), master.url);
    return url === undefined ? undefined : new URL(appendToken(url, master.token));
  };
}

type WriteUri = (uri: string, slot: string, isBackup: boolean) => string;

function writeTag(line: string, tag: string, slot: string, isBackup: boolean, write: WriteUri): string {
  const uri = attributesOf(line, tag).get("URI");
  if (uri === undefined) return line;
  const list = line.slice(tag.length).replace(/\r$/, "");
  const written = `${tag}${replaceAttribute(list, "URI", `"${write(uri, slot, isBackup)}"`)}`;
  return line.endsWith("\r") ? `${written}\r` : written;
}

function writeOther(line: string, resolve: (uri: string) => URL | undefined): string {
  return line.replace(/((?:SERVER-)?URI=")([^"]*)(?=")/, (_all, before: string, uri: string) => {
    return before + (resolve(uri)?.href ?? uri);
  });
}

function attributesOf(line: string, tag: string): ReadonlyMap<string, string> {
  return parseAttributeList(line.slice(tag.length).trim());
}

function kbpsOf(attributes: ReadonlyMap<string, string>): string {
  const bandwidth = Number(attributes.get("BANDWIDTH"));
  return bandwidth > 0 && bandwidth < 1e12 ? String(Math.round(bandwidth / 1000)) : "0";
}

function readSets(lines: readonly string[]): FailoverSets {
  const streams = (tag: string): readonly { readonly bandwidth: string; readonly resolution: string }[] =>
    lines
      .filter((line) => line.startsWith(tag))
      .map((line) => attributesOf(line, tag))
      .map((list) => ({ bandwidth: list.get("BANDWIDTH") ?? "", resolution: list.get("RESOLUTION") ?? "" }));
  return splitFailover(streams(STREAM), streams(I_FRAME));
}

/** Primetime wants a master even for a single rendition; a client that has none is helped out. */
function formatSingle({ text }: MasterContent, url: URL, place: PlaceEntry): string {
  const kbps = Number(/^#EXT-X-BITRATE:\s*(\d{1,7})/m.exec(text)?.[1] ?? UNKNOWN_BANDWIDTH / 1000);
  const address = place({ url, slot: String(kbps), isBackup: false }) ?? url.href;
  return `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=${kbps * 1000}\n${address}\n`;
}
