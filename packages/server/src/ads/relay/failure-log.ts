/** Says which ad server does not answer as it should, and how: once a minute for each, however many ask. */
import type { RelayFailure } from "./relay-answer.ts";

export interface FailureLogDeps {
  /** ms of a clock that never goes back */
  readonly now: () => number;
  /** Without the query of an address, which holds what a viewer is known by. */
  readonly warn: (failure: { readonly zone: string } & RelayFailure) => void;
}

const QUIET_MS = 60_000;

/** For failures of a whole request; those of single ads are the ad server's daily business. */
export function createFailureLog({ now, warn }: FailureLogDeps): (zone: string, failure: RelayFailure) => void {
  const toldAtMs = new Map<string, number>();
  return (zone, failure) => {
    if (failure.adId !== undefined || failure.reason === "no-ads") return;
    const key = `${zone} ${failure.upstream}`;
    const last = toldAtMs.get(key);
    if (last !== undefined && now() - last < QUIET_MS) return;
    toldAtMs.set(key, now());
    warn({ zone, ...failure });
  };
}
