/**
 * The same work by mediabunny: packets of an MP4 file by key frame, and each such group as a file of MPEG-TS.
 */
import {
  BufferSource,
  BufferTarget,
  EncodedAudioPacketSource,
  EncodedPacketSink,
  type EncodedPacket,
  EncodedVideoPacketSource,
  Input,
  type InputAudioTrack,
  type InputVideoTrack,
  MP4,
  MpegTsOutputFormat,
  Output,
} from "mediabunny";

/** What one segment is made of. */
export interface BunnySegment {
  readonly pictures: readonly EncodedPacket[];
  readonly sound: readonly EncodedPacket[];
  readonly video: { readonly decoderConfig?: VideoDecoderConfig };
  readonly audio: { readonly decoderConfig?: AudioDecoderConfig };
}

/** @throws Error where a track is missing */
export async function readBunnySegments(file: Uint8Array): Promise<readonly BunnySegment[]> {
  const input = new Input({ source: new BufferSource(file), formats: [MP4] });
  const [video, audio] = [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()];
  if (!video || !audio) throw new Error("creative: expected pictures and sound");
  const [pictures, sound] = [await readAll(video), await readAll(audio)];
  const [videoConfig, audioConfig] = [await video.getDecoderConfig(), await audio.getDecoderConfig()];
  const keys = pictures.flatMap(({ type }, index) => (type === "key" ? [index] : []));
  return keys.map((first, index) => {
    const next = keys[index + 1];
    const [start, end] = [
      pictures[first]?.timestamp ?? 0,
      next === undefined ? Infinity : (pictures[next]?.timestamp ?? 0),
    ];
    return {
      pictures: pictures.slice(first, next),
      sound: sound.filter(({ timestamp }) => timestamp >= start && timestamp < end),
      video: videoConfig ? { decoderConfig: videoConfig } : {},
      audio: audioConfig ? { decoderConfig: audioConfig } : {},
    };
  });
}

async function readAll(track: InputVideoTrack | InputAudioTrack): Promise<readonly EncodedPacket[]> {
  const packets: EncodedPacket[] = [];
  for await (const packet of new EncodedPacketSink(track).packets()) packets.push(packet);
  return packets;
}

/** @throws Error where nothing came of it */
export async function makeBunnySegment({ pictures, sound, video, audio }: BunnySegment): Promise<ArrayBuffer> {
  const target = new BufferTarget();
  const output = new Output({ format: new MpegTsOutputFormat(), target });
  const [videoSource, audioSource] = [new EncodedVideoPacketSource("avc"), new EncodedAudioPacketSource("aac")];
  output.addVideoTrack(videoSource);
  output.addAudioTrack(audioSource);
  await output.start();
  // in the order of time, as the muxer holds back one track until the other has come as far
  let frame = 0;
  for (const picture of pictures) {
    for (let next = sound[frame]; next && next.timestamp <= picture.timestamp; next = sound[++frame])
      await audioSource.add(next, audio);
    await videoSource.add(picture, video);
  }
  for (const rest of sound.slice(frame)) await audioSource.add(rest, audio);
  await output.finalize();
  if (!target.buffer) throw new Error("mediabunny: expected a segment, got nothing");
  return target.buffer;
}
