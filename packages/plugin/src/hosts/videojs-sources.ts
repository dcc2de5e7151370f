/**
 * The sources of one player of video.js, one after another: which one plays, in what, and the insertion that waits for the next.
 */
import type { AdInsertionOptions } from "../options.ts";
import { createPlaylistLoader } from "./hls-playlist-loader.ts";
import type { VideoJsPlayer } from "./videojs-engine.ts";
import type { Relay } from "./videojs-relay.ts";
import { createSource, type Source, type SourceHls } from "./videojs-source.ts";

export interface Sources {
  /** The one that plays, else the one to come. */
  readonly current: () => Source | undefined;
  readonly pLoader: ReturnType<typeof createPlaylistLoader>;
  /** Asks for the next source's ads. */
  readonly use: (options: AdInsertionOptions) => void;
  readonly attach: (hls: SourceHls) => void;
  /** Takes sources from now on; one that has come meanwhile too. */
  readonly watch: () => void;
  readonly release: () => void;
}

export interface SourcesDeps {
  readonly player: VideoJsPlayer;
  /** With its version after a "/". */
  readonly name: string;
  readonly relay: Relay;
  /** Another insertion is the one that counts. */
  readonly onChange: () => void;
  /** No ad plays any more. */
  readonly onEnd: () => void;
}

export function createSources({ player, name, relay, onChange, onEnd }: SourcesDeps): Sources {
  let options: AdInsertionOptions | undefined;
  let waiting: Source | undefined;
  let playing: Source | undefined;
  const current = (): Source | undefined => playing ?? waiting;
  const create = (own: AdInsertionOptions): Source =>
    createSource(own, { name, contentUrl: () => player.currentSrc() }, relay);
  const end = (): void => {
    playing?.end();
    playing = undefined;
    onEnd();
  };
  /** The source to come is there: it has an insertion of its own. */
  const begin = (): Source | undefined => {
    end();
    playing = waiting ?? (options && create(options));
    waiting = undefined;
    onChange();
    return playing;
  };
  const endIf = (source: Source | undefined) => (): void => {
    if (source && source === playing) end();
  };
  const takeHandler = (): void => {
    const tech = player.tech(true);
    const vhs = tech?.vhs;
    if (!tech || !vhs || vhs === playing?.vhs()) return;
    if (vhs.playlists && vhs.playlists.state !== "HAVE_NOTHING") return tellMissed(TOO_LATE, player, relay);
    const source = begin();
    source?.playInVhs({ vhs, tech }, () => player.src(player.currentSources()), endIf(source));
  };
  const onHandler = (): void => {
    // before VHS's first request, which may be the media playlist; a source that came with the player is taken while there is no tech
    if (player.tech(true)?.vhs) takeHandler();
    else queueMicrotask(takeHandler);
  };
  const onLoadStart = (): void => {
    if (player.tech(true)?.vhs || !player.currentSrc()) return;
    if (playing && !playing.vhs()) return;
    end();
    if (waiting || options) tellMissed(NATIVE, player, relay);
  };
  const pLoader = createSharedLoader(current);

  return {
    current,
    pLoader,
    use: (next) => {
      options = next;
      waiting?.end();
      waiting = create(next);
      if (!playing) onChange();
    },
    attach: (hls) => {
      const source = begin();
      hls.config.pLoader = pLoader;
      source?.playInHls(hls, endIf(source));
    },
    watch: () => {
      player.on("xhr-hooks-ready", onHandler);
      player.on("loadstart", onLoadStart);
      if (player.tech(true)?.vhs) onHandler();
    },
    release: () => {
      player.off("xhr-hooks-ready", onHandler);
      player.off("loadstart", onLoadStart);
      end();
      waiting?.end();
      waiting = undefined;
    },
  };
}

/** Hands playlists to whichever source they are of. */
function createSharedLoader(current: Sources["current"]): Sources["pLoader"] {
  return createPlaylistLoader({
    readMaster: (text) => current()?.tap.readMaster(text),
    stitch: async (fetched) => (await current()?.tap.stitch(fetched)) ?? fetched.text,
  });
}

const TOO_LATE = "expected interlude() before the source is set, got it after its first playlist";
const NATIVE =
  "expected VHS or hls.js to play it, got the browser itself; where it is HLS set html5: { vhs: { overrideNative: true } }";

/** The source plays without ads. */
function tellMissed(why: string, player: VideoJsPlayer, relay: Relay): void {
  const message = `source ${player.currentSrc()}: ${why}`;
  // whoever makes the plugin listens after that
  queueMicrotask(() => relay("error", { fatal: true, code: "option-invalid", message, cause: undefined }));
}
