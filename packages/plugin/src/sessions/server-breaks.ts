/**
 * What has become of the breaks of a session that a server stitches, kept over all playlists and their refreshes: each is told once,
 * and what is sent and clicked goes by it.
 */
import { type PlacedBreak, type SidecarBreak, type SkipReason, VAST_ERROR_OF_SKIP } from "@interlude/core";
import { type BreakEntry, createEntry } from "../ads/break-entry.ts";
import type { PlannedBreak } from "../ads/planned-break.ts";
import { createSkips, NOWHERE } from "../ads/skips.ts";
import type { ContentFacts } from "../content/content.ts";
import type { ReadyAd, SkippedAd } from "../insertion.ts";
import type { SessionDeps } from "../session.ts";
import type { BeaconSender } from "../viewing/beacons.ts";
import { toReadyAd } from "./server-ad.ts";

export interface ServerBreaks {
  readonly entries: () => readonly BreakEntry[];
  /** What a playlist shows now; breaks that it shows no more stay. */
  readonly take: (breaks: readonly SidecarBreak[], placed: readonly PlacedBreak[], facts: ContentFacts) => void;
  readonly refuse: (breakId: string, index: number, reason: SkipReason) => void;
  /** The viewer is at a content time: breaks without ads owe what any break owes. */
  readonly advance: (contentTime: number) => void;
}

interface ServerEntry extends BreakEntry {
  /** Each ad as it was read, to see whether it has changed. */
  drawn: readonly string[];
  told: number;
}

/** More than a sidecar is read for: none that is shown goes. */
const MAX_ENTRIES = 1000;
/** Seconds within which the playhead has come to a break by playing. */
const MAX_STEP = 2;

export function createServerBreaks(
  deps: Pick<SessionDeps, "emit" | "beacons" | "onBreaksChange">,
  facts: () => ContentFacts | undefined,
): ServerBreaks {
  const entries = new Map<string, ServerEntry>();
  const { reportSkipped } = createSkips(deps, facts);
  /** @returns whether the page has news of it */
  const takeOne = (source: SidecarBreak, placed: PlacedBreak | undefined, content: ContentFacts): boolean => {
    const known = entries.get(source.breakId);
    const entry = known ?? createServerEntry(source, placed, content);
    entries.set(source.breakId, entry);
    const before = entry.ads.length;
    takeAds(entry, source);
    const news = listSkipped(source).slice(entry.told);
    entry.told += news.length;
    reportSkipped(entry, news);
    return known === undefined || entry.ads.length !== before;
  };
  const list = (): readonly ServerEntry[] => [...entries.values()];

  return {
    entries: list,
    take: (breaks, placed, content) => {
      const isNew = breaks.map((source) => {
        const place = placed.find(({ breakId }) => breakId === source.breakId);
        return takeOne(source, place, content);
      });
      for (const oldest of [...entries.keys()].slice(0, Math.max(0, entries.size - MAX_ENTRIES)))
        entries.delete(oldest);
      if (isNew.includes(true)) deps.onBreaksChange();
    },
    refuse: (breakId, index, reason) => {
      const entry = entries.get(breakId);
      const ready = entry?.ads[index];
      if (!entry || !ready || entry.refused.has(ready)) return;
      entry.refused.add(ready);
      const { ad, mediaUrl: creativeUrl } = ready;
      const about = { adId: ad.id, creativeUrl, reason, vastError: VAST_ERROR_OF_SKIP[reason], errorUrls: ad.errors };
      reportSkipped(entry, [{ ...about, message: "a segment cannot be loaded", place: String(index) }]);
    },
    advance: createEmptyBreakBeacons(list, deps.beacons, facts),
  };
}

/** Who plays one of the ads goes on with the same. */
function takeAds(entry: ServerEntry, source: SidecarBreak): void {
  const drawn = source.ads.map((ad) => JSON.stringify({ ...ad, startTime: 0, duration: 0 }));
  const ads = source.ads.map((ad, index): ReadyAd => {
    const same = entry.drawn[index] === drawn[index] ? entry.ads[index] : undefined;
    return same && Math.abs(same.duration - ad.duration) < 0.01 ? same : toReadyAd(ad);
  });
  const reason = source.skipped[0]?.reason ?? "no-ads";
  const outcome = ads.length > 0 ? { status: "placed", reason: undefined } : { status: "skipped", reason };
  Object.assign(entry, { ads, drawn, ...outcome });
}

/** What the server has left out. */
function listSkipped({ skipped }: SidecarBreak): readonly SkippedAd[] {
  return skipped.map(({ adId, reason }) => ({
    adId,
    creativeUrl: undefined,
    reason,
    vastError: VAST_ERROR_OF_SKIP[reason],
    message: `the server has left it out: ${reason}`,
    // which the server has told its error to
    errorUrls: [],
  }));
}

/** Sends what a break without ads owes, when the viewer plays over its place. */
function createEmptyBreakBeacons(
  entries: () => readonly ServerEntry[],
  beacons: BeaconSender,
  facts: () => ContentFacts | undefined,
): ServerBreaks["advance"] {
  let lastTime = Number.NaN;
  return (contentTime) => {
    const isPlayed = !(contentTime < lastTime) && !(contentTime - lastTime > MAX_STEP);
    const from = Number.isNaN(lastTime) ? -1 : lastTime;
    lastTime = contentTime;
    if (!isPlayed || facts()?.isLive) return;
    for (const { planned, ads, time } of entries()) {
      if (ads.length > 0 || typeof time !== "number" || time <= from || time > contentTime) continue;
      const { breakId, position } = planned;
      const subject = { ...NOWHERE, breakId, position, contentTime: time };
      beacons.sendBreak(subject, "breakStart", planned.breakStart);
      beacons.sendBreak(subject, "breakEnd", planned.breakEnd);
    }
  };
}

function createServerEntry(source: SidecarBreak, placed: PlacedBreak | undefined, content: ContentFacts): ServerEntry {
  const { breakId, startTime, trackers } = source;
  const of = (wanted: string): readonly string[] =>
    trackers.filter(({ event }) => event.toLowerCase() === wanted).map(({ url }) => url);
  const time = content.isLive ? undefined : (placed?.contentTime ?? startTime);
  const planned: PlannedBreak = {
    breakId,
    position: selectPosition(source, content),
    timeOffset: { seconds: startTime },
    source: { kind: "result", result: { ads: [], failures: [] } },
    allowMultipleAds: true,
    followRedirects: false,
    breakStart: of("breakstart"),
    breakEnd: of("breakend"),
    errors: of("error"),
  };
  return { ...createEntry(planned), time, drawn: [], told: 0 };
}

/** Seconds. */
const AT_EDGE = 0.5;

function selectPosition({ startTime, duration }: SidecarBreak, content: ContentFacts): PlannedBreak["position"] {
  if (content.isLive) return "live";
  if (startTime < AT_EDGE) return "pre";
  return startTime + duration > content.duration - AT_EDGE ? "post" : "mid";
}
