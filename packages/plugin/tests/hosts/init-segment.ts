/** Initialisation segments of sound, as little of them as is read. @see ISO/IEC 14496-12 §8.2, 14496-14 §5.6 */

function box(name: string, ...content: readonly (readonly number[])[]): readonly number[] {
  const body = content.flat();
  return [...word(body.length + 8), ...Buffer.from(name), ...body];
}

function word(value: number): readonly number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

const zeros = (count: number): readonly number[] => Array.from({ length: count }, () => 0);

export interface Track {
  /** AudioSpecificConfig. */
  readonly config?: readonly number[];
  readonly entry?: string;
  /** Of the track's two headers. */
  readonly version?: 0 | 1;
}

/** Track 7, 48,000 ticks a second. */
export function formatInit({ config = [0x11, 0x90], entry = "mp4a", version = 0 }: Track = {}): Uint8Array {
  const times = [version, 0, 0, 0, ...zeros(version === 1 ? 16 : 8)];
  const esds = [3, 0x80, 0x80, 0x80, 25, 0, 2, 0, 4, 17, ...zeros(13), 5, 0x80, 2, ...config];
  const sample = box(entry, zeros(28), box("esds", zeros(4), esds));
  const stbl = box("stbl", box("stsd", zeros(8), sample));
  const mdia = box("mdia", box("mdhd", times, word(48_000), zeros(8)), box("minf", stbl));
  const tkhd = box("tkhd", times, word(7), zeros(8));
  return Uint8Array.from([...box("ftyp", zeros(8)), ...box("moov", box("trak", tkhd, mdia))]);
}
