/** Writes SCTE-35 sections for tests, field by field as strings of bits. @see SCTE 35 2023r1 §9.6, §9.7, §10.3.3 */

/** Bits as text: "0110". */
export type Bits = string;

export function uint(value: number | bigint, width: number): Bits {
  return BigInt(value).toString(2).padStart(width, "0");
}

export function bytesToBits(bytes: Iterable<number>): Bits {
  return Array.from(bytes, (byte) => uint(byte, 8)).join("");
}

function toBytes(bits: Bits): Uint8Array {
  return Uint8Array.from({ length: bits.length / 8 }, (_, index) =>
    Number.parseInt(bits.slice(index * 8, index * 8 + 8), 2),
  );
}

export interface SectionParts {
  readonly tableId?: number;
  readonly version?: number;
  readonly isEncrypted?: boolean;
  /** 90 kHz. */
  readonly ptsAdjustment?: number;
  readonly commandType: number;
  readonly command: Bits;
  /** As written; else what it is. */
  readonly commandLength?: number;
  readonly descriptors?: readonly Bits[];
}

/** A whole section with its CRC-32. */
export function encodeSection(parts: SectionParts): Uint8Array {
  const { command, descriptors = [] } = parts;
  const loop = descriptors.join("");
  const body =
    uint(parts.version ?? 0, 8) +
    (parts.isEncrypted ? "1" : "0") +
    uint(0, 6) +
    uint(parts.ptsAdjustment ?? 0, 33) +
    uint(0xff, 8) +
    uint(0xfff, 12) +
    uint(parts.commandLength ?? command.length / 8, 12) +
    uint(parts.commandType, 8) +
    command +
    uint(loop.length / 8, 16) +
    loop;
  const clear = toBytes(uint(parts.tableId ?? 0xfc, 8) + "0011" + uint(body.length / 8 + 4, 12) + body);
  return Uint8Array.from([...clear, ...toBytes(uint(crc32(clear), 32))]);
}

export function encodeBase64(parts: SectionParts): string {
  return Buffer.from(encodeSection(parts)).toString("base64");
}

export function encodeHex(parts: SectionParts): string {
  return `0x${Buffer.from(encodeSection(parts)).toString("hex").toUpperCase()}`;
}

/** CRC-32/MPEG-2 by division of the whole message as one number: slow, and nothing like the decoder's. */
function crc32(bytes: Uint8Array): bigint {
  const polynomial = 0x104c11db7n;
  let left = BigInt(`0x${Buffer.from(bytes).toString("hex")}00000000`);
  const width = BigInt(bytes.length * 8 + 32);
  left ^= 0xffffffffn << (width - 32n);
  for (let bit = width - 1n; bit >= 32n; bit--) if ((left >> bit) & 1n) left ^= polynomial << (bit - 32n);
  return left;
}

/** splice_time(); `undefined`: time_specified_flag is 0. */
export function spliceTime(ticks: number | undefined): Bits {
  return ticks === undefined ? "01111111" : `1111111${uint(ticks, 33)}`;
}

export function timeSignal(ticks?: number): Pick<SectionParts, "commandType" | "command"> {
  return { commandType: 0x06, command: spliceTime(ticks) };
}

export interface InsertParts {
  readonly eventId: number;
  readonly isOut?: boolean;
  readonly isImmediate?: boolean;
  readonly isCancelled?: boolean;
  readonly ticks?: number;
  /** Of the break, 90 kHz. */
  readonly duration?: number;
  readonly autoReturn?: boolean;
  /** Component tags with their times: the splice is by component. */
  readonly components?: readonly (readonly [tag: number, ticks: number | undefined])[];
}

export function spliceInsert(parts: InsertParts): Pick<SectionParts, "commandType" | "command"> {
  const { components, isImmediate = false, duration } = parts;
  if (parts.isCancelled) return { commandType: 0x05, command: `${uint(parts.eventId, 32)}11111111` };
  const flags = [parts.isOut ?? true, !components, duration !== undefined, isImmediate];
  const times = (components ?? []).map(([tag, ticks]) => uint(tag, 8) + (isImmediate ? "" : spliceTime(ticks)));
  const command =
    `${uint(parts.eventId, 32)}01111111` +
    `${flags.map(Number).join("")}1111` +
    (!components && !isImmediate ? spliceTime(parts.ticks) : "") +
    (components ? uint(components.length, 8) + times.join("") : "") +
    (duration === undefined ? "" : `${parts.autoReturn ? "1" : "0"}111111${uint(duration, 33)}`) +
    uint(0x1234, 16) +
    uint(2, 8) +
    uint(5, 8);
  return { commandType: 0x05, command };
}

export interface SegmentationParts {
  readonly eventId: number;
  readonly typeId: number;
  readonly isCancelled?: boolean;
  /** 90 kHz. */
  readonly duration?: number;
  readonly upidType?: number;
  readonly upid?: Iterable<number>;
  /** web, no blackout, archive, device group. */
  readonly restrictions?: readonly [boolean, boolean, boolean, number];
  readonly components?: readonly (readonly [tag: number, ticks: number])[];
  readonly subSegments?: readonly [number, number];
}

export function segmentation(parts: SegmentationParts): Bits {
  const { components, restrictions, duration } = parts;
  if (parts.isCancelled) return descriptor(0x02, `${uint(parts.eventId, 32)}11111111`);
  const upid = [...(parts.upid ?? [])];
  const allowed = restrictions && restrictions.slice(0, 3).map(Number).join("") + uint(restrictions[3], 2);
  const listed = (components ?? []).map(([tag, ticks]) => `${uint(tag, 8)}1111111${uint(ticks, 33)}`);
  return descriptor(
    0x02,
    `${uint(parts.eventId, 32)}01111111` +
      `${components ? "0" : "1"}${duration === undefined ? "0" : "1"}${allowed ? `0${allowed}` : "111111"}` +
      (components ? uint(components.length, 8) + listed.join("") : "") +
      (duration === undefined ? "" : uint(duration, 40)) +
      uint(parts.upidType ?? 0, 8) +
      uint(upid.length, 8) +
      bytesToBits(upid) +
      uint(parts.typeId, 8) +
      uint(1, 8) +
      uint(2, 8) +
      (parts.subSegments ?? []).map((number) => uint(number, 8)).join(""),
  );
}

export function descriptor(tag: number, body: Bits, identifier = "CUEI"): Bits {
  const identified = bytesToBits(Buffer.from(identifier)) + body;
  return uint(tag, 8) + uint(identified.length / 8, 8) + identified;
}
