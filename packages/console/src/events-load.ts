/** Follows what the server tells of creatives while a page is open. */
import { useEffect } from "preact/hooks";
import type { Api } from "./api/client.ts";
import type { Creative } from "./api/creatives.ts";

const PAUSE_MS = 5000;

/**
 * A stream that ends is begun again after five seconds.
 *
 * @param onChange a function that stays the same (useCallback)
 * @param onGap told when a stream has begun again: what happened in between is not told
 */
export function useEvents(api: Api, onChange: (creative: Creative) => void, onGap: () => void): void {
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const follow = async (): Promise<void> => {
      let isFirst = true;
      const onOpen = (): void => {
        if (!isFirst) onGap();
        isFirst = false;
      };
      while (!signal.aborted) {
        // Whatever ends it: the page's own requests say what is wrong.
        await api.follow(onOpen, onChange, signal).catch(() => undefined);
        await pause(signal);
      }
    };
    void follow();
    return () => controller.abort();
  }, [api, onChange, onGap]);
}

async function pause(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, PAUSE_MS);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
