/**
 * A tag of repackaged ads, which says how their pictures are timed. Whoever does not know it leaves it out (RFC 8216 §6.3.1).
 *
 *   #EXT-X-INTERLUDE-PICTURES:LEAD=0.045400,ELASTIC=YES
 *
 * Players that join media by decode times would show the ad's first picture that much too late; who knows it starts the ad earlier.
 */
import { parseAttributeList } from "./attribute-list.ts";

/** Its name. */
export const PICTURES_TAG = "EXT-X-INTERLUDE-PICTURES";

/** How the pictures of an ad begin. */
export interface PictureLead {
  /** How long before it is shown the first picture is decoded. */
  readonly seconds: number;
  /** Whether the first pictures may be decoded late, because those behind them catch up. */
  readonly isElastic: boolean;
}

interface TaggedText {
  readonly text: string;
  /** The line of each tag. */
  readonly tags: ReadonlyMap<string, { readonly start: number; readonly end: number }>;
}

/** Seconds: more is no distance between decoding and showing a picture. */
const MOST_LEAD = 0.25;

/** The tag's line. */
export function formatPictureLead({ seconds, isElastic }: PictureLead): string {
  return `#${PICTURES_TAG}:LEAD=${seconds.toFixed(6)}${isElastic ? ",ELASTIC=YES" : ""}`;
}

/** Undefined where the playlist does not say, or says nonsense. */
export function readPictureLead({ text, tags }: TaggedText): PictureLead | undefined {
  const line = tags.get(PICTURES_TAG);
  if (!line) return undefined;
  const attributes = parseAttributeList(text.slice(line.start + PICTURES_TAG.length + 2, line.end).trim());
  const seconds = Number(attributes.get("LEAD") || Number.NaN);
  return seconds >= 0 && seconds <= MOST_LEAD ? { seconds, isElastic: attributes.get("ELASTIC") === "YES" } : undefined;
}
