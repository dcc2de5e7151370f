/**
 * What a player of video.js shows and tells of its ads: its class, the plugin's state, and events under the plugin's names and those that
 * skins and analytics know.
 */
import type { AdEvent, AdInsertionEvents, BreakEvent } from "../events.ts";
import type { VideoJsPlayer, VideoJsPlugin } from "./videojs-engine.ts";
import { COMMON_NAMES, selectQuartiles } from "./videojs-events.ts";

/** What `statechanged` tells of. */
export interface InterludeState {
  /** Of the insertion that serves the source, or waits for one; "" without. */
  readonly session: string;
  /** The one that plays; undefined while content does. A listener to its events finds it here. */
  readonly adBreak: BreakEvent | undefined;
  /** The one on screen; undefined between the ads of a break. */
  readonly ad: AdEvent | undefined;
}

export const NO_AD: Omit<InterludeState, "session"> = { adBreak: undefined, ad: undefined };

/** An event of an insertion, by name and payload. */
export type Relay = <K extends keyof AdInsertionEvents>(name: K, detail: AdInsertionEvents[K]) => void;

type Notes = { readonly [K in keyof AdInsertionEvents]?: (detail: AdInsertionEvents[K]) => void };

/** Skins of video.js know it from contrib-ads. */
const PLAYING_CLASS = "vjs-ad-playing";

export function createRelay(player: VideoJsPlayer, plugin: Pick<VideoJsPlugin, "trigger" | "setState">): Relay {
  const notes = createNotes(player, plugin);
  return (name, detail) => {
    notes[name]?.(detail);
    const at = "index" in detail ? { indexInBreak: detail.index } : {};
    plugin.trigger({ type: name, detail });
    player.trigger({ type: `interlude-${name}`, detail });
    for (const type of COMMON_NAMES[name]) player.trigger({ type, detail, ...at });
  };
}

/** No ad plays, whatever was told of one. */
export function clearAd(player: VideoJsPlayer, plugin: Pick<VideoJsPlugin, "setState">): void {
  player.removeClass(PLAYING_CLASS);
  plugin.setState(NO_AD);
}

/** What is to be seen before a listener hears of it. */
function createNotes(player: VideoJsPlayer, plugin: Pick<VideoJsPlugin, "setState">): Notes {
  let told = 0;
  return {
    adbreakstart: (adBreak) => {
      player.addClass(PLAYING_CLASS);
      plugin.setState({ adBreak, ad: undefined });
    },
    adstart: (ad) => {
      told = 0;
      plugin.setState({ ad });
    },
    adprogress: (progress) => {
      for (const type of selectQuartiles(progress, told)) {
        told += 1;
        player.trigger({ type, detail: progress, indexInBreak: progress.index });
      }
    },
    adcomplete: () => plugin.setState({ ad: undefined }),
    adbreakcomplete: () => clearAd(player, plugin),
  };
}
