/**
 * One source in a player of video.js, and the insertion that serves it: made before the source is set, so that the ad server is asked
 * early, and bound to VHS or to hls.js when either takes the source.
 */
import { type AdInsertion, createInsertionBase } from "../ad-insertion.ts";
import type { AdInsertionOptions } from "../options.ts";
import type { PlaylistTap } from "../tap.ts";
import { type Engine, ENGINE_EVENT, type EngineConfig } from "./hls-engine.ts";
import type { Vhs } from "./vhs-engine.ts";
import { createPlaylistGate } from "./vhs-playlists.ts";
import type { VideoJsTech } from "./videojs-engine.ts";
import { COMMON_NAMES, isEventName } from "./videojs-events.ts";
import type { Relay } from "./videojs-relay.ts";

/** An hls.js that a source handler of the publisher's own has made: class `Hls` fits it. */
export interface SourceHls extends Engine {
  readonly config: EngineConfig;
}

/** VHS, and the tech that it plays a source in. */
export interface VhsHandler {
  readonly vhs: Vhs;
  readonly tech: VideoJsTech;
}

export interface Source {
  readonly insertion: AdInsertion;
  readonly tap: PlaylistTap;
  /** The handler that plays it; undefined while none does. */
  readonly vhs: () => Vhs | undefined;
  /**
   * @param onMissed its first playlist is a media playlist, and was given to VHS before the plugin could see it
   * @param onGone the tech goes, and its media with it
   */
  readonly playInVhs: (handler: VhsHandler, onMissed: () => void, onGone: () => void) => void;
  readonly playInHls: (hls: SourceHls, onDestroying: () => void) => void;
  readonly end: () => void;
}

/** The player, as beacons and requests name it. */
export interface SourcePlayer {
  /** With its version after a "/". */
  readonly name: string;
  readonly contentUrl: () => string;
}

export function createSource(options: AdInsertionOptions, player: SourcePlayer, relay: Relay): Source {
  let canBindLate = false;
  let vhs: Vhs | undefined;
  let release = (): void => undefined;
  const abilities = {
    player: player.name,
    canServeVirtual: true,
    get canBindLate() {
      return canBindLate;
    },
  };
  const { insertion, tap, connect } = createInsertionBase(options, abilities);
  for (const name of Object.keys(COMMON_NAMES))
    if (isEventName(name)) insertion.on(name, (detail) => relay(name, detail));
  return {
    insertion,
    tap,
    vhs: () => vhs,
    playInVhs: ({ vhs: handler, tech }, onMissed, onGone) => {
      vhs = handler;
      const gate = createPlaylistGate(handler, tap);
      const stop = readFirst(handler, tap, onMissed);
      tech.on("dispose", onGone);
      release = () => {
        tech.off("dispose", onGone);
        stop();
        gate.release();
      };
      const code = import("./vhs-attachment.ts");
      // whoever connects is told
      code.catch(() => undefined);
      connect(async (parts) =>
        (await code).attachVhs({ vhs: handler, tech, gate, contentUrl: player.contentUrl }, parts),
      );
    },
    playInHls: (hls, onDestroying) => {
      canBindLate = true;
      hls.on(ENGINE_EVENT.destroying, onDestroying);
      release = () => hls.off(ENGINE_EVENT.destroying, onDestroying);
      const code = import("./hls-attachment.ts");
      code.catch(() => undefined);
      connect(async (parts) => (await code).attachEngine(hls, parts, false));
    },
    end: () => {
      release();
      insertion.destroy();
    },
  };
}

/** A source that came with the player was asked for while video.js was still making its tech: its first playlist passes by the gate. */
function readFirst({ playlists }: Vhs, tap: PlaylistTap, onMissed: () => void): () => void {
  const request = playlists?.request;
  if (!request) return () => undefined;
  const onLoad = (): void => {
    if (request.responseText.includes("#EXTINF:")) onMissed();
    else tap.readMaster(request.responseText);
  };
  request.addEventListener("load", onLoad, { once: true });
  return () => request.removeEventListener("load", onLoad);
}
