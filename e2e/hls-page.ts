/** A page with hls.js and nothing else, over a folder of media: what a package does in a player that knows nothing of ads. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import type { Page } from "@playwright/test";

const TYPES: Readonly<Record<string, string>> = {
  ".m3u8": "application/vnd.apple.mpegurl",
  ".ts": "video/mp2t",
  ".m4s": "video/mp4",
  ".mp4": "video/mp4",
};
const HLS_JS = join(import.meta.dirname, "../node_modules/hls.js/dist/hls.min.js");

export interface MediaFolder {
  readonly url: URL;
  close(): Promise<void>;
}

/** Serves the files below `folder`, an empty page at `/`, and hls.js. Playlists in `texts` are there by their path. */
export function serveFolder(folder: string, texts: Readonly<Record<string, string>> = {}): Promise<MediaFolder> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? "/").split("?")[0] ?? "");
    const text = path === "/" ? "<!doctype html><video muted></video>" : texts[path.slice(1)];
    const body = text ?? readFile(path === "/hls.js" ? HLS_JS : join(folder, path));
    const send = (bytes: string | Buffer): void => {
      response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "text/html" }).end(bytes);
    };
    Promise.resolve(body).then(send, () => response.writeHead(404).end());
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const url = new URL(`http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/`);
      const close = (): Promise<void> =>
        new Promise((done) => {
          server.closeAllConnections();
          server.close(() => done());
        });
      resolve({ url, close });
    });
  });
}

/** What hls.js said of a playback. */
export interface Playback {
  /** Names of fatal errors and of everything about holes, stalls and fragments; that it gave up a request of its own is none. */
  readonly errors: readonly string[];
  /** Timed metadata, each once, as text. */
  readonly metadata: readonly { readonly time: number; readonly text: string }[];
  /** Seconds. */
  readonly buffered: readonly (readonly [start: number, end: number])[];
}

/** The part of hls.js that the page uses. */
interface PageHls {
  on(event: string, listener: (event: string, data: never) => void): void;
  loadSource(url: string): void;
  attachMedia(video: HTMLVideoElement): void;
}

declare global {
  interface Window {
    Hls: new (config: object) => PageHls;
    interludePlayback?: { readonly errors: string[]; readonly metadata: { time: number; text: string }[] };
  }
}

/** Opens the page. */
export async function openPage(page: Page, server: MediaFolder): Promise<void> {
  await page.goto(server.url.href);
  await page.addScriptTag({ url: "/hls.js" });
}

/**
 * Attaches hls.js to a playlist and waits until it could play: it jumps over a late first picture when playback is slow to begin.
 * Playback waits for {@link playToEnd}.
 *
 * @param startPosition seconds
 */
export async function loadPlaylist(page: Page, path: string, startPosition = -1): Promise<void> {
  await page.evaluate(
    async ({ url, start }) => {
      const playback: NonNullable<Window["interludePlayback"]> = { errors: [], metadata: [] };
      window.interludePlayback = playback;
      const hls = new window.Hls({ startPosition: start });
      hls.on("hlsError", (_name, { details, fatal }: { readonly details: string; readonly fatal: boolean }) => {
        if (fatal || /^(buffer|frag)/.test(details)) playback.errors.push(details);
      });
      hls.on(
        "hlsFragParsingMetadata",
        (_name, data: { readonly samples: readonly { readonly pts: number; readonly data: Uint8Array }[] }) => {
          for (const sample of data.samples) {
            playback.metadata.push({ time: sample.pts, text: new TextDecoder("latin1").decode(sample.data) });
          }
        },
      );
      hls.loadSource(url);
      const video = document.querySelector("video");
      if (!video) throw new Error("expected a video");
      const isPlayable = new Promise((resolve) => video.addEventListener("canplaythrough", resolve));
      hls.attachMedia(video);
      await isPlayable;
    },
    { url: path, start: startPosition },
  );
}

/**
 * Plays to the last frame.
 *
 * @param rate below 1 a busy machine has more time for each frame
 */
export async function playToEnd(page: Page, rate = 1): Promise<Playback> {
  await page.evaluate(async (playbackRate) => {
    const video = document.querySelector("video");
    if (!video) throw new Error("expected a video");
    const ended = new Promise((resolve) => video.addEventListener("ended", resolve));
    video.playbackRate = playbackRate;
    await video.play();
    await ended;
  }, rate);
  return page.evaluate(() => {
    const { buffered } = document.querySelector("video") ?? {};
    const ranges = Array.from({ length: buffered?.length ?? 0 }, (_, index): readonly [number, number] => [
      buffered?.start(index) ?? 0,
      buffered?.end(index) ?? 0,
    ]);
    return { errors: [], metadata: [], ...window.interludePlayback, buffered: ranges };
  });
}
