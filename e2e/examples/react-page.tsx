import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Player } from "./react-player.tsx";

const root = document.createElement("div");
document.body.append(root);
const ads = { zoneUrl: "/v1/zones/1.json", breaks: [{ time: "start", adTagUrl: "/ads/vast" }] } as const;
createRoot(root).render(
  <StrictMode>
    <Player src="/content/master.m3u8" ads={ads} />
  </StrictMode>,
);
