/** A creative that is not HLS and has no copy, as the plugin asks for its repackaging. */
import type { MediaFile, RepackageRequest } from "@interlude/core";

export const MP4: MediaFile = {
  url: "https://ads.example/spot.mp4",
  type: "video/mp4",
  delivery: "progressive",
  id: undefined,
  width: undefined,
  height: undefined,
  bitrateKbps: 900,
  codec: undefined,
  apiFramework: undefined,
  fileSize: undefined,
};
export const REQUEST: RepackageRequest = {
  zone: "1",
  creativeUrl: MP4.url,
  key: "key",
  cut: { packaging: "hls", targetDuration: 4 },
  creative: {
    id: undefined,
    adId: undefined,
    universalAdIds: [],
    duration: 15,
    skipOffset: undefined,
    mediaFiles: [MP4],
    mezzanines: [],
    interactiveOnly: false,
    adParameters: undefined,
    trackers: [],
    clickThrough: undefined,
    clickTrackers: [],
    icons: [],
  },
};
export const STATUS = new URL("https://ads.example/ads/repackage/ticket");
