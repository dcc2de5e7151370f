/**
 * Real players on a page of another origin than the manifest server's: hls.js, video.js with VHS, and Shaka Player. Each tells what
 * it showed (e2e/frames.ts), what it asked for and what it complained about.
 */
import type { Browser, Page } from "@playwright/test";
import { groupRuns, recordFrames, type Run, type ShownFrame, shownFrames } from "./frames.ts";
import type { MediaOrigin } from "./media-origin.ts";

export const PLAYERS = ["hls.js", "video.js", "shaka"] as const;
export type PlayerName = (typeof PLAYERS)[number];

/** One answer that a player got. `text` is empty except for playlists with status 200. */
export interface ClientResponse {
  readonly url: string;
  readonly status: number;
  readonly text: string;
}

export interface Client {
  readonly name: PlayerName;
  readonly page: Page;
  /** All that it asked for, redirects included, in order of arrival. */
  readonly responses: readonly ClientResponse[];
  /** Errors of the player, of the element and of the page; empty while all is well. */
  readonly errors: () => Promise<readonly string[]>;
  readonly frames: () => Promise<readonly ShownFrame[]>;
  readonly runs: () => Promise<readonly Run[]>;
  readonly close: () => Promise<void>;
}

interface VideoJsPlayer {
  on(event: string, listener: () => void): void;
  src(source: { readonly src: string; readonly type: string }): void;
  error(): { readonly code: number; readonly message: string } | null;
}

interface ShakaError {
  readonly code: number;
  readonly data: readonly unknown[];
}

interface ShakaPlayer {
  attach(video: HTMLVideoElement): Promise<void>;
  load(url: string): Promise<void>;
  addEventListener(event: string, listener: (event: { readonly detail: ShakaError }) => void): void;
}

declare global {
  interface Window {
    videojs: (video: HTMLVideoElement, options: object) => VideoJsPlayer;
    shaka: { readonly polyfill: { installAll(): void }; readonly Player: new () => ShakaPlayer };
    interludeErrors?: string[];
  }
}

/** Opens a page with one player, which plays `url` from where it wants to, with its standard settings, muted. */
export async function openClient(browser: Browser, origin: MediaOrigin, name: PlayerName, url: URL): Promise<Client> {
  // In a context of its own: pages of one window are hidden by the last one, and compose a frame per second.
  const page = await browser.newPage();
  const responses: ClientResponse[] = [];
  const pageErrors: string[] = [];
  page.on("pageerror", (error) => pageErrors.push(error.message));
  page.on("response", (response) => {
    const entry = { url: response.url(), status: response.status(), text: "" };
    responses.push(entry);
    if (entry.status !== 200 || !new URL(entry.url).pathname.endsWith(".m3u8")) return;
    // A page that was closed meanwhile has no text any more.
    void response.text().then(
      (text) => (entry.text = text),
      () => undefined,
    );
  });
  await page.goto(new URL("/player.html", origin.url).href);
  await page.addScriptTag({ url: `/lib/${name === "shaka" ? "shaka.js" : name}` });
  await recordFrames(page);
  await START[name](page, url.href);
  return {
    name,
    page,
    responses,
    errors: async () => [...pageErrors, ...(await page.evaluate(() => window.interludeErrors ?? []))],
    frames: () => shownFrames(page),
    runs: async () => groupRuns(await shownFrames(page)),
    close: () => page.close(),
  };
}

const START: Readonly<Record<PlayerName, (page: Page, url: string) => Promise<void>>> = {
  "hls.js": (page, source) =>
    page.evaluate((url) => {
      const errors: string[] = (window.interludeErrors = []);
      const video = document.querySelector("video");
      if (!video) throw new Error("expected a video");
      const hls = new window.Hls({});
      hls.on("hlsError", (_name, { details, fatal }: { readonly details: string; readonly fatal: boolean }) => {
        // When it begins it may append a segment in a second rendition, where it has it already.
        if (details === "bufferAppendNoProgress" && !fatal) return;
        errors.push(`${details}${fatal ? " (fatal)" : ""} at ${video.currentTime.toFixed(2)} s`);
      });
      hls.loadSource(url);
      hls.attachMedia(video);
      video.addEventListener("canplay", () => void video.play(), { once: true });
    }, source),
  "video.js": (page, source) =>
    page.evaluate((url) => {
      const errors: string[] = (window.interludeErrors = []);
      const video = document.querySelector("video");
      if (!video) throw new Error("expected a video");
      // Without overrideNative a Chromium that plays HLS by itself would be tested.
      const html5 = { vhs: { overrideNative: true }, nativeAudioTracks: false, nativeVideoTracks: false };
      const player = window.videojs(video, { html5, autoplay: true, muted: true, controls: false });
      player.on("error", () => errors.push(`${player.error()?.code ?? 0} ${player.error()?.message ?? ""}`));
      player.src({ src: url, type: "application/x-mpegURL" });
    }, source),
  shaka: (page, source) =>
    page.evaluate(async (url) => {
      const errors: string[] = (window.interludeErrors = []);
      const video = document.querySelector("video");
      if (!video) throw new Error("expected a video");
      window.shaka.polyfill.installAll();
      const player = new window.shaka.Player();
      const tell = ({ code, data }: ShakaError): number => errors.push(`${code} ${data.map(String).join(" ")}`);
      player.addEventListener("error", ({ detail }) => tell(detail));
      await player.attach(video);
      await player.load(url).catch(tell);
      await video.play();
    }, source),
};

/** Resolves when every client has shown as many whole breaks: ads between content. */
export async function waitForBreaks(
  clients: readonly Client[],
  count: number,
  contentSource: number,
  timeoutMs: number,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  const countBreaks = (runs: readonly Run[]): number =>
    runs.filter(({ source }, index) => source === contentSource && index > 0).length;
  for (const client of clients) {
    let frames = await client.frames();
    while (countBreaks(groupRuns(frames)) < count) {
      await waitForFrame(client, frames.length + FRAMES_AT_ONCE, end - Date.now()).catch((cause: unknown) =>
        complain(client, `${count} breaks in ${timeoutMs} ms`, cause),
      );
      frames = await client.frames();
    }
  }
}

/** What is read at a time: to read them takes the processor from the players. */
const FRAMES_AT_ONCE = 25;

async function waitForFrame({ page }: Client, count: number, timeout: number): Promise<void> {
  const options = { timeout: Math.max(timeout, 1), polling: 200 };
  await page.waitForFunction((wanted) => (window.interludeFrames?.length ?? 0) >= wanted, count, options);
}

async function complain(client: Client, expected: string, cause: unknown): Promise<never> {
  const runs = (await client.runs()).map(({ source, frames }) => `${source}×${frames.length}`);
  const said = (await client.errors()).join("; ");
  throw new Error(`${client.name}: expected ${expected}, got ${runs.join(" ")}; ${said}`, { cause });
}
