/** The players of e2e/plugin/player.ts that are video.js: over VHS, and over hls.js by a source handler of the publisher's own. */
import { type AdInsertionOptions, registerInterlude } from "@interlude/plugin/videojs";
import Hls from "hls.js";
import videojs from "video.js/dist/video.es.js";
import { EVENT_NAMES, formatEvent, type PageEvent, type PagePlayer, type PlayerRun } from "./player-events.ts";

const TYPE = "application/x-mpegURL";

interface Tech {
  el(): HTMLMediaElement;
}

/** Starts a player in `video`, which becomes a part of it. */
export function startVideoJs(
  video: HTMLVideoElement,
  run: PlayerRun,
  more: Partial<AdInsertionOptions> | undefined,
): PagePlayer {
  registerInterlude(videojs);
  const [events, errors]: [PageEvent[], string[]] = [[], []];
  let hls: Hls | undefined;
  if (run.host === "videojs-hls.js") registerHls(run, (made) => player.interlude().attach((hls = made)));
  video.className = "video-js";
  const html5 = { vhs: { overrideNative: run.host === "vhs" }, nativeAudioTracks: false, nativeTextTracks: false };
  const player = videojs(video, { html5, muted: run.muted, controls: false });
  const start = run.host === "vhs" ? run.hlsConfig?.startPosition : undefined;
  // a seek while VHS begins to load may cost it what is between the two places
  const place = start === undefined ? {} : { startContentTime: start };
  const plugin = run.options && player.interlude({ ...run.options, ...place, ...more });
  for (const name of EVENT_NAMES) {
    player.on(`interlude-${name}`, ({ detail }) => events.push(formatEvent(name, detail, video)));
  }
  player.on("error", () => errors.push(`${player.error()?.code} ${player.error()?.message} (fatal)`));
  if (start !== undefined && !plugin)
    video.addEventListener("loadedmetadata", () => (video.currentTime = start), { once: true });
  player.src({ src: run.contentUrl, type: TYPE });
  return {
    video,
    get insertion() {
      return plugin?.insertion;
    },
    get hls() {
      return hls;
    },
    events,
    errors,
    playlists: [],
    destroy: (first = "player") => {
      if (first === "insertion") plugin?.dispose();
      player.dispose();
    },
  };
}

/** As a publisher has it who plays with hls.js in video.js; for the next player. */
function registerHls({ hlsConfig }: PlayerRun, onHls: (hls: Hls) => void): void {
  const handler = {
    canPlayType: () => "probably",
    canHandleSource: ({ type }: { readonly type: string }) => (type === TYPE ? "probably" : ""),
    handleSource: ({ src }: { readonly src: string }, tech: Tech) => {
      const hls = new Hls({ testBandwidth: false, ...hlsConfig });
      onHls(hls);
      hls.loadSource(src);
      hls.attachMedia(tech.el());
      return { dispose: () => hls.destroy() };
    },
  };
  videojs.getTech("Html5").registerSourceHandler(handler, 0);
}
