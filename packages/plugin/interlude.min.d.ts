/**
 * `window.interlude` of `interlude.min.js`, for scripts without modules:
 *
 *   /// <reference types="@interlude/plugin/interlude.min.js" />
 *
 * Types of hls.js come from its package, where that is installed.
 */
import type { bootstrap, bootstrapUrl, createAdInsertion as createPlainInsertion } from "./dist/index.js";
import type { createAdInsertion } from "./dist/hls.js";

/** What the file sets. */
export interface Interlude {
  /** For hls.js. */
  readonly createAdInsertion: typeof createAdInsertion;
  /** For any other player: what `@interlude/plugin` calls `createAdInsertion`. */
  readonly createPlainInsertion: typeof createPlainInsertion;
  /** For video.js, where it comes later than this file; its players have `player.interlude(options)` from then on. */
  readonly registerInterlude: (videojs: {
    getPlugin(name: string): unknown;
    registerPlugin(name: string, plugin: never): unknown;
  }) => void;
  /** For sessions that a server stitches. */
  readonly bootstrap: typeof bootstrap;
  readonly bootstrapUrl: typeof bootstrapUrl;
}

declare global {
  // a `const` of the whole page would be no member of `window`
  var interlude: Interlude;
}
