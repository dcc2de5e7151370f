/**
 * The breaks of VOD content: which of them are in the playlists that the player is given.
 *
 *   decided before the hand-over            → spliced
 *   pre-roll not decided within the budget  → skipped, `ads-timeout`
 *   decided after the hand-over             → bound late while it lies beyond what is loaded, else skipped, `ads-timeout`
 *   in a player that asks only once         → every break is waited for like a pre-roll
 *
 * All levels and tracks show the same breaks at any time.
 *
 * @see DESIGN §6, late-bound VOD breaks
 */
import { type PlacedBreak, type Stitched, stitchVod, type TimedPod } from "@interlude/core";
import { sleep } from "../sleep.ts";
import type { BreakEntry } from "../ads/break-entry.ts";
import type { PlannedBreak } from "../ads/planned-break.ts";
import { type ContentFacts, type FetchedPlaylist, selectLoadLimit } from "./content.ts";
import type { declareBreaks } from "./interstitials.ts";
import { createVodEntries, type VodEntriesPorts } from "./vod-entries.ts";

export interface Vod {
  readonly entries: () => readonly BreakEntry[];
  readonly stitch: (fetched: FetchedPlaylist, facts: ContentFacts) => Promise<Stitched>;
  /** The viewer is at a content time: breaks that he comes near to are resolved. */
  readonly advance: (contentTime: number) => void;
  /** Breaks that are not in the playlists but may come: content seconds up to which the player may load meanwhile. */
  readonly undecided: () => readonly { readonly contentTime: number; readonly isReady: boolean }[];
  /** What a seek from one content time to another waits for: the last break that it goes over, where that is still to be decided. */
  readonly findAwaited: (from: number, to: number) => BreakEntry | undefined;
  /**
   * Binds each break that has become ready, or skips it.
   *
   * @param canPlace told where the break would start on the timeline; false where that is loaded already
   * @returns whether the playlists have changed
   */
  readonly bindLate: (canPlace: (placed: PlacedBreak) => boolean) => boolean;
}

/** Seconds within which two places are one. */
const SAME_TIME = 0.05;

export interface VodPorts extends VodEntriesPorts {
  /** Content that is taken out, as pods without ads. */
  readonly removals: readonly TimedPod[];
  /** Aborted when nobody waits any more. */
  readonly ended: AbortSignal;
  /** Declares breaks to the player; undefined: they are spliced. */
  readonly declare: () => typeof declareBreaks | undefined;
}

/**
 * @param own breaks that are known at once; those that the start waits for are being resolved when this returns
 * @param requested breaks that are still being asked for
 */
export function createVod(
  own: readonly PlannedBreak[],
  requested: Promise<readonly PlannedBreak[]>,
  ports: VodPorts,
): Vod {
  let reference: { readonly fetched: FetchedPlaylist; readonly facts: ContentFacts } | undefined;
  /** The first playlist that came: its boundaries count for all, or renditions could part by a segment. */
  let aligned: string | undefined;
  let decision: Promise<void> | undefined;
  let isHandedOver = false;

  const entries = createVodEntries(ports, () => {
    if (isHandedOver) ports.onLateChange();
  });
  entries.add(own);
  const scheduled = requested.then(entries.add);

  /** The start of the content waits no longer than the budget, and where a break can come late for pre-rolls alone. */
  const decide = async (): Promise<void> => {
    const budget = sleep(ports.startBudgetMs, ports.ended);
    await Promise.race([scheduled, budget]);
    if (!ports.canBindLate) entries.resolveAll();
    const awaited = entries.list().filter((entry) => !ports.canBindLate || entry.planned.position === "pre");
    await Promise.race([Promise.all(awaited.map(entries.settled)), budget]);
    // breaks that share the pre-roll's creative are decided in the same turn
    await sleep(0, ports.ended);
    for (const entry of entries.list()) {
      if (entry.status === "ready" && entry.time !== undefined) entry.status = "placed";
      else if (entry.status === "pending" && awaited.includes(entry) && !entries.isHopeless(entry))
        ports.skipBreak(entry, "ads-timeout", []);
    }
    isHandedOver = true;
  };
  const stitch = (fetched: FetchedPlaylist, chosen: readonly BreakEntry[]): Stitched => {
    const declare = ports.declare();
    if (declare && reference) return declare(fetched, entries.list(), chosen, reference.facts);
    const pods = [...chosen.flatMap(buildPod), ...ports.removals];
    const stitched = stitchVod(fetched.text, fetched.content, pods, { reference: aligned });
    return { ...stitched, breaks: [...stitched.breaks, ...(stitched.removed ?? [])] };
  };

  return {
    entries: entries.list,
    advance: entries.advance,
    stitch: async (fetched, facts) => {
      if (!reference || fetched.content.kind === "main") reference = { fetched, facts };
      aligned ??= fetched.text;
      entries.place(reference.facts);
      await (decision ??= decide());
      return stitch(
        fetched,
        entries.list().filter((entry) => entry.status === "placed"),
      );
    },
    undecided: () => {
      const facts = reference?.facts;
      if (!facts) return [];
      const open = entries.list().filter(({ status }) => status === "pending" || status === "ready");
      return open.flatMap((entry) =>
        entry.time === undefined || entries.isHopeless(entry)
          ? []
          : [{ contentTime: selectLoadLimit(facts, entry.time), isReady: entry.status === "ready" }],
      );
    },
    findAwaited: (from, to) => {
      const passed = entries.list().flatMap((entry) => {
        const { time, status } = entry;
        const isPassed = typeof time === "number" && time >= from - SAME_TIME && time <= to + SAME_TIME;
        return isPassed && status !== "skipped" && !entries.isHopeless(entry) ? [{ entry, time }] : [];
      });
      const last = passed.toSorted((one, other) => one.time - other.time).at(-1)?.entry;
      return last?.status === "placed" ? undefined : last;
    },
    bindLate: (canPlace) => {
      if (!reference || !isHandedOver) return false;
      entries.place(reference.facts);
      let hasChanged = false;
      for (const entry of entries.list().filter(({ status }) => status === "ready")) {
        const chosen = entries.list().filter((other) => other === entry || other.status === "placed");
        const { breaks } = stitch(reference.fetched, chosen);
        const placed = breaks.find(({ breakId }) => breakId === entry.planned.breakId);
        if (placed && canPlace(placed)) {
          entry.status = "placed";
          hasChanged = true;
        } else ports.skipBreak(entry, "ads-timeout", []);
      }
      return hasChanged;
    },
  };
}

/** The break as the splice takes it; nothing where it has no place. */
function buildPod({ planned, time, ads, refused }: BreakEntry): readonly TimedPod[] {
  // VAST ids are optional and need not differ: an ad is named by its index
  const pod = ads.flatMap((ready, index) =>
    refused.has(ready) ? [] : [{ adId: String(index), renditions: ready.renditions }],
  );
  if (time === undefined || pod.length === 0) return [];
  return [{ breakId: planned.breakId, time, replaces: planned.replaces ?? 0, ads: pod }];
}
