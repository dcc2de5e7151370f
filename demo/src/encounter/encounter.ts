/**
 * One first encounter as its page follows it: what is tried, when the ad server answered, when the first picture was on screen, and what
 * became of the ad. Pure: facts in, words and numbers out.
 */
import type { EncounterStep, SkipReason } from "@interlude/core";
import { SKIP_TEXT, type Story } from "../story.ts";

export interface Encounter {
  readonly step: EncounterStep;
  /** Milliseconds of the page's clock, as `shownAt`; undefined: not yet. */
  readonly answeredAt: number | undefined;
  /** The first picture on screen, of ad or film. */
  readonly shownAt: number | undefined;
  /** Whether the answer named an ad. */
  readonly isOffered: boolean;
  /** Whether `step` made the ad playable. */
  readonly isMade: boolean;
  /** What became of the ad; undefined: not known yet. */
  readonly end: "played" | SkipReason | undefined;
  /** What went wrong, in the plugin's or the page's own words. */
  readonly error: string | undefined;
  /** Whether the film itself does not play. */
  readonly isFilmLost: boolean;
}

/** The viewer has pressed a button. */
export function beginEncounter(step: EncounterStep): Encounter {
  const nothing = { answeredAt: undefined, shownAt: undefined, end: undefined, error: undefined } as const;
  return { step, ...nothing, isOffered: false, isMade: false, isFilmLost: false };
}

/** Milliseconds from the ad server's answer to the first picture; undefined while one of them is missing. */
export function measureStart({ answeredAt, shownAt }: Encounter): number | undefined {
  return answeredAt === undefined || shownAt === undefined ? undefined : Math.max(0, Math.round(shownAt - answeredAt));
}

/** Whether the ad would have been lost without its first encounter. */
export function isSaved({ end, isMade }: Encounter): boolean {
  return end === "played" && isMade;
}

/** What just happened, and what it means. */
export function tellEncounter(encounter: Encounter | undefined): Story {
  if (!encounter) {
    const next = "Each press is the first viewer of a creative that neither the CDN nor CRS has met.";
    return { tone: "neutral", now: "Choose what becomes of a new ad.", next };
  }
  const { end, error, isFilmLost } = encounter;
  if (isFilmLost) return tellError(error, "Nothing can play before that is put right.");
  if (end === "played") return tellPlayed(encounter);
  if (end !== undefined) return tellSkipped(encounter, end);
  if (error !== undefined) return tellError(error, "The film plays all the same.");
  return { tone: "busy", ...tellProgress(encounter) };
}

function tellError(error = "Something went wrong", next: string): Story {
  return { tone: "bad", now: `${error}.`.replace(/\.\.$/, "."), next };
}

function tellPlayed(encounter: Encounter): Story {
  const ms = measureStart(encounter);
  const now = ms === undefined ? "Played." : `Played ${ms} ms after the ad response.`;
  const next = isSaved(encounter)
    ? "Had it been skipped, this impression would have been lost."
    : "Its copy was on the CDN already.";
  return { tone: "good", now, next };
}

function tellSkipped(encounter: Encounter, reason: SkipReason): Story {
  const { isOffered, error } = encounter;
  const ms = measureStart(encounter);
  const lost = isOffered ? " This impression is lost." : "";
  const began = ms === undefined ? "" : ` The film began ${ms} ms after the ad response.`;
  const failure = error === undefined ? "" : ` ${error}.`;
  const why = SKIP_TEXT[reason];
  const next = `${why.slice(0, 1).toUpperCase()}${why.slice(1)}.${began}${failure}`;
  return { tone: "warn", now: `Skipped: ${reason}; the film went on.${lost}`, next };
}

const TRYING: Readonly<Record<EncounterStep, string>> = {
  skip: "The film begins without the ad.",
  wait: "CRS makes a copy, and the film’s start waits for it: 2.5 s at most.",
  remux: "The page reads the MP4 and puts it into HLS segments itself.",
};

function tellProgress({ step, answeredAt }: Encounter): Pick<Story, "now" | "next"> {
  if (answeredAt === undefined) return { now: "The player asks for ads while the film loads.", next: "" };
  return { now: "The ad server has named an MP4 that nobody has met.", next: TRYING[step] };
}

/** One column of the table that compares them. */
export interface Result {
  readonly ad: string;
  readonly firstFrame: string;
  readonly impression: string;
  readonly reason: string;
}

const NONE = "–";

/** @param encounter the latest of its step; undefined: it has not been tried */
export function describeResult(encounter: Encounter | undefined): Result {
  const { end } = encounter ?? {};
  if (!encounter || end === undefined) {
    const ad = encounter === undefined ? NONE : encounter.error === undefined ? "under way" : "failed";
    return { ad, firstFrame: NONE, impression: NONE, reason: NONE };
  }
  const ms = measureStart(encounter);
  if (end === "played") {
    const impression = isSaved(encounter) ? "saved" : "counted";
    return { ad: "played", firstFrame: ms === undefined ? NONE : `${ms} ms`, impression, reason: NONE };
  }
  return { ad: "skipped", firstFrame: "none", impression: encounter.isOffered ? "lost" : "none", reason: end };
}

/** Of this visit; ads whose end is not known are not in it. */
export interface Totals {
  readonly offered: number;
  readonly played: number;
  /** Played for their first encounter alone. */
  readonly saved: number;
  /** Of `offered`, from 0 to 1; undefined while there is none. */
  readonly fillRate: number | undefined;
}

export function countEncounters(encounters: readonly Encounter[]): Totals {
  const offered = encounters.filter(({ isOffered, end }) => isOffered && end !== undefined);
  const played = offered.filter(({ end }) => end === "played").length;
  const fillRate = offered.length === 0 ? undefined : played / offered.length;
  return { offered: offered.length, played, saved: offered.filter(isSaved).length, fillRate };
}
