/** CRS as far as a manifest server waits for it: what it says is what the test tells it. */
import type { CopyEvents, CreativeNews } from "../../src/manifest/ads/copy-watch.ts";

export interface Repackaging extends CopyEvents {
  /** Who listens now. */
  readonly listeners: ReadonlySet<(news: CreativeNews) => void>;
  /** Keys that were looked at. */
  readonly looks: readonly string[];
  readonly tell: (news: CreativeNews) => void;
  /** Resolves when somebody listens, or at once. */
  readonly awaited: () => Promise<void>;
}

export function repackaging(before?: CreativeNews): Repackaging {
  const listeners = new Set<(news: CreativeNews) => void>();
  const looks: string[] = [];
  let latest = before;
  let onListener = (): void => undefined;
  return {
    listeners,
    looks,
    status: async (_zone, key) => {
      looks.push(key);
      return latest;
    },
    subscribe: (listener) => {
      listeners.add(listener);
      onListener();
      return () => void listeners.delete(listener);
    },
    tell: (news) => {
      latest = news;
      for (const listener of listeners) listener(news);
    },
    awaited: () =>
      new Promise((resolve) => {
        if (listeners.size > 0) resolve();
        else onListener = resolve;
      }),
  };
}
