import { createAdInsertion } from "@interlude/plugin/hls";
import Hls from "hls.js";

const video = document.createElement("video");
const unmute = document.createElement("button");
unmute.textContent = "Sound on";
unmute.hidden = true;
unmute.addEventListener("click", () => {
  video.muted = false;
  unmute.hidden = true;
});
document.body.append(video, unmute);

const ads = createAdInsertion({ zoneUrl: "/v1/zones/1.json", breaks: [{ time: "start", adTagUrl: "/ads/vast" }] });
const hls = new Hls({ ...ads.hlsConfig });
ads.attach(hls);
hls.loadSource("/content/master.m3u8");
hls.attachMedia(video);

video.play().catch(async () => {
  video.muted = true;
  unmute.hidden = false;
  await video.play();
});
