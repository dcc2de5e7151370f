import type { Engine, EngineEventData } from "./hls-engine.ts";

/** What to do at which event, by the names of hls.js. */
export type EngineListeners = Readonly<Record<string, (data: EngineEventData) => void>>;

/**
 * @param onThrown told what a listener throws, which hls.js would take for a failure of its own
 * @returns what ends it
 */
export function listenTo(engine: Engine, listeners: EngineListeners, onThrown: (cause: unknown) => void): () => void {
  const listen = (event: string, data: EngineEventData): void => {
    try {
      listeners[event]?.(data);
    } catch (cause) {
      onThrown(cause);
    }
  };
  for (const event of Object.keys(listeners)) engine.on(event, listen);
  return () => {
    for (const event of Object.keys(listeners)) engine.off(event, listen);
  };
}
