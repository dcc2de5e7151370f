/**
 * EXT-X-MARKER: where pods and ads begin and end in a media playlist, for clients that read tracking from the playlist itself.
 *
 * @see primetime.md §2.7
 */
import { parseAttributeList } from "./attribute-list.ts";

/** In the order in which several tags of one moment stand. */
export const MARKER_TYPES = ["PrerollPodBegin", "PodBegin", "AdBegin", "AdEnd", "PodEnd", "PrerollPodEnd"] as const;

/** Unquoted in the tag, upper and lower case as here. */
export type MarkerType = (typeof MARKER_TYPES)[number];

/** Times in seconds. */
export interface Marker {
  /** Unique in the playlist. */
  readonly id: string;
  readonly type: MarkerType;
  /** 0: none. */
  readonly duration: number;
  /** From the start of the next segment; undefined: at its start. */
  readonly offset?: number | undefined;
  /** XML; undefined: none. */
  readonly data?: string | undefined;
  /** Ads in the break; pod begins only. */
  readonly count?: number | undefined;
  /** Filled seconds; pod begins only. */
  readonly breakDuration?: number | undefined;
}

const TAG = "#EXT-X-MARKER:";

/** The tag, without a line end. What a quoted string cannot hold is percent-encoded in the id. */
export function formatMarker({ id, type, duration, offset, data, count, breakDuration }: Marker): string {
  const attributes = [
    `ID="${encodeId(id)}"`,
    `TYPE=${type}`,
    `DURATION=${formatSeconds(duration)}`,
    offset !== undefined && `OFFSET=${formatSeconds(offset)}`,
    data !== undefined && `DATA="${encodeBase64(data)}"`,
    count !== undefined && `COUNT=${count}`,
    breakDuration !== undefined && `BREAKDUR=${formatSeconds(breakDuration)}`,
  ];
  return TAG + attributes.filter((attribute) => attribute !== false).join(",");
}

/** undefined: another tag, a type that is not known, an id or a duration that is missing, or DATA that is no base64. */
export function parseMarker(line: string): Marker | undefined {
  if (!line.startsWith(TAG)) return undefined;
  const attributes = parseAttributeList(line.slice(TAG.length));
  const type = MARKER_TYPES.find((known) => known === attributes.get("TYPE"));
  const id = attributes.get("ID");
  const duration = readNumber(attributes.get("DURATION"));
  const encoded = attributes.get("DATA");
  const data = encoded === undefined ? undefined : decodeBase64(encoded);
  if (type === undefined || id === undefined || duration === undefined) return undefined;
  if (encoded !== undefined && data === undefined) return undefined;
  const [offset, count] = [readNumber(attributes.get("OFFSET")), readNumber(attributes.get("COUNT"))];
  return { id, type, duration, offset, data, count, breakDuration: readNumber(attributes.get("BREAKDUR")) };
}

/** The tags of one segment in order: by time, at one time by type. */
export function sortMarkers(markers: readonly Marker[]): readonly Marker[] {
  const rank = ({ type }: Marker): number => MARKER_TYPES.indexOf(type);
  return markers.toSorted((a, b) => (a.offset ?? 0) - (b.offset ?? 0) || rank(a) - rank(b));
}

function encodeId(id: string): string {
  return id.replace(/["%\p{Cc}\p{Cs}\u2028\u2029]/gu, (found) =>
    /\p{Cs}/u.test(found) ? "%EF%BF%BD" : encodeURIComponent(found),
  );
}

/** Up to six decimals, as durations of segments are written. */
function formatSeconds(seconds: number): string {
  return String(Number(seconds.toFixed(6)));
}

function readNumber(text: string | undefined): number | undefined {
  const number = Number.parseFloat(text ?? "");
  return Number.isFinite(number) ? number : undefined;
}

function encodeBase64(text: string): string {
  let binary = "";
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function decodeBase64(text: string): string | undefined {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
  } catch {
    return undefined;
  }
}
