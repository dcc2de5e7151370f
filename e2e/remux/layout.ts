/** How the boxes of an MP4 file lie, in the words of the table of creatives. */
import { findBoxes, findTracks, listBoxes, readBox } from "./boxes.ts";

/** Of a file without fragments where the tables lie, of one with fragments how; and what is unusual about it. */
export function readLayout(file: Buffer): string {
  const types = listBoxes(file).map(({ type }) => type);
  if (types.includes("moof")) return ["fragmented", ...listFragmentTraits(file)].join(", ");
  const base = types.indexOf("moov") < types.indexOf("mdat") ? "moov first" : "moov last";
  return [base, ...listTraits(file)].join(", ");
}

function listFragmentTraits(file: Buffer): readonly string[] {
  const tracks = findBoxes(file, "moof").map(({ payload }) => findBoxes(payload, "traf").length);
  return [
    ...(findBoxes(file, "sidx").length > 0 ? ["indexed"] : []),
    ...(tracks.every((count) => count === 1) ? ["one track each"] : []),
  ];
}

function listTraits(file: Buffer): readonly string[] {
  const [picture] = findTracks(file, "vide");
  const [sound] = findTracks(file, "soun");
  if (!picture) throw new Error("expected a track of pictures");
  const row = readBox(picture, "mdia/minf/stbl/stsd").toString("latin1", 12, 16);
  const traits: Readonly<Record<string, boolean>> = {
    "late picture": beginsLate(picture),
    "late sound": sound !== undefined && beginsLate(sound),
    "not interleaved": sound !== undefined && liesApart(listChunks(picture), listChunks(sound)),
    rotated: isTurned(picture),
    "64 bit": findBoxes(picture, "mdia/minf/stbl/co64").length > 0,
    avc3: row === "avc3",
    // version 1 of the sample description
    "QuickTime sound": sound !== undefined && readBox(sound, "mdia/minf/stbl/stsd").readUInt16BE(24) === 1,
  };
  return Object.keys(traits).filter((trait) => traits[trait]);
}

/** Whether its first edit is an empty one. @see ISO/IEC 14496-12 §8.6.6 */
function beginsLate(track: Buffer): boolean {
  const [edits] = findBoxes(track, "edts/elst");
  if (!edits || edits.payload.readUInt32BE(4) === 0) return false;
  return edits.payload[0] === 1 ? edits.payload.readBigInt64BE(16) === -1n : edits.payload.readInt32BE(12) === -1;
}

/** Whether x of the film becomes y on screen. @see ISO/IEC 14496-12 §8.3.2 */
function isTurned(track: Buffer): boolean {
  const header = readBox(track, "tkhd");
  return header.readInt32BE(header[0] === 1 ? 56 : 44) !== 0;
}

/** Whether all of one track lies before all of the other. */
function liesApart(one: readonly number[], other: readonly number[]): boolean {
  return Math.max(...one) < Math.min(...other) || Math.max(...other) < Math.min(...one);
}

/** Bytes from the start of the file. */
function listChunks(track: Buffer): readonly number[] {
  const [long] = findBoxes(track, "mdia/minf/stbl/co64");
  const table = long?.payload ?? readBox(track, "mdia/minf/stbl/stco");
  const count = table.readUInt32BE(4);
  return Array.from({ length: count }, (_, index) =>
    long ? Number(table.readBigUInt64BE(8 + index * 8)) : table.readUInt32BE(8 + index * 4),
  );
}
