/**
 * Low-latency content plays as it came, byte for byte: its parts, delta updates and blocking reloads count segments as the origin
 * does, so that nothing can be put between them. Each of its avails is told as skipped, `policy`.
 *
 * @see RFC 8216bis §4.4.4.9 (EXT-X-PART), §6.2.5 (delta updates, blocking reloads)
 */
import { type Avail, listAvails, type Stitched } from "@interlude/core";
import { type BreakEntry, createEntry } from "../ads/break-entry.ts";
import { orderLiveAvail } from "./avails.ts";
import type { FetchedPlaylist } from "./content.ts";
import type { Live, LivePorts } from "./live.ts";

export function createLowLatency(ports: Pick<LivePorts, "planAvail" | "skipBreak">): Live {
  const entries = new Map<string, BreakEntry>();
  const meet = (avail: Avail): void => {
    const { id, isPartial } = avail;
    const planned = isPartial || entries.has(id) ? undefined : ports.planAvail(orderLiveAvail(avail));
    if (!planned) return;
    const entry = createEntry(planned);
    entries.set(id, entry);
    ports.skipBreak(entry, "policy", []);
  };
  return {
    entries: () => [...entries.values()],
    stitch: ({ text }: FetchedPlaylist): Stitched => {
      for (const avail of listAvails(countSkipped(text))) meet(avail);
      return { text, breaks: [], refused: [] };
    },
  };
}

/** A delta update with its media sequence as of the first segment that it lists: avails without an id are named by it. */
function countSkipped(text: string): string {
  const skipped = Number(/^#EXT-X-SKIP:.*SKIPPED-SEGMENTS=(\d{1,9})/m.exec(text)?.[1] ?? 0);
  if (skipped === 0) return text;
  return text
    .replace(/^(#EXT-X-MEDIA-SEQUENCE:)(\d{1,15})/m, (_, tag: string, first: string) => tag + (Number(first) + skipped))
    .replace(/^#EXT-X-SKIP:.*(?:\n|$)/m, "");
}
