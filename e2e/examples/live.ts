import { createAdInsertion } from "@interlude/plugin/hls";
import Hls from "hls.js";

const video = document.createElement("video");
document.body.append(video);

const ads = createAdInsertion({ zoneUrl: "/v1/zones/1.json", adTagUrl: "/ads/avail", live: true });
ads.on("adbreakstart", ({ breakId, duration }) => console.log(`avail ${breakId}: ${duration} s of ads`));

const hls = new Hls({ ...ads.hlsConfig });
ads.attach(hls);
hls.loadSource("/content/live.m3u8");
hls.attachMedia(video);
