/**
 * The plugin for a page without modules: one file in a `<script>` tag, which sets `window.interlude`. Where video.js is in the page
 * already, its players have `player.interlude(options)`; where it comes later, call `interlude.registerInterlude(videojs)`.
 *
 * @example
 * <script src="hls.min.js"></script>
 * <script src="interlude.min.js"></script>
 * <script>
 *   const ads = interlude.createAdInsertion({ zoneUrl: "/v1/zones/1.json", adTagUrl: "/ads/vmap?zone=1" });
 *   const hls = new Hls({ ...ads.hlsConfig });
 *   ads.attach(hls);
 * </script>
 *
 * @see e2e/examples/script-tag.html, which e2e/plugin/plain-host.spec.ts runs
 */
import type { VideoJs } from "./hosts/videojs-engine.ts";
import { noteScript } from "./load-remux-script.ts";
import { registerInterlude } from "./videojs.ts";

/** For sessions that a server stitches. */
export { bootstrap, bootstrapUrl } from "./bootstrap.ts";
/** For hls.js. */
export { createAdInsertion } from "./hls.ts";
/** For any other player: what `@interlude/plugin` calls `createAdInsertion`. */
export { createPlainInsertion } from "./hosts/plain-host.ts";
/** For video.js. */
export { registerInterlude } from "./videojs.ts";

noteScript();

const videojs: unknown = Reflect.get(globalThis, "videojs");
if (isVideoJs(videojs)) registerInterlude(videojs);

function isVideoJs(value: unknown): value is VideoJs {
  return typeof value === "function" && "registerPlugin" in value;
}
