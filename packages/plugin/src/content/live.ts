/**
 * The breaks of live content: each is decided once, for all levels and tracks, and never after its first segment was shown.
 *
 *   the viewer comes                               → a pre-roll before the live point where the page wants one
 *   already running when the viewer comes          → content; with `partialBreaks` the whole break, from its beginning
 *   decided in time                                → its pod, as far as the splice takes it
 *   undecided when its first segment is listed     → held back, at most one target duration and never past the viewer's buffer
 *                                                    less one segment; then content for the whole avail, `ads-timeout`
 *   the content signals its return                 → the pod ends there, `early-return`
 *
 * @see DESIGN §6; primetime.md §1.7, §4.7
 */
import {
  type Avail,
  type AvailDecision,
  emptyTimeline,
  forkTimeline,
  type LiveTimeline,
  parseCues,
  type Stitched,
  stitchLive,
} from "@interlude/core";
import type { AdServer } from "../ads/ad-server.ts";
import type { BreakEntry } from "../ads/break-entry.ts";
import { waitForStartOf } from "../ads/wait-deadline.ts";
import { sleep } from "../sleep.ts";
import { orderLiveAvail } from "./avails.ts";
import type { ContentFacts, FetchedPlaylist } from "./content.ts";
import { closeEntry, createLiveEntries, type LiveEntries, type LiveEntriesPorts } from "./live-entries.ts";
import { createLiveNames } from "./live-names.ts";
import { placeAt, selectEntrance } from "./live-places.ts";

export interface Live {
  readonly entries: () => readonly BreakEntry[];
  readonly stitch: (fetched: FetchedPlaylist, facts: ContentFacts) => Stitched | Promise<Stitched>;
}

export interface LivePorts extends LiveEntriesPorts {
  /** Undefined where the page wants no pre-roll. */
  readonly planPreroll: AdServer["planPreroll"];
  readonly cueFormat: string | undefined;
  readonly partialBreaks: boolean;
}

export function createLive(ports: LivePorts): Live {
  const entries = createLiveEntries(ports);
  const names = createLiveNames((id) => entries.get(id)?.place);
  const splice = createLiveSplice(entries);
  let entering: Promise<unknown> | undefined;
  return {
    entries: entries.list,
    stitch: async (fetched, facts) => {
      const avails = names.name(parseCues(facts.playlist, ports.cueFormat), facts);
      await (entering ??= enter(avails, facts, entries, ports));
      for (const avail of avails) entries.meet(avail);
      for (const avail of avails) await entries.update(avail, facts);
      for (const id of entries.forget(avails)) names.retire(id);
      return splice(fetched, facts, avails);
    },
  };
}

/** What the viewer begins with is waited for, within the start budget. */
async function enter(
  avails: readonly Avail[],
  facts: ContentFacts,
  entries: LiveEntries,
  ports: LivePorts,
): Promise<void> {
  const entrance = selectEntrance(facts, avails, ports.liveStart(facts));
  const running = ports.partialBreaks ? entrance.running : undefined;
  const planned = running ? ports.planAvail(orderLiveAvail(running)) : ports.planPreroll();
  for (const avail of avails) if (avail !== running) entries.meet(avail, entrance);
  if (!planned) return;
  const entry = entries.ask(planned, running ? placeAt(running) : entrance.place);
  const awaited = { decided: entry.asked, nextWait: entry.waits.next, close: () => closeEntry(entry) };
  await waitForStartOf(awaited, sleep(ports.startBudgetMs, ports.ended), ports);
  if (!entry.decision) entries.giveUp(entry, "ads-timeout");
}

/** Puts what is decided into the playlists of all tracks alike. */
function createLiveSplice(
  entries: LiveEntries,
): (fetched: FetchedPlaylist, facts: ContentFacts, avails: readonly Avail[]) => Stitched {
  const timelines = new Map<string, LiveTimeline>();
  const timelineOf = (trackKey: string): LiveTimeline => {
    const [other] = timelines.values();
    return timelines.get(trackKey) ?? (other ? forkTimeline(other) : emptyTimeline());
  };
  return (fetched, facts, avails) => {
    const content = fetched.text === facts.playlist.text ? facts.playlist : fetched.text;
    const timeline = timelineOf(fetched.trackKey);
    const { decisions, startAtBreak } = listDecisions(entries);
    const stitched = stitchLive(content, fetched.content, timeline, decisions, { avails, startAtBreak });
    timelines.set(fetched.trackKey, stitched.timeline);
    for (const { availId, ...resumption } of stitched.resumed) {
      const entry = entries.get(availId);
      const { decision } = entry ?? {};
      // where the first track came back, the others do too
      if (entry && decision?.kind === "pod" && !decision.resumption) entry.decision = { ...decision, resumption };
    }
    return stitched;
  };
}

function listDecisions(entries: LiveEntries): {
  readonly decisions: ReadonlyMap<string, AvailDecision>;
  readonly startAtBreak: string | undefined;
} {
  const list = entries.list();
  const shown = list.find(({ isEntrance, status }) => isEntrance && status === "placed");
  const decisions = list.map(
    ({ planned, decision, place }) => [planned.breakId, decision ?? ({ kind: "hold", ...place.at } as const)] as const,
  );
  return { decisions: new Map(decisions), startAtBreak: shown?.planned.breakId };
}
