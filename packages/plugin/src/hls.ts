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
import { attachEngine, type Attachment } from "./attachment.ts";
import { type BeaconSender, createBeaconSender } from "./beacons.ts";
import type { Engine } from "./engine.ts";
import { type AdInsertionEvents, type AdInsertionListener, type BreakSnapshot, createEmitter } from "./events.ts";
import { type AdInsertionOptions, parseOptions } from "./options.ts";
import { createPlaylistLoader } from "./playlist-loader.ts";
import { createBrowserPorts, type PluginPorts } from "./ports.ts";
import { createSession, type Session, type SessionDeps } from "./session.ts";
import { describeBreaks } from "./snapshot.ts";
import { createTap, describeError } from "./tap.ts";
import { createTimeline, toContentTime, toStreamTime } from "./timeline.ts";

export type * from "./events.ts";
export type { Engine } from "./engine.ts";
export type { AdInsertionOptions, BreakOption } from "./options.ts";
export type { PluginPorts } from "./ports.ts";

/** Spread into the configuration of hls.js. */
export interface InterludeHlsConfig {
  readonly pLoader: NonNullable<HlsConfig["pLoader"]>;
}

export interface AdInsertion {
  readonly hlsConfig: InterludeHlsConfig;
  /**
   * Settles when the set-up is known: zone document read, `ptcdn` found. Rejects with an AdError where it is wrong (the `error`
   * event tells the same); the content plays without ads then. Need not be awaited.
   */
  readonly ready: Promise<void>;
  /** Call it once, right after `new Hls`. */
  readonly attach: (hls: Engine) => void;
  /** @returns what takes the listener away again */
  readonly on: <K extends keyof AdInsertionEvents>(name: K, listener: AdInsertionListener<K>) => () => void;
  /** Ends all requests, listeners and timers; playlists that are still to come stay as they are. Called by hls.js's own destroy. */
  readonly destroy: () => void;
  /** Of the session, as ad requests carry it. */
  readonly session: string;
  /** The playhead in seconds of content, ads left out and frozen while one plays; 0 without media. */
  readonly contentTime: number;
  readonly toContentTime: (streamTime: number) => number;
  /** At a break: the first frame after its ads. */
  readonly toStreamTime: (contentTime: number) => number;
  /** The ad breaks in order of their content time. */
  readonly breaks: readonly BreakSnapshot[];
}

/**
 * Starts at once: zone document and ad tag are under way when this returns. One insertion serves one hls.js and one content.
 * Never throws: a wrong option is told by `ready` and by `error`.
 *
 * @param createPorts for tests; absent: the browser's own fetch, clock and DOMParser
 */
export function createAdInsertion(
  options: AdInsertionOptions,
  createPorts: (signal: AbortSignal, credentials: RequestCredentials) => PluginPorts = createBrowserPorts,
): AdInsertion {
  const { on, emit, clear } = createEmitter();
  const requests = new AbortController();
  const ports = createPorts(requests.signal, options.credentials ?? "omit");
  const timeline = createTimeline();
  let engine: Engine | undefined;
  let attachment: Attachment | undefined;
  let isDestroyed = false;

  const run = startRun(options, ports, {
    emit,
    bufferAhead: () => attachment?.bufferAhead(),
    onLateChange: () => attachment?.check(),
    onBreaksChange: () => emitTimeline(),
  });
  const session = "session" in run ? run.session : undefined;
  const ready = session ? session.ready.then(() => undefined) : Promise.reject("cause" in run ? run.cause : undefined);
  ready.catch((cause: unknown) => {
    if (!isDestroyed) emit("error", describeError(cause, true));
  });
  const breaks = (): readonly BreakSnapshot[] =>
    describeBreaks(session?.entries() ?? [], timeline, session?.facts()?.duration);
  let drawn = "";
  const emitTimeline = (): void => {
    const now = breaks();
    const drawing = JSON.stringify(now);
    if (drawing !== drawn) emit("timeline", { breaks: now });
    drawn = drawing;
  };
  const toContent = (time: number): number => (session?.facts()?.isLive ? time : toContentTime(timeline, time));
  const destroy = (): void => {
    isDestroyed = true;
    attachment?.detach();
    requests.abort();
    clear();
  };

  return {
    hlsConfig: { pLoader: createPlaylistLoader(createTap(session, timeline, emit, () => isDestroyed)) },
    ready,
    attach: (hls) => {
      if (isDestroyed || attachment || !("session" in run)) return;
      engine = hls;
      attachment = attachEngine({
        ...run,
        engine,
        timeline,
        emit,
        now: ports.now,
        toContentTime: toContent,
        onTimelineChange: emitTimeline,
        onDestroy: destroy,
      });
    },
    on,
    destroy,
    session: "id" in run ? run.id : "",
    get contentTime() {
      return toContent(engine?.media?.currentTime ?? 0);
    },
    toContentTime: toContent,
    toStreamTime: (time) => (session?.facts()?.isLive ? time : toStreamTime(timeline, time)),
    get breaks() {
      return breaks();
    },
  };
}

type Run =
  { readonly session: Session; readonly beacons: BeaconSender; readonly id: string } | { readonly cause: unknown };

function startRun(
  options: AdInsertionOptions,
  ports: PluginPorts,
  deps: Omit<SessionDeps, "settings" | "ports" | "beacons">,
): Run {
  try {
    const settings = parseOptions(options, ports.baseUrl, ports.createId);
    const beacons = createBeaconSender(settings.session, ports.sendBeacon, deps.emit);
    return { session: createSession({ ...deps, settings, ports, beacons }), beacons, id: settings.session };
  } catch (cause) {
    return { cause };
  }
}
