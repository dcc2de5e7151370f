/**
 * The page's side of everything that leaves the plugin: text over HTTP and beacons. Tests give literals instead.
 */
import { AdError, type FetchText, type FetchTextOptions, type TextResponse, type XmlReader } from "@interlude/core";

/** What the entry itself asks for. */
export interface EntryPorts {
  /** Zone documents, CDN, playlists: never with credentials. */
  readonly fetchText: FetchText;
  /** Ad requests: with credentials where the options say so. */
  readonly fetchAds: FetchText;
  /** To the ad server. Sends one JSON body and reads a text answer; any status is a value. */
  readonly postJson: (url: URL, body: unknown, options: FetchTextOptions) => Promise<TextResponse>;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** A new random id. */
  readonly createId: () => string;
  /** What relative URLs in the options are relative to. */
  readonly baseUrl: string;
}

/** What is of use once there is an answer, or an ad on screen: loaded behind the entry. */
export interface LoadedPorts {
  /** Sends one GET whose answer nobody reads; never throws. */
  readonly sendBeacon: (url: string) => void;
  readonly readXml: XmlReader;
}

export interface PluginPorts extends EntryPorts, LoadedPorts {}

/** Those that are loaded are the browser's own where they are not there. */
export type PagePorts = EntryPorts & Partial<LoadedPorts>;

/**
 * @param signal ends every request that is under way
 * @param credentials for ad requests
 */
export function createBrowserPorts(signal: AbortSignal, credentials: RequestCredentials): EntryPorts {
  const request = (url: URL, init: RequestInit, options: FetchTextOptions): Promise<TextResponse> =>
    fetchWithin(url, init, options, signal);
  return {
    fetchText: (url, options) => request(url, { credentials: "omit" }, options),
    fetchAds: (url, options) => request(url, { credentials }, options),
    postJson: (url, value, options) => {
      const headers = { "content-type": "application/json" };
      return request(url, { method: "POST", headers, body: JSON.stringify(value), credentials }, options);
    },
    now: () => performance.now(),
    createId,
    baseUrl: globalThis.location?.href ?? "http://localhost/",
  };
}

/** `crypto.randomUUID` does not exist on http pages. */
function createId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36).padStart(7, "0")).join("");
}

async function fetchWithin(
  url: URL,
  init: RequestInit,
  options: FetchTextOptions,
  signal: AbortSignal,
): Promise<TextResponse> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.any([signal, timeout]) });
    const text = await readCapped(response, options.maxBytes, url);
    return { status: response.status, text, url: new URL(response.url || url.href) };
  } catch (cause) {
    if (cause instanceof AdError) throw cause;
    const context = { url: url.href, cause };
    if (timeout.aborted) {
      const message = `${url.href}: expected an answer within ${Math.round(options.timeoutMs)} ms, got none`;
      throw new AdError("upstream-timeout", message, context);
    }
    throw new AdError("upstream-unreachable", `${url.href}: expected an answer, got ${String(cause)}`, context);
  }
}

async function readCapped(response: Response, maxBytes: number, url: URL): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > maxBytes) {
      await reader.cancel();
      throw new AdError("response-too-large", `${url.href}: expected at most ${maxBytes} bytes, got more`, {
        url: url.href,
      });
    }
    text += decoder.decode(value, { stream: true });
  }
}
