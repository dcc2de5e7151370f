/** Looks at one file of a package with ffprobe, and at the tables of its transport stream: nothing of ours is asked. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface ProbedStream {
  readonly codec: string;
  /** Seconds. */
  readonly times: readonly number[];
  readonly end: number;
  readonly startsWithKey: boolean;
  /** MD5 of each packet. */
  readonly hashes: readonly string[];
}

/** The streams of a file, as ffprobe sees them: video, audio and metadata. */
export async function probe(file: string): Promise<Readonly<Record<string, ProbedStream>>> {
  const show = ["-show_streams", "-show_packets", "-show_data_hash", "md5", "-of", "json"];
  const { stdout } = await run("ffprobe", ["-v", "error", ...show, file], { maxBuffer: 1e8 });
  const report: {
    readonly streams: readonly { readonly index: number; readonly codec_type: string; readonly codec_name?: string }[];
    readonly packets: readonly {
      readonly stream_index: number;
      readonly pts_time: string;
      readonly duration_time?: string;
      readonly flags: string;
      readonly data_hash: string;
    }[];
  } = JSON.parse(stdout);
  return Object.fromEntries(
    report.streams.map(({ index, codec_type, codec_name = "" }) => {
      const packets = report.packets.filter((packet) => packet.stream_index === index);
      const times = packets.map((packet) => Number(packet.pts_time));
      const end = packets.reduce(
        (last, one, at) => Math.max(last, (times[at] ?? 0) + Number(one.duration_time ?? 0)),
        0,
      );
      const hashes = packets.map((packet) => packet.data_hash);
      return [codec_type, { codec: codec_name, times, end, hashes, startsWithKey: packets[0]?.flags[0] === "K" }];
    }),
  );
}

/** The CRC-32 of every programme map of ffmpeg's PID, its own checksum included: 0 where that is right. */
export function checkProgramMaps(file: string): readonly number[] {
  const bytes = readFileSync(file);
  const packets = Array.from({ length: bytes.length / 188 }, (_, index) =>
    bytes.subarray(index * 188, index * 188 + 188),
  );
  return packets
    .filter((packet) => (packet.readUInt16BE(1) & 0x1fff) === 0x1000)
    .map((packet) => {
      const section = packet.subarray(5, 5 + 3 + (packet.readUInt16BE(6) & 0xfff));
      const bits = [...section].flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => (byte >> bit) & 1));
      return bits.reduce((crc, bit) => {
        const isOdd = ((crc >>> 31) ^ bit) === 1;
        return ((crc << 1) ^ (isOdd ? 0x04c11db7 : 0)) >>> 0;
      }, 0xffffffff);
    });
}
