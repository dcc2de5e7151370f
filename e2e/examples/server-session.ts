import { bootstrap, bootstrapUrl, createAdInsertion } from "@interlude/plugin/hls";
import Hls from "hls.js";

const { masterUrl } = await bootstrap(
  bootstrapUrl({
    server: "https://manifest.example",
    asset: "film-1",
    contentUrl: "https://origin.example/film/master.m3u8",
    zone: 1,
    tracking: { mode: "simple", version: "vmap" },
  }),
);

const ads = createAdInsertion({ server: { tracking: "vmap" } });
ads.on("adstart", ({ title, duration }) => console.log(`${title}, ${duration} s`));

const hls = new Hls({ ...ads.hlsConfig });
ads.attach(hls);
hls.loadSource(masterUrl.href);

const video = document.createElement("video");
video.controls = true;
document.body.append(video);
hls.attachMedia(video);
