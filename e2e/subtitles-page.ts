/** A page with one of three players, over playlists with subtitles: which cues it shows, and when. */
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import type { Page } from "@playwright/test";
import { fastify, type FastifyInstance } from "fastify";

const MODULES = join(import.meta.dirname, "../node_modules");
export const PLAYERS = {
  "hls.js": "hls.js/dist/hls.min.js",
  "video.js": "video.js/dist/video.min.js",
  shaka: "shaka-player/dist/shaka-player.compiled.js",
} as const;
export type PlayerName = keyof typeof PLAYERS;

const TYPES: Readonly<Record<string, string>> = {
  ".m3u8": "application/vnd.apple.mpegurl",
  ".ts": "video/mp2t",
  ".vtt": "text/vtt",
  ".js": "text/javascript",
};

/** Serves the files below `folder` at `/media/`, the players, and an empty page at `/`. */
export function createMediaApp(folder: string): FastifyInstance {
  const app = fastify({ routerOptions: { maxParamLength: 4096 } });
  for (const [prefix, root] of [
    ["/media/", folder],
    ["/modules/", MODULES],
  ] as const) {
    app.get<{ Params: { "*": string } }>(`${prefix}*`, async (request, reply) => {
      const path = request.params["*"];
      return reply.type(TYPES[extname(path)] ?? "application/octet-stream").send(await readFile(join(root, path)));
    });
  }
  app.get("/", (_request, reply) => reply.type("text/html").send("<!doctype html><video muted></video>"));
  return app;
}

/** Seconds of the stitched programme. */
export interface ShownCue {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export interface ShownSubtitles {
  /** All cues of the track at the end, by start. */
  readonly cues: readonly ShownCue[];
  /** Which texts were active at which time, each time that a picture was painted. */
  readonly samples: readonly { readonly time: number; readonly texts: readonly string[] }[];
  readonly errors: readonly string[];
}

interface CueTrack {
  readonly kind: string;
  mode: string;
  readonly cues: ArrayLike<{ readonly startTime: number; readonly endTime: number; readonly text: string }> | null;
  readonly activeCues: ArrayLike<{ readonly text: string }> | null;
}

declare global {
  interface Window {
    interludeSubtitles?: {
      /** Loads a playlist with its first subtitles on; answers where the tracks are. */
      readonly attach: (url: string, video: HTMLVideoElement) => Promise<() => ArrayLike<CueTrack>>;
      readonly errors: string[];
    };
  }
}

/** By player: the source of `attach`. */
const ATTACH: Readonly<Record<PlayerName, string>> = {
  "hls.js": `async (url, video) => {
    const hls = new Hls({ startPosition: 0 });
    hls.on("hlsError", (_name, data) => { if (data.fatal || /^(frag|subtitle)/.test(data.details)) errors.push(data.details); });
    hls.subtitleDisplay = true;
    hls.loadSource(url);
    hls.attachMedia(video);
    await new Promise((resolve) => hls.on("hlsSubtitleTracksUpdated", resolve));
    hls.subtitleTrack = 0;
    return () => video.textTracks;
  }`,
  "video.js": `async (url, video) => {
    video.className = "video-js";
    const player = videojs(video, { html5: { vhs: { overrideNative: true }, nativeTextTracks: false } });
    player.on("error", () => errors.push(player.error().message));
    player.src({ src: url, type: "application/x-mpegURL" });
    await new Promise((resolve) => player.on("loadedmetadata", resolve));
    for (const track of Array.from(player.textTracks())) if (track.kind === "subtitles") track.mode = "showing";
    return () => player.textTracks();
  }`,
  shaka: `async (url, video) => {
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    player.addEventListener("error", (event) => errors.push("shaka " + event.detail.code));
    await player.attach(video);
    await player.load(url);
    player.selectTextTrack(player.getTextTracks()[0]);
    return () => video.textTracks;
  }`,
};

/** Plays a programme from its start to its end with its first subtitles on. */
export async function playSubtitles(
  page: Page,
  player: PlayerName,
  origin: string,
  path: string,
): Promise<ShownSubtitles> {
  await page.goto(`${origin}/`);
  await page.addScriptTag({ url: `/modules/${PLAYERS[player]}` });
  await page.addScriptTag({
    content: `const errors = []; window.interludeSubtitles = { errors, attach: ${ATTACH[player]} };`,
  });
  return page.evaluate(async (url) => {
    const video = document.querySelector("video");
    const page = window.interludeSubtitles;
    if (!video || !page) throw new Error("expected a video and a player");
    const tracks = await page.attach(url, video);
    const list = (): CueTrack[] => Array.from(tracks()).filter((track) => /subtitles|captions/.test(track.kind));
    const samples: { time: number; texts: string[] }[] = [];
    const sample = (): void => {
      const texts = list().flatMap((track) => Array.from(track.activeCues ?? [], ({ text }) => text));
      samples.push({ time: video.currentTime, texts });
      video.requestVideoFrameCallback(sample);
    };
    video.requestVideoFrameCallback(sample);
    const ended = new Promise((resolve) => video.addEventListener("ended", resolve));
    video.playbackRate = 2;
    await video.play();
    await ended;
    const cues = list()
      .flatMap((track) =>
        Array.from(track.cues ?? [], ({ text, startTime, endTime }) => ({ text, start: startTime, end: endTime })),
      )
      .toSorted((one, other) => one.start - other.start || one.end - other.end);
    return { cues, samples, errors: page.errors };
  }, `${origin}/${path}`);
}
