/**
 * What happens to the ad on screen beside being played: what the viewer does counts each time, until the ad has been watched to its end
 * once; clicks count for ever.
 *
 * @see VAST 4.3 §3.14.1
 */
import { listBeacons, type MacroValues } from "@interlude/core";
import type { BeaconSender, BeaconSubject } from "./beacons.ts";
import type { Emit } from "../events.ts";
import { describeSubject, type Playing } from "./playing.ts";
import type { UserAction } from "./user-events.ts";

export interface AdActionsDeps {
  readonly emit: Emit;
  readonly beacons: BeaconSender;
  readonly playing: () => Playing | undefined;
  /** Seconds of content at the playhead. */
  readonly contentTime: () => number;
}

export interface AdActions {
  /** The viewer has done something; of interest while an ad is on screen. */
  readonly act: (action: UserAction) => void;
  /**
   * The viewer has clicked on the ad on screen: its click tracking is fired.
   *
   * @param at CSS pixels from the player's top left corner
   * @returns where the ad leads, macros filled; undefined without an ad, or where it leads nowhere that is http(s)
   */
  readonly click: (at: readonly [x: number, y: number] | undefined) => URL | undefined;
}

/** What VAST 4 calls it beside the older name. */
const ALIAS: { readonly [Action in UserAction]?: string } = {
  fullscreen: "playerExpand",
  exitFullscreen: "playerCollapse",
};

export function createAdActions({ emit, beacons, playing, contentTime }: AdActionsDeps): AdActions {
  const subjectOf = (ad: Playing): BeaconSubject => describeSubject(ad, contentTime());
  return {
    act: (action) => {
      const ad = playing();
      if (!ad || (action === "resume" && !ad.isPaused)) return;
      if (action === "pause" || action === "resume") ad.isPaused = action === "pause";
      const subject = subjectOf(ad);
      if (beacons.isFinished(subject)) return;
      for (const event of [action, ALIAS[action]])
        if (event) beacons.sendAction(subject, event, listBeacons(ad.ready.creative, event), { time: ad.time });
    },
    click: (at) => {
      const ad = playing();
      if (!ad) return undefined;
      const { event, ready, time } = ad;
      const subject = subjectOf(ad);
      const macros: MacroValues = at ? { CLICKPOS: at.map(Math.round) } : {};
      beacons.sendAction(subject, "clickTracking", ready.creative.clickTrackers, { time, macros });
      const { clickThrough } = ready.creative;
      const url = clickThrough === undefined ? undefined : beacons.expand(subject, clickThrough, { time, macros });
      emit("adclick", { ...event, time, url: url?.href });
      return url;
    },
  };
}
