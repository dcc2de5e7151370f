/** What ffprobe says of a part: when its streams begin and end, and what its pictures are. */
import { RepackageFailure } from "./repackage-failure.ts";

export interface PartStream {
  readonly type: string;
  /** Seconds; 0 where it is not told. */
  readonly startTime: number;
  /**
   * Codec, size, pixel format and shape: what must be equal for two parts to go on in one file. Also the decoder's parameters,
   * where ffmpeg's concat demuxer cannot carry them in the stream as it does for H.264.
   */
  readonly picture: string;
}

const PICTURE = ["codec_name", "width", "height", "pix_fmt", "sample_aspect_ratio"];

/** Reads ffprobe's JSON; members that are missing or of another type count as not there. */
export function readStreams(json: unknown): readonly PartStream[] {
  const streams = member(json, "streams");
  return (Array.isArray(streams) ? streams : []).map((stream: unknown) => ({
    type: String(member(stream, "codec_type")),
    startTime: Number.parseFloat(String(member(stream, "start_time"))) || 0,
    picture: [...PICTURE, ...(member(stream, "codec_name") === "h264" ? [] : ["extradata_hash"])]
      .map((name) => String(member(stream, name) ?? "?"))
      .join(" "),
  }));
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

/** When the pictures of a part begin, with its first key frame, and how long they are shown. Seconds. */
export interface VideoTimes {
  readonly startTime: number;
  readonly duration: number;
}

/**
 * Reads ffprobe's list of video packets: `pts,duration,flags` per line, in the order of decoding.
 *
 * @throws RepackageFailure `no-video` where no key frame has a time
 */
export function parseVideoTimes(csv: string): VideoTimes {
  let startTime: number | undefined;
  let last = { time: Number.NEGATIVE_INFINITY, duration: Number.NaN };
  let frames = 0;
  for (const line of csv.split("\n")) {
    const [pts = "", length = "", flags = ""] = line.split(",");
    const time = Number.parseFloat(pts);
    if (Number.isNaN(time)) continue;
    if (flags.startsWith("K")) startTime ??= time;
    if (startTime === undefined || time < startTime) continue;
    frames++;
    if (time > last.time) last = { time, duration: Number.parseFloat(length) };
  }
  if (startTime === undefined) {
    throw new RepackageFailure("no-video", "creative: expected a key frame in each part, got none");
  }
  // The last packet of a transport stream may not tell how long it is shown: as long as the others, then.
  const usual = frames > 1 ? (last.time - startTime) / (frames - 1) : 0;
  return { startTime, duration: last.time + (last.duration > 0 ? last.duration : usual) - startTime };
}
