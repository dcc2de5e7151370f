/**
 * The breaks of VOD content: which of them are in the playlists that the player is given.
 *
 *   decided before the hand-over            → spliced
 *   pre-roll not decided within the budget  → skipped, `ads-timeout`; the budget is larger while an ad is at its first encounter
 *   decided after the hand-over             → bound late where the player can still be given it, else skipped, `ads-timeout`
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
import { waitForStartOf } from "../ads/wait-deadline.ts";
import { type ContentFacts, type FetchedPlaylist, selectLoadLimit } from "./content.ts";
import type { declareBreaks } from "./interstitials.ts";
import { createVodEntries, type VodEntries, type VodEntriesPorts } from "./vod-entries.ts";

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
   * Binds each break that has become ready, or skips it; in order of their times.
   *
   * @param canPlace told where the break would start on the timeline; false where it can no longer be given to the player
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

/** What the player has of the content. */
interface Given {
  /** The pictures, where they have come: breaks are placed by them. */
  reference: { readonly fetched: FetchedPlaylist; readonly facts: ContentFacts } | undefined;
  /** The first playlist that came: its boundaries count for all, or renditions could part by a segment. */
  aligned: string | undefined;
  isHandedOver: boolean;
  /** When the first playlist came, on the clock of `now`. */
  startedAt: number | undefined;
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
  const given: Given = { reference: undefined, aligned: undefined, isHandedOver: false, startedAt: undefined };
  let decision: Promise<void> | undefined;
  const onSettled = (): void => {
    if (given.isHandedOver) ports.onLateChange();
  };
  const entries = createVodEntries(ports, () => given.startedAt, onSettled);
  entries.add(own);
  const scheduled = requested.then(entries.add);
  const decide = async (): Promise<void> => {
    given.startedAt = ports.now();
    const awaited = await waitForStart(scheduled, entries, ports);
    for (const entry of entries.list()) {
      if (entry.status === "ready" && entry.time !== undefined) entry.status = "placed";
      else if (entry.status === "pending" && awaited.includes(entry) && !entries.isHopeless(entry))
        ports.skipBreak(entry, "ads-timeout", []);
    }
    given.isHandedOver = true;
  };
  return {
    entries: entries.list,
    advance: entries.advance,
    stitch: async (fetched, facts) => {
      if (!given.reference || fetched.content.kind === "main") given.reference = { fetched, facts };
      given.aligned ??= fetched.text;
      entries.place(given.reference.facts);
      await (decision ??= decide());
      return splice(fetched, entries, given, ports);
    },
    undecided: () => listUndecided(entries, given.reference?.facts),
    findAwaited: (from, to) => findAwaited(entries, from, to),
    bindLate: (canPlace) => {
      const { reference } = given;
      if (!reference || !given.isHandedOver) return false;
      entries.place(reference.facts);
      let hasChanged = false;
      for (const entry of listReady(entries)) {
        const { breaks } = splice(reference.fetched, entries, given, ports, entry);
        const placed = breaks.find(({ breakId }) => breakId === entry.planned.breakId);
        const isPlaced = placed !== undefined && canPlace(placed);
        if (isPlaced) entry.status = "placed";
        else ports.skipBreak(entry, "ads-timeout", []);
        hasChanged ||= isPlaced;
      }
      return hasChanged;
    },
  };
}

/**
 * The start of the content waits no longer than the budget, and where a break can come late for pre-rolls alone.
 *
 * @returns the breaks that it has waited for
 */
async function waitForStart(
  scheduled: Promise<void>,
  entries: VodEntries,
  ports: VodPorts,
): Promise<readonly BreakEntry[]> {
  const budget = sleep(ports.startBudgetMs, ports.ended);
  await Promise.race([scheduled, budget]);
  if (!ports.canBindLate) entries.resolveAll();
  const awaited = entries.list().filter((entry) => !ports.canBindLate || entry.planned.position === "pre");
  const nextWait = (): Promise<unknown> | undefined => {
    const waits = awaited.flatMap((entry) => entries.nextWait(entry) ?? []);
    return waits.length > 0 ? Promise.race(waits) : undefined;
  };
  const decided = Promise.all(awaited.map(entries.settled));
  const close = async (): Promise<void> => {
    await Promise.all(awaited.map(entries.close));
  };
  await waitForStartOf({ decided, nextWait, close }, budget, ports);
  // breaks that share the pre-roll's creative are decided in the same turn
  await sleep(0, ports.ended);
  return awaited;
}

/** @param tried a break that is not in the playlists, but would be */
function splice(
  fetched: FetchedPlaylist,
  entries: VodEntries,
  { aligned, reference }: Given,
  ports: VodPorts,
  tried?: BreakEntry,
): Stitched {
  const chosen = entries.list().filter((entry) => entry === tried || entry.status === "placed");
  const declare = ports.declare();
  if (declare && reference) return declare(fetched, entries.list(), chosen, reference.facts);
  const pods = [...chosen.flatMap(buildPod), ...ports.removals];
  const stitched = stitchVod(fetched.text, fetched.content, pods, { reference: aligned });
  return { ...stitched, breaks: [...stitched.breaks, ...(stitched.removed ?? [])] };
}

/** In order of their times, so that what is bound moves only what is looked at after it. */
function listReady(entries: VodEntries): readonly BreakEntry[] {
  const timeOf = ({ time = 0 }: BreakEntry): number => (time === "end" ? Number.MAX_VALUE : time);
  const ready = entries.list().filter(({ status }) => status === "ready");
  return ready.toSorted((one, other) => timeOf(one) - timeOf(other));
}

function listUndecided(entries: VodEntries, facts: ContentFacts | undefined): ReturnType<Vod["undecided"]> {
  if (!facts) return [];
  const open = entries.list().filter(({ status }) => status === "pending" || status === "ready");
  return open.flatMap((entry) =>
    entry.time === undefined || entries.isHopeless(entry)
      ? []
      : [{ contentTime: selectLoadLimit(facts, entry.time), isReady: entry.status === "ready" }],
  );
}

function findAwaited(entries: VodEntries, from: number, to: number): BreakEntry | undefined {
  const passed = entries.list().flatMap((entry) => {
    const { time, status } = entry;
    const isPassed = typeof time === "number" && time >= from - SAME_TIME && time <= to + SAME_TIME;
    return isPassed && status !== "skipped" && !entries.isHopeless(entry) ? [{ entry, time }] : [];
  });
  const last = passed.toSorted((one, other) => one.time - other.time).at(-1)?.entry;
  return last?.status === "placed" ? undefined : last;
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
