/**
 * What a first encounter takes is loaded when there may be one: pages that skip what has no copy load nothing for it.
 */
import type { EncounterPolicy, JitContext } from "@interlude/core";
import type { ColdAd, FirstEncounter } from "./first-encounter.ts";
import { withinTime } from "./wait-deadline.ts";

/** Whether nothing is ever tried. */
export function isSkipOnly(policy: EncounterPolicy | undefined): boolean {
  return typeof policy === "object" && (policy[0] ?? "skip") === "skip";
}

export type MeetCold = (cold: ColdAd, context: JitContext) => FirstEncounter;

export interface EncounterLoader {
  /** A creative has come that may have no copy. */
  readonly warmUp: () => void;
  readonly meetCold: MeetCold;
}

/**
 * @param load undefined: whatever has no copy is skipped. What cannot be loaded is asked for again by the next ad
 * @param ended aborted when the insertion is destroyed
 */
export function createEncounterLoader(
  load: (() => Promise<MeetCold>) | undefined,
  ended: AbortSignal,
): EncounterLoader {
  let loading: Promise<MeetCold> | undefined;
  const loadOnce = (): Promise<MeetCold> =>
    (loading ??=
      load?.().catch((cause: unknown) => {
        loading = undefined;
        return (cold: ColdAd) => skip(cold, `; first encounter: ${String(cause)}`);
      }) ?? Promise.resolve(meetToSkip));
  return {
    warmUp: () => void (load && loadOnce()),
    meetCold: (cold, context) => (load ? meetLater(cold, context, loadOnce, ended) : meetToSkip(cold)),
  };
}

const LATE = "; first encounter: its code was not there when its break had to be decided";

/** Nothing is loaded for an ad that is not asked for; what is not there in its break's time is not waited for. */
function meetLater(
  cold: ColdAd,
  context: JitContext,
  load: () => Promise<MeetCold>,
  ended: AbortSignal,
): FirstEncounter {
  let met: FirstEncounter = meetToSkip(cold);
  return {
    ask: async (request, send) => {
      const { terms } = cold;
      const loaded = withinTime(load(), terms.leftAtMost, ended);
      terms.onWait(loaded);
      const meetCold = await loaded;
      met = meetCold ? meetCold(cold, context) : skip(cold, LATE);
      return met.ask(request, send);
    },
    follow: (reason, statusUrl) => met.follow(reason, statusUrl),
    end: () => met.end(),
  };
}

/** What has no copy is skipped. */
export function meetToSkip(cold: ColdAd): FirstEncounter {
  return skip(cold, "");
}

/** @param because what the message of the skip ends in */
function skip({ onLost }: ColdAd, because: string): FirstEncounter {
  let creativeUrl = "no media file";
  return {
    ask: (request, send) => {
      creativeUrl = request.creativeUrl;
      onLost();
      return send(true);
    },
    follow: async (skipped) => ({ skipped, message: `${creativeUrl} was not inserted${because}` }),
    end: () => undefined,
  };
}
