/**
 * The events of hls.js, so that a fault of the plugin's never becomes one of hls.js's.
 */
import type { Emit } from "../events.ts";
import type { Engine, EngineEventData } from "./hls-engine.ts";

/** What to do at which event, by the names of hls.js. */
export type EngineListeners = Readonly<Record<string, (data: EngineEventData) => void>>;

/**
 * What a listener throws is told as an `error` event: hls.js would take it for a failure of its own.
 *
 * @returns what ends it
 */
export function listenTo(engine: Engine, listeners: EngineListeners, emit: Emit): () => void {
  const listen = (event: string, data: EngineEventData): void => {
    try {
      listeners[event]?.(data);
    } catch (cause) {
      emit("error", { fatal: false, code: "internal", message: String(cause), cause });
    }
  };
  for (const event of Object.keys(listeners)) engine.on(event, listen);
  return () => {
    for (const event of Object.keys(listeners)) engine.off(event, listen);
  };
}
