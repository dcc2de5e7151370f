/**
 * Where a playlist itself says that playback begins.
 *
 * @see RFC 8216 §4.3.5.2 (EXT-X-START)
 */

/** Seconds, from the end where negative; undefined where the playlist does not say it. */
export function readStartOffset(text: string): number | undefined {
  const [, offset] = /^#EXT-X-START:(?:.*,)?TIME-OFFSET=(-?[\d.]+)/m.exec(text) ?? [];
  return offset !== undefined && Number.isFinite(Number(offset)) ? Number(offset) : undefined;
}
