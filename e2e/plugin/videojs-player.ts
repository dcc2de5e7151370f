/** Runs in the page of e2e/plugin/videojs-page.ts: players of video.js with the plugin, and what they say. */
import Hls from "hls.js";
import videojs, { type PagePlayer } from "video.js/dist/video.es.js";
import type { AdInsertionEvents, AdInsertionOptions, InterludePlugin } from "@interlude/plugin/videojs";
import { registerInterlude } from "@interlude/plugin/videojs";
import type { PageEvent } from "./player.ts";

/** One player to start. */
export interface VideoJsRun {
  readonly engine: "vhs" | "hls.js" | "native";
  readonly contentUrl: string;
  /** Absent: no plugin at all. */
  readonly options?: AdInsertionOptions;
  /** True: a `<source>` in the page, and the plugin among the options of video.js. */
  readonly isInMarkup?: boolean;
}

/** Events of the player and of the plugin, and the handles that a spec needs. */
export interface VideoJsPagePlayer {
  readonly player: PagePlayer;
  readonly plugin: InterludePlugin | undefined;
  readonly events: PageEvent[];
  /** Names that the player told, in order, that begin with `ad`. */
  readonly heard: string[];
  /** The break and the ad in the plugin's state, after each change. */
  readonly states: (readonly [string | undefined, string | undefined])[];
  readonly errors: string[];
  readonly insertion: undefined;
}

declare global {
  interface Window {
    videoJsPlayers?: VideoJsPagePlayer[];
    startVideoJs?: (run: VideoJsRun) => void;
    setVideoJsSource?: (contentUrl: string, options?: AdInsertionOptions) => void;
  }
}

const TYPE = "application/x-mpegURL";
const EVENTS = [
  "adbreakstart",
  "adstart",
  "adprogress",
  "adcomplete",
  "adbreakcomplete",
  "adskip",
  "adencounter",
  "error",
  "workflowstep",
  "beacon",
  "timeline",
] as const satisfies readonly (keyof AdInsertionEvents)[];
const HEARD = [
  "adstart",
  "adend",
  "adserror",
  "ads-pod-started",
  "ads-pod-ended",
  "ads-ad-started",
  "ads-ad-ended",
  "ads-first-quartile",
  "ads-midpoint",
  "ads-third-quartile",
];

registerInterlude(videojs);
window.videoJsPlayers = [];
window.startVideoJs = (run) => {
  if (run.engine === "hls.js") registerHlsHandler();
  const element = document.createElement("video");
  element.className = "video-js";
  if (run.isInMarkup) element.innerHTML = `<source src="${run.contentUrl}" type="${TYPE}">`;
  document.body.append(element);
  const html5 = { vhs: { overrideNative: run.engine === "vhs" } };
  const plugins = run.isInMarkup && run.options ? { interlude: run.options } : {};
  const look = { autoplay: true, muted: true, controls: true, width: 640, height: 360 };
  const player = videojs(element, { ...look, html5, plugins });
  const plugin = run.options && player.interlude(run.isInMarkup ? undefined : run.options);
  const [events, heard, errors]: [PageEvent[], string[], string[]] = [[], [], []];
  const states: VideoJsPagePlayer["states"] = [];
  window.videoJsPlayers?.push({ player, plugin, events, heard, states, errors, insertion: undefined });
  plugin?.on("statechanged", () => states.push([plugin.state.adBreak?.breakId, plugin.state.ad?.adId]));
  for (const name of EVENTS)
    player.on(`interlude-${name}`, ({ detail }) => {
      const text = JSON.stringify(detail, (key, value: unknown) => (key === "cause" ? String(value) : value));
      const streamTime = player.currentTime() ?? 0;
      events.push({ name, at: performance.now(), streamTime, event: JSON.parse(text) });
    });
  for (const name of HEARD) player.on(name, () => heard.push(name));
  player.on("error", () => errors.push(`${player.error()?.code} ${player.error()?.message}`));
  if (!run.isInMarkup) player.src({ src: run.contentUrl, type: TYPE });
};
window.setVideoJsSource = (contentUrl, options) => {
  const { player } = window.videoJsPlayers?.[0] ?? {};
  if (options) player?.interlude(options);
  player?.src({ src: contentUrl, type: TYPE });
};

interface Handled {
  readonly src: string;
  readonly type: string;
}

interface Tech {
  el(): HTMLMediaElement;
}

let isRegistered = false;

/** As a publisher has it who plays with hls.js in video.js. */
function registerHlsHandler(): void {
  if (isRegistered) return;
  isRegistered = true;
  const handler = {
    canPlayType: () => "probably",
    canHandleSource: ({ type }: Handled) => (type === TYPE ? "probably" : ""),
    handleSource: ({ src }: Handled, tech: Tech, { playerId }: { readonly playerId: string }) => {
      const hls = new Hls({ testBandwidth: false });
      videojs.getPlayer(playerId)?.interlude().attach(hls);
      hls.loadSource(src);
      hls.attachMedia(tech.el());
      return { dispose: () => hls.destroy() };
    },
  };
  videojs.getTech("Html5").registerSourceHandler(handler, 0);
}
