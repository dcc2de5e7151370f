/**
 * Timed metadata of a creative: who plays, and how far it is, told by the segments themselves. Five ID3v2.4 tags, named as VAST
 * names its tracking events: `start`, `firstQuartile`, `midpoint`, `thirdQuartile`, `complete`. Each tag has two TXXX frames
 * (user-defined text, UTF-8):
 *
 *   TXXX `interlude-creative` → the creative's key (h1, 32 hex digits, as in its address)
 *   TXXX `interlude-event`    → the event
 *
 * `complete` comes a moment before the end, so that it lies in the last segment and is seen before the content goes on.
 *
 * @see ID3 tag version 2.4.0, main structure §3.1 and frames §4.2.6; VAST 4.3 §3.14.1
 */

export interface TimedMetadata {
  /** From the creative's first picture, seconds. */
  readonly time: number;
  readonly event: string;
  /** The whole ID3 tag. */
  readonly tag: Buffer;
}

/** Seconds. */
const COMPLETE_BEFORE_END = 0.1;

/** The tags of a creative of this duration, in order. */
export function listTimedMetadata(creativeKey: string, duration: number): readonly TimedMetadata[] {
  const quarters = ["start", "firstQuartile", "midpoint", "thirdQuartile"];
  const complete = duration - Math.min(COMPLETE_BEFORE_END, duration / 8);
  return [
    ...quarters.map((event, index) => ({ time: (duration * index) / quarters.length, event })),
    { time: complete, event: "complete" },
  ].map(({ time, event }) => ({ time, event, tag: formatTag({ creative: creativeKey, event }) }));
}

function formatTag(texts: Readonly<Record<string, string>>): Buffer {
  const frames = Buffer.concat(
    Object.entries(texts).map(([name, text]) => {
      const body = Buffer.from(`\u0003interlude-${name}\0${text}`, "utf8");
      return Buffer.concat([Buffer.from("TXXX"), formatSize(body.length), Buffer.from([0, 0]), body]);
    }),
  );
  return Buffer.concat([Buffer.from("ID3\u0004\0\0", "latin1"), formatSize(frames.length), frames]);
}

/** Seven bits in each of four bytes. */
function formatSize(size: number): Buffer {
  return Buffer.from([21, 14, 7, 0].map((shift) => (size >> shift) & 0x7f));
}
