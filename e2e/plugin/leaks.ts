/** Counts what a page has open: listeners on what outlives a player, timers, requests, object URLs. */
import type { Page, Request } from "@playwright/test";

/** What is open now, by name: `HTMLVideoElement timeupdate`, `timer 1500`, `fetch`, `object URL`; each with its number. */
export type Open = Readonly<Record<string, number>>;

declare global {
  interface Window {
    interludeOpen?: () => Open;
  }
}

/** Wraps what opens and closes things, before any script of the page runs. */
const COUNT = `(() => {
  const open = new Map();
  const close = (key) => open.delete(key);
  const isLasting = (target) =>
    target === window || target instanceof Node || target instanceof MediaSource || target instanceof TextTrackList;

  const keys = new WeakMap();
  let count = 0;
  const nameOf = (object) => {
    if (!keys.has(object)) keys.set(object, ++count);
    return keys.get(object);
  };
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  const keyOf = (target, type, listener, options) =>
    ["listener", nameOf(target), type, nameOf(listener), Boolean(options?.capture ?? (options === true))].join();
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    const target = this ?? window;
    if (listener && isLasting(target) && !options?.signal?.aborted) {
      const key = keyOf(target, type, listener, options);
      open.set(key, target.constructor.name + " " + type);
      options?.signal?.addEventListener("abort", () => close(key));
      if (options?.once) addEventListener.call(target, type, () => close(key), { once: true });
    }
    return addEventListener.call(target, type, listener, options);
  };
  EventTarget.prototype.removeEventListener = function (type, listener, options) {
    const target = this ?? window;
    if (listener && isLasting(target)) close(keyOf(target, type, listener, options));
    return removeEventListener.call(target, type, listener, options);
  };

  const wrapTimer = (set, clear, name, owner, repeats) => {
    const [start, stop] = [owner[set], owner[clear]];
    owner[set] = function (run, ...rest) {
      const key = [];
      const id = start.call(this, (...values) => {
        if (!repeats) close(key);
        return typeof run === "function" ? run(...values) : undefined;
      }, ...rest);
      ids.set(set + id, key);
      open.set(key, name + (typeof rest[0] === "number" ? " " + Math.round(rest[0]) : ""));
      return id;
    };
    owner[clear] = function (id) {
      for (const one of TIMERS.filter((it) => it.clears === clear)) close(ids.get(one.set + id));
      return stop.call(this, id);
    };
  };
  const ids = new Map();
  const TIMERS = [
    { set: "setTimeout", clears: "clearTimeout" },
    { set: "setInterval", clears: "clearInterval" },
    { set: "requestAnimationFrame", clears: "cancelAnimationFrame" },
    { set: "requestVideoFrameCallback", clears: "cancelVideoFrameCallback" },
  ];
  wrapTimer("setTimeout", "clearTimeout", "timer", window, false);
  wrapTimer("setInterval", "clearInterval", "interval", window, true);
  wrapTimer("requestAnimationFrame", "cancelAnimationFrame", "animation frame", window, false);
  wrapTimer("requestVideoFrameCallback", "cancelVideoFrameCallback", "video frame", HTMLVideoElement.prototype, false);

  const { createObjectURL, revokeObjectURL } = URL;
  URL.createObjectURL = (object) => {
    const url = createObjectURL.call(URL, object);
    open.set(url, "object URL");
    return url;
  };
  URL.revokeObjectURL = (url) => {
    close(url);
    revokeObjectURL.call(URL, url);
  };

  window.interludeOpen = () => {
    const counts = {};
    for (const name of open.values()) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  };
})()`;

export interface Leaks {
  /** What is open beyond what was open when it was called last with `isBase`. */
  readonly open: () => Promise<Open>;
  /** From now on, what is open is no leak. */
  readonly setBase: () => Promise<void>;
}

/** Counts from the page's next document on. */
export async function countLeaks(page: Page): Promise<Leaks> {
  await page.addInitScript(COUNT);
  const requests = new Set<Request>();
  const done = (request: Request): boolean => requests.delete(request);
  page.on("request", (request) => requests.add(request));
  page.on("requestfinished", done);
  page.on("requestfailed", done);
  let base: Open = {};
  const count = async (): Promise<Open> => {
    const counts = (await page.evaluate(() => window.interludeOpen?.())) ?? {};
    const asked = [...requests].map((request) => [`request ${new URL(request.url()).pathname}`, 1]);
    return { ...counts, ...Object.fromEntries(asked) };
  };
  return {
    open: async () => {
      const more = Object.entries(await count()).map(([name, value]) => [name, value - (base[name] ?? 0)] as const);
      return Object.fromEntries(more.filter(([, value]) => value > 0));
    },
    setBase: async () => {
      base = await count();
    },
  };
}
