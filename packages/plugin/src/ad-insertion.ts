/**
 * The insertion that every host shares, before a player is known: options, events and the first requests at once; the rest is loaded
 * behind it, while the content's first playlists are under way.
 */
import type { TextResponse } from "@interlude/core";
import { askEarly, createAdRequests } from "./ads/ad-requests.ts";
import { createMacroFiller, type MacroFiller } from "./ads/macro-values.ts";
import {
  type AdInsertionEvents,
  type AdInsertionListener,
  type BreakSnapshot,
  createEmitter,
  type Emit,
} from "./events.ts";
import { type AdInsertionOptions, parseOptions, type Settings } from "./options.ts";
import type { HostAbilities, HostSide, LoadedParts } from "./parts.ts";
import { createBrowserPorts, type PluginPorts } from "./ports.ts";
import type { Session, SessionDeps } from "./session.ts";
import { createTap, describeError, type PlaylistTap } from "./tap.ts";

/** What a page can ask and do while ads are inserted, in any player. */
export interface AdInsertion {
  /**
   * Settles when the set-up is known: zone document read, `ptcdn` found; in a session that a server stitches at once. Rejects with
   * an AdError where it is wrong (the `error` event tells the same); the content plays without ads then. Need not be awaited.
   */
  readonly ready: Promise<void>;
  /**
   * @returns what takes the listener away again
   * @throws AdError `option-invalid` for an event that there is none of
   */
  readonly on: <K extends keyof AdInsertionEvents>(name: K, listener: AdInsertionListener<K>) => () => void;
  /**
   * Ends all requests, listeners and timers. A player that lives on keeps the breaks that are in its playlists, and gets them in those that
   * are still to come; nothing is told or counted of them.
   */
  readonly destroy: () => void;
  /** Of the session, as ad requests carry it; "" where the options are wrong. */
  readonly session: string;
  /** The playhead in seconds of content, ads left out and frozen while one plays; 0 without media. */
  readonly contentTime: number;
  /** The playhead as the media element counts it, ads included; 0 without media. */
  readonly streamTime: number;
  /** Seconds of content, ads left out; undefined while it is not known, and in live content. */
  readonly contentDuration: number | undefined;
  /** Within an ad: where its break stands. Live content has one time: what is given. */
  readonly toContentTime: (streamTime: number) => number;
  /** At a break: the first frame after its ads. */
  readonly toStreamTime: (contentTime: number) => number;
  /** Seeks as the viewer does, so that the policies hold; without media, and for what is no time, nothing happens. */
  readonly seekTo: (contentTime: number) => void;
  /** The ad breaks in order of their content time. */
  readonly breaks: readonly BreakSnapshot[];
  /**
   * The viewer has clicked on the ad on screen: its click tracking is fired and `adclick` is told. Opening the page, in the same turn so
   * that no pop-up blocker minds, and pausing are up to the caller.
   *
   * @param event where, for [CLICKPOS]
   * @returns the ad's ClickThrough with its macros filled, http(s) only; undefined without an ad on screen or where it leads nowhere
   */
  readonly click: (event?: { readonly clientX: number; readonly clientY: number }) => URL | undefined;
}

/** What a host adds its player to. */
export interface InsertionBase {
  readonly insertion: AdInsertion;
  readonly tap: PlaylistTap;
  /**
   * Once: the player's side, made as soon as everything is loaded. Playlists wait for it, so that nothing is missed; it is never made
   * after `destroy`.
   */
  readonly connect: (attach: (parts: LoadedParts) => HostSide | Promise<HostSide>) => void;
  /** Tells that this insertion gets no ads, and why. */
  readonly fail: (cause: unknown) => void;
}

/** Makes the ports of a session; tests give their own. */
export type CreatePorts = (signal: AbortSignal, credentials: RequestCredentials) => PluginPorts;

/** Never throws: a wrong option is told by `ready` and by `error`. */
export function createInsertionBase(
  options: AdInsertionOptions,
  abilities: HostAbilities,
  createPorts: CreatePorts = createBrowserPorts,
): InsertionBase {
  const { on, emit, clear } = createEmitter();
  const exchanges = new AbortController();
  const ports = createPorts(exchanges.signal, readCredentials(options));
  const settings = tryParse(options, ports);
  let host: HostSide | undefined;
  let parts: LoadedParts | undefined;
  let filler: MacroFiller | undefined;
  let attach: ((parts: LoadedParts) => HostSide | Promise<HostSide>) | undefined;
  let connecting: Promise<unknown> | undefined;
  let isDestroyed = false;

  const tell: Emit = (name, event) => {
    if (!isDestroyed) emit(name, event);
  };
  const connectHost = async (): Promise<void> => {
    if (!parts || !attach || host || isDestroyed) return;
    const made = await attach(parts);
    if (isDestroyed) made.detach();
    else host = made;
  };
  const load = async (): Promise<LoadedParts> => {
    const checked = import("./option-types.ts").then(({ checkOptions }) => {
      for (const cause of checkOptions(options)) tell("error", describeError(cause, false));
    });
    if ("cause" in settings) {
      await checked;
      throw settings.cause;
    }
    filler = createMacroFiller({
      ...settings,
      player: () => abilities.player,
      media: () => host?.media(),
      contentUrl: () => host?.contentUrl?.(),
      start: () => parts?.viewing.start(),
    });
    const requests = createAdRequests(settings, ports, tell, filler);
    const zone = fetchZone(settings, ports);
    if (!settings.server) askEarly(settings, requests);
    const [{ buildParts }, createSession] = await Promise.all([
      import("./build-parts.ts"),
      loadSession(settings),
      checked,
    ]);
    // nothing is begun that nobody could end
    exchanges.signal.throwIfAborted();
    parts = buildParts({
      settings,
      ports,
      emit: tell,
      requests,
      filler,
      zone,
      abilities,
      createSession,
      host: () => host,
      ended: exchanges.signal,
    });
    await connectHost();
    return parts;
  };
  const tellFatal = (cause: unknown): undefined => {
    tell("error", describeError(cause, true));
    return undefined;
  };
  const loading = load();
  const ready = loading.then(({ session }) => session.ready).then(() => undefined);
  ready.catch(tellFatal);
  // without a zone document no ad comes, yet playlists pass and breaks are told as skipped
  const loaded = loading.catch(() => undefined);
  const toContentTime = (time: number): number => parts?.toContentTime(time) ?? time;
  const toStreamTime = (time: number): number => parts?.toStreamTime(time) ?? time;

  const end = (): void => {
    const side = host;
    host = undefined;
    // a break that is on screen completes: that is still told
    side?.detach();
    isDestroyed = true;
    parts?.beacons.end();
    filler?.release();
    exchanges.abort();
  };

  const insertion: AdInsertion = {
    ready,
    on,
    destroy: () => {
      end();
      clear();
    },
    session: "cause" in settings ? "" : settings.session,
    get contentTime() {
      return toContentTime(host?.media()?.currentTime ?? 0);
    },
    get streamTime() {
      return host?.media()?.currentTime ?? 0;
    },
    get contentDuration() {
      return parts?.contentDuration();
    },
    toContentTime,
    toStreamTime,
    seekTo: (time) => {
      const media = host?.media();
      if (media && Number.isFinite(time)) media.currentTime = toStreamTime(time);
    },
    get breaks() {
      return parts?.breaks() ?? [];
    },
    click: (event) => parts?.viewing.click(event && findPlace(event, host?.media())),
  };
  return {
    insertion,
    tap: createTap({
      loading: loaded,
      emit: tell,
      isAttached: async () => {
        await connecting;
        return host !== undefined;
      },
      onOtherContent: (cause) => {
        tellFatal(cause);
        end();
        parts = undefined;
      },
      ended: exchanges.signal,
    }),
    connect: (attachHost) => {
      if (attach) return;
      attach = attachHost;
      connecting = connectHost().catch(tellFatal);
    },
    fail: tellFatal,
  };
}

/** Where a click was, from the player's top left corner. */
function findPlace(
  { clientX, clientY }: { readonly clientX: number; readonly clientY: number },
  media: HTMLMediaElement | null | undefined,
): readonly [number, number] | undefined {
  const box = media?.getBoundingClientRect();
  return box && [clientX - box.left, clientY - box.top];
}

/** Before the options are checked: pages without types may give anything. */
function readCredentials(options: AdInsertionOptions | null | undefined): RequestCredentials {
  return options?.credentials === "include" ? "include" : "omit";
}

function tryParse(options: AdInsertionOptions, ports: PluginPorts): Settings | { readonly cause: unknown } {
  try {
    return parseOptions(options, ports.baseUrl, ports.createId);
  } catch (cause) {
    return { cause };
  }
}

/** Pages whose ads a server puts in load nothing of what puts them in here, and the reverse. */
async function loadSession({ server }: Settings): Promise<(deps: SessionDeps) => Session> {
  if (server) return (await import("./sessions/server-session.ts")).createServerSession;
  return (await import("./session.ts")).createSession;
}

const MAX_ZONE_BYTES = 262_144;

function fetchZone({ zoneUrl, zoneTimeoutMs }: Settings, ports: PluginPorts): Promise<TextResponse> {
  if (!zoneUrl) return new Promise(() => undefined);
  const zone = ports.fetchText(zoneUrl, { timeoutMs: zoneTimeoutMs, maxBytes: MAX_ZONE_BYTES });
  // whoever reads it is told
  zone.catch(() => undefined);
  return zone;
}
