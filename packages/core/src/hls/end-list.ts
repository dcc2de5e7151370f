/**
 * The end of a playlist.
 *
 * @see RFC 8216 §4.3.3.4
 */

/** Whether a media playlist may still grow: it has no EXT-X-ENDLIST. */
export function isLive(text: string): boolean {
  return !/^#EXT-X-ENDLIST\s*$/m.test(text);
}
