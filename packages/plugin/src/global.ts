/**
 * The plugin for a page without modules: one file in a `<script>` tag, which sets `window.interlude`.
 *
 * @example
 * <script src="hls.min.js"></script>
 * <script src="interlude.min.js"></script>
 * <script>
 *   const ads = interlude.createAdInsertion({ zoneUrl: "/v1/zones/1.json", adTagUrl: "/ads/vmap?zone=1" });
 *   const hls = new Hls({ ...ads.hlsConfig });
 *   ads.attach(hls);
 * </script>
 */
export { createAdInsertion } from "./hls.ts";
export { createPlainInsertion } from "./hosts/plain-host.ts";
