/**
 * Ads for video.js, spliced into its one timeline: over VHS, its own HLS engine, or over hls.js where a source handler brings it.
 *
 * @example
 * registerInterlude(videojs);
 * const player = videojs("film");
 * const ads = player.interlude({ zoneUrl: "/v1/zones/1.json", adTagUrl: "/ads/vmap?zone=1&schedule=pre-mid-post" });
 * player.on("interlude-adskip", ({ detail }) => console.log(detail.breakId, detail.reason));
 * player.src({ src: "/media/content/master.m3u8", type: "application/x-mpegURL" });
 */
/// <reference types="video.js" />
import type { AdInsertionEvents } from "./events.ts";
import type { AdInsertionOptions } from "./options.ts";
import type { InterludePlayerEvent } from "./hosts/videojs-events.ts";
import type { VideoJs, VideoJsPluginClass, VideoJsSourceHandler } from "./hosts/videojs-engine.ts";
import { createPluginClass, type InterludePlugin } from "./hosts/videojs-plugin.ts";

export * from "./every-entry.ts";
export type { InterludeEvent, InterludePlayerEvent } from "./hosts/videojs-events.ts";
export type { InterludePlugin } from "./hosts/videojs-plugin.ts";
export type { InterludeState } from "./hosts/videojs-relay.ts";
export type { SourceHls } from "./hosts/videojs-source.ts";
export type { VideoJs, VideoJsSourceHandler } from "./hosts/videojs-engine.ts";

/** Listens on a player: to the plugin's events by their types, and to everything else as ever. */
export interface ListenOnPlayer {
  <K extends keyof AdInsertionEvents>(type: `interlude-${K}`, listener: (event: InterludePlayerEvent<K>) => void): void;
  // as video.js has it
  (type: string | string[], listener: Function): void;
}

declare module "video.js/dist/types/player.js" {
  // the class is the module's default export, which nothing else can add to
  export default interface Player {
    /**
     * Ads for the source that is set next; call it before `src`, so that they come early. Called again, it answers the same plugin, and
     * options are for the source after.
     */
    interlude(options?: AdInsertionOptions): InterludePlugin;
    on: ListenOnPlayer;
    one: ListenOnPlayer;
  }
}

declare module "video.js/dist/types/tech/tech.js" {
  // what `getTech` answers is the class, whatever video.js's types call it
  export default interface Tech {
    /** Plays sources of a kind in this tech; asked before those that are there where `index` is 0. */
    registerSourceHandler(handler: VideoJsSourceHandler, index?: number): void;
  }
}

const NAME = "interlude";

/** Registers the plugin `interlude` with this video.js; once, or as often as you like. Players that exist have it too. */
export function registerInterlude(videojs: VideoJs): void {
  if (videojs.getPlugin(NAME)) return;
  const base = videojs.getPlugin("plugin");
  if (isPluginClass(base)) videojs.registerPlugin(NAME, createPluginClass(base, videojs.VERSION));
}

function isPluginClass(value: unknown): value is VideoJsPluginClass {
  return typeof value === "function";
}
