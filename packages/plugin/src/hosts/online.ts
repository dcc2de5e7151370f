/**
 * The network, as the browser knows it.
 */

/** Whether waiting for the network is any different for the content than for an ad. */
export function isOnline(): boolean {
  return globalThis.navigator?.onLine !== false;
}
