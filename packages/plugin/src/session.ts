/**
 * One viewing of one content: what the content needs, which breaks it has, and the playlists that the player is given.
 */
import {
  isMasterPlaylist,
  parseMasterPlaylist,
  type SkipReason,
  type Stitched,
  type TextResponse,
  VAST_ERROR_OF_SKIP,
} from "@interlude/core";
import type { AdRequests } from "./ads/ad-requests.ts";
import { createAdServer } from "./ads/ad-server.ts";
import type { BeaconSender, BeaconSubject } from "./viewing/beacons.ts";
import type { BreakEntry, SessionPorts } from "./ads/break-entry.ts";
import { createCdn } from "./ads/cdn.ts";
import { type ContentFacts, type FetchedPlaylist, readFacts } from "./content/content.ts";
import type { Emit } from "./events.ts";
import { type InsertionPorts, resolveBreak, type SkippedAd } from "./insertion.ts";
import type { Live } from "./content/live.ts";
import type { Settings } from "./options.ts";
import type { PluginPorts } from "./ports.ts";
import { followRepackaging, type RepackageExchange, requestRepackage } from "./ads/repackage.ts";
import { guessAddresses, readSetUp, type SetUp } from "./ads/set-up.ts";
import { createVod, type Vod } from "./content/vod.ts";

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
  readonly onLateChange: () => void;
  /** Breaks were added, placed or skipped. */
  readonly onBreaksChange: () => void;
}

export interface Session {
  /** @throws what {@link readSetUp} throws */
  readonly ready: Promise<SetUp>;
  /** Undefined until the first media playlist. */
  readonly facts: () => ContentFacts | undefined;
  readonly entries: () => readonly BreakEntry[];
  /** Undefined until the first media playlist, and in live. */
  readonly vod: () => Vod | undefined;
  readonly readMaster: (text: string) => void;
  /** The viewer is at a content time: what lies ahead may have to be prepared. */
  readonly advance: (contentTime: number) => void;
  /** Leaves out an ad that was ready. */
  readonly refuse: (breakId: string, index: number, reason: SkipReason) => void;
  /** @throws AdError `playlist-malformed` */
  readonly stitch: (fetched: FetchedPlaylist) => Promise<Stitched>;
}

export function createSession(deps: SessionDeps): Session {
  const { settings, ports } = deps;
  const facts = createDeferred<ContentFacts>();
  const bandwidths = createDeferred<readonly number[]>();
  const setUp = readSetUp(settings, deps.zone);
  const report: InsertionPorts["report"] = (step) => deps.emit("workflowstep", step);
  const adServer = createAdServer(settings, ports, deps.requests);
  let known: ContentFacts | undefined;
  let live: Live | undefined;
  let loading: Promise<Live> | undefined;

  const insertionPorts: InsertionPorts = {
    ...createInsertionPorts(deps, setUp, facts.promise, bandwidths.promise),
    requestAds: adServer.requestAds,
    report,
  };
  const sessionPorts: SessionPorts = {
    ...createSkips(deps, () => known),
    startBudgetMs: settings.startBudgetMs,
    canBindLate: deps.canBindLate,
    now: ports.now,
    resolve: (planned, onHopeless) => resolveBreak(planned, insertionPorts, onHopeless),
    onLateChange: () => {
      deps.onBreaksChange();
      deps.onLateChange();
    },
  };
  const vod = createVod(adServer.planOwn(), adServer.requestSchedule(), sessionPorts);
  const entries = (): readonly BreakEntry[] => (live ?? vod).entries();
  // VOD pages are spared what only live needs
  const loadLive = async (): Promise<Live> => {
    const { createLive } = await import("./content/live.ts");
    live = createLive({ ...sessionPorts, planAvail: adServer.planAvail, bufferAhead: deps.bufferAhead });
    return live;
  };
  const stitch = async (fetched: FetchedPlaylist, current: ContentFacts): Promise<Stitched> =>
    known?.isLive ? (await (loading ??= loadLive())).stitch(fetched, current) : vod.stitch(fetched, current);
  const refuse = (breakId: string, index: number, reason: SkipReason): void =>
    refuseAd(
      entries().find(({ planned }) => planned.breakId === breakId),
      index,
      reason,
      sessionPorts,
    );

  return {
    ready: setUp,
    advance: () => undefined,
    refuse,
    facts: () => known,
    entries,
    vod: () => (known && !known.isLive ? vod : undefined),
    readMaster: (text) => {
      if (isMasterPlaylist(text))
        bandwidths.resolve(parseMasterPlaylist(text).variants.map(({ bandwidthBps }) => bandwidthBps));
    },
    stitch: async (fetched) => {
      const current = readFacts(fetched.text);
      known ??= current;
      bandwidths.resolve([]);
      facts.resolve(current);
      const stitched = await stitch(fetched, current);
      for (const { breakId, adId, reason } of stitched.refused) refuse(breakId, Number(adId), reason);
      return stitched;
    },
  };
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

/** `Promise.withResolvers` is younger than the browsers that hls.js runs in. */
function createDeferred<T>(): Deferred<T> {
  let settle: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    settle = resolve;
  });
  return { promise, resolve: (value) => settle(value) };
}

/** What the flow of one break asks of the session. */
function createInsertionPorts(
  { settings, ports, emit }: SessionDeps,
  setUp: Promise<SetUp>,
  facts: Promise<ContentFacts>,
  bandwidths: Promise<readonly number[]>,
): Omit<InsertionPorts, "requestAds" | "report"> {
  const cdn = createCdn(settings, ports);
  const requests = new Map<string, Promise<RepackageExchange>>();
  const followed = new Set<string>();
  let isContentKnown = false;
  void facts.then(() => {
    isContentKnown = true;
  });
  return {
    prefetch: (ads) => {
      if (isContentKnown) return;
      const guess = async (): Promise<void> => {
        const known = await setUp;
        for (const url of ads.flatMap((ad) => guessAddresses(ad, known))) void cdn.probe(url);
      };
      // a set-up that fails is told once, by `ready`
      guess().catch(() => undefined);
    },
    context: async (planned) => {
      const [known, content] = await Promise.all([setUp, facts]);
      if (content.isLive !== (planned.position === "live"))
        return { skipped: "policy", message: "live content has no breaks but its avails" };
      if (content.playlist.segments.some(({ map }) => map))
        return { skipped: "no-variant-match", message: "content: expected MPEG-TS segments, got EXT-X-MAP" };
      const { targetDuration, isLive } = content;
      return { ...known, needs: { packaging: "hls", targetDuration, isLive } };
    },
    probe: cdn.probe,
    loadMedia: (url) => cdn.loadMedia(url, bandwidths),
    requestRepackage: (request, ad) => {
      const name = JSON.stringify([request.key, request.cut]);
      const exchange = requests.get(name) ?? requestRepackage(request, ad, settings, ports);
      requests.set(name, exchange);
      void exchange.then(() => requests.delete(name));
      return exchange;
    },
    followRepackaging: (statusUrl, about) => {
      if (!settings.followRepackaging || followed.has(statusUrl.href)) return;
      followed.add(statusUrl.href);
      const title = "CRS creates an HLS version and uploads it to the CDN";
      const step = { ...about, step: 6, title, method: "GET", url: statusUrl.href } as const;
      followRepackaging(statusUrl, ports, (status) => emit("workflowstep", { ...step, ...status })).catch(
        () => undefined,
      );
    },
  };
}

/** Every way in which an ad or a break is left out: told to the host and to the error URLs. */
function createSkips(
  { emit, beacons, onBreaksChange }: SessionDeps,
  facts: () => ContentFacts | undefined,
): Pick<SessionPorts, "reportSkipped" | "skipBreak" | "takeResolved"> {
  const reportSkipped: SessionPorts["reportSkipped"] = ({ planned: { breakId, position } }, skipped) => {
    if (facts()?.isLive && position !== "live") return;
    for (const { errorUrls, ...event } of skipped) {
      emit("adskip", { breakId, ...event });
      beacons.sendErrors({ ...NOWHERE, breakId, adId: event.adId }, errorUrls, event.vastError);
    }
  };
  const skipBreak: SessionPorts["skipBreak"] = (entry, reason, told) => {
    const { breakId, errors } = entry.planned;
    if (told.length === 0) reportSkipped(entry, describeBreak(entry, reason));
    beacons.sendErrors({ ...NOWHERE, breakId }, errors, VAST_ERROR_OF_SKIP[reason]);
    Object.assign(entry, { status: "skipped", reason });
    onBreaksChange();
  };
  return {
    reportSkipped,
    skipBreak,
    takeResolved: (entry, { ads, skipped }) => {
      entry.ads = ads;
      reportSkipped(entry, skipped);
      if (entry.status === "pending" && ads.length > 0) return true;
      if (entry.status === "pending") skipBreak(entry, skipped[0]?.reason ?? "no-ads", skipped);
      else if (entry.reason && ads.length > 0) reportSkipped(entry, describeBreak(entry, entry.reason));
      return false;
    },
  };
}

const NOWHERE: Omit<BeaconSubject, "breakId"> = {
  adId: undefined,
  ad: undefined,
  creative: undefined,
  index: undefined,
  adCount: undefined,
  mediaUrl: undefined,
  contentTime: 0,
};

/** A break that is left out as a whole: each of its ads, or the break itself while its ads are not known. */
function describeBreak({ ads, planned }: BreakEntry, reason: SkipReason): readonly SkippedAd[] {
  const vastError = VAST_ERROR_OF_SKIP[reason];
  const message = MESSAGE[reason] ?? reason;
  if (ads.length === 0)
    return [
      {
        adId: undefined,
        creativeUrl: undefined,
        reason,
        vastError,
        message: `break ${planned.breakId}: ${message}`,
        errorUrls: [],
      },
    ];
  return ads.map(({ ad, mediaUrl }) => ({
    adId: ad.id,
    creativeUrl: mediaUrl,
    reason,
    vastError,
    message,
    errorUrls: ad.errors,
  }));
}

const MESSAGE: { readonly [Reason in SkipReason]?: string } = {
  "ads-timeout": "decided too late for where the viewer is",
  policy: "the content has no place for it",
  "no-ads": "no ad came",
  "media-unavailable": "a segment cannot be loaded",
};

/** Leaves out an ad that was ready; a break of which nothing is left is skipped. Once per ad. */
function refuseAd(entry: BreakEntry | undefined, index: number, reason: SkipReason, ports: SessionPorts): void {
  const ready = entry?.ads[index];
  if (!entry || !ready || entry.refused.has(ready)) return;
  entry.refused.add(ready);
  const skipped = { adId: ready.ad.id, creativeUrl: ready.mediaUrl, reason, vastError: VAST_ERROR_OF_SKIP[reason] };
  const told = [{ ...skipped, message: MESSAGE[reason] ?? reason, errorUrls: ready.ad.errors }];
  ports.reportSkipped(entry, told);
  if (entry.refused.size === entry.ads.length) ports.skipBreak(entry, reason, told);
}
