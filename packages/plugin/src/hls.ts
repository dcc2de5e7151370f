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
import { AdError } from "@interlude/core";
import type { HlsConfig } from "hls.js";
import { type AdInsertion, createInsertionBase, type CreatePorts } from "./ad-insertion.ts";
import { type Engine, ENGINE_EVENT, type EngineConfig } from "./hosts/hls-engine.ts";
import { createPlaylistLoader } from "./hosts/hls-playlist-loader.ts";
import type { AdInsertionOptions } from "./options.ts";

export * from "./every-entry.ts";
export type { Engine } from "./hosts/hls-engine.ts";
export type { PluginPorts } from "./ports.ts";

/** Spread into the configuration of hls.js. */
export interface InterludeHlsConfig {
  readonly pLoader: NonNullable<HlsConfig["pLoader"]>;
}

export interface HlsAdInsertion extends AdInsertion {
  readonly hlsConfig: InterludeHlsConfig;
  /**
   * Call it once, right after `new Hls`: without it no ads are put in. Destroying hls.js destroys the insertion. A `pLoader` of the page's
   * own that does not hand on to this one is replaced; its `loader` stays.
   */
  readonly attach: (hls: Engine) => void;
}

/**
 * Starts at once: zone document and ad tag are under way when this returns. One insertion serves one hls.js and one content.
 * Never throws: a wrong option is told by `ready` and by `error`.
 *
 * @param createPorts for tests; absent: the browser's own fetch, clock and DOMParser
 */
export function createAdInsertion(options: AdInsertionOptions, createPorts?: CreatePorts): HlsAdInsertion {
  const { insertion, tap, connect, fail } = createInsertionBase(
    options,
    { canBindLate: true, canServeVirtual: true, player: "hls.js" },
    createPorts,
  );
  const code = import("./hosts/hls-attachment.ts");
  // whoever attaches is told
  code.catch(() => undefined);
  let made = 0;
  const pLoader = class extends createPlaylistLoader(tap) {
    constructor(config: HlsConfig) {
      super(config);
      made += 1;
    }
  };
  /** Others may have wrapped it, as hls.js itself does for CMCD. */
  const isInUse = (config: EngineConfig): boolean => {
    if (config.pLoader === pLoader) return true;
    if (typeof config.pLoader !== "function") return false;
    const before = made;
    Reflect.construct(config.pLoader, [config]);
    return made > before;
  };
  return Object.assign(insertion, {
    hlsConfig: { pLoader },
    attach: (hls: Engine) => {
      hls.on(ENGINE_EVENT.destroying, insertion.destroy);
      const { config } = hls;
      if (config && !isInUse(config) && !Reflect.set(config, "pLoader", pLoader))
        return fail(
          new AdError(
            "option-invalid",
            "attach: expected hlsConfig in the configuration of hls.js, got another pLoader",
          ),
        );
      connect(async (parts) => (await code).attachEngine(hls, parts, true));
    },
  });
}
