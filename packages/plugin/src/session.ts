/**
 * One viewing of one content: what the content needs, which breaks it has, and the playlists that the player is given.
 */
import {
  isMasterPlaylist,
  type MasterPlaylist,
  parseMasterPlaylist,
  type PlacedBreak,
  type SkipReason,
  type Stitched,
  type TimedPod,
  type TextResponse,
} from "@interlude/core";
import type { AdRequests } from "./ads/ad-requests.ts";
import { createAdServer } from "./ads/ad-server.ts";
import type { BeaconSender } from "./viewing/beacons.ts";
import type { BreakEntry } from "./ads/break-entry.ts";
import { createInsertionPorts } from "./ads/insertion-ports.ts";
import { type ContentFacts, type FetchedPlaylist, isLowLatency, readFacts, withoutReloads } from "./content/content.ts";
import { asSound, type ContentPackaging, selectOwnMedia, selectPackaging } from "./content/packaging.ts";
import type { Emit } from "./events.ts";
import { type InsertionPorts, resolveBreak } from "./insertion.ts";
import type { declareBreaks } from "./content/interstitials.ts";
import type { Live } from "./content/live.ts";
import { createDeferred } from "./deferred.ts";
import type { Settings } from "./options.ts";
import type { PluginPorts } from "./ports.ts";
import { readSetUp } from "./ads/set-up.ts";
import { createSkips, refuseAd } from "./ads/skips.ts";
import { planBreaks } from "./content/plan.ts";
import { createVod, type Vod, type VodPorts } from "./content/vod.ts";

export interface SessionDeps {
  readonly settings: Settings;
  readonly ports: PluginPorts;
  readonly emit: Emit;
  readonly beacons: BeaconSender;
  readonly requests: AdRequests;
  /** The answer of the zone's address. */
  readonly zone: Promise<TextResponse>;
  readonly canBindLate: boolean;
  readonly bufferAhead: () => number | undefined;
  readonly liveStart: (content: ContentFacts) => number | undefined;
  readonly playsSoundApart: () => boolean;
  readonly onLateChange: () => void;
  /** Has the player get ready for interstitials; undefined where it plays none. */
  readonly playInterstitials?: () => Promise<void> | undefined;
  /** Breaks of a playlist that were found after it had been handed over. */
  readonly placeLate: (playlistUrl: URL, breaks: readonly PlacedBreak[]) => void;
  /** Breaks were added, placed or skipped. */
  readonly onBreaksChange: () => void;
  /** Aborted when the insertion is destroyed. */
  readonly ended: AbortSignal;
}

export interface Session {
  /** Of no interest but for when it settles. @throws what {@link readSetUp} throws */
  readonly ready: Promise<unknown>;
  /** Undefined until the first media playlist. */
  readonly facts: () => ContentFacts | undefined;
  readonly entries: () => readonly BreakEntry[];
  /** Undefined until the first media playlist, and in live. */
  readonly vod: () => Vod | undefined;
  readonly readMaster: (text: string) => void;
  /** The viewer is at a content time: what lies ahead may have to be prepared. */
  readonly advance: (contentTime: number) => void;
  /**
   * Leaves out an ad that was ready.
   *
   * @param staysListed in VOD it is told as left out, but stays in the playlists: the player has some of it, and jumps over the rest.
   * Absent: it does not
   */
  readonly refuse: (breakId: string, index: number, reason: SkipReason, staysListed?: boolean) => void;
  /** Whether breaks are declared to the player instead of spliced; absent: never. */
  readonly hasInterstitials?: () => boolean;
  /** @throws AdError `playlist-malformed` */
  readonly stitch: (fetched: FetchedPlaylist) => Promise<Stitched>;
}

export function createSession(deps: SessionDeps): Session {
  const { settings, ports } = deps;
  const content = createDeferred<ContentPackaging>();
  const setUp = readSetUp(settings, deps.zone);
  const report: InsertionPorts["report"] = (step) => deps.emit("workflowstep", step);
  const adServer = createAdServer(deps);
  const facts = createDeferred<ContentFacts>();
  const tellError = (cause: unknown): readonly [] => {
    deps.emit("error", { fatal: false, code: "internal", message: String(cause), cause });
    return [];
  };
  let known: ContentFacts | undefined;
  let master: MasterPlaylist | undefined;
  let live: Live | undefined;
  let loading: Promise<Live> | undefined;
  let declare: typeof declareBreaks | undefined;
  let preparing: Promise<void> | undefined;

  const insertionPorts: InsertionPorts = {
    ...createInsertionPorts(deps, setUp, content.promise),
    requestAds: adServer.requestAds,
    report,
  };
  const sessionPorts: VodPorts = {
    ...createSkips(deps, () => known),
    startBudgetMs: settings.startBudgetMs,
    lookAhead: settings.lookAhead,
    startTime: settings.startContentTime,
    removals: listRemovals(settings),
    ended: deps.ended,
    bufferAhead: deps.bufferAhead,
    get canBindLate() {
      return deps.canBindLate && !declare;
    },
    declare: () => declare,
    now: ports.now,
    resolve: async (planned, onHopeless) => {
      // playlists are still stitched then
      if (deps.ended.aborted) return { ads: [], skipped: [] };
      return resolveBreak(planned, insertionPorts, onHopeless);
    },
    onLateChange: () => {
      deps.onBreaksChange();
      deps.onLateChange();
    },
  };
  const vod = createVod(
    settings.timeRanges?.type === "mark" ? [] : adServer.planOwn(),
    planBreaks(settings, adServer, facts.promise).catch(tellError),
    sessionPorts,
  );
  const entries = (): readonly BreakEntry[] => (live ?? vod).entries();
  // VOD pages are spared what only live needs
  const loadLive = async (first: ContentFacts): Promise<Live> => {
    if (isLowLatency(first)) {
      const { createLowLatency } = await import("./content/low-latency.ts");
      return (live = createLowLatency({ ...sessionPorts, planAvail: adServer.planAvail }));
    }
    const { createLive } = await import("./content/live.ts");
    return (live = createLive({ ...sessionPorts, ...settings, ...adServer, liveStart: deps.liveStart }));
  };
  // what could not be loaded is asked for again with the next playlist
  const loadOnce = (first: ContentFacts): Promise<Live> =>
    (loading ??= loadLive(first).catch((cause: unknown) => {
      loading = undefined;
      throw cause;
    }));
  const stitch = async (fetched: FetchedPlaylist, current: ContentFacts): Promise<Stitched> =>
    known?.isLive ? (await loadOnce(current)).stitch(fetched, current) : vod.stitch(fetched, current);
  /** Ads that fit nowhere into the content are played apart from it, where the player can; content that is cut stays whole. */
  const prepare = async (current: ContentFacts): Promise<void> => {
    const packaging = { ...selectPackaging(master, current), isSilent: !deps.playsSoundApart() };
    const isWhole = sessionPorts.removals.length === 0;
    const ready = packaging.isMuxedFragments && !current.isLive && isWhole ? deps.playInterstitials?.() : undefined;
    if (ready) {
      const [{ declareBreaks: declaring }] = await Promise.all([import("./content/interstitials.ts"), ready]);
      declare = declaring;
    }
    content.resolve(ready ? selectOwnMedia(packaging) : packaging);
  };
  const refuse: Session["refuse"] = (breakId, index, reason, staysListed = false) =>
    refuseAd(
      entries().find(({ planned }) => planned.breakId === breakId),
      index,
      reason,
      sessionPorts,
      staysListed && known?.isLive === false,
    );

  let marks: ((contentTime: number) => void) | undefined;
  if (settings.timeRanges?.type === "mark") {
    const { ranges } = settings.timeRanges;
    void import("./content/time-ranges.ts").then(({ createMarks }) => {
      marks = createMarks(ranges, deps.emit);
    }, tellError);
  }

  return {
    ready: setUp,
    advance: (contentTime) => {
      if (known && !known.isLive) vod.advance(contentTime);
      marks?.(contentTime);
    },
    refuse,
    hasInterstitials: () => declare !== undefined,
    facts: () => known,
    entries,
    vod: () => (known && !known.isLive ? vod : undefined),
    readMaster: (text) => {
      if (isMasterPlaylist(text)) master = parseMasterPlaylist(text);
    },
    stitch: async (asked) => {
      const came = asSound(asked, master);
      const current = readFacts(came.text);
      const fetched = isLowLatency(current) ? came : { ...came, text: withoutReloads(came.text) };
      // for trick play, which no player that is served here does
      if (current.playlist.isIFramesOnly) return { text: asked.text, breaks: [], refused: [] };
      known ??= current;
      facts.resolve(known);
      // subtitles may be packaged in another way than what they belong to
      if (fetched.content.kind !== "subtitles") await (preparing ??= prepare(current));
      const stitched = await stitch(fetched, current);
      for (const { breakId, adId, reason } of stitched.refused) refuse(breakId, Number(adId), reason);
      return stitched;
    },
  };
}

/** Ranges that are taken out, as pods without ads. */
function listRemovals({ timeRanges }: Settings): readonly TimedPod[] {
  if (!timeRanges || timeRanges.type === "mark") return [];
  return timeRanges.ranges.map(({ begin, end }, index) => ({
    breakId: `removed-${index + 1}`,
    time: begin,
    replaces: end - begin,
    ads: [],
  }));
}
