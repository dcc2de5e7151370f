/** What the pages of bench/player.ts have in common: what they are asked to play, and how they say what was on screen. */
import type { AdInsertionOptions, AdsOption } from "@interlude/plugin";

/** How an ad comes on screen. */
export type Technique =
  | "none"
  | "in-line"
  | "remux"
  | "wait"
  | "interstitial-list"
  | "interstitial-uri"
  | "overlay"
  | "vhs"
  | "vhs-in-line"
  | "vhs-contrib-ads";

/** Where the ad is, for whatever a technique needs of it. */
export interface AdSource {
  readonly zoneUrl: string;
  /** The zone document, for who has it in the page already. */
  readonly zone?: object;
  /** VAST, whose creative is the file. */
  readonly adTagUrl: string;
  /** The same VAST, for who has it in the page already. */
  readonly vast?: string;
  /** The repackaged copy, HLS. */
  readonly playlistUrl: string;
  readonly fileUrl: string;
  /** Seconds. */
  readonly duration: number;
}

export interface PlayerRun {
  readonly technique: Technique;
  readonly contentUrl: string;
  readonly ad: AdSource;
  /** Seconds of content, or before it. */
  readonly time: number | "start";
}

/** A player at work. */
export interface StartedPlayer {
  readonly destroy: () => void;
}

/** Starts a player in an empty page, muted; `onStall` is told of each stall that the player itself reports. */
export type StartPlayer = (run: PlayerRun, onStall: () => void) => StartedPlayer;

declare global {
  interface Window {
    /** Returns the page's time at which it began, milliseconds. */
    startPlayer?: (run: PlayerRun) => number;
    stopPlayer?: () => void;
    /** Of the player and, where the element waits for media while it should play, of the element. */
    interludeStalls?: number;
  }
}

/** What bench/player.ts calls in the page. */
export function publish(players: Partial<Record<Technique, StartPlayer>>): void {
  window.startPlayer = (run) => {
    const start = players[run.technique];
    if (!start) throw new Error(`bench page: expected one of ${Object.keys(players).join()}, got ${run.technique}`);
    window.interludeStalls = 0;
    document.body.replaceChildren();
    const begun = performance.now();
    const { destroy } = start(run, () => {
      window.interludeStalls = (window.interludeStalls ?? 0) + 1;
    });
    window.stopPlayer = () => {
      destroy();
      document.body.replaceChildren();
    };
    return begun;
  };
}

/** What ours is told of zone and break of a run. */
export function describeOptions(
  run: PlayerRun,
): Pick<AdInsertionOptions, "zoneUrl" | "zone" | "breaks" | "repackageUrl"> {
  const { zoneUrl, zone } = run.ad;
  // VAST that is in the page does not say where its ad server is
  const repackageUrl = new URL("/ads/repackage", zoneUrl);
  return { zoneUrl, ...(zone && { zone }), breaks: [describeBreak(run)], repackageUrl };
}

function describeBreak({ ad, time }: PlayerRun): { readonly time: number | "start" } & AdsOption {
  return ad.vast === undefined ? { time, adTagUrl: ad.adTagUrl } : { time, vast: ad.vast };
}

export function addVideo(): HTMLVideoElement {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.style.cssText = "position: absolute; inset: 0; width: 1280px; height: 720px";
  document.body.append(video);
  return video;
}
