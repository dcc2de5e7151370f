/**
 * The part of video.js that the plugin uses, as structures. video.js is imported for its types alone, and only where a player gets its
 * `interlude` method, so that a page may bring any build of it.
 *
 * @see video.js 8.24 src/js/plugin.js (advanced plugins), player.js
 */
import type { Vhs } from "./vhs-engine.ts";

/** A listener of video.js; what an event brings is in its own type. */
export type VideoJsListener<E = unknown> = (event: E) => void;

export interface VideoJsTech {
  /** There while VHS plays the source. */
  readonly vhs?: Vhs;
  el(): Element;
  on(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
}

export interface VideoJsPlayer {
  on(event: string, listener: () => void): void;
  one(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
  trigger(event: object): unknown;
  /** @param safety anything, which stops a warning; undefined until one is loaded */
  tech(safety: true): VideoJsTech | undefined;
  src(sources: readonly object[]): unknown;
  currentSrc(): string;
  currentSources(): readonly object[];
  currentTime(): number | undefined;
  addClass(name: string): void;
  removeClass(name: string): void;
  interlude?: unknown;
}

/** What every advanced plugin is. */
export interface VideoJsPlugin {
  on(type: string, listener: VideoJsListener<never>): void;
  one(type: string, listener: VideoJsListener<never>): void;
  off(type?: string, listener?: VideoJsListener<never>): void;
  trigger(event: object): unknown;
  /** Told as `statechanged`. */
  setState(next: object): unknown;
  dispose(): void;
}

export type VideoJsPluginClass = new (player: VideoJsPlayer) => VideoJsPlugin;

/** What plays sources in a tech, as VHS does. @see video.js 8.24 src/js/tech/tech.js, `withSourceHandlers` */
export interface VideoJsSourceHandler {
  /** `probably`, `maybe`, or "" for no. */
  canPlayType(type: string): string;
  canHandleSource(source: { readonly type: string }): string;
  handleSource(
    source: { readonly src: string; readonly type: string },
    tech: { el(): HTMLMediaElement },
    options: { readonly playerId: string },
  ): { dispose(): void };
}

/** The function `videojs` itself. */
export interface VideoJs {
  readonly VERSION?: string;
  getPlugin(name: string): unknown;
  registerPlugin(name: string, plugin: VideoJsPluginClass): unknown;
}
