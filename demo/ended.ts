/** When the demo is over: somebody ends it, or the database it stands on is gone. */

/**
 * Waits for the first of both.
 *
 * @param lost as the server tells it; nothing goes on after it
 * @throws Error once the database is lost, unless `signal` had ended it before
 */
export async function waitForEnd(signal: AbortSignal, lost: Promise<Error>): Promise<void> {
  if (signal.aborted) return;
  const ended = new Promise<undefined>((resolve) => {
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const error = await Promise.race([ended, lost]);
  if (error) throw new Error(`the embedded database has come to its end: ${error.message}`, { cause: error });
}
