/** A second film out of the first: a media playlist of some of its segments, which stay where they are. Pure. */

/** Which segments; the first of a playlist is 0. */
export interface Excerpt {
  readonly first: number;
  readonly count: number;
}

/**
 * @param base of the film's segments, as seen from the excerpt's playlist; ends in a slash
 * @returns with fewer segments where the film has no more, and the film's tags of head and end
 * @see RFC 8216 §4.3.3
 */
export function formatExcerpt(film: string, { first, count }: Excerpt, base: string): string {
  const begin = film.indexOf("#EXTINF");
  const head = film.slice(0, Math.max(0, begin)).replace(/^#EXT-X-MEDIA-SEQUENCE:.*$/m, "#EXT-X-MEDIA-SEQUENCE:0");
  const segments = [...film.matchAll(/^(#EXTINF:.*)\n([^#\n].*)$/gm)].slice(first, first + count);
  const lines = segments.flatMap(([, tag = "", uri = ""]) => [tag, `${base}${uri}`]);
  return `${[head.trimEnd(), ...lines, "#EXT-X-ENDLIST"].join("\n")}\n`;
}
