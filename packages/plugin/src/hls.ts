/**
 * Ads for hls.js, spliced into its one timeline.
 *
 * @example
 * const ads = createAdInsertion({ zoneUrl: "/v1/zones/1.json", adTagUrl: "/ads/vmap?zone=1&schedule=pre-mid-post" });
 * const hls = new Hls({ ...ads.hlsConfig });
 * ads.attach(hls);
 * ads.on("adskip", ({ breakId, reason }) => console.log(breakId, reason));
 * hls.loadSource("/media/content/master.m3u8");
 * hls.attachMedia(video);
 */
import type { HlsConfig } from "hls.js";
import { type AdInsertion, createInsertionBase, type CreatePorts } from "./ad-insertion.ts";
import { type Engine, ENGINE_EVENT } from "./hosts/hls-engine.ts";
import { createPlaylistLoader } from "./hosts/hls-playlist-loader.ts";
import type { AdInsertionOptions } from "./options.ts";

export type { AdInsertion } from "./ad-insertion.ts";
export {
  bootstrap,
  type Bootstrapped,
  type BootstrapOptions,
  type BootstrapRequest,
  bootstrapUrl,
} from "./bootstrap.ts";
export type * from "./events.ts";
export type { Engine } from "./hosts/hls-engine.ts";
export type { AdsOption, Opportunity, OpportunityResolver } from "./ads/opportunity.ts";
export type { BreakOption, Signaling, TimeRange, TimeRanges } from "./opportunity-options.ts";
export type { AdInsertionOptions } from "./options.ts";
export type { PolicyOptions } from "./policy-options.ts";
export type { PluginPorts } from "./ports.ts";
export type { ServerOptions, ServerTracking } from "./server-options.ts";
export type * from "./viewing/policy.ts";

/** Spread into the configuration of hls.js. */
export interface InterludeHlsConfig {
  readonly pLoader: NonNullable<HlsConfig["pLoader"]>;
}

export interface HlsAdInsertion extends AdInsertion {
  readonly hlsConfig: InterludeHlsConfig;
  /** Call it once, right after `new Hls`. Destroying hls.js destroys the insertion. */
  readonly attach: (hls: Engine) => void;
}

/**
 * Starts at once: zone document and ad tag are under way when this returns. One insertion serves one hls.js and one content.
 * Never throws: a wrong option is told by `ready` and by `error`.
 *
 * @param createPorts for tests; absent: the browser's own fetch, clock and DOMParser
 */
export function createAdInsertion(options: AdInsertionOptions, createPorts?: CreatePorts): HlsAdInsertion {
  const { insertion, tap, connect } = createInsertionBase(
    options,
    { canBindLate: true, player: "hls.js" },
    createPorts,
  );
  const code = import("./hosts/hls-attachment.ts");
  // whoever attaches is told
  code.catch(() => undefined);
  return Object.assign(insertion, {
    hlsConfig: { pLoader: createPlaylistLoader(tap) },
    attach: (hls: Engine) => {
      hls.on(ENGINE_EVENT.destroying, insertion.destroy);
      connect(async (parts) => (await code).attachEngine(hls, parts, true));
    },
  });
}
