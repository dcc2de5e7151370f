/**
 * Keys: which are in force, and which IV a segment has by them.
 *
 * @see RFC 8216 §4.3.2.4, §5.2
 */
import { parseAttributeList } from "./attribute-list.ts";

/** An EXT-X-KEY that encrypts: its attribute list as written, and where its line starts in the text. */
export interface KeyTag {
  readonly value: string;
  readonly start: number;
  /** KEYFORMAT; `identity` where there is none. */
  readonly format: string;
  /** True where the media sequence number of each segment is its IV (RFC 8216 §5.2). */
  readonly hasImplicitIv: boolean;
}

/**
 * The keys in force after an EXT-X-KEY: it takes the place of the one with its KEYFORMAT, and METHOD=NONE ends them all.
 *
 * @param value the tag's attribute list
 * @param start where its line starts
 */
export function enterKey(keys: readonly KeyTag[], value: string, start: number): readonly KeyTag[] {
  const attributes = parseAttributeList(value);
  const method = attributes.get("METHOD") ?? "NONE";
  if (method === "NONE") return [];
  const format = attributes.get("KEYFORMAT") ?? "identity";
  const hasImplicitIv = format === "identity" && !attributes.has("IV") && !method.endsWith("-CTR");
  return [...keys.filter((key) => key.format !== format), { value: value.trimEnd(), start, format, hasImplicitIv }];
}

/** The KEYFORMAT of an attribute list; `identity` where it has none. */
export function keyFormat(list: string): string {
  return parseAttributeList(list).get("KEYFORMAT") ?? "identity";
}

/** The attribute list of a key with the IV that a segment has by its media sequence number. */
export function withExplicitIv(key: KeyTag, mediaSequence: number): string {
  return key.hasImplicitIv ? `${key.value},IV=0x${mediaSequence.toString(16).padStart(32, "0")}` : key.value;
}
