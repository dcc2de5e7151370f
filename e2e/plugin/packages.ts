/** The film and the ads of e2e/plugin/media.ts as packagers make them: every kind of content, and the ladders of the ads. */
import { createCipheriv, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FILM_DURATION, PARTS, SEGMENT } from "./catalog.ts";

type Ffmpeg = (args: readonly string[], cwd: string) => Promise<void>;

/** Of the film's first picture as ffmpeg's TS muxer sets it, in ticks of 90 kHz: 1.48 s. */
const FIRST_PTS = 133_200;

const RUNGS = ["-map", "0:v", "-map", "1:v"];
const MUXED = [...RUNGS, "-map", "2:a", "-map", "2:a"];
const MUXED_MAP = "v:0,a:0,name:180 v:1,a:1,name:360";
const TS_FILES = ["-hls_segment_filename", "%v_%05d.ts"];
const FMP4 = ["-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "%v_init.mp4"];
const FMP4_FILES = [...FMP4, "-hls_segment_filename", "%v_%05d.m4s"];

function formatHls(streams: string, flags: readonly string[]): readonly string[] {
  const vod = ["-f", "hls", "-hls_time", String(SEGMENT), "-hls_playlist_type", "vod", "-hls_list_size", "0"];
  return ["-c", "copy", ...vod, ...flags, "-master_pl_name", "master.m3u8", "-var_stream_map", streams, "%v.m3u8"];
}

/** Makes the folders that are named as the content kinds, and `channel`: all seconds of the film in TS. */
export async function packageFilm(work: string, ffmpeg: Ffmpeg): Promise<void> {
  const inputs = (name: string): readonly string[] =>
    ["180.mp4", "360.mp4", "en.m4a", "fr.m4a"].flatMap((file) => ["-i", `../sources/${name}/${file}`]);
  const film = inputs("film");
  const french = ["-map", "3:a"];
  const demuxed = "v:0,agroup:s,name:180 v:1,agroup:s,name:360 a:0,agroup:s,name:en,language:en,default:yes";

  await ffmpeg([...film, ...MUXED, ...formatHls(MUXED_MAP, TS_FILES)], join(work, "ts"));
  const languages = `${demuxed} a:1,agroup:s,name:fr,language:fr`;
  const both = [...RUNGS, "-map", "2:a", ...french];
  await ffmpeg([...film, ...both, ...formatHls(languages, TS_FILES)], join(work, "ts-alt-audio"));
  await ffmpeg([...film, ...RUNGS, "-map", "2:a", ...formatHls(demuxed, FMP4_FILES)], join(work, "cmaf"));
  await ffmpeg([...film, ...MUXED, ...formatHls(MUXED_MAP, FMP4_FILES)], join(work, "fmp4-muxed"));
  const sound = formatHls("a:0,name:audio", TS_FILES);
  await ffmpeg([...film, "-map", "2:a", ...sound], join(work, "audio-only"));
  await ffmpeg([...inputs("channel"), ...MUXED, ...formatHls(MUXED_MAP, TS_FILES)], join(work, "channel"));

  const parts = ["-hls_flags", "split_by_time", "-hls_time", String(SEGMENT / PARTS)];
  const streams = formatHls("v:0,a:0,name:180", [...parts, ...FMP4_FILES, "-hls_fmp4_init_filename", "180_init.mp4"]);
  await ffmpeg([...film, "-map", "0:v", "-map", "2:a", ...streams], join(work, "low-latency"));

  for (const kind of ["ts", "ts-alt-audio", "cmaf", "fmp4-muxed", "channel", "low-latency"])
    await addCodecs(join(work, kind));
  await encrypt(join(work, "ts"), join(work, "aes"));
  const master = relate(await readFile(join(work, "ts/master.m3u8"), "utf8"), "../ts/");
  const sounds = '#EXT-X-STREAM-INF:BANDWIDTH=80000,CODECS="mp4a.40.2"\n../audio-only/audio.m3u8\n';
  await write(join(work, "ts-and-audio-only"), { "master.m3u8": master + sounds });
  await write(join(work, "subtitles"), formatSubtitles(master));
}

/** Makes `hls` and `cmaf`, each with a rendition of sound alone. */
export async function packageAd(folder: string, ffmpeg: Ffmpeg): Promise<void> {
  const inputs = ["180.mp4", "360.mp4", "sound.aac"].flatMap((name) => ["-i", `../${name}`]);
  const tight = ["-muxdelay", "0", "-muxpreload", "0", ...TS_FILES];
  const sound = ["-map", "2:a"];
  await ffmpeg(
    [...inputs, ...MUXED, ...sound, ...formatHls(`${MUXED_MAP} a:2,name:audio`, tight)],
    join(folder, "hls"),
  );
  const demuxed = "v:0,agroup:s,name:180 v:1,agroup:s,name:360 a:0,agroup:s,name:audio,default:yes";
  const framed = ["-bsf:a", "aac_adtstoasc", ...FMP4_FILES];
  await ffmpeg([...inputs, ...RUNGS, ...sound, ...formatHls(demuxed, framed)], join(folder, "cmaf"));
  for (const packaging of ["hls", "cmaf"]) await addCodecs(join(folder, packaging));
}

/** ffmpeg does not write them when it copies. */
async function addCodecs(folder: string): Promise<void> {
  const path = join(folder, "master.m3u8");
  const text = await readFile(path, "utf8");
  await writeFile(path, text.replaceAll(/RESOLUTION=\d+x\d+/g, '$&,CODECS="avc1.4d401e,mp4a.40.2"'));
}

/** AES-128; the initialisation vector is the media sequence number. @see RFC 8216 §5.2 */
async function encrypt(from: string, to: string): Promise<void> {
  const key = randomBytes(16);
  await mkdir(to, { recursive: true });
  await writeFile(join(to, "film.key"), key);
  for (const name of await readdir(from)) {
    const bytes = await readFile(join(from, name));
    const sequence = Number(/_(\d+)\.ts$/.exec(name)?.[1] ?? 0);
    const vector = Buffer.alloc(16);
    vector.writeUInt32BE(sequence, 12);
    const cipher = createCipheriv("aes-128-cbc", key, vector);
    const isSegment = name.endsWith(".ts");
    const tag = '#EXT-X-KEY:METHOD=AES-128,URI="film.key"\n';
    const text = (): string => bytes.toString().replace("#EXTINF", `${tag}#EXTINF`);
    await writeFile(join(to, name), isSegment ? Buffer.concat([cipher.update(bytes), cipher.final()]) : text());
  }
}

/** WebVTT beside TS: a cue for every second, which names it. @see RFC 8216 §3.5 */
function formatSubtitles(master: string): Readonly<Record<string, string>> {
  const media = '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="English",LANGUAGE="en",URI="en.m3u8"\n';
  const withGroup = master.replaceAll(/^#EXT-X-STREAM-INF:.*$/gm, '$&,SUBTITLES="subs"');
  const count = FILM_DURATION / SEGMENT;
  const segments = Array.from({ length: count }, (_, index) => `#EXTINF:${SEGMENT}.000000,\nen_${index}.vtt\n`);
  const head = `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:${SEGMENT}\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n`;
  const files: Record<string, string> = {
    "master.m3u8": withGroup.replace("#EXT-X-STREAM-INF", `${media}#EXT-X-STREAM-INF`),
    "en.m3u8": `${head}${segments.join("")}#EXT-X-ENDLIST\n`,
  };
  for (let index = 0; index < count; index++) {
    const seconds = Array.from({ length: SEGMENT }, (_, second) => index * SEGMENT + second);
    const cues = seconds.map((at) => `${formatTime(at)} --> ${formatTime(at + 1)}\nsecond ${at}\n`);
    files[`en_${index}.vtt`] = `WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:${FIRST_PTS},LOCAL:00:00:00.000\n\n${cues.join("\n")}`;
  }
  return files;
}

function formatTime(seconds: number): string {
  return `00:00:${String(seconds).padStart(2, "0")}.000`;
}

/** The same playlist for another folder. */
function relate(text: string, base: string): string {
  return text.replaceAll(/^(?!#)(?=\S)/gm, base);
}

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)));
}
