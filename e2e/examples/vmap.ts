import { createAdInsertion } from "@interlude/plugin/hls";
import Hls from "hls.js";

const video = document.createElement("video");
const markers = document.createElement("ol");
document.body.append(video, markers);

const ads = createAdInsertion({ zoneUrl: "/v1/zones/1.json", adTagUrl: "/ads/vmap" });
ads.on("timeline", ({ breaks }) => {
  const items = breaks.map(({ contentTime, state, duration }) => {
    const item = document.createElement("li");
    item.textContent = `${contentTime} s: ${state}, ${duration} s of ads`;
    return item;
  });
  markers.replaceChildren(...items);
});

const hls = new Hls({ ...ads.hlsConfig });
ads.attach(hls);
hls.loadSource("/content/master.m3u8");
hls.attachMedia(video);
