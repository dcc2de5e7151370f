/**
 * Which of the two kinds of live content this is; loaded when it is known, so that pages with VOD are spared what only live needs.
 */
import type { BreakEntry } from "../ads/break-entry.ts";
import { type ContentFacts, isLowLatency } from "./content.ts";
import type { Live, LivePorts } from "./live.ts";

export interface LiveLoader {
  /** Undefined before it was asked for, and in VOD. */
  readonly entries: () => readonly BreakEntry[] | undefined;
  /** @throws whatever `import()` throws: what could not be loaded is asked for again with the next playlist */
  readonly load: (first: ContentFacts) => Promise<Live>;
}

export function createLiveLoader(ports: LivePorts): LiveLoader {
  let live: Live | undefined;
  let loading: Promise<Live> | undefined;
  const load = async (first: ContentFacts): Promise<Live> => {
    live = isLowLatency(first)
      ? (await import("./low-latency.ts")).createLowLatency(ports)
      : (await import("./live.ts")).createLive(ports);
    return live;
  };
  return {
    entries: () => live?.entries(),
    load: (first) =>
      (loading ??= load(first).catch((cause: unknown) => {
        loading = undefined;
        throw cause;
      })),
  };
}
