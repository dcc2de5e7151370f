import { createAdInsertion } from "@interlude/plugin/hls";
import Hls from "hls.js";

const ads = createAdInsertion({ zoneUrl: "/v1/zones/1.json", breaks: [{ time: "start", adTagUrl: "/ads/vast" }] });
ads.on("adstart", ({ title, duration }) => console.log(`${title}, ${duration} s`));
ads.on("adskip", ({ reason, message }) => console.log(`no ad: ${reason} (${message})`));

const hls = new Hls({ ...ads.hlsConfig });
ads.attach(hls);
hls.loadSource("/content/master.m3u8");

const video = document.createElement("video");
video.controls = true;
document.body.append(video);
hls.attachMedia(video);
