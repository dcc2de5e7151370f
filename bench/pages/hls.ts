/** Runs in the page of bench/player.ts: hls.js without ads, with ours, with its own interstitials, and under a second video. */
import type { EncounterStep } from "@interlude/core";
import { createAdInsertion } from "@interlude/plugin/hls";
import Hls, { type HlsConfig, type Loader, type LoaderContext, type PlaylistLoaderContext } from "hls.js";
import { addVideo, describeOptions, type PlayerRun, publish, type StartedPlayer, type StartPlayer } from "./run.ts";

const STALLS: readonly string[] = [Hls.ErrorDetails.BUFFER_STALLED_ERROR, Hls.ErrorDetails.BUFFER_SEEK_OVER_HOLE];

function startHls(
  { contentUrl }: PlayerRun,
  config: Partial<HlsConfig>,
  onStall: () => void,
): { readonly hls: Hls; readonly video: HTMLVideoElement } {
  const video = addVideo();
  const hls = new Hls({ testBandwidth: false, enableWorker: true, ...config });
  hls.on(Hls.Events.ERROR, (_event, { details }) => {
    if (STALLS.includes(details)) onStall();
  });
  hls.loadSource(contentUrl);
  hls.attachMedia(video);
  return { hls, video };
}

const startPlain: StartPlayer = (run, onStall) => {
  const { hls, video } = startHls(run, {}, onStall);
  void video.play();
  return { destroy: () => hls.destroy() };
};

/** @param step what is tried with a creative that has no copy, before it is skipped; absent: what is usual */
function createInLine(step?: EncounterStep): StartPlayer {
  return (run, onStall) => {
    const firstEncounter: readonly EncounterStep[] | undefined = step && [step, "skip"];
    const insertion = createAdInsertion({ ...describeOptions(run), ...(firstEncounter && { firstEncounter }) });
    const { hls, video } = startHls(run, insertion.hlsConfig, onStall);
    insertion.attach(hls);
    void video.play();
    return {
      destroy: () => {
        insertion.destroy();
        hls.destroy();
      },
    };
  };
}

/** The content's playlist with the date range of an interstitial, by the attributes that name its media. */
function createDateRangeLoader(run: PlayerRun, media: string): NonNullable<HlsConfig["pLoader"]> {
  const from = Date.UTC(2026, 0, 1);
  const at = new Date(from + (run.time === "start" ? 0 : run.time * 1000)).toISOString();
  const cue = run.time === "start" ? ',CUE="PRE,ONCE"' : "";
  const range = `#EXT-X-DATERANGE:ID="ad",CLASS="com.apple.hls.interstitial",START-DATE="${at}",DURATION=${run.ad.duration}${cue},X-RESUME-OFFSET=0,${media}`;
  const Base = Hls.DefaultConfig.loader;
  return class extends Base implements Loader<PlaylistLoaderContext> {
    override context: PlaylistLoaderContext | null = null;
    override load(...[context, config, callbacks]: Parameters<Loader<LoaderContext>["load"]>): void {
      super.load(context, config, {
        ...callbacks,
        onSuccess: (response, ...rest) => {
          const { data } = response;
          const isContent =
            typeof data === "string" &&
            data.includes("#EXTINF:") &&
            new URL(response.url).pathname.startsWith("/media/");
          const dated = isContent
            ? data.replace("#EXTINF:", `#EXT-X-PROGRAM-DATE-TIME:${new Date(from).toISOString()}\n${range}\n#EXTINF:`)
            : data;
          callbacks.onSuccess({ ...response, ...(dated === undefined ? {} : { data: dated }) }, ...rest);
        },
      });
    }
  };
}

function startInterstitials(run: PlayerRun, media: string, onStall: () => void): StartedPlayer {
  const { hls, video } = startHls(run, { pLoader: createDateRangeLoader(run, media) }, onStall);
  void video.play();
  return { destroy: () => hls.destroy() };
}

/** The asset list as `data:`, which costs no request: the best that interstitials can do. */
const startInterstitialList: StartPlayer = (run, onStall) => {
  const list = JSON.stringify({ ASSETS: [{ URI: run.ad.playlistUrl, DURATION: run.ad.duration }] });
  return startInterstitials(run, `X-ASSET-LIST="data:application/json,${encodeURIComponent(list)}"`, onStall);
};

const startInterstitialUri: StartPlayer = (run, onStall) =>
  startInterstitials(run, `X-ASSET-URI="${run.ad.playlistUrl}"`, onStall);

/** A second element over the first plays the file, loaded from the start on; the content waits. */
const startOverlay: StartPlayer = (run, onStall) => {
  const { hls, video } = startHls(run, {}, onStall);
  const overlay = addVideo();
  overlay.style.visibility = "hidden";
  overlay.preload = "auto";
  overlay.src = run.ad.fileUrl;
  const at = run.time === "start" ? 0 : run.time;
  const show = (): void => {
    if (video.currentTime < at) return;
    video.removeEventListener("timeupdate", show);
    video.pause();
    overlay.style.visibility = "visible";
    void overlay.play();
  };
  overlay.addEventListener("ended", () => {
    overlay.style.visibility = "hidden";
    void video.play();
  });
  const destroy = (): void => {
    hls.destroy();
    // an element that is only taken off the page goes on loading
    overlay.removeAttribute("src");
    overlay.load();
  };
  if (run.time === "start") {
    show();
    return { destroy };
  }
  video.addEventListener("timeupdate", show);
  void video.play();
  return { destroy };
};

publish({
  none: startPlain,
  "in-line": createInLine(),
  remux: createInLine("remux"),
  wait: createInLine("wait"),
  "interstitial-list": startInterstitialList,
  "interstitial-uri": startInterstitialUri,
  overlay: startOverlay,
});
