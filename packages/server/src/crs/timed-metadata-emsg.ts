/**
 * Timed metadata in fragmented MP4: one event message box for each tag, before the fragment in which its time lies.
 *
 * @see ISO/IEC 23009-1 §5.10.3.3 (emsg); AOM, Carriage of ID3 Timed Metadata in the Common Media Application Format, §2
 */
import { formatFullBox, u32, u64 } from "./fmp4-boxes.ts";
import type { TimedMetadata } from "./timed-metadata.ts";

const SCHEME = "https://aomedia.org/emsg/ID3";

/**
 * @param id different in all event messages of a track
 * @param timescale ticks per second, as in the track
 */
export function formatEventMessage({ time, tag }: TimedMetadata, id: number, timescale: number): Buffer {
  const texts = Buffer.from(`${SCHEME}\0\0`, "latin1");
  return formatFullBox("emsg", 1, 0, u32(timescale), u64(Math.round(time * timescale)), u32(0, id), texts, tag);
}
