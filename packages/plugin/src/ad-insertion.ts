/**
 * The insertion that every host shares, before a player is known: options, events and the first requests at once; the rest is loaded
 * behind it, while the content's first playlists are under way.
 */
import {
  type AdInsertionEvents,
  type AdInsertionListener,
  type BreakSnapshot,
  createEmitter,
  type Emit,
} from "./events.ts";
import { type AttachHost, createHostLink, type HostLink } from "./host-link.ts";
import { loadParts } from "./load-parts.ts";
import { type AdInsertionOptions, parseOptions, type Settings } from "./options.ts";
import type { HostAbilities } from "./parts.ts";
import { createBrowserPorts, type PagePorts } from "./ports.ts";
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
   * are still to come, with what the page makes for them; nothing is told or counted of them.
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
  readonly connect: (attach: AttachHost) => void;
  /** Tells that this insertion gets no ads, and why. */
  readonly fail: (cause: unknown) => void;
}

/** Makes the ports of a session; tests give their own. */
export type CreatePorts = (signal: AbortSignal, credentials: RequestCredentials) => PagePorts;

/** Never throws: a wrong option is told by `ready` and by `error`. */
export function createInsertionBase(
  options: AdInsertionOptions,
  abilities: HostAbilities,
  createPorts: CreatePorts = createBrowserPorts,
): InsertionBase {
  const { on, emit, clear } = createEmitter();
  const exchanges = new AbortController();
  const ended = exchanges.signal;
  const ports = createPorts(ended, readCredentials(options));
  const settings = tryParse(options, ports);
  const link = createHostLink();
  let connecting: Promise<unknown> | undefined;
  let isEnding = false;
  let isDestroyed = false;

  const tell: Emit = (name, event) => {
    if (!isDestroyed) emit(name, event);
  };
  const tellFatal = (cause: unknown): undefined => {
    tell("error", describeError(cause, true));
    return undefined;
  };
  const loading = loadParts(settings, { options, abilities, ports, emit: tell, link, ended });
  const ready = loading.then(({ session }) => session.ready).then(() => undefined);
  ready.catch(tellFatal);
  const end = (): void => {
    // a listener of what is still told may end it once more
    if (isEnding) return;
    isEnding = true;
    // a break that is on screen completes: that is still told
    link.release();
    isDestroyed = true;
    link.parts()?.beacons.end();
    exchanges.abort();
  };
  const destroy = (): void => {
    end();
    if (isDestroyed) clear();
  };
  return {
    insertion: createInsertion({ ready, on, destroy, session: "cause" in settings ? "" : settings.session }, link),
    tap: createTap({
      // without a zone document no ad comes, yet playlists pass and breaks are told as skipped
      loading: loading.catch(() => undefined),
      emit: tell,
      isAttached: async () => {
        await connecting;
        return link.host() !== undefined;
      },
      onOtherContent: (cause) => {
        tellFatal(cause);
        end();
        link.forget();
      },
      ended,
    }),
    connect: (attach) => {
      connecting ??= link.setPlayer(attach).catch(tellFatal);
    },
    fail: tellFatal,
  };
}

type Lifetime = Pick<AdInsertion, "ready" | "on" | "destroy" | "session">;

/** What a page asks and does, from what there is of parts and player at that moment. */
function createInsertion(lifetime: Lifetime, { host, parts }: HostLink): AdInsertion {
  const media = (): HTMLMediaElement | null | undefined => host()?.media();
  const toContentTime = (time: number): number => parts()?.toContentTime(time) ?? time;
  const toStreamTime = (time: number): number => parts()?.toStreamTime(time) ?? time;
  return {
    ...lifetime,
    get contentTime() {
      return toContentTime(media()?.currentTime ?? 0);
    },
    get streamTime() {
      return media()?.currentTime ?? 0;
    },
    get contentDuration() {
      return parts()?.contentDuration();
    },
    toContentTime,
    toStreamTime,
    seekTo: (time) => {
      const element = media();
      if (element && Number.isFinite(time)) element.currentTime = toStreamTime(time);
    },
    get breaks() {
      return parts()?.breaks() ?? [];
    },
    click: (event) => parts()?.viewing.click(event && findPlace(event, media())),
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

function tryParse(options: AdInsertionOptions, ports: PagePorts): Settings | { readonly cause: unknown } {
  try {
    return parseOptions(options, ports.baseUrl, ports.createId);
  } catch (cause) {
    return { cause };
  }
}
