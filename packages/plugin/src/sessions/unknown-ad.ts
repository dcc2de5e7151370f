/**
 * An ad that was stitched in, of which nothing is told.
 */
import type { SidecarAd } from "@interlude/core";

export const UNKNOWN_AD: SidecarAd = {
  adId: "",
  adSystem: "",
  title: "",
  creativeId: undefined,
  sequence: 1,
  startTime: 0,
  duration: 0,
  playlistUrl: "",
  trackers: [],
  errors: [],
  clickThrough: undefined,
  clickTrackers: [],
  companions: [],
  wrapperAdIds: [],
};
