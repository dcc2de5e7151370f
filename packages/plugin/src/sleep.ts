/**
 * Waits that end with the session, so that nothing is left behind.
 */

/** Resolves after so many milliseconds, or at once when `ended` is aborted. */
export function sleep(ms: number, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      clearTimeout(timer);
      ended.removeEventListener("abort", stop);
      resolve();
    };
    const timer = setTimeout(stop, ms);
    ended.addEventListener("abort", stop);
    if (ended.aborted) stop();
  });
}
