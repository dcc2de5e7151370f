/**
 * The plugin `interlude` of one player of video.js: an insertion per source, in whatever plays it.
 *
 *   VHS takes the source      → its playlists pass the gate, from its first request on
 *   hls.js takes it           → the publisher's source handler gives it to `attach`
 *   the browser itself        → no ads; an error says what to set
 *   another source            → the insertion of the last one has ended; the next has the options given last
 */
import type { AdInsertion } from "../ad-insertion.ts";
import type { AdInsertionEvents } from "../events.ts";
import type { AdInsertionOptions } from "../options.ts";
import type { VideoJsListener, VideoJsPlayer, VideoJsPlugin, VideoJsPluginClass } from "./videojs-engine.ts";
import type { InterludeEvent } from "./videojs-events.ts";
import { clearAd, createRelay, type InterludeState, NO_AD } from "./videojs-relay.ts";
import type { SourceHls } from "./videojs-source.ts";
import { createSources, type Sources } from "./videojs-sources.ts";

/** What `player.interlude()` answers: an advanced plugin of video.js, and the {@link AdInsertion} of the source that plays. */
export interface InterludePlugin extends Pick<AdInsertion, Forwarded> {
  on<K extends keyof AdInsertionEvents>(type: K, listener: VideoJsListener<InterludeEvent<K>>): void;
  on(type: "statechanged" | "dispose", listener: VideoJsListener): void;
  one<K extends keyof AdInsertionEvents>(type: K, listener: VideoJsListener<InterludeEvent<K>>): void;
  one(type: "statechanged" | "dispose", listener: VideoJsListener): void;
  off(type?: string, listener?: VideoJsListener<never>): void;
  /**
   * Options for the next source that is set; asked for at once. `player.interlude(options)` does the same. The source that plays keeps
   * its ads.
   */
  use(options: AdInsertionOptions): void;
  /** Of the source that plays, else of the one to come; another one with each source. Undefined before there were options. */
  readonly insertion: AdInsertion | undefined;
  readonly state: InterludeState;
  /** For a source handler that plays with hls.js: spread into its configuration, unless {@link attach} comes before `loadSource`. */
  // whoever has video.js alone has no types of hls.js
  readonly hlsConfig: object;
  /** Call it for each new hls.js, before `loadSource`. */
  attach(hls: SourceHls): void;
  /** Ends the ads; the player goes on. Disposing of the player does it too. */
  dispose(): void;
}

type Forwarded =
  | "ready"
  | "session"
  | "contentTime"
  | "streamTime"
  | "contentDuration"
  | "toContentTime"
  | "toStreamTime"
  | "seekTo"
  | "breaks"
  | "click";

export type InterludePluginClass = new (player: VideoJsPlayer, options?: AdInsertionOptions) => VideoJsPlugin;

/**
 * @param Base `videojs.getPlugin("plugin")`
 * @param version of video.js
 */
export function createPluginClass(Base: VideoJsPluginClass, version: string | undefined): InterludePluginClass {
  const name = version === undefined ? "video.js" : `video.js/${version}`;
  return class Interlude extends Base {
    static readonly defaultState: InterludeState = { session: "", ...NO_AD };
    readonly #player: VideoJsPlayer;
    readonly #sources: Sources;
    readonly hlsConfig: InterludePlugin["hlsConfig"];

    constructor(player: VideoJsPlayer, options?: AdInsertionOptions) {
      super(player);
      this.#player = player;
      this.#sources = createSources({
        player,
        name,
        relay: createRelay(player, this),
        onChange: () => this.setState({ session: this.session }),
        onEnd: () => clearAd(player, this),
      });
      this.hlsConfig = { pLoader: this.#sources.pLoader };
      takeFurtherCalls(player, this);
      if (options) this.use(options);
      this.#sources.watch();
    }

    get insertion(): AdInsertion | undefined {
      return this.#sources.current()?.insertion;
    }
    get ready(): Promise<void> {
      return this.insertion?.ready ?? Promise.resolve();
    }
    get session(): string {
      return this.insertion?.session ?? "";
    }
    get contentTime(): number {
      return this.insertion?.contentTime ?? this.streamTime;
    }
    get streamTime(): number {
      return this.#player.currentTime() ?? 0;
    }
    get contentDuration(): number | undefined {
      return this.insertion?.contentDuration;
    }
    get breaks(): AdInsertion["breaks"] {
      return this.insertion?.breaks ?? [];
    }
    toContentTime(streamTime: number): number {
      return this.insertion?.toContentTime(streamTime) ?? streamTime;
    }
    toStreamTime(contentTime: number): number {
      return this.insertion?.toStreamTime(contentTime) ?? contentTime;
    }
    seekTo(contentTime: number): void {
      this.insertion?.seekTo(contentTime);
    }
    click(event?: { readonly clientX: number; readonly clientY: number }): URL | undefined {
      return this.insertion?.click(event);
    }
    use(options: AdInsertionOptions): void {
      this.#sources.use(options);
    }
    attach(hls: SourceHls): void {
      this.#sources.attach(hls);
    }
    override dispose(): void {
      this.#sources.release();
      super.dispose();
    }
  };
}

/** video.js would ignore the options of a second call. */
function takeFurtherCalls(player: VideoJsPlayer, plugin: Pick<InterludePlugin, "use">): void {
  player.one("pluginsetup:interlude", () => {
    player.interlude = (next?: AdInsertionOptions) => {
      if (next) plugin.use(next);
      return plugin;
    };
  });
}
