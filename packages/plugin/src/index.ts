/**
 * Ads for any HLS player whose playlists the page can change on their way: the entry that knows no player.
 *
 * @example Shaka Player
 * const ads = createAdInsertion({ zoneUrl: "/v1/zones/1.json", adTagUrl: "/ads/vmap?zone=1" });
 * const { RequestType } = shaka.net.NetworkingEngine;
 * player.getNetworkingEngine().registerResponseFilter(async (type, response) => {
 *   if (type !== RequestType.MANIFEST) return;
 *   const text = shaka.util.StringUtils.fromUTF8(response.data);
 *   response.data = shaka.util.StringUtils.toUTF8(await ads.stitch({ text, url: response.uri }));
 * });
 * ads.watch(video);
 * await player.load("/media/content/master.m3u8");
 *
 * @see e2e/plugin/plain-host.spec.ts, where this runs
 */
export * from "./every-entry.ts";
export { createPlainInsertion as createAdInsertion } from "./hosts/plain-host.ts";
export type { PlayerPlaylist } from "./hosts/plain-attachment.ts";
export type { PlainAdInsertion } from "./hosts/plain-host.ts";
export type { CreatePorts } from "./ad-insertion.ts";
export type { PluginPorts } from "./ports.ts";
