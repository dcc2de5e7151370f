/** Why a creative could not be made: what the flow throws, and what is remembered of it. */
import type { FailureReason } from "./creative-state.ts";

/** The message names the thing, what was expected and what came. */
export class RepackageFailure extends Error {
  override readonly name = "RepackageFailure";
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}
