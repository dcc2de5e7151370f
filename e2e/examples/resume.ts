import { type AdPolicy, createAdInsertion } from "@interlude/plugin/hls";
import Hls from "hls.js";

const policy: AdPolicy = {
  // Subscribers see pre-rolls alone.
  selectPolicyForAdBreak: ({ position }) => (position === "pre" ? undefined : "skip"),
};
const ads = createAdInsertion({
  zoneUrl: "/v1/zones/1.json",
  adTagUrl: "/ads/vmap",
  policy,
  startContentTime: Number(localStorage.getItem("position") ?? 0),
});
const hls = new Hls({ ...ads.hlsConfig });
ads.attach(hls);
hls.loadSource("/content/master.m3u8");

const video = document.createElement("video");
document.body.append(video);
hls.attachMedia(video);
video.addEventListener("timeupdate", () => localStorage.setItem("position", String(ads.contentTime)));
