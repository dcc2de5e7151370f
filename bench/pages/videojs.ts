/** Runs in the page of bench/player.ts: video.js over VHS without ads, with ours, and with the source swap of videojs-contrib-ads. */
import { registerInterlude } from "@interlude/plugin/videojs";
import videojs, { type PagePlayer } from "video.js/dist/video.es.js";
import "videojs-contrib-ads";
import { addVideo, describeOptions, type PlayerRun, publish, type StartPlayer } from "./run.ts";

registerInterlude(videojs);

/** What is used of a player besides. */
interface Player extends PagePlayer {
  one(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
  trigger(event: string): void;
  play(): Promise<void>;
  /** Of videojs-contrib-ads: a function that becomes an object. */
  readonly ads: ((options: object) => void) & {
    readonly startLinearAdMode: () => void;
    readonly endLinearAdMode: () => void;
  };
}

function isWhole(player: object): player is Player {
  return "ads" in player;
}

const TYPE = "application/x-mpegURL";

function createPlayer(onStall: () => void): Player {
  const video = addVideo();
  // without overrideNative a Chromium that plays HLS by itself would be measured
  const html5 = { vhs: { overrideNative: true }, nativeAudioTracks: false, nativeVideoTracks: false };
  const player = videojs(video, { html5, controls: false, preload: "auto", width: 1280, height: 720 });
  if (!isWhole(player)) throw new Error("bench page: expected videojs-contrib-ads, got none");
  let isPlaying = false;
  video.addEventListener("playing", () => {
    isPlaying = true;
  });
  for (const event of ["pause", "seeking", "emptied", "ended"])
    video.addEventListener(event, () => {
      isPlaying = false;
    });
  video.addEventListener("waiting", () => {
    if (isPlaying) onStall();
  });
  return player;
}

function play(player: Player, { contentUrl }: PlayerRun): { readonly destroy: () => void } {
  player.src({ src: contentUrl, type: TYPE });
  void player.play();
  return { destroy: () => player.dispose() };
}

const startPlain: StartPlayer = (run, onStall) => play(createPlayer(onStall), run);

const startInLine: StartPlayer = (run, onStall) => {
  const player = createPlayer(onStall);
  player.interlude(describeOptions(run));
  return play(player, run);
};

/** Break by break: snapshot, the ad as the source, and the content as the source again. */
const startContribAds: StartPlayer = (run, onStall) => {
  const player = createPlayer(onStall);
  player.ads({ debug: false });
  const show = (): void => {
    player.ads.startLinearAdMode();
    player.src({ src: run.ad.playlistUrl, type: TYPE });
    player.one("adended", () => player.ads.endLinearAdMode());
    void player.play();
  };
  if (run.time === "start") player.one("readyforpreroll", show);
  else player.one("readyforpreroll", () => player.trigger("nopreroll"));
  const at = run.time === "start" ? Number.POSITIVE_INFINITY : run.time;
  const check = (): void => {
    if ((player.currentTime() ?? 0) < at) return;
    player.off("timeupdate", check);
    show();
  };
  player.on("timeupdate", check);
  player.trigger("adsready");
  return play(player, run);
};

publish({ vhs: startPlain, "vhs-in-line": startInLine, "vhs-contrib-ads": startContribAds });
