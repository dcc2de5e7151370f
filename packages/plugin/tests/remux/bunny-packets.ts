/** What mediabunny reads in a file: a reader of MP4 and MPEG-TS that is neither ours nor ffmpeg's. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input, type InputTrack } from "mediabunny";
import { splitFrames, splitUnits } from "./read-stream.ts";

export interface BunnyPacket {
  /** Seconds. */
  readonly time: number;
  readonly duration: number;
  readonly isKey: boolean;
  /** Of NAL units, but those that a container's rules add or take away; of a sound frame without its header. */
  readonly hashes: readonly string[];
}

export interface BunnyFile {
  /** In the order of decoding. */
  readonly video: readonly BunnyPacket[];
  readonly audio: readonly BunnyPacket[];
}

export async function readPackets(path: string): Promise<BunnyFile> {
  const bytes = readFileSync(path);
  const input = new Input({ source: new BufferSource(bytes), formats: ALL_FORMATS });
  const [video, audio] = [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()];
  const isFile = bytes.readUInt8(0) !== 0x47;
  const splitPicture = isFile ? splitLengths : splitUnits;
  return {
    video: await readTrack(video, (bytes) => splitPicture(bytes).filter(isKept)),
    audio: await readTrack(audio, isFile ? (bytes) => [bytes] : splitFrames),
  };
}

async function readTrack(
  track: InputTrack | null,
  split: (bytes: Buffer) => readonly Buffer[],
): Promise<readonly BunnyPacket[]> {
  const packets: BunnyPacket[] = [];
  if (!track) return packets;
  for await (const { data, timestamp, duration, type } of new EncodedPacketSink(track).packets()) {
    const hashes = split(Buffer.from(data)).map((bytes) => createHash("sha1").update(bytes).digest("hex"));
    packets.push({ time: timestamp, duration, isKey: type === "key", hashes });
  }
  return packets;
}

/** Not a parameter set, a delimiter or filler. */
function isKept(unit: Buffer): boolean {
  return ![7, 8, 9, 12].includes(unit.readUInt8(0) & 31);
}

function splitLengths(sample: Buffer): readonly Buffer[] {
  const units: Buffer[] = [];
  for (let at = 0; at < sample.length;) {
    const end = at + 4 + sample.readUInt32BE(at);
    units.push(sample.subarray(at + 4, end));
    at = end;
  }
  return units;
}
