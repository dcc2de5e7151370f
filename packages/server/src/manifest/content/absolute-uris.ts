/**
 * Makes the addresses of a playlist independent of where it is read: a stitched playlist is served from another place than the
 * content's.
 *
 * @see RFC 8216 §4.1 (relative URIs); RFC 8216bis §4.3 (variables)
 */
import { parseAttributeList } from "@interlude/core";
import { HttpError } from "../../http-error.ts";

/** `segment`: media, also parts and initialisation; `other`: keys, lists of assets, reports. */
export type UriUse = "segment" | "other";

/** Gets an absolute http(s) URL, gives the one that is written. */
export type RewriteUri = (url: string, use: UriUse) => string;

const URI_ATTRIBUTE = /([:,]\s*(?:URI|X-ASSET-URI|X-ASSET-LIST|SERVER-URI)=")([^"\r\n]*)(?=")/g;
const SEGMENT_TAG = /^#EXT-X-(?:MAP|PART|PRELOAD-HINT):/;
/**
 * Low latency is between a player and its origin: this server does not hold requests back, and reports name playlists that
 * it did not stitch.
 */
const LOW_LATENCY = /^#EXT-X-(?:PART|PART-INF|PRELOAD-HINT|RENDITION-REPORT|SERVER-CONTROL(?=.*CAN-(?:BLOCK|SKIP))):/;

/** 28 hours of segments of 2 s. */
const MAX_URIS = 50_000;
/** Of all addresses that are written: a short reference may stand for a long one, again and again. */
const MAX_CHARACTERS = 16_000_000;
/** What variables may make of one address; what would be longer keeps their names. */
const MAX_SUBSTITUTED = 8192;

/**
 * The text with every URI line and every URI in a tag made absolute and rewritten; all else stays as it is, line ends included.
 * What cannot be resolved, and other schemes (`skd:`, `data:`), stay as they are.
 *
 * @param baseUrl where the playlist was read, after redirects
 * @throws HttpError `content-too-large` for more than 50,000 addresses, or more than 16 million characters of them
 */
export function resolveUris(text: string, baseUrl: URL, rewrite: RewriteUri = (url) => url): string {
  const variables = readVariables(text, baseUrl);
  let [uris, characters] = [0, 0];
  const resolve = (uri: string, use: UriUse): string => {
    const url = resolveUri(substitute(uri, variables), baseUrl);
    const written = url === undefined ? uri : rewrite(url, use);
    uris++;
    characters += written.length;
    if (uris > MAX_URIS) throw tooLarge(`${MAX_URIS} addresses`);
    if (characters > MAX_CHARACTERS) throw tooLarge(`${MAX_CHARACTERS} characters of addresses`);
    return written;
  };
  return text
    .split("\n")
    .filter((line) => !LOW_LATENCY.test(line))
    .map((line) => (line.startsWith("#") ? resolveTag(line, resolve) : resolveLine(line, resolve)))
    .join("\n");
}

/** For content of more than an origin may ask this server to write; `limit` with its unit. */
export function tooLarge(limit: string): HttpError {
  return new HttpError("content-too-large", `content playlist: expected at most ${limit}, got more`);
}

function resolveLine(line: string, resolve: RewriteUri): string {
  const uri = line.trim();
  // Some packagers start with a byte order mark.
  if (uri === "" || uri.startsWith("\ufeff#")) return line;
  return `${resolve(uri, "segment")}${line.endsWith("\r") ? "\r" : ""}`;
}

function resolveTag(line: string, resolve: RewriteUri): string {
  if (!line.includes('="')) return line;
  const use = SEGMENT_TAG.test(line) ? "segment" : "other";
  return line.replace(URI_ATTRIBUTE, (_all, before: string, uri: string) => before + resolve(uri, use));
}

/** undefined for what is no http(s) URL. */
export function resolveUri(reference: string, baseUrl: URL): string | undefined {
  if (!URL.canParse(reference, baseUrl.href)) return undefined;
  const url = new URL(reference, baseUrl);
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  return url.href.replaceAll('"', "%22");
}

/** EXT-X-DEFINE by name; imported ones, which only the player knows, are not there. */
export function readVariables(text: string, url: URL): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  if (!text.includes("#EXT-X-DEFINE:")) return variables;
  for (const [, list = ""] of text.matchAll(/^#EXT-X-DEFINE:(.*)$/gm)) {
    const attributes = parseAttributeList(list.trim());
    const name = attributes.get("NAME");
    const parameter = attributes.get("QUERYPARAM");
    if (name !== undefined) variables.set(name, attributes.get("VALUE") ?? "");
    else if (parameter !== undefined) variables.set(parameter, url.searchParams.get(parameter) ?? "");
  }
  return variables;
}

/** `{$name}` replaced by what it stands for; unknown ones stay, and those that would make the text longer than 8,192 characters. */
export function substitute(text: string, variables: ReadonlyMap<string, string>): string {
  if (variables.size === 0 || !text.includes("{$")) return text;
  let room = MAX_SUBSTITUTED - text.length;
  return text.replace(/\{\$([\w-]+)\}/g, (all, name: string) => {
    const value = variables.get(name) ?? all;
    if (value.length - all.length > room) return all;
    room -= value.length - all.length;
    return value;
  });
}
