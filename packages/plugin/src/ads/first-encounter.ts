/**
 * The first encounter of one ad: its creative is not HLS, and no copy of it is on the CDN.
 *
 *   while the ad server is asked to have one made   the remux begins, where it comes first
 *   its answer is there                             the steps are taken in turn: remux, wait, skip
 *   the break has no more time                      whatever is under way is left: the ad is skipped
 *
 * What is known of break, file and connection is read when it counts, since the viewer gets on.
 *
 * @see DESIGN §4 step 4; the order and the reasons are core's, for player and manifest server alike
 */
import {
  type Creative,
  type EncounterFacts,
  type EncounterPolicy,
  type EncounterSkip,
  type EncounterStep,
  followFirstEncounter,
  isCold,
  type MediaFile,
  type RepackageAnswer,
  type RepackageRequest,
  selectSteps,
  type SkipReason,
  type StepOutcome,
} from "@interlude/core";
import { createDeferred } from "../deferred.ts";
import type { Emit } from "../events.ts";
import { sleep } from "../sleep.ts";
import type { DeviceFacts } from "./device-facts.ts";
import type { FoundMedia } from "./hls-copy.ts";
import { nameContainer, readBitrate, selectMediaFile, USUAL_BANDWIDTH_BPS } from "./media-choice.ts";
import type { PlannedBreak } from "./planned-break.ts";
import { type BreakTerms, withinTime } from "./wait-deadline.ts";

/** A remux under way. */
export interface OpenedRemux {
  /** Never rejects. */
  readonly outcome: Promise<StepOutcome<FoundMedia>>;
  /** It is not played: nothing more of it is read, unless another break plays it. */
  readonly leave: () => void;
}

export interface FirstEncounterDeps {
  readonly policy: EncounterPolicy | undefined;
  /** Bytes of the largest file that is remuxed. */
  readonly maxBytes: number;
  readonly emit: Emit;
  readonly now: () => number;
  readonly ended: AbortSignal;
  readonly device: () => DeviceFacts;
  /** As the player has measured it; undefined: it has not. */
  readonly bandwidthBps: () => number | undefined;
  /** Whether the ad server can be asked for copies. */
  readonly canAsk: boolean;
  /** Undefined: the player cannot play what the page makes, of this content. */
  readonly openRemux: () => ((file: MediaFile, request: RepackageRequest) => OpenedRemux) | undefined;
  readonly waitForCopy: (
    statusUrl: URL,
    request: RepackageRequest,
    left: () => number,
  ) => Promise<StepOutcome<FoundMedia>>;
}

export interface ColdAd {
  readonly planned: PlannedBreak;
  readonly terms: BreakTerms;
  readonly adId: string | undefined;
  /** Called before the ad server is asked, where nothing but a skip can come of it. */
  readonly onLost: () => void;
}

export interface FirstEncounter {
  /**
   * Nothing begins before this.
   *
   * @param send asks the ad server: an answer that comes long after a remux is ready, or after the break's time, is not waited for
   */
  readonly ask: (request: RepackageRequest, send: Send) => Promise<RepackageAnswer>;
  /** Never throws. @param reason why the ad was not inserted at once */
  readonly follow: (reason: SkipReason, statusUrl: URL | undefined) => Promise<EncounterOutcome>;
  /** Its break waits for it no more, and what is under way is left unless it is played. */
  readonly end: () => void;
}

/** @param isLost nothing but a skip can come of it */
type Send = (isLost: boolean) => Promise<RepackageAnswer>;

type EncounterOutcome = Awaited<ReturnType<typeof followFirstEncounter<FoundMedia>>>;

/** How much later than the remux the ad server's answer may come: it may say that the creative is blocked. */
const LATE_ANSWER_MS = 400;
const NO_ANSWER: RepackageAnswer = { outcome: "unavailable" };
/** What a wait leaves to the remux after it, of what there is at most half. */
const REMUX_MS = 3000;

export function meetCold(cold: ColdAd, deps: FirstEncounterDeps): FirstEncounter {
  const { terms, onLost } = cold;
  const over = createDeferred<void>();
  let begun: Begun | undefined;
  let creativeUrl = "no media file";
  let isPlayed = false;
  return {
    ask: async (request, send) => {
      creativeUrl = request.creativeUrl;
      begun = begin(cold, request, deps);
      if (!begun) {
        onLost();
        return send(true);
      }
      terms.onWait(over.promise);
      const sent = send(false);
      const opening = begun.opened();
      const answer = opening ? Promise.race([sent, answerLate(opening.outcome, deps.ended)]) : sent;
      return (await withinTime(answer, terms.leftAtMost, deps.ended)) ?? NO_ANSWER;
    },
    follow: async (reason, statusUrl) => {
      const first = { skipped: reason, message: `${creativeUrl} was not inserted` };
      if (!begun || !isCold(reason)) return first;
      const outcome = await follow(begun, first, statusUrl, cold, deps);
      isPlayed = "encounter" in outcome && outcome.encounter === "remux";
      return outcome;
    },
    end: () => {
      over.resolve();
      if (!isPlayed) begun?.opened()?.leave();
    },
  };
}

/** What is known once there is a request for a copy. */
interface Begun {
  readonly request: RepackageRequest;
  readonly file: MediaFile | undefined;
  readonly select: (reason: SkipReason, canWait: boolean) => readonly EncounterStep[];
  /** Absent: it cannot be. */
  readonly remux: (() => OpenedRemux) | undefined;
  /** Undefined: not yet. */
  readonly opened: () => OpenedRemux | undefined;
}

/** The remux begins where it comes first, as far as that is known before the ad server has answered. @returns undefined: all is lost */
function begin(cold: ColdAd, request: RepackageRequest, deps: FirstEncounterDeps): Begun | undefined {
  const bandwidthBps = deps.bandwidthBps() ?? deps.device().downlinkBps ?? USUAL_BANDWIDTH_BPS;
  const file = selectMediaFile(request.creative, bandwidthBps, deps.maxBytes);
  const open = file && deps.openRemux();
  const select: Begun["select"] = (reason, canWait) => {
    const known = { reason, canWait, canRemux: open !== undefined, bandwidthBps, ...deps.device() };
    return selectSafely(deps, describeFacts(cold, request, file, known));
  };
  const [likely] = select("new-creative", deps.canAsk);
  const { left, leftAtMost } = cold.terms;
  if (likely === "skip" || (open ? leftAtMost : left)() <= 0) return undefined;
  let opened: OpenedRemux | undefined;
  const remux = open && file && (() => (opened ??= open(file, request)));
  if (likely === "remux") remux?.();
  return { request, file, select, remux, opened: () => opened };
}

function follow(
  { request, file, select, remux }: Begun,
  first: EncounterSkip,
  statusUrl: URL | undefined,
  cold: ColdAd,
  deps: FirstEncounterDeps,
): Promise<EncounterOutcome> {
  const { left, leftAtMost } = cold.terms;
  const steps = select(first.skipped, statusUrl !== undefined);
  const tell = createTeller(cold, request, deps);
  const waitFirst = (url: URL): Promise<StepOutcome<FoundMedia>> => {
    const isRemuxNext = steps.indexOf("remux") > steps.indexOf("wait");
    const keptMs = isRemuxNext ? Math.min(REMUX_MS, leftAtMost() / 2) : 0;
    const waitLeft = isRemuxNext ? () => Math.min(left(), leftAtMost() - keptMs) : left;
    return deps.waitForCopy(url, request, waitLeft);
  };
  return followFirstEncounter(steps, first, {
    remux: remux && (() => tell("remux", file, playInTime(remux().outcome, leftAtMost, deps.ended))),
    wait: statusUrl && (() => tell("wait", undefined, waitFirst(statusUrl))),
  });
}

/** In place of an answer that is late; a remux that failed leaves all the time to it. */
async function answerLate(outcome: Promise<StepOutcome<FoundMedia>>, ended: AbortSignal): Promise<RepackageAnswer> {
  if ("skipped" in (await outcome)) return new Promise(() => undefined);
  await sleep(LATE_ANSWER_MS, ended);
  return NO_ANSWER;
}

type KnownFacts = DeviceFacts & Pick<EncounterFacts, "reason" | "canWait" | "canRemux" | "bandwidthBps">;

function describeFacts(
  { planned, terms }: ColdAd,
  request: RepackageRequest,
  chosen: MediaFile | undefined,
  { downlinkBps: _downlinkBps, ...known }: KnownFacts,
): EncounterFacts {
  const file = chosen ?? findFile(request);
  const { duration } = request.creative;
  return {
    position: planned.isLive ? "live" : planned.position,
    timeToBreak: Math.max(0, terms.timeToBreak()),
    container: file ? nameContainer(file.type) : "other",
    bitrateKbps: file && readBitrate(file, duration),
    fileSize: file?.fileSize,
    duration,
    codec: file?.codec,
    ...known,
  };
}

function findFile({ creative, creativeUrl }: RepackageRequest): Creative["mediaFiles"][number] | undefined {
  return creative.mediaFiles.find(({ url }) => url === creativeUrl);
}

/** A policy that throws costs its page nothing but its say. */
function selectSafely({ policy, emit }: FirstEncounterDeps, facts: EncounterFacts): readonly EncounterStep[] {
  try {
    return selectSteps(policy, facts);
  } catch (cause) {
    const message = `firstEncounter: expected steps, got ${String(cause)}`;
    emit("error", { fatal: false, code: "resolver-failed", message, cause });
    return selectSteps(undefined, facts);
  }
}

type Tell = (
  step: "remux" | "wait",
  file: MediaFile | undefined,
  outcome: Promise<StepOutcome<FoundMedia>>,
) => Promise<StepOutcome<FoundMedia>>;

/** Tells what becomes of each step. */
function createTeller({ planned, adId }: ColdAd, request: RepackageRequest, { emit, now }: FirstEncounterDeps): Tell {
  return async (step, file, taken) => {
    const startedAt = now();
    const outcome = await taken;
    const ms = now() - startedAt;
    const creativeUrl = file?.url ?? request.creativeUrl;
    const told = "skipped" in outcome ? outcome.skipped : "ready";
    emit("adencounter", { breakId: planned.breakId, adId, creativeUrl, step, outcome: told, ms });
    return outcome;
  };
}

/** What is not ready when there is no more time is skipped. */
export async function playInTime(
  outcome: Promise<StepOutcome<FoundMedia>>,
  left: () => number,
  ended: AbortSignal,
): Promise<StepOutcome<FoundMedia>> {
  const late: EncounterSkip = { skipped: "ads-timeout", message: "not ready when its break had to be decided" };
  return (await withinTime(outcome, left, ended)) ?? late;
}
