/** The ads of interstitials: which one hls.js plays, and which are given up because their media does not come or cannot be read. */
import type { PlacedAd, SkipReason } from "@interlude/core";
import { readBreakIndex } from "../content/interstitials.ts";
import type { LoadedParts } from "../parts.ts";
import { ENGINE_EVENT, type EngineEventData } from "./hls-engine.ts";
import type { EngineListeners } from "./hls-listen.ts";
import { isOnline } from "./online.ts";

export interface InterstitialAds {
  readonly listeners: EngineListeners;
  /** The ad that the element is for, or will be; once it has ended, it stays the last one. */
  readonly current: () => PlacedAd | undefined;
  /** Nothing of it has been seen for too long. */
  readonly giveUpCurrent: () => void;
}

/** Errors of loading before an ad is given up. */
const MAX_FAILURES = 2;

export function createInterstitialAds({ session, timeline }: LoadedParts): InterstitialAds {
  const failures = new Map<string, number>();
  let current: PlacedAd | undefined;
  let player: EngineEventData["player"];
  const findAd = ({ event, assetListIndex = -1 }: EngineEventData): PlacedAd | undefined => {
    const entry = event && session.entries()[readBreakIndex(event.identifier) ?? -1];
    return timeline.breaks().find(({ breakId }) => breakId === entry?.planned.breakId)?.ads[assetListIndex];
  };
  const giveUp = ({ breakId, adId }: PlacedAd, reason: SkipReason, broken: EngineEventData["player"]): void => {
    session.refuse(breakId, Number(adId), reason, true);
    // hls.js goes on to what follows the ad
    broken?.destroy();
  };
  const countFailure = ({ breakId, adId }: PlacedAd): number => {
    const name = JSON.stringify([breakId, adId]);
    const count = (failures.get(name) ?? 0) + 1;
    failures.set(name, count);
    return count;
  };
  return {
    current: () => current,
    giveUpCurrent: () => {
      if (current) giveUp(current, "media-timeout", player);
    },
    listeners: {
      [ENGINE_EVENT.interstitialAssetStarted]: (started) => {
        current = findAd(started);
        player = started.player;
      },
      [ENGINE_EVENT.interstitialAssetError]: (failed) => {
        const ad = findAd(failed);
        if (!ad) return;
        const reason = selectReason(failed.details);
        const count = countFailure(ad);
        // what hls.js gives up itself it marks only after it has told of the error
        queueMicrotask(() => {
          if (failed.asset?.error) giveUp(ad, reason, undefined);
          else if (reason === "media-unavailable" && count === MAX_FAILURES && isOnline())
            giveUp(ad, reason, failed.player);
        });
      },
    },
  };
}

function selectReason(details: unknown): SkipReason {
  const isLoading = typeof details === "string" && /(?:LoadError|LoadTimeOut|EmptyError)$/.test(details);
  return isLoading ? "media-unavailable" : "source-unreadable";
}
