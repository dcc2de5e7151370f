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
import type { EncounterHost } from "./ads/encounter-host.ts";
import { createInsertionPorts } from "./ads/insertion-ports.ts";
import { type ContentFacts, type FetchedPlaylist, isLowLatency, readFacts, withoutReloads } from "./content/content.ts";
import { asSound, type ContentPackaging, selectOwnMedia, selectPackaging } from "./content/packaging.ts";
import type { Emit } from "./events.ts";
import { type InsertionPorts, resolveBreak } from "./insertion.ts";
import type { declareBreaks } from "./content/interstitials.ts";
import { createLiveLoader } from "./content/live-loader.ts";
import { createDeferred } from "./deferred.ts";
import type { Settings } from "./options.ts";
import type { PluginPorts } from "./ports.ts";
import { readSetUp } from "./ads/set-up.ts";
import { createSkips, refuseAd } from "./ads/skips.ts";
import { planBreaks } from "./content/plan.ts";
import { createVod, type Vod, type VodPorts } from "./content/vod.ts";
import type { VodEntriesPorts } from "./content/vod-entries.ts";

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
  readonly lateNotice: VodEntriesPorts["lateNotice"];
  readonly liveStart: (content: ContentFacts) => number | undefined;
  readonly playsSoundApart: () => boolean;
  readonly onLateChange: () => void;
  readonly bandwidthBps: EncounterHost["bandwidthBps"];
  /** Undefined: the player plays nothing that the page makes. */
  readonly serveVirtual: EncounterHost["serveVirtual"];
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

/** What the playlists have told so far. */
interface Told {
  /** Of the first media playlist. */
  facts: ContentFacts | undefined;
  master: MasterPlaylist | undefined;
  /** Where breaks are declared to the player instead of spliced. */
  declare: typeof declareBreaks | undefined;
}

export function createSession(deps: SessionDeps): Session {
  const { settings } = deps;
  const told: Told = { facts: undefined, master: undefined, declare: undefined };
  const content = createDeferred<ContentFacts>();
  const packaging = createDeferred<ContentPackaging>();
  const setUp = readSetUp(settings, deps.zone);
  const adServer = createAdServer(deps);
  const tellError = (cause: unknown): readonly [] => {
    deps.emit("error", { fatal: false, code: "internal", message: String(cause), cause });
    return [];
  };
  const ports = createBreakPorts(deps, told, {
    ...createInsertionPorts({ ...deps, encounterHost: describeHost(deps, told) }, setUp, packaging.promise),
    requestAds: adServer.requestAds,
    report: (step) => deps.emit("workflowstep", step),
  });
  const vod = createVod(
    settings.timeRanges?.type === "mark" ? [] : adServer.planOwn(),
    planBreaks(settings, adServer, content.promise).catch(tellError),
    {
      ...ports,
      get canBindLate() {
        return deps.canBindLate;
      },
    },
  );
  const live = createLiveLoader({ ...ports, ...settings, ...adServer, liveStart: deps.liveStart });
  const entries = (): readonly BreakEntry[] => live.entries() ?? vod.entries();
  const mark = createMarker(settings, deps.emit, tellError);
  const isVod = (): boolean => told.facts?.isLive === false;
  const refuse: Session["refuse"] = (breakId, index, reason, staysListed = false) => {
    const entry = entries().find(({ planned }) => planned.breakId === breakId);
    refuseAd(entry, index, reason, ports, staysListed && isVod());
  };
  let fitting: Promise<void> | undefined;
  /** Subtitles may be packaged in another way than what they belong to. */
  const fit = async ({ content: { kind } }: FetchedPlaylist, current: ContentFacts): Promise<void> => {
    if (kind !== "subtitles") await (fitting ??= fitContent(current, told, deps).then(packaging.resolve));
  };
  const stitch = async (asked: FetchedPlaylist): Promise<Stitched> => {
    const came = asSound(asked, told.master);
    const current = readFacts(came.text);
    // for trick play, which no player that is served here does
    if (current.playlist.isIFramesOnly) return { text: asked.text, breaks: [], refused: [] };
    const fetched = isLowLatency(current) ? came : { ...came, text: withoutReloads(came.text) };
    const first = (told.facts ??= current);
    content.resolve(first);
    await fit(fetched, current);
    return first.isLive ? (await live.load(current)).stitch(fetched, current) : vod.stitch(fetched, current);
  };

  return {
    ready: setUp,
    advance: (contentTime) => {
      if (isVod()) vod.advance(contentTime);
      mark(contentTime);
    },
    refuse,
    hasInterstitials: () => told.declare !== undefined,
    facts: () => told.facts,
    entries,
    vod: () => (isVod() ? vod : undefined),
    readMaster: (text) => {
      if (isMasterPlaylist(text)) told.master = parseMasterPlaylist(text);
    },
    stitch: async (asked) => {
      const stitched = await stitch(asked);
      for (const { breakId, adId, reason } of stitched.refused) refuse(breakId, Number(adId), reason);
      return stitched;
    },
  };
}

/** What plays apart from the content is asked for by others, who know nothing of what the page makes. */
function describeHost({ bandwidthBps, serveVirtual }: SessionDeps, told: Told): EncounterHost {
  return { bandwidthBps, serveVirtual: () => (told.declare ? undefined : serveVirtual()) };
}

/** What the breaks of any content ask for. */
function createBreakPorts(deps: SessionDeps, told: Told, insertion: InsertionPorts): Omit<VodPorts, "canBindLate"> {
  const { settings, ended, bufferAhead, lateNotice } = deps;
  return {
    ...createSkips(deps, () => told.facts),
    startBudgetMs: settings.startBudgetMs,
    waitBudgetMs: settings.waitBudgetMs,
    lookAhead: settings.lookAhead,
    maxBreakDuration: settings.maxBreakDuration,
    startTime: settings.startContentTime,
    removals: listRemovals(settings),
    ended,
    bufferAhead,
    lateNotice,
    declare: () => told.declare,
    now: deps.ports.now,
    resolve: async (planned, onHopeless, terms) => {
      // playlists are still stitched then
      if (ended.aborted) return { ads: [], skipped: [] };
      return resolveBreak(planned, insertion, onHopeless, terms);
    },
    onLateChange: () => {
      deps.onBreaksChange();
      deps.onLateChange();
    },
  };
}

/** What ads must be. Those that fit nowhere into the content are played apart from it, where the player can; content that is cut stays whole. */
async function fitContent(current: ContentFacts, told: Told, deps: SessionDeps): Promise<ContentPackaging> {
  const packaging = { ...selectPackaging(told.master, current), isSilent: !deps.playsSoundApart() };
  const isWhole = listRemovals(deps.settings).length === 0;
  const ready = packaging.isMuxedFragments && !current.isLive && isWhole ? deps.playInterstitials?.() : undefined;
  if (!ready) return packaging;
  const [interstitials] = await Promise.all([import("./content/interstitials.ts"), ready]);
  told.declare = interstitials.declareBreaks;
  return selectOwnMedia(packaging);
}

/** Tells of marked ranges, where there are any. */
function createMarker(
  { timeRanges }: Settings,
  emit: Emit,
  onError: (cause: unknown) => void,
): (contentTime: number) => void {
  let tell: ((contentTime: number) => void) | undefined;
  if (timeRanges?.type === "mark")
    void import("./content/time-ranges.ts").then(({ createMarks }) => {
      tell = createMarks(timeRanges.ranges, emit);
    }, onError);
  return (contentTime) => tell?.(contentTime);
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
