/**
 * A tag of repackaged ads, which says how their pictures are timed. Whoever does not know it leaves it out (RFC 8216 §6.3.1).
 *
 * Players that join media by decode times would show the ad's first picture that much too late; who knows it starts the ad earlier.
 */
/** Its name; its value is in seconds. */
export const PICTURE_LEAD_TAG = "EXT-X-INTERLUDE-PICTURE-LEAD";

/** Seconds: more is no distance between decoding and showing a picture. */
const MOST_LEAD = 0.25;

interface TaggedText {
  readonly text: string;
  /** The line of each tag. */
  readonly tags: ReadonlyMap<string, { readonly start: number; readonly end: number }>;
}

/** How long before it is shown the first picture is decoded, seconds; undefined where the playlist does not say, or says nonsense. */
export function readPictureLead({ text, tags }: TaggedText): number | undefined {
  const line = tags.get(PICTURE_LEAD_TAG);
  if (!line) return undefined;
  const lead = Number(text.slice(line.start + PICTURE_LEAD_TAG.length + 2, line.end).trim() || Number.NaN);
  return lead >= 0 && lead <= MOST_LEAD ? lead : undefined;
}
