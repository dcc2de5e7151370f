/**
 * The files of the media folder and the ffmpeg arguments that make each of them. Pure: no file is touched here.
 *
 * @see RFC 8216 §4.3.4.2 for the master playlists
 */
import { type Excerpt, formatExcerpt } from "./excerpt.ts";
import { type Fonts, formatContentGraph, formatPosterGraph, FRAME_RATE, type Poster } from "./film.ts";

/** Seconds per segment of everything that is HLS. */
export const SEGMENT_DURATION = 4;
/** Seconds of the content; the live channel repeats it. */
export const CONTENT_DURATION = 60;
export const CREATIVE_DURATION = 10;

/** One thing to make. `path` is a file or a folder below the media folder and appears only when it is complete. */
export interface Recipe {
  readonly path: string;
  readonly title: string;
  /** Seconds of the output; 0 where nothing is encoded. */
  readonly duration: number;
  /** How long it takes compared with the others. */
  readonly weight: number;
  /**
   * Arguments of ffmpeg that write into `out` (the file, or the folder, which exists with the folders of `rungs`); `media` is the
   * media folder.
   */
  readonly encode?: (out: string, media: string) => readonly string[];
  /** True: made of other recipes' files, so made after them. */
  readonly isDerived?: boolean;
  /** Folders and playlist of an HLS recipe. */
  readonly rungs?: readonly Rung[];
  /** The bytes of a recipe that ffmpeg does not make; gets the bytes of `from`. */
  readonly write?: {
    readonly from?: string;
    readonly bytes: (source: Buffer) => Uint8Array;
    /** What `bytes` goes by beside its source: the file is made again when it changes. */
    readonly terms?: readonly (string | number)[];
  };
}

/** One rendition of an HLS recipe. */
export interface Rung {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly codecs: string;
}

const RUNGS: readonly Rung[] = [
  { name: "360", width: 640, height: 360, codecs: "avc1.4d401e,mp4a.40.2" },
  { name: "720", width: 1280, height: 720, codecs: "avc1.4d401f,mp4a.40.2" },
];

/** Every creative that is a poster, by id; the strip's source ids are those of catalog.json. */
export const POSTERS: Readonly<Record<"hls" | "mp4" | "mp4-2" | "flv" | "webm", Poster & { readonly source: number }>> =
  {
    hls: {
      source: 2,
      brand: "Lumen & Co.",
      line: "Lamps for long evenings",
      caption: "This creative came as HLS",
      colours: ["6d28d9", "db2777"],
      motif: "rings",
      root: 262,
    },
    mp4: {
      source: 3,
      brand: "Sunday Coffee",
      line: "Slow mornings, roasted weekly",
      caption: "This creative came as MP4",
      colours: ["b93a0b", "e08a06"],
      motif: "dots",
      root: 294,
    },
    "mp4-2": {
      source: 4,
      brand: "Northline",
      line: "The night train is back",
      caption: "This creative came as MP4, too",
      colours: ["991b1b", "ef4444"],
      motif: "stripes",
      root: 330,
    },
    flv: {
      source: 5,
      brand: "Paper Boats",
      line: "Stationery that travels",
      caption: "This creative came as FLV",
      colours: ["0b5f77", "14a3a0"],
      motif: "waves",
      root: 349,
    },
    webm: {
      source: 6,
      brand: "Green Door",
      line: "A bookshop round the corner",
      caption: "This creative came as WebM",
      colours: ["14532d", "4d8a0d"],
      motif: "arches",
      root: 392,
    },
  };

/** Closed GOPs that start with each segment; the rest, B-frames among it, is as x264 sets it. */
function h264(crf: number): readonly string[] {
  const gop = String(SEGMENT_DURATION * FRAME_RATE);
  const rate = ["-preset", "veryfast", "-profile:v", "main", "-crf", String(crf)];
  return ["-c:v", "libx264", ...rate, "-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-flags", "+cgop"];
}

const AAC: readonly string[] = ["-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000"];

function encodeHls(graph: string, rungs: readonly Rung[], out: string): readonly string[] {
  const sounds = rungs.map((rung) => `[a${rung.name}]`);
  const scale = rungs.map((rung) => `[s${rung.name}]scale=${rung.width}:${rung.height}[v${rung.name}]`);
  const splits = `[v]split=${rungs.length}${rungs.map((rung) => `[s${rung.name}]`).join("")}`;
  const whole = [graph, splits, ...scale, `[a]asplit=${rungs.length}${sounds.join("")}`].join(";");
  const segments = ["-f", "hls", "-hls_time", String(SEGMENT_DURATION), "-hls_playlist_type", "vod"];
  const outputs = rungs.flatMap((rung) => {
    const streams = ["-map", `[v${rung.name}]`, "-map", `[a${rung.name}]`, ...h264(23), ...AAC];
    const files = ["-hls_segment_filename", `${out}/${rung.name}/%03d.ts`, `${out}/${rung.name}/media.m3u8`];
    return [...streams, ...segments, ...files];
  });
  return ["-filter_complex", whole, ...outputs];
}

/** Sound goes to the encoder in frames of its own size: ffmpeg 5 does not cut the first one for it. */
function encodeFile(graph: string, codecs: readonly string[], out: string): readonly string[] {
  const samples = codecs.includes("libopus") ? 960 : 1024;
  const whole = `${graph};[a]asetnsamples=${samples}[sound]`;
  return ["-filter_complex", whole, "-map", "[v]", "-map", "[sound]", ...codecs, out];
}

const VP9: readonly string[] = ["-c:v", "libvpx-vp9", "-b:v", "1800k", "-deadline", "realtime", "-cpu-used", "8"];

/** How each poster file is encoded: a creative as a buyer would send it, not as a packager would make it. */
const CODECS: Readonly<Record<"mp4" | "mp4-2" | "flv" | "webm", readonly string[]>> = {
  mp4: ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", ...AAC, "-movflags", "+faststart", "-f", "mp4"],
  "mp4-2": ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", ...AAC, "-f", "mp4"],
  flv: ["-c:v", "libx264", "-preset", "veryfast", "-crf", "22", ...AAC, "-f", "flv"],
  webm: [...VP9, "-row-mt", "1", "-g", "125", "-c:a", "libopus", "-b:a", "96k", "-f", "webm"],
};

const FILE_NAMES: Readonly<Record<keyof typeof CODECS, string>> = {
  mp4: "mp4.mp4",
  "mp4-2": "mp4-2.mp4",
  flv: "flv.flv",
  webm: "webm.webm",
};

function posterFile(id: keyof typeof CODECS, fonts: Fonts | undefined): Recipe {
  const poster = POSTERS[id];
  const graph = formatPosterGraph(poster.source, CREATIVE_DURATION, poster, fonts);
  return {
    path: `creatives/${FILE_NAMES[id]}`,
    title: `ad “${poster.brand}”`,
    duration: CREATIVE_DURATION,
    weight: 1,
    encode: (out) => encodeFile(graph, CODECS[id], out),
  };
}

/** What stands for each asset of catalog.json until it plays: a frame of one of the film's segments. */
const STILLS: Readonly<Record<string, { readonly segment: number; readonly frame: number }>> = {
  vod: { segment: 0, frame: 60 },
  morning: { segment: 4, frame: 0 },
  evening: { segment: 8, frame: 40 },
  live: { segment: 12, frame: 0 },
};

function posterOf(id: string, { segment, frame }: { readonly segment: number; readonly frame: number }): Recipe {
  const select = ["-vf", `select=eq(n\\,${frame})`, "-frames:v", "1", "-q:v", "4", "-f", "image2", "-update", "1"];
  const source = `content/720/${String(segment).padStart(3, "0")}.ts`;
  return {
    path: `posters/${id}.jpg`,
    title: `the poster of “${id}”`,
    duration: 1,
    weight: 0,
    isDerived: true,
    encode: (out, media) => ["-i", `${media}/${source}`, ...select, out],
  };
}

/** Assets of catalog.json that are parts of the film. */
const EXCERPTS: Readonly<Record<string, Excerpt>> = {
  morning: { first: 0, count: 6 },
  evening: { first: 7, count: 6 },
};

/** The master is the film's own: its addresses are relative. */
function excerptOf(id: string, excerpt: Excerpt): readonly Recipe[] {
  const playlist = { title: `the playlists of “${id}”`, duration: 0, weight: 0, isDerived: true };
  const media = RUNGS.map(({ name }): Recipe => {
    const cut = (film: Buffer): Uint8Array =>
      Buffer.from(formatExcerpt(film.toString(), excerpt, `../../content/${name}/`));
    const from = `content/${name}/media.m3u8`;
    const terms = [excerpt.first, excerpt.count];
    return { ...playlist, path: `${id}/${name}/media.m3u8`, write: { from, bytes: cut, terms } };
  });
  const master = { from: "content/master.m3u8", bytes: (film: Buffer) => film };
  return [...media, { ...playlist, path: `${id}/master.m3u8`, write: master }];
}

/** Everything that the demo shows, longest first. `truncated.mp4` is made of `mp4-2.mp4`, so it comes after it. */
export function listRecipes(fonts: Fonts | undefined): readonly Recipe[] {
  const film = formatContentGraph(1, CONTENT_DURATION, fonts);
  const lamps = formatPosterGraph(POSTERS.hls.source, CREATIVE_DURATION, POSTERS.hls, fonts);
  return [
    {
      path: "content",
      title: "film “A day in a minute”",
      duration: CONTENT_DURATION,
      weight: 10,
      rungs: RUNGS,
      encode: (out) => encodeHls(film, RUNGS, out),
    },
    {
      path: "creatives/hls",
      title: `ad “${POSTERS.hls.brand}”`,
      duration: CREATIVE_DURATION,
      weight: 1.5,
      rungs: RUNGS,
      encode: (out) => encodeHls(lamps, RUNGS, out),
    },
    ...(["webm", "mp4", "mp4-2", "flv"] as const).map((id) => posterFile(id, fonts)),
    ...Object.entries(STILLS).map(([id, still]) => posterOf(id, still)),
    ...Object.entries(EXCERPTS).flatMap(([id, excerpt]) => excerptOf(id, excerpt)),
    {
      path: "creatives/broken.mp4",
      title: "a broken creative",
      duration: 0,
      weight: 0,
      write: { bytes: () => new TextEncoder().encode("This is a text file. Its name says MP4.\n".repeat(200)) },
    },
    {
      path: "creatives/truncated.mp4",
      title: "a truncated creative",
      duration: 0,
      weight: 0,
      isDerived: true,
      write: { from: "creatives/mp4-2.mp4", bytes: (source) => source.subarray(0, Math.floor(source.length * 0.6)) },
    },
  ];
}

/** Bytes and seconds of one segment of a rung. */
export interface SegmentSize {
  readonly bytes: number;
  readonly duration: number;
}

/** The master playlist of an HLS recipe: version 3, lowest first, BANDWIDTH the peak of a segment. */
export function formatMaster(rungs: readonly (Rung & { readonly segments: readonly SegmentSize[] })[]): string {
  const lines = rungs.flatMap((rung) => {
    const peak = Math.max(0, ...rung.segments.map((segment) => (segment.bytes * 8) / segment.duration));
    const bytes = rung.segments.reduce((sum, segment) => sum + segment.bytes, 0);
    const seconds = rung.segments.reduce((sum, segment) => sum + segment.duration, 0);
    const rate = `BANDWIDTH=${Math.ceil(peak)},AVERAGE-BANDWIDTH=${Math.ceil((bytes * 8) / Math.max(seconds, 1))}`;
    const look = `RESOLUTION=${rung.width}x${rung.height},FRAME-RATE=${FRAME_RATE.toFixed(3)},CODECS="${rung.codecs}"`;
    return [`#EXT-X-STREAM-INF:${rate},${look}`, `${rung.name}/media.m3u8`];
  });
  return ["#EXTM3U", "#EXT-X-VERSION:3", ...lines, ""].join("\n");
}
