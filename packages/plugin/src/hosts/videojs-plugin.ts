/**
 * The plugin `interlude` of one player of video.js: an insertion per source, in whatever plays it.
 *
 *   VHS takes the source      → its playlists pass the gate, from its first request on
 *   hls.js takes it           → the publisher's source handler gives it to `attach`
 *   the browser itself        → no ads; an error says what to set
 *   another source            → the insertion of the last one has ended; the next has the options given last
 */
import type { AdInsertion } from "../ad-insertion.ts";
import type { AdInsertionEvents, BreakEvent, AdEvent } from "../events.ts";
import type { AdInsertionOptions } from "../options.ts";
import { createPlaylistLoader } from "./hls-playlist-loader.ts";
import type { VideoJsListener, VideoJsPlayer, VideoJsPlugin, VideoJsPluginClass } from "./videojs-engine.ts";
import { COMMON_NAMES, type InterludeEvent, selectQuartiles } from "./videojs-events.ts";
import { createSource, type Relay, type Source, type SourceHls } from "./videojs-source.ts";

/** What `statechanged` tells of. */
export interface InterludeState {
  /** Of the insertion that serves the source, or waits for one; "" without. */
  readonly session: string;
  /** The one that plays; undefined while content does. A listener to its events finds it here. */
  readonly adBreak: BreakEvent | undefined;
  /** The one on screen; undefined between the ads of a break. */
  readonly ad: AdEvent | undefined;
}

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

const NO_AD: Omit<InterludeState, "session"> = { adBreak: undefined, ad: undefined };
/** Skins of video.js know it from contrib-ads. */
const PLAYING_CLASS = "vjs-ad-playing";

/**
 * @param Base `videojs.getPlugin("plugin")`
 * @param version of video.js
 */
export function createPluginClass(Base: VideoJsPluginClass, version: string | undefined): InterludePluginClass {
  const name = version === undefined ? "video.js" : `video.js/${version}`;
  return class Interlude extends Base {
    static readonly defaultState: InterludeState = { session: "", ...NO_AD };
    readonly #player: VideoJsPlayer;
    #options: AdInsertionOptions | undefined;
    #waiting: Source | undefined;
    #playing: Source | undefined;
    /** Of the ad on screen, told so far. */
    #quartiles = 0;
    readonly #pLoader = createPlaylistLoader({
      readMaster: (text) => this.#source?.tap.readMaster(text),
      stitch: async (fetched) => (await this.#source?.tap.stitch(fetched)) ?? fetched.text,
    });
    readonly hlsConfig: InterludePlugin["hlsConfig"] = { pLoader: this.#pLoader };

    constructor(player: VideoJsPlayer, options?: AdInsertionOptions) {
      super(player);
      this.#player = player;
      player.on("xhr-hooks-ready", this.#onHandler);
      player.on("loadstart", this.#onLoadStart);
      // video.js would ignore the options of a second call
      player.one("pluginsetup:interlude", () => {
        player.interlude = (next?: AdInsertionOptions) => {
          if (next) this.use(next);
          return this;
        };
      });
      if (options) this.use(options);
      if (player.tech(true)?.vhs) this.#onHandler();
    }

    get insertion(): AdInsertion | undefined {
      return this.#source?.insertion;
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
      this.#options = options;
      this.#waiting?.end();
      this.#waiting = this.#create(options);
      if (!this.#playing) this.setState({ session: this.session });
    }

    attach(hls: SourceHls): void {
      const source = this.#begin();
      hls.config.pLoader = this.#pLoader;
      source?.playInHls(hls, () => {
        if (this.#playing === source) this.#endPlaying();
      });
    }

    override dispose(): void {
      this.#player.off("xhr-hooks-ready", this.#onHandler);
      this.#player.off("loadstart", this.#onLoadStart);
      this.#endPlaying();
      this.#waiting?.end();
      this.#waiting = undefined;
      super.dispose();
    }

    get #source(): Source | undefined {
      return this.#playing ?? this.#waiting;
    }

    #create(options: AdInsertionOptions): Source {
      return createSource(options, { name, contentUrl: () => this.#player.currentSrc() }, this.#relay);
    }

    /** The source to come is there: it has an insertion of its own. */
    #begin(): Source | undefined {
      this.#endPlaying();
      this.#playing = this.#waiting ?? (this.#options && this.#create(this.#options));
      this.#waiting = undefined;
      this.setState({ session: this.session });
      return this.#playing;
    }

    #endPlaying(): void {
      this.#playing?.end();
      this.#playing = undefined;
      this.#player.removeClass(PLAYING_CLASS);
      this.setState(NO_AD);
    }

    readonly #onHandler = (): void => {
      // before VHS's first request, which may be the media playlist; a source that came with the player is taken while there is no tech
      if (this.#player.tech(true)?.vhs) this.#takeHandler();
      else queueMicrotask(() => this.#takeHandler());
    };

    #takeHandler(): void {
      const tech = this.#player.tech(true);
      const vhs = tech?.vhs;
      if (!tech || !vhs || vhs === this.#playing?.vhs()) return;
      if (vhs.playlists && vhs.playlists.state !== "HAVE_NOTHING")
        return this.#tell(`expected interlude() before the source is set, got it after its first playlist`);
      this.#begin()?.playInVhs(vhs, tech, () => this.#player.src(this.#player.currentSources()));
    }

    readonly #onLoadStart = (): void => {
      const { vhs } = this.#player.tech(true) ?? {};
      if (vhs || !this.#player.currentSrc()) return;
      if (this.#playing && !this.#playing.vhs()) return;
      this.#endPlaying();
      if (this.#source || this.#options)
        this.#tell(
          "expected VHS or hls.js to play it, got the browser itself; where it is HLS set html5: { vhs: { overrideNative: true } }",
        );
    };

    #tell(message: string): void {
      const detail = { fatal: true, code: "option-invalid", message, cause: undefined } as const;
      const where = `source ${this.#player.currentSrc()}`;
      // whoever makes the plugin listens after that
      queueMicrotask(() => this.#relay("error", { ...detail, message: `${where}: ${message}` }));
    }

    readonly #notes: { readonly [K in keyof AdInsertionEvents]?: (detail: AdInsertionEvents[K]) => void } = {
      adbreakstart: (adBreak) => {
        this.#player.addClass(PLAYING_CLASS);
        this.setState({ adBreak, ad: undefined });
      },
      adstart: (ad) => {
        this.#quartiles = 0;
        this.setState({ ad });
      },
      adprogress: (progress) => {
        for (const type of selectQuartiles(progress, this.#quartiles)) {
          this.#quartiles += 1;
          this.#player.trigger({ type, detail: progress, indexInBreak: progress.index });
        }
      },
      adcomplete: () => this.setState({ ad: undefined }),
      adbreakcomplete: () => {
        this.#player.removeClass(PLAYING_CLASS);
        this.setState(NO_AD);
      },
    };

    readonly #relay: Relay = (name, detail) => {
      this.#notes[name]?.(detail);
      const at = "index" in detail ? { indexInBreak: detail.index } : {};
      this.trigger({ type: name, detail });
      this.#player.trigger({ type: `interlude-${name}`, detail });
      for (const type of COMMON_NAMES[name]) this.#player.trigger({ type, detail, ...at });
    };
  };
}
