import { createAdInsertion, type OpportunityResolver } from "@interlude/plugin/hls";
import Hls from "hls.js";

const ownDecision: OpportunityResolver = {
  canResolve: ({ position }) => position === "mid",
  resolve: async ({ contentTime }, { signal }) => {
    const response = await fetch(`/decide?at=${contentTime}`, { signal });
    return response.ok ? { vast: await response.text() } : undefined;
  },
};
const ads = createAdInsertion({ zoneUrl: "/v1/zones/1.json", breaks: [{ time: 6 }], resolvers: [ownDecision] });
const hls = new Hls({ ...ads.hlsConfig });
ads.attach(hls);
hls.loadSource("/content/master.m3u8");

const video = document.createElement("video");
document.body.append(video);
hls.attachMedia(video);
