/**
 * Ads that are given as HLS addresses: a pod like any other, of which nobody is told.
 */
import type { Ad } from "@interlude/core";

/** In the order given. */
export function createHlsAds(urls: readonly URL[]): readonly Ad[] {
  return urls.map(({ href }, index) => ({
    id: undefined,
    sequence: index + 1,
    adSystem: "",
    title: "",
    adServingId: undefined,
    impressions: [],
    errors: [],
    creatives: [
      {
        id: undefined,
        adId: undefined,
        universalAdIds: [],
        duration: 0,
        skipOffset: undefined,
        mediaFiles: [
          {
            url: href,
            type: "application/x-mpegurl",
            delivery: "streaming",
            id: undefined,
            width: undefined,
            height: undefined,
            bitrateKbps: undefined,
            codec: undefined,
            apiFramework: undefined,
            fileSize: undefined,
          },
        ],
        mezzanines: [],
        interactiveOnly: false,
        adParameters: undefined,
        trackers: [],
        clickThrough: undefined,
        clickTrackers: [],
        icons: [],
      },
    ],
    companions: [],
    wrapperAdIds: [],
  }));
}
