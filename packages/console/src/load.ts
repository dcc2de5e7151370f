/** What a page waits for: nothing yet, an answer, or a complaint. */
import { useCallback, useEffect, useState } from "preact/hooks";

export type Load<T> =
  | { readonly state: "loading" }
  | {
      readonly state: "ready";
      readonly value: T;
      /** It is the answer to what was asked before; that to what is asked now is under way. */
      readonly isStale?: boolean;
    }
  | { readonly state: "failed"; readonly message: string };

export interface LoadOptions {
  /** Seconds after which it is asked for again, while the page can be seen. */
  readonly everySeconds?: number;
}

/**
 * @param load asked again whenever it is another function (useCallback); what was shown stays until the answer is there
 * @returns the load, and a function that asks again
 */
export function useLoad<T>(
  load: (signal: AbortSignal) => Promise<T>,
  { everySeconds }: LoadOptions = {},
): readonly [Load<T>, () => void] {
  const [loaded, setLoaded] = useState<Load<T>>({ state: "loading" });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    setLoaded((last) => (last.state === "ready" ? { ...last, isStale: true } : last));
    const ask = async (): Promise<void> => {
      try {
        const value = await load(signal);
        if (!signal.aborted) setLoaded({ state: "ready", value });
      } catch (error) {
        if (!signal.aborted) setLoaded({ state: "failed", message: describe(error) });
      }
    };
    void ask();
    const askWhenSeen = (): void => {
      if (document.visibilityState === "visible") void ask();
    };
    const timer = everySeconds === undefined ? undefined : setInterval(askWhenSeen, everySeconds * 1000);
    return () => {
      clearInterval(timer);
      controller.abort();
    };
  }, [load, everySeconds, turn]);
  const again = useCallback(() => setTurn((last) => last + 1), []);
  return [loaded, again];
}

export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
