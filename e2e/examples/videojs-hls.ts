import { registerInterlude } from "@interlude/plugin/videojs";
import Hls from "hls.js";
import videojs from "video.js";

registerInterlude(videojs);

const TYPE = "application/x-mpegURL";
const handler = {
  canPlayType: (type: string) => (type === TYPE ? "probably" : ""),
  canHandleSource: ({ type }: { readonly type: string }) => handler.canPlayType(type),
  handleSource: (
    { src }: { readonly src: string },
    tech: { el(): HTMLMediaElement },
    { playerId }: { readonly playerId: string },
  ) => {
    const hls = new Hls();
    videojs.getPlayer(playerId)?.interlude().attach(hls);
    hls.loadSource(src);
    hls.attachMedia(tech.el());
    return { dispose: () => hls.destroy() };
  },
};
videojs.getTech("Html5")?.registerSourceHandler(handler, 0);

const video = document.createElement("video");
video.className = "video-js";
document.body.append(video);
const player = videojs(video, { controls: true });
player.interlude({ zoneUrl: "/v1/zones/1.json", breaks: [{ time: "start", adTagUrl: "/ads/vast" }] });
player.src({ src: "/content/master.m3u8", type: TYPE });
