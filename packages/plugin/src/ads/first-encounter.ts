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
import { describeFacts } from "./encounter-facts.ts";
import { selectMediaFiles } from "./media-choice.ts";
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
  /** A sentence where the player cannot play what the page makes, of this content. */
  readonly openRemux: () => ((file: MediaFile, request: RepackageRequest) => OpenedRemux) | string;
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
/** What the ad server's answer and a wait leave to a remux that comes after them, of what there is at most half. */
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
      if (begun.isLost) {
        onLost();
        return send(true);
      }
      terms.onWait(over.promise);
      return (await awaitAnswer(send(false), begun, terms, deps.ended)) ?? NO_ANSWER;
    },
    follow: async (reason, statusUrl) => {
      const because = begun?.refusal ? `; remux: ${begun.refusal}` : "";
      const first = { skipped: reason, message: `${creativeUrl} was not inserted${because}` };
      if (!begun || begun.isLost || !isCold(reason)) return first;
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
  /** Nothing can be done. */
  readonly isLost: boolean;
  /** Why it cannot be remuxed, by what is known without a look at it; undefined: it may be. */
  readonly refusal: string | undefined;
  readonly request: RepackageRequest;
  readonly file: MediaFile | undefined;
  readonly select: (reason: SkipReason, canWait: boolean) => readonly EncounterStep[];
  /** Of the time of its break, for the remux alone. */
  readonly keptMs: number;
  /** Whether the ad server's answer can bring something to play. */
  readonly canWait: boolean;
  /** Absent: it cannot be. */
  readonly remux: (() => OpenedRemux) | undefined;
  /** Undefined: not yet. */
  readonly opened: () => OpenedRemux | undefined;
}

/** The remux begins where it comes first, as far as that is known before the ad server has answered. */
function begin(cold: ColdAd, request: RepackageRequest, deps: FirstEncounterDeps): Begun {
  const bandwidthBps = deps.bandwidthBps() ?? deps.device().downlinkBps;
  const files = selectMediaFiles(request.creative, bandwidthBps, deps.maxBytes);
  const [file] = files;
  const opener = file ? deps.openRemux() : describeNoFile(request.creative);
  const [open, refusal] = typeof opener === "string" ? [undefined, opener] : [opener, undefined];
  const select: Begun["select"] = (reason, canWait) => {
    const known = { reason, canWait, canRemux: open !== undefined, bandwidthBps, ...deps.device() };
    return selectSafely(deps, describeFacts({ ...cold, request, file }, known));
  };
  const steps = select("new-creative", deps.canAsk);
  const { left, leftAtMost } = cold.terms;
  const isLost = steps[0] === "skip" || (open ? leftAtMost : left)() <= 0;
  let opened: OpenedRemux | undefined;
  const remux = open && (() => (opened ??= openInTurn(files, (one) => open(one, request), leftAtMost)));
  const keptMs = steps.includes("remux") ? Math.min(REMUX_MS, leftAtMost() / 2) : 0;
  if (steps[0] === "remux" && !isLost) remux?.();
  const canWait = steps.includes("wait");
  return { isLost, refusal, request, file, select, keptMs, canWait, remux, opened: () => opened };
}

function describeNoFile({ mediaFiles }: Pick<Creative, "mediaFiles">): string {
  const files = mediaFiles.map(({ type, codec }) => (codec ? `${type} (${codec})` : type));
  return `expected an MP4 with H.264 that is not too large, got ${files.join(", ") || "none"}`;
}

/** What is wrong with a file, where another one of the same creative may have nothing wrong with it. */
const REFUSED: readonly SkipReason[] = ["unsupported-media-file", "target-duration-exceeded"];

/** The first file; once, where that is refused while there is time, the next. */
function openInTurn(
  files: readonly MediaFile[],
  open: (file: MediaFile) => OpenedRemux,
  left: () => number,
): OpenedRemux {
  let current: OpenedRemux | undefined;
  const state = { isLeft: false };
  const follow = async ([file, next]: readonly MediaFile[]): Promise<StepOutcome<FoundMedia>> => {
    if (!file) return { skipped: "no-media-file", message: "expected an MP4, got none" };
    current = open(file);
    const { outcome, leave } = current;
    const first = await outcome;
    const isRefused = "skipped" in first && REFUSED.includes(first.skipped);
    if (!isRefused || !next || left() <= 0 || state.isLeft) return first;
    leave();
    const second = await follow([next]);
    return "media" in second ? second : { ...first, message: `${first.message}; then ${second.message}` };
  };
  return {
    outcome: follow(files.slice(0, 2)),
    leave: () => {
      state.isLeft = true;
      current?.leave();
    },
  };
}

async function follow(
  { request, file, select, keptMs, remux }: Begun,
  first: EncounterSkip,
  statusUrl: URL | undefined,
  cold: ColdAd,
  deps: FirstEncounterDeps,
): Promise<EncounterOutcome> {
  const { left, leftAtMost } = cold.terms;
  const steps = select(first.skipped, statusUrl !== undefined);
  let isDecided = false;
  const tell = createTeller(cold, request, deps, () => isDecided);
  const waitFirst = (url: URL): Promise<StepOutcome<FoundMedia>> => {
    const isRemuxNext = steps.indexOf("remux") > steps.indexOf("wait");
    const waitLeft = isRemuxNext ? () => Math.min(left(), leftAtMost() - keptMs) : left;
    return deps.waitForCopy(url, request, () => (isDecided ? 0 : waitLeft()));
  };
  const outcome = await followFirstEncounter(steps, first, {
    remux: remux && (() => tell("remux", file, playInTime(remux().outcome, leftAtMost, deps.ended))),
    wait: statusUrl && (() => tell("wait", undefined, waitFirst(statusUrl))),
  });
  isDecided = true;
  return outcome;
}

/**
 * Beside a remux that is under way the answer may take its time; else it leaves a remux its share, and of one that has failed nothing but a
 * wait can follow.
 *
 * @returns undefined: it is not waited for any longer
 */
async function awaitAnswer(
  sent: Promise<RepackageAnswer>,
  { opened, keptMs, canWait }: Begun,
  { leftAtMost }: BreakTerms,
  ended: AbortSignal,
): Promise<RepackageAnswer | undefined> {
  const leftOfShare = (): number => leftAtMost() - keptMs;
  const remux = opened()?.outcome;
  if (!remux) return withinTime(sent, leftOfShare, ended);
  const giveUp = async (): Promise<undefined> => {
    const isLost = "skipped" in (await remux);
    await (isLost && canWait ? withinTime(sent, leftOfShare, ended) : sleep(LATE_ANSWER_MS, ended));
  };
  return withinTime(Promise.race([sent, giveUp()]), leftAtMost, ended);
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

/** Tells what becomes of each step, but of one that is left since another has brought the ad. */
function createTeller(
  { planned, adId }: ColdAd,
  request: RepackageRequest,
  { emit, now }: FirstEncounterDeps,
  isDecided: () => boolean,
): Tell {
  return async (step, file, taken) => {
    const startedAt = now();
    const outcome = await taken;
    if (isDecided()) return outcome;
    const ms = now() - startedAt;
    const played = "media" in outcome && step === "remux" ? outcome.media.mediaUrl : undefined;
    const creativeUrl = played ?? file?.url ?? request.creativeUrl;
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
