/**
 * The keys of a media playlist: which one encrypts a segment or an initialisation section, and by which IV.
 *
 * @see RFC 8216 §4.3.2.4, §4.3.2.5, §5.2
 */
import { parseAttributeList } from "@interlude/core";
import { refusePlaylist, resolveUri } from "./hls-source-uri.ts";

/** AES-128 in CBC mode with PKCS7 padding. */
export interface SegmentKey {
  /** Of the 16 bytes. */
  readonly url: URL;
  /** 16 bytes. */
  readonly iv: Buffer;
}

export interface Keyring {
  /**
   * The key in force at a place of the text; places must be asked for in order. Undefined: what stands there is clear.
   *
   * @param mediaSequence the IV where the tag names none; undefined for an initialisation section, which has no number
   * @throws RepackageFailure `unsupported` for SAMPLE-AES and DRM
   */
  keyAt(place: number, mediaSequence: number | undefined): SegmentKey | undefined;
}

type Attributes = ReadonlyMap<string, string>;

/**
 * Reads the keys of a playlist that was parsed before, which bounds how many are in force.
 *
 * @param base the playlist's own address
 */
export function createKeyring(text: string, base: URL): Keyring {
  const tags = text.matchAll(/(?<=\n)#EXT-X-KEY:([^\n]*)/g);
  let next = tags.next();
  // By KEYFORMAT: the same segments may be offered to several systems.
  let inForce: ReadonlyMap<string, Attributes> = new Map();
  return {
    keyAt: (place, mediaSequence) => {
      for (; !next.done && next.value.index < place; next = tags.next()) {
        const attributes = parseAttributeList(next.value[1] ?? "");
        const isNone = (attributes.get("METHOD") ?? "NONE") === "NONE";
        inForce = isNone ? new Map() : new Map([...inForce, [attributes.get("KEYFORMAT") ?? "identity", attributes]]);
      }
      return inForce.size === 0 ? undefined : readKey(inForce.get("identity"), mediaSequence, base);
    },
  };
}

function readKey(attributes: Attributes | undefined, mediaSequence: number | undefined, base: URL): SegmentKey {
  const method = attributes?.get("METHOD");
  if (attributes === undefined || method !== "AES-128") {
    const came = attributes ? JSON.stringify(method?.slice(0, 40)) : "digital rights management alone";
    throw refusePlaylist(base, "keys of METHOD=AES-128", came);
  }
  const iv = readIv(attributes.get("IV"), mediaSequence, base);
  return { url: resolveUri(attributes.get("URI") ?? "", base), iv };
}

function readIv(value: string | undefined, mediaSequence: number | undefined, base: URL): Buffer {
  if (value === undefined) {
    if (mediaSequence === undefined)
      throw refusePlaylist(base, "an IV for the key of an initialisation section", "none");
    return Buffer.from(mediaSequence.toString(16).padStart(32, "0"), "hex");
  }
  const digits = /^0x([0-9a-f]{1,32})$/i.exec(value.trim())?.[1];
  if (digits === undefined) throw refusePlaylist(base, "an IV of 128 bits", JSON.stringify(value.slice(0, 40)));
  return Buffer.from(digits.padStart(32, "0"), "hex");
}
