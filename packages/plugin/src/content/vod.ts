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
import type { PlannedBreak } from "../ads/ad-server.ts";
import { type ContentFacts, type FetchedPlaylist, selectLoadLimit } from "./content.ts";
import type { BreakEntry, SessionPorts } from "../ads/break-entry.ts";

export interface Vod {
  readonly entries: () => readonly BreakEntry[];
  readonly stitch: (fetched: FetchedPlaylist, facts: ContentFacts) => Promise<Stitched>;
  /** Breaks that are not in the playlists but may come: content seconds up to which the player may load meanwhile. */
  readonly undecided: () => readonly { readonly contentTime: number; readonly isReady: boolean }[];
  /**
   * Binds each break that has become ready, or skips it.
   *
   * @param canPlace told where the break would start on the timeline; false where that is loaded already
   * @returns whether the playlists have changed
   */
  readonly bindLate: (canPlace: (placed: PlacedBreak) => boolean) => boolean;
}

/**
 * @param own breaks that are known at once; they are resolved before this returns to its caller
 * @param requested breaks that the ad server is still being asked for
 */
export function createVod(
  own: readonly PlannedBreak[],
  requested: Promise<readonly PlannedBreak[]>,
  ports: SessionPorts,
): Vod {
  const entries: BreakEntry[] = [];
  const settled = new Map<BreakEntry, Promise<void>>();
  /** Breaks that no ad can come to any more, although the last word on them is still to come. */
  const hopeless = new Set<BreakEntry>();
  let reference: { readonly fetched: FetchedPlaylist; readonly facts: ContentFacts } | undefined;
  /** The first playlist that came: its boundaries count for all, or renditions could part by a segment. */
  let aligned: string | undefined;
  let decision: Promise<void> | undefined;
  let isHandedOver = false;

  const settle = (entry: BreakEntry): Promise<void> =>
    new Promise((resolve) => {
      const onHopeless = (): void => {
        hopeless.add(entry);
        resolve();
      };
      void ports.resolve(entry.planned, onHopeless).then((resolved) => {
        if (ports.takeResolved(entry, resolved)) entry.status = "ready";
        resolve();
        if (isHandedOver) ports.onLateChange();
      });
    });
  const placeEntries = (): void => {
    if (!reference) return;
    for (const entry of entries) {
      if (entry.time !== undefined) continue;
      const time = selectTime(entry.planned, reference.facts);
      if (time === undefined) ports.skipBreak(entry, "policy", []);
      else entry.time = time;
    }
  };
  const add = (breaks: readonly PlannedBreak[]): void => {
    for (const planned of breaks) {
      const entry: BreakEntry = {
        planned,
        time: undefined,
        status: "pending",
        reason: undefined,
        ads: [],
        refused: new Set(),
      };
      entries.push(entry);
      settled.set(entry, settle(entry));
    }
    placeEntries();
  };
  add(own);
  const scheduled = requested.then(add);

  /** The start of the content waits no longer than the budget, and where a break can come late for pre-rolls alone. */
  const decide = async (): Promise<void> => {
    const budget = sleep(ports.startBudgetMs);
    await Promise.race([scheduled, budget]);
    const awaited = entries.filter((entry) => !ports.canBindLate || entry.planned.position === "pre");
    await Promise.race([Promise.all(awaited.map((entry) => settled.get(entry))), budget]);
    // breaks that share the pre-roll's creative are decided in the same turn
    await sleep(0);
    for (const entry of entries) {
      if (entry.status === "ready" && entry.time !== undefined) entry.status = "placed";
      else if (entry.status === "pending" && awaited.includes(entry) && !hopeless.has(entry))
        ports.skipBreak(entry, "ads-timeout", []);
    }
    isHandedOver = true;
  };
  const stitch = (fetched: FetchedPlaylist, chosen: readonly BreakEntry[]): Stitched =>
    stitchVod(fetched.text, fetched.content, chosen.flatMap(buildPod), { reference: aligned });

  return {
    entries: () => entries,
    stitch: async (fetched, facts) => {
      if (!reference || fetched.content.kind === "main") reference = { fetched, facts };
      aligned ??= fetched.text;
      placeEntries();
      await (decision ??= decide());
      return stitch(
        fetched,
        entries.filter((entry) => entry.status === "placed"),
      );
    },
    undecided: () => {
      const facts = reference?.facts;
      if (!facts) return [];
      const open = entries.filter(({ status }) => status === "pending" || status === "ready");
      return open.flatMap((entry) =>
        entry.time === undefined || hopeless.has(entry)
          ? []
          : [{ contentTime: selectLoadLimit(facts, entry.time), isReady: entry.status === "ready" }],
      );
    },
    bindLate: (canPlace) => {
      if (!reference || !isHandedOver) return false;
      placeEntries();
      let hasChanged = false;
      for (const entry of entries.filter(({ status }) => status === "ready")) {
        const chosen = entries.filter((other) => other === entry || other.status === "placed");
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

function selectTime({ timeOffset }: PlannedBreak, facts: ContentFacts): number | "end" | undefined {
  if (timeOffset === "start") return 0;
  if (timeOffset === "end") return "end";
  if ("share" in timeOffset) return timeOffset.share >= 1 ? "end" : timeOffset.share * facts.duration;
  return "seconds" in timeOffset ? timeOffset.seconds : undefined;
}

/** The break as the splice takes it; nothing where it has no place. */
function buildPod({ planned, time, ads, refused }: BreakEntry): readonly TimedPod[] {
  // VAST ids are optional and need not differ: an ad is named by its index
  const pod = ads.flatMap((ready, index) =>
    refused.has(ready) ? [] : [{ adId: String(index), renditions: ready.renditions }],
  );
  return time === undefined || pod.length === 0 ? [] : [{ breakId: planned.breakId, time, ads: pod }];
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
