/** Skip reasons as they come from outside. */
import { type SkipReason, VAST_ERROR_OF_SKIP } from "../skip-reason.ts";

function* listReasons(): Iterable<readonly [string, SkipReason]> {
  let reason: SkipReason;
  for (reason in VAST_ERROR_OF_SKIP) yield [reason, reason];
}

/** Every reason by its name. */
export const SKIP_REASON_OF_TEXT: ReadonlyMap<string, SkipReason> = new Map(listReasons());
