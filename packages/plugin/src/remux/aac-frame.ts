/**
 * What a frame of AAC is, on all sides of the page and its worker.
 *
 * @see ISO/IEC 14496-3 §4.5.1.1 (frameLengthFlag), §1.A.2.2.2 (aac_frame_length)
 */

/** Of the core. */
export const FRAME_SAMPLES = 1024;
/** Of the header of ADTS. */
export const ADTS_HEADER_BYTES = 7;
/** Of a frame in ADTS without its header: the length of both has 13 bits. */
export const MOST_ADTS_PAYLOAD: number = 8191 - ADTS_HEADER_BYTES;
