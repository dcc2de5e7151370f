/**
 * A worker out of text, and what becomes of the address that the text has meanwhile.
 */
import type { FromWorker, ToWorker } from "./worker-messages.ts";

/** The part of a `Worker` that is used here. */
export interface MakerThread {
  readonly post: (message: ToWorker, bytes: ArrayBuffer) => void;
  readonly end: () => void;
}

/** Throws, or calls `onFail`, where there can be no worker. */
export type StartThread = (onMessage: (message: FromWorker) => void, onFail: () => void) => MakerThread;

/**
 * @param source a classic script; empty where the build has embedded none
 * @throws Error in such a build; whatever `Worker` throws
 */
export function startWorker(source: string, ...[onMessage, onFail]: Parameters<StartThread>): MakerThread {
  if (!source) throw new Error("no worker in this build");
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const revoke = (): void => URL.revokeObjectURL(url);
  try {
    return listen(new Worker(url), revoke, onMessage, onFail);
  } catch (cause) {
    revoke();
    throw cause;
  }
}

/** @param revoke called as soon as the text has been read */
function listen(
  worker: Worker,
  revoke: () => void,
  onMessage: (message: FromWorker) => void,
  onFail: () => void,
): MakerThread {
  worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
    revoke();
    onMessage(data);
  });
  worker.addEventListener("error", (event) => {
    // told here, not on the page's console
    event.preventDefault();
    revoke();
    onFail();
  });
  return {
    post: (message, bytes) => worker.postMessage(message, [bytes]),
    end: () => {
      revoke();
      worker.terminate();
    },
  };
}
