/** When work is done that nobody waits for. */

export interface LoadTimer {
  /** Has the work done in a moment; once more, where it is being done. */
  wake(): void;
  /** The same, now and each minute, after `begin`. */
  repeat(begin: () => void): void;
  stop(): void;
}

/** Long enough for a batch to come together, short enough for who looks at a report. */
const DELAY_MS = 200;
const ROUND_MS = 60_000;
const MAX_RETRY_MS = 30_000;

/** @param work one at a time; what failed is done again, later each time */
export function createLoadTimer(work: () => Promise<void>, onError: (error: unknown) => void): LoadTimer {
  let [isStopped, isAtWork, isWoken, failures] = [false, false, false, 0];
  let waiting: NodeJS.Timeout | undefined;
  let rounds: NodeJS.Timeout | undefined;

  const wake = (): void => {
    isWoken = true;
    if (isAtWork || waiting !== undefined || isStopped) return;
    const delay = failures === 0 ? DELAY_MS : Math.min(MAX_RETRY_MS, DELAY_MS * 2 ** failures);
    waiting = setTimeout(() => void run(), delay).unref();
  };
  const run = async (): Promise<void> => {
    [waiting, isAtWork, isWoken] = [undefined, true, false];
    try {
      await work();
      failures = 0;
    } catch (error) {
      onError(error);
      failures++;
      isWoken = true;
    }
    isAtWork = false;
    if (isWoken) wake();
  };

  return {
    wake,
    repeat: (begin) => {
      const round = (): void => {
        begin();
        wake();
      };
      round();
      rounds = setInterval(round, ROUND_MS).unref();
    },
    stop: () => {
      isStopped = true;
      clearTimeout(waiting);
      clearInterval(rounds);
    },
  };
}
