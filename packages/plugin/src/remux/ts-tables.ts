/**
 * What a transport stream says of itself: one programme of H.264 pictures, which carry its clock, and AAC.
 *
 * @see ISO/IEC 13818-1 §2.4.4 (PAT, PMT)
 */
import { joinBytes } from "./fmp4-boxes.ts";

export const PICTURE_PID = 0x100;
export const SOUND_PID = 0x101;
const PAT_PID = 0;
const PMT_PID = 0x1000;

/** A table as it never changes: a pointer to it and its CRC with it. */
export interface Table {
  readonly pid: number;
  readonly section: Uint8Array;
}

export const TABLES: readonly Table[] = [
  {
    pid: PAT_PID,
    section: Uint8Array.of(0, 0x00, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xf0, 0x00, 0x2a, 0xb1, 0x04, 0xb2),
  },
  {
    pid: PMT_PID,
    section: joinBytes([
      Uint8Array.of(0, 0x02, 0xb0, 23, 0, 1, 0xc1, 0, 0, 0xe1, 0x00, 0xf0, 0),
      Uint8Array.of(0x1b, 0xe1, 0x00, 0xf0, 0),
      Uint8Array.of(0x0f, 0xe1, 0x01, 0xf0, 0),
      Uint8Array.of(0x2f, 0x44, 0xb9, 0x9b),
    ]),
  },
];
