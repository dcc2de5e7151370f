/** The player, as far as first encounters need it. */
import type { VirtualMediaShelf } from "./virtual-media.ts";

/** What a first encounter asks of the player, which may not be there yet. */
export interface EncounterHost {
  readonly bandwidthBps: () => number | undefined;
  /** Undefined: it plays nothing that the page makes, or not in this content. */
  readonly serveVirtual: () => ((shelf: VirtualMediaShelf) => Promise<void>) | undefined;
}
