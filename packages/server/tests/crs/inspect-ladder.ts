/** Looks at a published ladder with ffprobe, as a stranger would: nothing of ours is asked. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface InspectedLadder {
  readonly master: string;
  readonly renditions: readonly InspectedRendition[];
}

export interface InspectedRendition {
  readonly attributes: string;
  readonly playlist: string;
  /** EXTINF, as written. */
  readonly durations: readonly number[];
  readonly segments: readonly InspectedSegment[];
}

export interface InspectedSegment {
  readonly video: InspectedStream;
  readonly audio: InspectedStream;
  /** Of the first packet of the video. */
  readonly startsWithKey: boolean;
}

export interface InspectedStream {
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly pixelAspect: string;
  readonly rate: string;
  readonly sampleRate: string;
  readonly channels: number;
  /** Seconds: the first packet's time, and the end of the last. */
  readonly start: number;
  readonly end: number;
  readonly packets: number;
}

/** @param masterFile the master playlist in the folder of a CDN */
export async function inspectLadder(masterFile: string): Promise<InspectedLadder> {
  const master = readFileSync(masterFile, "utf8");
  const lines = master.split("\n");
  const renditions: InspectedRendition[] = [];
  for (const [index, line] of lines.entries()) {
    if (!line.startsWith("#EXT-X-STREAM-INF:")) continue;
    const file = join(dirname(masterFile), lines[index + 1] ?? "");
    const playlist = readFileSync(file, "utf8");
    const uris = playlist.split("\n").filter((uri) => uri !== "" && !uri.startsWith("#"));
    const segments = await Promise.all(uris.map((uri) => inspectSegment(join(dirname(file), uri))));
    const durations = [...playlist.matchAll(/#EXTINF:([\d.]+),/g)].map(([, value]) => Number(value));
    renditions.push({ attributes: line, playlist, durations, segments });
  }
  return { master, renditions };
}

interface Probe {
  readonly streams: readonly {
    readonly index: number;
    readonly codec_type: string;
    readonly codec_name: string;
    readonly width?: number;
    readonly height?: number;
    readonly sample_aspect_ratio?: string;
    readonly r_frame_rate: string;
    readonly sample_rate?: string;
    readonly channels?: number;
  }[];
  readonly packets: readonly {
    readonly stream_index: number;
    readonly pts_time: string;
    readonly duration_time: string;
    readonly flags: string;
  }[];
}

async function inspectSegment(path: string): Promise<InspectedSegment> {
  const { stdout } = await run("ffprobe", ["-v", "error", "-show_streams", "-show_packets", "-of", "json", path]);
  const probe: Probe = JSON.parse(stdout);
  const stream = (kind: string): InspectedStream & { readonly flags: string } => {
    const found = probe.streams.find((one) => one.codec_type === kind);
    if (!found) throw new Error(`${path}: expected ${kind}, got none`);
    const packets = probe.packets.filter((packet) => packet.stream_index === found.index);
    return {
      codec: found.codec_name,
      width: found.width ?? 0,
      height: found.height ?? 0,
      pixelAspect: found.sample_aspect_ratio ?? "1:1",
      rate: found.r_frame_rate,
      sampleRate: found.sample_rate ?? "",
      channels: found.channels ?? 0,
      start: Math.min(...packets.map((packet) => Number(packet.pts_time))),
      end: Math.max(...packets.map((packet) => Number(packet.pts_time) + Number(packet.duration_time))),
      packets: packets.length,
      flags: packets[0]?.flags ?? "",
    };
  };
  const video = stream("video");
  return { video, audio: stream("audio"), startsWithKey: video.flags.startsWith("K") };
}

/** Integrated loudness of a media playlist, LUFS. */
export async function measureLoudness(playlistFile: string): Promise<number> {
  const args = ["-nostdin", "-hide_banner", "-i", playlistFile, "-af", "ebur128=framelog=verbose", "-f", "null", "-"];
  const { stderr } = await run("ffmpeg", args);
  return Number(/I:\s+(-?[\d.]+) LUFS/.exec(stderr.slice(stderr.lastIndexOf("Summary:")))?.[1]);
}
