/**
 * What a segment is, by its first bytes.
 *
 * @see RFC 8216 §3.2 (MPEG-TS), §3.3 (fragmented MP4), §3.4 (packed audio)
 */

export interface SegmentFormat {
  readonly format: "mpegts" | "mov" | "aac";
  /** Bytes of ID3 in front of the audio. */
  readonly skip: number;
  /** Of packed audio: when it begins, on the clock of the other renditions. Seconds. */
  readonly startTime?: number;
}

const TS_PACKET = 188;
const TS_SYNC = 0x47;
/** ISO/IEC 14496-12 and 23000-19: what a segment or an initialisation section may begin with. */
const BOXES: ReadonlySet<string> = new Set(["ftyp", "moov", "styp", "moof", "sidx", "emsg", "prft"]);
const MPEG_CLOCK = 90_000;
const TIMESTAMP_OWNER = "com.apple.streaming.transportStreamTimestamp\0";

/**
 * Undefined for anything else: playlists, pages and subtitles included.
 *
 * @param head enough to reach behind an ID3 tag, or all
 */
export function sniffSegment(head: Buffer): SegmentFormat | undefined {
  if (head[0] === TS_SYNC && head.length >= TS_PACKET && (head[TS_PACKET] ?? TS_SYNC) === TS_SYNC) {
    return { format: "mpegts", skip: 0 };
  }
  if (BOXES.has(head.toString("latin1", 4, 8))) return { format: "mov", skip: 0 };
  const skip = tagLength(head);
  if (!isAdts(head.subarray(skip))) return undefined;
  const startTime = skip > 0 ? readTimestamp(head) : undefined;
  return { format: "aac", skip, ...(startTime !== undefined && { startTime }) };
}

/** Of the ID3 tag at the start, header included; 0: there is none. @see ID3v2.4.0 structure §3.1 */
function tagLength(head: Buffer): number {
  if (head.toString("latin1", 0, 3) !== "ID3" || head.length < 10) return 0;
  const [a = 0, b = 0, c = 0, d = 0] = head.subarray(6, 10).map((byte) => byte & 0x7f);
  return 10 + ((a << 21) | (b << 14) | (c << 7) | d);
}

/** ISO/IEC 13818-7 §6.2: twelve bits of sync, layer 0. */
function isAdts(bytes: Buffer): boolean {
  return bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xf6) === 0xf0;
}

/** RFC 8216 §3.4: a PRIV frame with 33 bits of the MPEG clock, in eight bytes. */
function readTimestamp(head: Buffer): number | undefined {
  const at = head.indexOf(TIMESTAMP_OWNER, 0, "latin1");
  const value = at + TIMESTAMP_OWNER.length;
  return at < 0 || value + 8 > head.length ? undefined : Number(head.readBigUInt64BE(value)) / MPEG_CLOCK;
}
