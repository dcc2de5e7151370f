/**
 * The first time stamp of a media segment: of its pictures, or of its sound where there are none.
 *
 * @see ISO/IEC 13818-1 §2.4.3.7 (PTS); ISO/IEC 14496-12 §8.8.12 (tfdt), §8.4.2 (mdhd)
 */

const TS_PACKET = 188;
const SYNC = 0x47;
const PICTURES = 0xe0;
const SOUND = 0xc0;

/** Seconds, by the first bytes of a segment of a transport stream; undefined: none in them. */
export function readTsPts(bytes: Uint8Array): number | undefined {
  const view = viewOf(bytes);
  let sound: number | undefined;
  for (let start = 0; start + TS_PACKET <= bytes.length; start += TS_PACKET) {
    if (view.getUint8(start) !== SYNC) return sound;
    const pes = findPes(view, start);
    if (pes === undefined) continue;
    const kind = view.getUint8(pes + 3);
    if ((kind & 0xf0) === PICTURES) return readTimeStamp(view, pes + 9);
    if ((kind & 0xe0) === SOUND) sound ??= readTimeStamp(view, pes + 9);
  }
  return sound;
}

/** Where in a packet a PES packet with a PTS begins. */
function findPes(view: DataView, start: number): number | undefined {
  const isStart = (view.getUint8(start + 1) & 0x40) !== 0;
  const flags = view.getUint8(start + 3);
  const adaptation = flags & 0x20 ? view.getUint8(start + 4) + 1 : 0;
  const pes = start + 4 + adaptation;
  if (!isStart || (flags & 0x10) === 0 || pes + 14 > start + TS_PACKET) return undefined;
  const isPes = view.getUint16(pes) === 0 && view.getUint8(pes + 2) === 1 && (view.getUint8(pes + 7) & 0x80) !== 0;
  return isPes ? pes : undefined;
}

function readTimeStamp(view: DataView, at: number): number {
  const high = (view.getUint8(at) >> 1) & 0x07;
  const middle = view.getUint16(at + 1) >> 1;
  const low = view.getUint16(at + 3) >> 1;
  return (high * 2 ** 30 + middle * 2 ** 15 + low) / 90_000;
}

/**
 * Seconds, by an initialization segment and the first bytes of a segment; undefined: no time in them.
 * Edit lists are passed over, as players do.
 */
export function readFmp4Pts(init: Uint8Array, segment: Uint8Array): number | undefined {
  const timescales = readTimescales(viewOf(init));
  const fragment = childrenOf(viewOf(segment)).find(({ type }) => type === "moof");
  for (const track of fragment ? childrenOf(fragment.view).filter(({ type }) => type === "traf") : []) {
    const boxes = childrenOf(track.view);
    const header = boxes.find(({ type, view }) => type === "tfhd" && view.byteLength >= 8);
    const time = boxes.find(
      ({ type, view }) => type === "tfdt" && view.byteLength >= (view.getUint8(0) === 1 ? 12 : 8),
    );
    const timescale = header && timescales.get(header.view.getUint32(4));
    if (time === undefined || timescale === undefined) continue;
    const ticks = time.view.getUint8(0) === 1 ? Number(time.view.getBigUint64(4)) : time.view.getUint32(4);
    return ticks / timescale;
  }
  return undefined;
}

/** Ticks per second by track, of pictures alone where there are any. */
function readTimescales(init: DataView): ReadonlyMap<number, number> {
  const tracks = childrenOf(init)
    .filter(({ type }) => type === "moov")
    .flatMap(({ view }) => childrenOf(view))
    .filter(({ type }) => type === "trak")
    .flatMap(({ view }) => readTrack(view));
  const pictures = tracks.filter(({ isPictures }) => isPictures);
  return new Map((pictures.length > 0 ? pictures : tracks).map(({ id, timescale }) => [id, timescale]));
}

interface Track {
  readonly id: number;
  readonly timescale: number;
  readonly isPictures: boolean;
}

function readTrack(track: DataView): readonly Track[] {
  const find = (boxes: readonly Box[], wanted: string): DataView | undefined =>
    boxes.find(({ type }) => type === wanted)?.view;
  const boxes = childrenOf(track);
  const media = find(boxes, "mdia");
  const inMedia = media ? childrenOf(media) : [];
  const [header, mediaHeader, handler] = [find(boxes, "tkhd"), find(inMedia, "mdhd"), find(inMedia, "hdlr")];
  if (!header || !mediaHeader || header.byteLength < 24 || mediaHeader.byteLength < 24) return [];
  const id = header.getUint32(header.getUint8(0) === 1 ? 20 : 12);
  const timescale = mediaHeader.getUint32(mediaHeader.getUint8(0) === 1 ? 20 : 12);
  const isPictures = handler !== undefined && handler.byteLength >= 12 && handler.getUint32(8) === VIDE;
  return timescale > 0 ? [{ id, timescale, isPictures }] : [];
}

const VIDE = 0x76_69_64_65;

interface Box {
  readonly type: string;
  readonly view: DataView;
}

/** The boxes in a box; the last one may go on beyond the bytes that were read. */
function childrenOf(view: DataView): readonly Box[] {
  const boxes: Box[] = [];
  let start = 0;
  while (start + 8 <= view.byteLength) {
    const isLong = view.getUint32(start) === 1;
    const header = isLong ? 16 : 8;
    if (start + header > view.byteLength) break;
    const stated = isLong ? Number(view.getBigUint64(start + 8)) : view.getUint32(start);
    const size = stated === 0 ? view.byteLength - start : stated;
    if (size < header) break;
    const end = Math.min(start + size, view.byteLength);
    const type = [4, 5, 6, 7].map((offset) => String.fromCharCode(view.getUint8(start + offset))).join("");
    boxes.push({ type, view: new DataView(view.buffer, view.byteOffset + start + header, end - start - header) });
    start += size;
  }
  return boxes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
