/**
 * The text of `worker.ts` and all that it needs, as a classic script. The builds put it here (`embed-worker.ts`); without them it is empty,
 * and segments are made on the page's own thread.
 */
export const WORKER_SOURCE: string = "";
