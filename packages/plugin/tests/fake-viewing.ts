/** One viewing without a player: what hls.js would ask for is asked for by hand, and every event is kept. */
import { askEarly, createAdRequests } from "../src/ads/ad-requests.ts";
import { createMacroFiller } from "../src/ads/macro-values.ts";
import { buildParts } from "../src/build-parts.ts";
import type { FetchedPlaylist } from "../src/content/content.ts";
import {
  type AdInsertionEvents,
  createEmitter,
  type Emitter,
  type SkipEvent,
  type WorkflowStepEvent,
} from "../src/events.ts";
import { type AdInsertionOptions, parseOptions } from "../src/options.ts";
import type { HostSide, LoadedParts } from "../src/parts.ts";
import { createSession, type Session } from "../src/session.ts";
import { createServerSession } from "../src/sessions/server-session.ts";
import { createTap } from "../src/tap.ts";
import type { Timeline } from "../src/viewing/timeline.ts";
import { type FakeWeb, HOST } from "./fake-web.ts";

export interface Viewing {
  readonly session: Session;
  readonly timeline: Timeline;
  readonly parts: LoadedParts;
  /** The text that the player gets for a media playlist. */
  readonly play: (
    text: string,
    options?: { readonly track?: string; readonly bandwidthBps?: number },
  ) => Promise<string>;
  readonly playMaster: (text: string) => void;
  readonly skips: readonly SkipEvent[];
  readonly steps: readonly WorkflowStepEvent[];
  readonly errors: readonly AdInsertionEvents["error"][];
  readonly lateChanges: () => number;
  readonly on: Emitter["on"];
  /** As `destroy` of the insertion ends what the page was asked for. */
  readonly end: () => void;
}

/** What the player can do, and has. */
export interface ViewingPlayer {
  readonly canBindLate?: boolean;
  readonly bufferAhead?: () => number | undefined;
  readonly lateNotice?: HostSide["lateNotice"];
  readonly liveStart?: () => number | undefined;
  /** Absent: it takes no segments that the page makes. */
  readonly serveVirtual?: HostSide["serveVirtual"];
}

export function startViewing(
  web: FakeWeb,
  options: Partial<AdInsertionOptions> = {},
  {
    canBindLate = true,
    bufferAhead = () => undefined,
    liveStart = () => undefined,
    lateNotice,
    serveVirtual,
  }: ViewingPlayer = {},
): Viewing {
  const ended = new AbortController();
  const skips: SkipEvent[] = [];
  const steps: WorkflowStepEvent[] = [];
  const errors: AdInsertionEvents["error"][] = [];
  let lateChanges = 0;
  const { on, emit } = createEmitter();
  on("adskip", (event) => skips.push(event));
  on("workflowstep", (event) => steps.push(event));
  on("error", (event) => errors.push(event));
  const settings = parseOptions({ zoneUrl: "/v1/zones/1.json", ...options }, web.ports.baseUrl, web.ports.createId);
  const { ports } = web;
  const filler = createMacroFiller({
    ...settings,
    player: () => undefined,
    media: () => null,
    contentUrl: () => undefined,
    start: () => undefined,
  });
  const requests = createAdRequests(settings, ports, emit, filler);
  if (!settings.server) askEarly(settings, requests);
  const parts = buildParts({
    settings,
    ports,
    emit,
    requests,
    filler,
    zone: settings.zoneUrl
      ? ports.fetchText(settings.zoneUrl, { timeoutMs: settings.zoneTimeoutMs, maxBytes: 262_144 })
      : new Promise(() => undefined),
    abilities: { canBindLate, canServeVirtual: serveVirtual !== undefined },
    createSession: settings.server ? createServerSession : createSession,
    ended: ended.signal,
    host: () => ({
      media: () => null,
      bufferAhead,
      liveStart,
      ...(serveVirtual && { serveVirtual }),
      ...(lateNotice && { lateNotice }),
      onLateChange: () => {
        lateChanges += 1;
      },
      detach: () => undefined,
    }),
  });
  const { session, timeline } = parts;
  session.ready.catch(() => undefined);
  const tap = createTap({
    loading: Promise.resolve(parts),
    emit,
    isAttached: () => Promise.resolve(true),
    onOtherContent: () => undefined,
    ended: ended.signal,
  });
  return {
    session,
    timeline,
    parts,
    play: (text, { track = "720", bandwidthBps } = {}) => {
      const url = new URL(`${HOST}/content/${track}.m3u8`);
      const fetched: FetchedPlaylist = { text, content: { url, bandwidthBps, kind: "main" }, trackKey: track };
      return tap.stitch(fetched);
    },
    playMaster: tap.readMaster,
    skips,
    steps,
    errors,
    lateChanges: () => lateChanges,
    on,
    end: () => ended.abort(),
  };
}
