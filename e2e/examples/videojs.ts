import { registerInterlude } from "@interlude/plugin/videojs";
import videojs from "video.js";

registerInterlude(videojs);

const video = document.createElement("video");
video.className = "video-js";
document.body.append(video);
const player = videojs(video, { controls: true, html5: { vhs: { overrideNative: true } } });

player.interlude({ zoneUrl: "/v1/zones/1.json", breaks: [{ time: "start", adTagUrl: "/ads/vast" }] });
player.on("interlude-adstart", ({ detail }) => console.log(`${detail.title}, ${detail.duration} s`));
player.on("interlude-adskip", ({ detail }) => console.log(`no ad: ${detail.reason} (${detail.message})`));

player.src({ src: "/content/master.m3u8", type: "application/x-mpegURL" });
