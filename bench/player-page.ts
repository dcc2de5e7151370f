/** Runs in the page of bench/player.ts: one hls.js player, with or without the plugin, on the page's only video. */
import { createAdInsertion } from "@interlude/plugin/hls";
import Hls from "hls.js";

export interface PlayerRun {
  readonly contentUrl: string;
  /** Absent: no plugin at all. */
  readonly ads?: { readonly zoneUrl: string; readonly adTagUrl: string; readonly time: number | "start" };
}

declare global {
  interface Window {
    startPlayer?: (run: PlayerRun) => Promise<number>;
    stopPlayer?: () => void;
    interludeStalls?: number;
  }
}

const STALLS: readonly string[] = [Hls.ErrorDetails.BUFFER_STALLED_ERROR, Hls.ErrorDetails.BUFFER_SEEK_OVER_HOLE];

/** Starts playback; resolves to the milliseconds from the call to the first presented frame. */
window.startPlayer = async ({ contentUrl, ads }) => {
  const video = document.createElement("video");
  video.muted = true;
  document.body.replaceChildren(video);
  const begun = performance.now();
  const insertion =
    ads && createAdInsertion({ zoneUrl: ads.zoneUrl, breaks: [{ time: ads.time, adTagUrl: ads.adTagUrl }] });
  const hls = new Hls({ testBandwidth: false, enableWorker: true, ...insertion?.hlsConfig });
  insertion?.attach(hls);
  window.interludeStalls = 0;
  hls.on(Hls.Events.ERROR, (_event, data) => {
    if (STALLS.includes(data.details)) window.interludeStalls = (window.interludeStalls ?? 0) + 1;
  });
  window.stopPlayer = () => {
    insertion?.destroy();
    hls.destroy();
  };
  hls.loadSource(contentUrl);
  hls.attachMedia(video);
  const shown = new Promise<number>((resolve) => {
    video.requestVideoFrameCallback(() => resolve(performance.now() - begun));
  });
  await video.play();
  return shown;
};
