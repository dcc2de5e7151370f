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

export interface Expected {
  readonly targetDuration?: number;
  /** `24000/1001` */
  readonly rate: string;
  /** Seconds. */
  readonly duration: number;
}

const ATTRIBUTES =
  /BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="avc1\.6400[0-9a-f]{2},mp4a\.40\.2",RESOLUTION=\d+x\d+,FRAME-RATE=[\d.]+$/;
/** ffmpeg puts several sounds into one packet; that long after the picture a segment's sound may begin. Seconds. */
const SOUND_PACKET = 0.15;

const AAC_FRAME = 1024 / 48_000;
/** How far the clock of a package may begin above 0. Seconds. */
const MAX_OFFSET = 0.1;

/** Everything that a ladder must be, whatever it was made from, and is not. Empty: it is correct. */
export function findFaults(ladder: InspectedLadder, expected: Expected): readonly string[] {
  const [best] = ladder.renditions;
  return [
    ...unless(ladder.renditions.length >= 3, `renditions: ${ladder.renditions.length}`),
    ...unless(ladder.master.startsWith("#EXTM3U\n#EXT-X-VERSION:3\n"), ladder.master),
    ...ladder.renditions.flatMap((rendition) => [
      ...unless(String(rendition.durations) === String(best?.durations), `cuts: ${rendition.durations}`),
      ...findRenditionFaults(rendition, expected),
    ]),
  ];
}

function unless(isRight: boolean, fault: string): readonly string[] {
  return isRight ? [] : [fault];
}

const TAGS = [
  "#EXTM3U",
  "#EXT-X-VERSION",
  "#EXT-X-TARGETDURATION",
  "#EXT-X-MEDIA-SEQUENCE",
  "#EXT-X-PLAYLIST-TYPE",
  "#EXTINF",
  "#EXT-X-ENDLIST",
];

function findRenditionFaults(rendition: InspectedRendition, expected: Expected): readonly string[] {
  const { targetDuration = 6, rate, duration } = expected;
  const [numerator = 0, denominator = 1] = rate.split("/").map(Number);
  const frame = denominator / numerator;
  // What we say to our own player, a stranger passes over (RFC 8216 §6.3.1).
  const tags = new Set(
    rendition.playlist.split("\n").flatMap((line) => /^#EXT(?!-X-INTERLUDE)[^:]*/.exec(line)?.[0] ?? []),
  );
  const total = rendition.durations.reduce((sum, one) => sum + one, 0);
  // The clock begins a little above 0, since pictures are decoded before they are shown.
  const offset = rendition.segments[0]?.video.start ?? 0;
  let time = offset;
  const faults = rendition.segments.flatMap((segment, index) => {
    const length = rendition.durations[index] ?? 0;
    const isLast = index === rendition.segments.length - 1;
    const found = findSegmentFaults(segment, {
      time,
      length,
      isFirst: index === 0,
      isLast,
      frame,
      targetDuration,
      rate,
    });
    time += length;
    return found.map((fault) => `segment ${index}: ${fault}`);
  });
  return [
    ...unless(ATTRIBUTES.test(rendition.attributes), rendition.attributes),
    ...unless([...tags].join() === TAGS.join(), `tags: ${[...tags].join()}`),
    ...unless(rendition.playlist.includes(`#EXT-X-TARGETDURATION:${targetDuration}\n`), rendition.playlist),
    ...unless(offset < MAX_OFFSET, `from ${offset} s`),
    ...unless(Math.abs(total - duration) <= frame * 1.5, `in all: ${total} s`),
    ...faults,
  ];
}

interface ExpectedSegment {
  readonly time: number;
  readonly length: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly frame: number;
  readonly targetDuration: number;
  readonly rate: string;
}

function findSegmentFaults(
  { video, audio, startsWithKey }: InspectedSegment,
  expected: ExpectedSegment,
): readonly string[] {
  const { time, length, isFirst, isLast, frame, targetDuration, rate } = expected;
  const missing = video.end - audio.end;
  return [
    ...unless(startsWithKey, "no key frame first"),
    ...unless(Math.abs(video.start - time) < 5e-4, `pictures from ${video.start} s, not ${time} s`),
    ...unless(Math.abs(audio.start - video.start) < (isFirst ? 1e-6 : SOUND_PACKET), `sound from ${audio.start} s`),
    ...unless(Math.round(length) <= targetDuration, `EXTINF ${length} above ${targetDuration}`),
    ...unless(isLast || Math.abs(length - targetDuration) <= frame + 1e-6, `EXTINF ${length}`),
    ...unless(
      !isLast || (missing > -1e-3 && missing < 2 * AAC_FRAME + 1e-3),
      `sound to ${audio.end}, pictures to ${video.end} s`,
    ),
    ...unless(video.packets === Math.round(length / frame), `${video.packets} frames in ${length} s`),
    ...unless(video.codec === "h264" && video.pixelAspect === "1:1" && video.rate === rate, JSON.stringify(video)),
    ...unless(audio.codec === "aac" && audio.sampleRate === "48000" && audio.channels === 2, JSON.stringify(audio)),
  ];
}
