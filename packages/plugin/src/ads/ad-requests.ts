/**
 * Questions to the ad server, told as steps 1 and 2 of the workflow. Those that the start of the content waits for are asked before
 * anything else is loaded, so that the rest of the plugin comes meanwhile.
 *
 * @see primetime.md §3.3 steps 1 and 2
 */
import { expandMacros, type FetchTextOptions, type TextResponse } from "@interlude/core";
import type { Emit } from "../events.ts";
import type { Settings } from "../options.ts";
import type { PluginPorts } from "../ports.ts";

/** An ad tag before it is asked: `parameters` are added where it is the publisher's own ad server. */
export interface AdTag {
  readonly tag: URL;
  readonly parameters: Readonly<Record<string, string>>;
}

/** An ad tag that is being asked: its address with macros filled in, and the answer. */
export interface AskedTag {
  readonly url: Promise<URL>;
  readonly response: Promise<TextResponse>;
}

export interface AdRequests {
  /** The answer waits for the {@link askTag} of the same tag and break. */
  readonly askEarly: (tag: AdTag, breakId: string) => void;
  readonly askTag: (tag: AdTag, breakId: string) => AskedTag;
  readonly ask: (url: URL, limits: FetchTextOptions, breakId: string) => Promise<TextResponse>;
}

const MAX_BYTES = 2_000_000;

export function createAdRequests(settings: Settings, ports: PluginPorts, emit: Emit): AdRequests {
  const early = new Map<string, AskedTag>();
  const ask: AdRequests["ask"] = async (url, limits, breakId) => {
    const step = { breakId, method: "GET", url: url.href } as const;
    const startedAt = ports.now();
    emit("workflowstep", { ...step, step: 1, title: "The client requests an ad from the ad server" });
    const response = await ports.fetchAds(url, limits);
    const ms = ports.now() - startedAt;
    emit("workflowstep", { ...step, step: 2, title: "The ad server returns the ad", status: response.status, ms });
    return response;
  };
  const addressOf = async ({ tag, parameters }: AdTag): Promise<URL> => {
    const url = new URL(expandMacros(tag.href, { TIMESTAMP: new Date(), CACHEBUSTING: createCacheBuster() }));
    if (url.origin === settings.adTagUrl?.origin || settings.breaks.some((item) => item.adTagUrl.origin === url.origin))
      for (const [name, value] of Object.entries({ session: settings.session, ...parameters }))
        if (!url.searchParams.has(name)) url.searchParams.set(name, value);
    return url;
  };
  const askNow = (tag: AdTag, breakId: string): AskedTag => {
    const url = addressOf(tag);
    const limits = { timeoutMs: settings.adTimeoutMs, maxBytes: MAX_BYTES };
    return { url, response: url.then((address) => ask(address, limits, breakId)) };
  };
  return {
    ask,
    askEarly: (tag, breakId) => {
      const asked = askNow(tag, breakId);
      // whoever takes it is told; a failure before that is not an unhandled one
      asked.response.catch(() => undefined);
      early.set(nameOf(tag, breakId), asked);
    },
    askTag: (tag, breakId) => {
      const name = nameOf(tag, breakId);
      const asked = early.get(name) ?? askNow(tag, breakId);
      early.delete(name);
      return asked;
    },
  };
}

function nameOf({ tag, parameters }: AdTag, breakId: string): string {
  return JSON.stringify([tag.href, parameters, breakId]);
}

/** A random integer below 10⁸, as VAST's CACHEBUSTING wants it. */
export function createCacheBuster(): number {
  return Math.floor(Math.random() * 1e8);
}

/** The tag that names all breaks; undefined where there is none, and in live, where each avail is asked for. */
export function scheduleTag(settings: Settings): AdTag | undefined {
  return settings.adTagUrl && !settings.live ? { tag: settings.adTagUrl, parameters: {} } : undefined;
}

/** The tag of a break that the page names itself. */
export function breakTag({ id, adTagUrl }: Settings["breaks"][number]): AdTag {
  return { tag: adTagUrl, parameters: { break: id } };
}

/** Asks what the start of the content waits for. */
export function askEarly(settings: Settings, requests: AdRequests): void {
  const schedule = scheduleTag(settings);
  if (schedule) requests.askEarly(schedule, "");
  for (const item of settings.breaks) if (item.time === "start") requests.askEarly(breakTag(item), item.id);
}
