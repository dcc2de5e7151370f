/** Runs in the page of e2e/plugin/page.ts: players with the plugin, and what they say. */
import { type AdInsertion, type AdInsertionOptions, createAdInsertion } from "@interlude/plugin/hls";
import type Hls from "hls.js";
import {
  EVENT_NAMES,
  formatEvent,
  type HostName,
  type PageEvent,
  type PagePlayer,
  type PlayerRun,
} from "./player-events.ts";

export type { HostName, PageEvent, PagePlayer, PlayerRun } from "./player-events.ts";

declare global {
  interface Window {
    interludePlayers?: PagePlayer[];
    startInterludePlayer?: (run: PlayerRun, more?: Partial<AdInsertionOptions>) => Promise<void>;
  }
}

window.interludePlayers = [];
window.startInterludePlayer = async (run, more) => {
  const video = document.createElement("video");
  video.muted = run.muted;
  video.playsInline = true;
  document.body.append(video);
  const player = await START[run.host](video, run, more);
  window.interludePlayers?.push(player);
  // it is not waited for: what keeps playback from beginning is what a spec may want to see
  if (run.autoplay) void video.play().catch((cause: unknown) => player.errors.push(String(cause)));
};

type Start = (
  video: HTMLVideoElement,
  run: PlayerRun,
  more: Partial<AdInsertionOptions> | undefined,
) => Promise<PagePlayer>;

const START: Readonly<Record<HostName, Start>> = {
  "hls.js": async (video, run, more) => startHls((await import("hls.js")).default, video, run, more),
  vhs: async (...wanted) => (await import("./player-videojs.ts")).startVideoJs(...wanted),
  "videojs-hls.js": async (...wanted) => (await import("./player-videojs.ts")).startVideoJs(...wanted),
  "hls.light": async (video, run, more) => startHls((await import("hls.js/light")).default, video, run, more),
};

function startHls(
  HlsClass: typeof Hls,
  video: HTMLVideoElement,
  run: PlayerRun,
  more: Partial<AdInsertionOptions> | undefined,
): PagePlayer {
  const errors: string[] = [];
  const insertion = run.options && createAdInsertion({ ...run.options, ...more });
  const events = insertion ? recordEvents(insertion, video) : [];
  const hls = new HlsClass({ testBandwidth: false, ...run.hlsConfig, ...insertion?.hlsConfig });
  insertion?.attach(hls);
  hls.on(HlsClass.Events.ERROR, (_event, { details, fatal }) => errors.push(`${details}${fatal ? " (fatal)" : ""}`));
  const playlists: string[] = [];
  hls.on(HlsClass.Events.LEVEL_LOADED, (_event, { details }) => playlists.push(details.m3u8));
  hls.loadSource(run.contentUrl);
  hls.attachMedia(video);
  const destroy: PagePlayer["destroy"] = (first = "player") => {
    if (first === "insertion") insertion?.destroy();
    hls.destroy();
    insertion?.destroy();
    video.remove();
  };
  return { video, insertion, hls, events, errors, playlists, destroy };
}

/** From now on. */
function recordEvents(insertion: AdInsertion, video: HTMLVideoElement): PageEvent[] {
  const events: PageEvent[] = [];
  for (const name of EVENT_NAMES) insertion.on(name, (event) => events.push(formatEvent(name, event, video)));
  return events;
}
