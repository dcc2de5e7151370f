/**
 * Silence as a fragment of MP4 that fits behind an initialisation segment of AAC.
 *
 * @see ISO/IEC 14496-12 §8.8 (movie fragments), 14496-14 §5.6 (esds), 14496-3 §1.6.2.1 (AudioSpecificConfig)
 */

const LOW_COMPLEXITY = 2;
const SAMPLE_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000];
const FRAME_SAMPLES = 1024;
/** A frame of AAC-LC without a sound in it, by the number of channels. */
const SILENT_FRAMES: Readonly<Record<number, readonly number[]>> = {
  1: [0x00, 0xc8, 0x00, 0x80, 0x23, 0x80],
  2: [0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80],
};
/** What precedes the boxes in a box. */
const FIELDS: Readonly<Record<string, number>> = { stsd: 8, mp4a: 28 };
/** Tag of a descriptor, and what of it precedes the next one. */
const DESCRIPTORS = [
  [3, 3],
  [4, 13],
  [5, 0],
] as const;

/**
 * A movie fragment that begins at 0, never longer than asked, but for less than a frame.
 *
 * @param init an initialisation segment of one track
 * @param duration seconds
 * @returns undefined where the track is not AAC-LC in mono or stereo, or is encrypted
 */
export function createSilence(init: Uint8Array, duration: number): Uint8Array | undefined {
  const track = readTrack(new DataView(init.buffer, init.byteOffset, init.byteLength));
  if (!track) return undefined;
  const { trackId, timescale, sampleRate, frame } = track;
  const count = Math.max(1, Math.floor((duration * sampleRate) / FRAME_SAMPLES));
  // one tick less: what reached into the frame behind it would take it out of the buffer
  const ticks = Math.floor((duration * timescale) / count) - 1;
  const tfhd = [28, nameOf("tfhd"), 0x020038, trackId, ticks, frame.length, 0x02000000];
  const tfdt = [16, nameOf("tfdt"), 0, 0];
  const trun = [20, nameOf("trun"), 1, count, 104];
  const moof = [96, nameOf("moof"), 16, nameOf("mfhd"), 0, 1, 72, nameOf("traf"), ...tfhd, ...tfdt, ...trun];
  const words = [...moof, 8 + count * frame.length, nameOf("mdat")];
  const bytes = new Uint8Array(words.length * 4 + count * frame.length);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word);
  for (let index = 0; index < count; index++) bytes.set(frame, words.length * 4 + index * frame.length);
  return bytes;
}

interface SilentTrack {
  readonly trackId: number;
  /** Ticks in a second. */
  readonly timescale: number;
  readonly sampleRate: number;
  readonly frame: readonly number[];
}

function readTrack(view: DataView): SilentTrack | undefined {
  const trackId = readHeader(view, findBox(view, ["moov", "trak", "tkhd"]));
  const timescale = readHeader(view, findBox(view, ["moov", "trak", "mdia", "mdhd"]));
  const config = readConfig(view, findBox(view, ["moov", "trak", "mdia", "minf", "stbl", "stsd", "mp4a", "esds"]));
  if (trackId === undefined || !timescale || config >> 11 !== LOW_COMPLEXITY) return undefined;
  const sampleRate = SAMPLE_RATES[(config >> 7) & 15];
  const frame = SILENT_FRAMES[(config >> 3) & 15];
  return sampleRate && frame ? { trackId, timescale, sampleRate, frame } : undefined;
}

/** Where the content of a box begins and ends. */
interface Box {
  readonly start: number;
  readonly end: number;
}

function findBox(view: DataView, path: readonly string[]): Box | undefined {
  let found: Box | undefined = { start: 0, end: view.byteLength };
  for (const [index, name] of path.entries()) {
    const before: number = FIELDS[path[index - 1] ?? ""] ?? 0;
    found = found && findChild(view, { start: found.start + before, end: found.end }, name);
  }
  return found;
}

function findChild(view: DataView, { start, end }: Box, name: string): Box | undefined {
  const wanted = nameOf(name);
  for (let at = start; at + 8 <= end;) {
    const size = view.getUint32(at);
    if (size < 8 || at + size > end) return undefined;
    if (view.getUint32(at + 4) === wanted) return { start: at + 8, end: at + size };
    at += size;
  }
  return undefined;
}

/** The field behind the two times of a header, whose width is its version's. */
function readHeader(view: DataView, box: Box | undefined): number | undefined {
  if (!box || box.start + 24 > box.end) return undefined;
  return view.getUint32(box.start + (view.getUint8(box.start) === 1 ? 20 : 12));
}

/** The first two bytes of an AudioSpecificConfig; 0: there is none. */
function readConfig(view: DataView, box: Box | undefined): number {
  if (!box) return 0;
  let at = box.start + 4;
  for (const [tag, fields] of DESCRIPTORS) {
    if (at >= box.end || view.getUint8(at) !== tag) return 0;
    // the length: as many bytes as say that another one follows, and the last
    do at += 1;
    while (at < box.end && view.getUint8(at) >= 0x80);
    at += 1 + fields;
  }
  return at + 2 <= box.end ? view.getUint16(at) : 0;
}

function nameOf(text: string): number {
  return [...text].reduce((value, letter) => value * 256 + letter.charCodeAt(0), 0);
}
