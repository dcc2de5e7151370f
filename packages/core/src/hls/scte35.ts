/**
 * SCTE-35: the binary cue, decoded. splice_insert and time_signal with their segmentation descriptors; other commands by number.
 *
 * @see SCTE 35 2023r1 §9.6 (splice_info_section), §9.7 (commands), §10.3.3 (segmentation_descriptor)
 */
import { AdError } from "../error.ts";
import { BitReader } from "./bit-reader.ts";
import { readBase64, readHex } from "./binary-text.ts";
import { readSegmentations, type Segmentation } from "./scte35-segmentation.ts";

/** A decoded section. All times are seconds, `pts_adjustment` applied modulo 2^33 ticks of 90 kHz. */
export interface SpliceInfo {
  /** Already applied to every time. */
  readonly ptsAdjustment: number;
  /** 0xFFF: for all (SCTE 35 §9.6.1, deprecated use). */
  readonly tier: number;
  readonly command: SpliceCommand;
  /** In the order of their descriptors; other descriptors are left out. */
  readonly segmentations: readonly Segmentation[];
}

/** `other`: splice_null (0x00), splice_schedule (0x04), bandwidth_reservation (0x07), private_command (0xFF), unknown ones. */
export type SpliceCommand = SpliceInsert | TimeSignal | { readonly kind: "other"; readonly type: number };

/** What a cancelled event does not say is false, 0 or `undefined`. @see SCTE 35 §9.7.3 */
export interface SpliceInsert {
  readonly kind: "splice-insert";
  readonly eventId: number;
  readonly isCancelled: boolean;
  /** True: out of the network feed, an avail starts; false: back to it. */
  readonly isOutOfNetwork: boolean;
  /** At once, without a time. */
  readonly isImmediate: boolean;
  /** `undefined` where the splice is immediate, by component, or the encoder left it out. */
  readonly spliceTime: number | undefined;
  /** Empty where the whole program is spliced. */
  readonly components: readonly SpliceComponent[];
  /** Of the break. */
  readonly duration: number | undefined;
  /** The splicer returns after `duration` by itself. */
  readonly autoReturn: boolean;
  readonly uniqueProgramId: number;
  readonly availNumber: number;
  readonly availsExpected: number;
}

/** One elementary stream of a splice by component; without a time it splices at once. @see SCTE 35 2023r1 §9.7.3.1 */
export interface SpliceComponent {
  readonly tag: number;
  readonly spliceTime: number | undefined;
}

/** @see SCTE 35 §9.7.4 */
export interface TimeSignal {
  readonly kind: "time-signal";
  /** `undefined`: at once. */
  readonly spliceTime: number | undefined;
}

const TABLE_ID = 0xfc;
/** Up to and including section_length. */
const HEAD_LENGTH = 3;
const CRC_LENGTH = 4;
const UNKNOWN_LENGTH = 0xfff;
const TICKS_PER_SECOND = 90_000;
const PTS_RANGE = 2 ** 33;
/** The longest section is 4,096 bytes: 8,192 digits. */
const MAX_TEXT = 10_000;

/** How each command is read; a command that is not here is `other`. */
const COMMAND: Readonly<Record<number, (reader: BitReader, adjustment: number) => SpliceCommand>> = {
  0x05: readSpliceInsert,
  0x06: (reader, adjustment) => ({ kind: "time-signal", spliceTime: readSpliceTime(reader, adjustment) }),
};

/**
 * A section as text: base64 (padded or not, either alphabet), or hexadecimal after `0x`.
 *
 * @throws AdError `playlist-malformed`, as {@link decodeScte35} does, and for text that is neither
 */
export function parseScte35(text: string): SpliceInfo {
  const trimmed = text.length > MAX_TEXT ? "" : text.trim();
  const section = /^0x/i.test(trimmed) ? readHex(trimmed.slice(2)) : readBase64(trimmed);
  if (!section || section.length === 0) {
    const shown = JSON.stringify(text.slice(0, 40));
    throw malformed("base64, or hexadecimal after 0x", `${shown} (${text.length} characters)`);
  }
  return decodeScte35(section);
}

/**
 * Decodes a splice_info_section. What follows its CRC-32 is not looked at; unknown descriptors are skipped.
 *
 * @throws AdError `playlist-malformed` naming what is wrong: table id, length, CRC-32, version, encryption
 */
export function decodeScte35(section: Uint8Array): SpliceInfo {
  const reader = openSection(section);
  const version = reader.read(8);
  if (version !== 0) throw malformed("protocol version 0", String(version));
  const isEncrypted = reader.isSet();
  const algorithm = reader.read(6);
  if (isEncrypted) throw malformed("a clear section", `an encrypted one (algorithm ${algorithm})`);
  const ticks = reader.read(33);
  reader.skip(8);
  const tier = reader.read(12);
  const length = reader.read(12);
  const type = reader.read(8);
  const commandReader = length === UNKNOWN_LENGTH ? reader : reader.readPart(length);
  const read = COMMAND[type];
  const command = read ? read(commandReader, ticks) : ({ kind: "other", type } as const);
  // Only the command itself tells where the descriptors start when its length is not given.
  const isFound = length !== UNKNOWN_LENGTH || read !== undefined || type === 0;
  const segmentations = isFound ? readSegmentations(reader.readPart(reader.read(16))) : [];
  return { ptsAdjustment: ticks / TICKS_PER_SECOND, tier, command, segmentations };
}

/** Checks table id, length and CRC-32. The reader stands after section_length and ends before the CRC-32. */
function openSection(section: Uint8Array): BitReader {
  const head = new BitReader(section);
  const tableId = head.read(8);
  if (tableId !== TABLE_ID)
    throw malformed("table id 0xFC", `0x${tableId.toString(16).toUpperCase().padStart(2, "0")}`);
  head.skip(4);
  const end = HEAD_LENGTH + head.read(12);
  if (section.length < end) throw malformed(`${end} bytes`, String(section.length));
  if (end < HEAD_LENGTH + CRC_LENGTH) throw malformed("a section with a CRC-32", `${end} bytes`);
  if (checksum(section, end) !== 0) throw malformed("a matching CRC-32", "another one");
  return new BitReader(section, HEAD_LENGTH, end - CRC_LENGTH);
}

function readSpliceInsert(reader: BitReader, adjustment: number): SpliceInsert {
  const eventId = reader.read(32);
  const isCancelled = reader.isSet();
  reader.skip(7);
  if (isCancelled) return cancelledInsert(eventId);
  const isOutOfNetwork = reader.isSet();
  const isProgram = reader.isSet();
  const hasDuration = reader.isSet();
  const isImmediate = reader.isSet();
  reader.skip(4);
  const spliceTime = isProgram && !isImmediate ? readSpliceTime(reader, adjustment) : undefined;
  const components = isProgram ? [] : readComponents(reader, adjustment, isImmediate);
  const breakDuration = hasDuration ? readBreakDuration(reader) : { autoReturn: false, duration: undefined };
  return {
    kind: "splice-insert",
    eventId,
    isCancelled,
    isOutOfNetwork,
    isImmediate,
    spliceTime,
    components,
    ...breakDuration,
    uniqueProgramId: reader.read(16),
    availNumber: reader.read(8),
    availsExpected: reader.read(8),
  };
}

function cancelledInsert(eventId: number): SpliceInsert {
  return {
    kind: "splice-insert",
    eventId,
    isCancelled: true,
    isOutOfNetwork: false,
    isImmediate: false,
    spliceTime: undefined,
    components: [],
    duration: undefined,
    autoReturn: false,
    uniqueProgramId: 0,
    availNumber: 0,
    availsExpected: 0,
  };
}

function readComponents(reader: BitReader, adjustment: number, isImmediate: boolean): readonly SpliceComponent[] {
  const components: SpliceComponent[] = [];
  for (let left = reader.read(8); left > 0; left--) {
    const tag = reader.read(8);
    components.push({ tag, spliceTime: isImmediate ? undefined : readSpliceTime(reader, adjustment) });
  }
  return components;
}

/** @see SCTE 35 §9.8.1 */
function readSpliceTime(reader: BitReader, adjustment: number): number | undefined {
  if (!reader.isSet()) {
    reader.skip(7);
    return undefined;
  }
  reader.skip(6);
  return ((reader.read(33) + adjustment) % PTS_RANGE) / TICKS_PER_SECOND;
}

/** @see SCTE 35 §9.8.2 */
function readBreakDuration(reader: BitReader): { readonly autoReturn: boolean; readonly duration: number } {
  const autoReturn = reader.isSet();
  reader.skip(6);
  return { autoReturn, duration: reader.read(33) / TICKS_PER_SECOND };
}

/** CRC-32/MPEG-2 over the section and its own CRC-32: 0 where they match. */
function checksum(section: Uint8Array, end: number): number {
  let crc = 0xffffffff;
  for (let index = 0; index < end; index++) {
    crc ^= (section[index] ?? 0) << 24;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
  }
  return crc >>> 0;
}

function malformed(expected: string, got: string): AdError {
  return new AdError("playlist-malformed", `SCTE-35 section: expected ${expected}, got ${got}`);
}
