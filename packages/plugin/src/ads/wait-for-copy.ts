/**
 * The repackaged copy of a creative at its first encounter: waited for through CRS's status URL until its first layer plays, CRS gives
 * up, or the break has no more time. The CDN is not asked meanwhile.
 */
import type { EncounterSkip } from "@interlude/core";
import { createDeferred } from "../deferred.ts";
import type { RepackageStatus, StatusPolls } from "./status-polls.ts";
import { type BreakTerms, withinTime } from "./wait-deadline.ts";

/** A copy that plays: `url` is where CRS says that it is. */
export interface PlayableCopy {
  readonly url: URL;
  /** It has the source's own GOPs: its address is that of target duration 0. */
  readonly isRemux: boolean;
}

export interface CopyPorts {
  readonly watch: StatusPolls["watch"];
  /** Aborted when the insertion is destroyed. */
  readonly ended: AbortSignal;
  /** Whether a remux with the source's own GOPs fits the content. */
  readonly takesRemux: boolean;
}

/** Kept for loading the copy: the last answer comes so much before the end, whatever it says. */
const LOADING_MS = 300;

/** Never rejects. */
export async function waitForCopy(
  statusUrl: URL,
  { left }: Pick<BreakTerms, "left">,
  { watch, ended, takesRemux }: CopyPorts,
): Promise<PlayableCopy | EncounterSkip> {
  const late: EncounterSkip = { skipped: "repackage-in-progress", message: `${statusUrl.href}: no copy in time` };
  if (left() <= 0 || ended.aborted) return late;
  const { promise, resolve } = createDeferred<PlayableCopy | EncounterSkip>();
  const stop = watch(statusUrl, {
    waitMs: () => left() - LOADING_MS,
    onStatus: (status) => {
      const outcome = readOutcome(status, takesRemux);
      if (outcome) resolve(outcome);
    },
    onEnd: (message) => resolve({ ...late, message }),
  });
  const outcome = await withinTime(promise, left, ended);
  stop();
  return outcome ?? late;
}

/** Undefined: it is to be waited for. */
function readOutcome(status: RepackageStatus, takesRemux: boolean): PlayableCopy | EncounterSkip | undefined {
  const { state, url, remuxUrl, reason = "no reason told" } = status;
  if (state === "blocked") return { skipped: "creative-blocked", message: `blocked: ${reason}` };
  // what has failed after its first layer was published plays as far as it came
  if (url) return { url, isRemux: false };
  if (state === "failed") return { skipped: "repackage-failed", message: `CRS failed: ${reason}` };
  return remuxUrl && takesRemux ? { url: remuxUrl, isRemux: true } : undefined;
}
