/**
 * The defaults, the plain options and the publisher's selector, as the questions that come up in playback.
 *
 * @see primetime.md §4.6
 */
import type { Emit } from "../events.ts";
import type { PolicySettings } from "../policy-options.ts";
import type { AdBreakPolicy, AdPolicy, PolicyBreak, SeekIntoAdPolicy, WatchedPolicy } from "./policy.ts";
import type { SeekRules, Spot } from "./seeking.ts";
import type { Watched } from "./watched.ts";

export interface Rules extends SeekRules {
  readonly selectWatched: (adBreak: PolicyBreak) => WatchedPolicy;
}

export function createRules(settings: PolicySettings, watched: Watched, emit: Emit): Rules {
  const { policy } = settings;
  const ask = createQuestion(emit);
  const canPlay = (spot: Spot): boolean => {
    if (watched.isRemoved(spot.breakId)) return false;
    const answer = ask(
      "selectPolicyForAdBreak",
      () => policy.selectPolicyForAdBreak?.(spot),
      (value) => BREAK_POLICIES.find((known) => known === value),
      () => selectDefault(spot, settings),
    );
    if (answer === "remove-after-play") watched.removeAfterPlay(spot.breakId);
    return answer !== "skip";
  };
  return {
    keepInAds: settings.keepInAds,
    canPlay,
    selectToPlay: (from, to, skipped) => {
      if (skipped.length === 0) return [];
      const chosen = ask(
        "selectAdBreaksToPlay",
        () => policy.selectAdBreaksToPlay?.({ from, to, adBreaks: skipped }),
        (value) => readBreaks(value, skipped),
        () => (settings.snapBack ? skipped.slice(-1).filter((spot) => !spot.watched) : []),
      );
      return chosen.filter(canPlay);
    },
    selectInto: (from, to, spot, adIndex) =>
      ask(
        "selectPolicyForSeekIntoAd",
        () => policy.selectPolicyForSeekIntoAd?.({ from, to, adBreak: spot, adIndex }),
        (value) => SEEK_POLICIES.find((known) => known === value),
        () => (spot.watched ? "skip-ad-break" : "play-from-ad-begin"),
      ),
    selectWatched: (adBreak) =>
      ask(
        "selectWatchedPolicyForAdBreak",
        () => policy.selectWatchedPolicyForAdBreak?.(adBreak),
        (value) => WATCHED_POLICIES.find((known) => known === value),
        () => "on-begin",
      ),
  };
}

const BREAK_POLICIES: readonly AdBreakPolicy[] = ["play", "skip", "remove-after-play"];
const SEEK_POLICIES: readonly SeekIntoAdPolicy[] = [
  "play",
  "play-from-ad-begin",
  "play-from-ad-break-begin",
  "skip-to-next-ad-in-break",
  "skip-ad-break",
];
const WATCHED_POLICIES: readonly WatchedPolicy[] = ["on-begin", "on-end", "never"];

function selectDefault(adBreak: PolicyBreak, { noAdsWithin, livePrerollOnce }: PolicySettings): AdBreakPolicy {
  const { watched, isLive, position, sinceLastBreak } = adBreak;
  if (sinceLastBreak !== undefined && sinceLastBreak < noAdsWithin) return "skip";
  if (!watched) return "play";
  return isLive && !(livePrerollOnce && position === "pre") ? "play" : "skip";
}

type Ask = <T>(
  name: keyof AdPolicy,
  question: () => unknown,
  read: (answer: unknown) => T | undefined,
  fallback: () => T,
) => T;

/** The selector is the page's code: whatever it does, there is an answer. */
function createQuestion(emit: Emit): Ask {
  return (name, question, read, fallback) => {
    const tell = (message: string, cause?: unknown): void =>
      emit("error", { fatal: false, code: "option-invalid", message: `policy.${name}: ${message}`, cause });
    try {
      const answer = question();
      if (answer === undefined) return fallback();
      const known = read(answer);
      if (known !== undefined) return known;
      tell(`expected one of its answers, got ${typeof answer === "string" ? JSON.stringify(answer) : typeof answer}`);
    } catch (cause) {
      tell(`expected an answer, got an exception: ${String(cause)}`, cause);
    }
    return fallback();
  };
}

/** In the order given, each once; undefined where it is not a list of the breaks in question. */
function readBreaks(value: unknown, known: readonly Spot[]): readonly Spot[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const chosen = new Set<Spot>();
  for (const item of value) {
    const spot = known.find((candidate) => isNamed(item, candidate.breakId));
    if (!spot) return undefined;
    chosen.add(spot);
  }
  return [...chosen];
}

function isNamed(value: unknown, breakId: string): boolean {
  return typeof value === "object" && value !== null && "breakId" in value && value.breakId === breakId;
}
