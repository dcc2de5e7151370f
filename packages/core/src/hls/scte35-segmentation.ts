/**
 * Segmentation descriptors: what starts or ends where a time_signal points at.
 *
 * @see SCTE 35 2023r1 §10.2 (splice_descriptor), §10.3.3 (segmentation_descriptor)
 */
import type { BitReader } from "./bit-reader.ts";
import { formatHex } from "./binary-text.ts";

/** What a cancelled one does not say is false, 0, empty or `undefined`. */
export interface Segmentation {
  readonly eventId: number;
  readonly isCancelled: boolean;
  /** segmentation_type_id (table 23): 0x30 Provider Advertisement Start, … */
  readonly typeId: number;
  /** Seconds. */
  readonly duration: number | undefined;
  /** segmentation_upid_type (table 22); 0x0D: several, see `upids`. */
  readonly upidType: number;
  /** Text where its type is text, else hexadecimal after `0x`; empty where there is none. */
  readonly upid: string;
  /** The parts of a MID; else the one that there is. */
  readonly upids: readonly Upid[];
  readonly segmentNumber: number;
  readonly segmentsExpected: number;
  /** Only of types that have sub-segments (0x34, 0x36, 0x38, 0x3A, 0x44, 0x46), where the encoder wrote them. */
  readonly subSegmentNumber: number | undefined;
  readonly subSegmentsExpected: number | undefined;
  /** `undefined`: delivery is not restricted. */
  readonly restrictions: DeliveryRestrictions | undefined;
  /** Empty where the whole program is meant. Seconds. */
  readonly components: readonly { readonly tag: number; readonly ptsOffset: number }[];
}

/** A name of what is segmented; `value` is text or hexadecimal, as `upid` is. @see SCTE 35 2023r1 table 22 */
export interface Upid {
  readonly type: number;
  readonly value: string;
}

/** Where the segment may be shown. @see SCTE 35 2023r1 §10.3.3.1 */
export interface DeliveryRestrictions {
  readonly isWebAllowed: boolean;
  readonly hasNoRegionalBlackout: boolean;
  readonly isArchiveAllowed: boolean;
  /** 3: for all devices (table 21). */
  readonly deviceGroup: number;
}

const SEGMENTATION_TAG = 0x02;
/** "CUEI" */
const IDENTIFIER = 0x43554549;
const MULTIPLE_UPIDS = 0x0d;
const TICKS_PER_SECOND = 90_000;
const WITH_SUB_SEGMENTS: ReadonlySet<number> = new Set([0x34, 0x36, 0x38, 0x3a, 0x44, 0x46]);
/** User defined, ISCI, Ad-ID, TID, ADI, ADS, URI, SCR. */
const TEXT_UPIDS: ReadonlySet<number> = new Set([0x01, 0x02, 0x03, 0x07, 0x09, 0x0e, 0x0f, 0x11]);

/**
 * The segmentation descriptors of a descriptor loop.
 *
 * @throws AdError `playlist-malformed` where one ends before its own length, or before what it says it holds
 */
export function readSegmentations(loop: BitReader): readonly Segmentation[] {
  const segmentations: Segmentation[] = [];
  while (loop.left > 0) {
    const tag = loop.read(8);
    const descriptor = loop.readPart(loop.read(8));
    const isOurs = tag === SEGMENTATION_TAG && descriptor.left >= 4 && descriptor.read(32) === IDENTIFIER;
    if (isOurs) segmentations.push(readSegmentation(descriptor));
  }
  return segmentations;
}

function readSegmentation(reader: BitReader): Segmentation {
  const eventId = reader.read(32);
  const isCancelled = reader.isSet();
  reader.skip(7);
  if (isCancelled) return { ...NOTHING, eventId, isCancelled };
  const isProgram = reader.isSet();
  const hasDuration = reader.isSet();
  const restrictions = readRestrictions(reader);
  const components = isProgram ? [] : readComponents(reader);
  const duration = hasDuration ? reader.read(40) / TICKS_PER_SECOND : undefined;
  const upidType = reader.read(8);
  const upid = reader.readBytes(reader.read(8));
  const typeId = reader.read(8);
  const segmentNumber = reader.read(8);
  const segmentsExpected = reader.read(8);
  // Encoders of before 2016 leave them out.
  const hasSub = WITH_SUB_SEGMENTS.has(typeId) && reader.left >= 2;
  return {
    eventId,
    isCancelled,
    typeId,
    duration,
    upidType,
    upid: formatUpid(upidType, upid),
    upids: listUpids(upidType, upid),
    segmentNumber,
    segmentsExpected,
    subSegmentNumber: hasSub ? reader.read(8) : undefined,
    subSegmentsExpected: hasSub ? reader.read(8) : undefined,
    restrictions,
    components,
  };
}

const NOTHING: Segmentation = {
  eventId: 0,
  isCancelled: false,
  typeId: 0,
  duration: undefined,
  upidType: 0,
  upid: "",
  upids: [],
  segmentNumber: 0,
  segmentsExpected: 0,
  subSegmentNumber: undefined,
  subSegmentsExpected: undefined,
  restrictions: undefined,
  components: [],
};

function readRestrictions(reader: BitReader): DeliveryRestrictions | undefined {
  if (reader.isSet()) {
    reader.skip(5);
    return undefined;
  }
  return {
    isWebAllowed: reader.isSet(),
    hasNoRegionalBlackout: reader.isSet(),
    isArchiveAllowed: reader.isSet(),
    deviceGroup: reader.read(2),
  };
}

function readComponents(reader: BitReader): Segmentation["components"] {
  const components: { readonly tag: number; readonly ptsOffset: number }[] = [];
  for (let left = reader.read(8); left > 0; left--) {
    const tag = reader.read(8);
    reader.skip(7);
    components.push({ tag, ptsOffset: reader.read(33) / TICKS_PER_SECOND });
  }
  return components;
}

function formatUpid(type: number, bytes: Uint8Array): string {
  if (bytes.length === 0) return "";
  const isText = TEXT_UPIDS.has(type) && bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  return isText ? String.fromCharCode(...bytes) : `0x${formatHex(bytes)}`;
}

/** A MID is a list of UPIDs, each with its type and length; what is cut off at its end is left out. */
function listUpids(type: number, bytes: Uint8Array): readonly Upid[] {
  if (bytes.length === 0) return [];
  if (type !== MULTIPLE_UPIDS) return [{ type, value: formatUpid(type, bytes) }];
  const upids: Upid[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const [partType = 0, length = 0] = bytes.subarray(at, at + 2);
    const part = bytes.subarray(at + 2, at + 2 + length);
    if (part.length === length) upids.push({ type: partType, value: formatUpid(partType, part) });
    at += 2 + length;
  }
  return upids;
}
