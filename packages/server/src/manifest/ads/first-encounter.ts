/**
 * A creative that has no copy yet: the decision is held while CRS makes the first layer that can be played, as long as the break has time.
 *
 * @see DESIGN §4 step 4; primetime.md §3.2 step 4 (Primetime goes on without the ad)
 */
import {
  type EncounterSkip,
  type EncounterStep,
  followFirstEncounter,
  type JitContext,
  masterPath,
  type RepackageRequest,
  selectPackages,
  selectSteps,
  type SkipReason,
  type StepOutcome,
} from "@interlude/core";
import type { WaitOutcome } from "../operations/manifest-metrics.ts";
import type { Rewrite } from "./ad-playlists.ts";
import type { CopyWatch } from "./copy-watch.ts";
import type { ProbeCache } from "./probe-cache.ts";

/** How a break meets creatives that have no copy. */
export interface FirstEncounter {
  /** Undefined: what is usual. A server cannot remux. */
  readonly policy: readonly EncounterStep[] | undefined;
  /** The name of the session's CDN. */
  readonly cdn: string;
  /** Resolves when the break has no more time. */
  readonly over: Promise<void>;
}

/** For whom it is met. */
export interface EncounterJob {
  readonly context: JitContext;
  readonly rewrite: Rewrite;
  /** undefined: a creative that has no copy is left out at once. */
  readonly encounter: FirstEncounter | undefined;
}

export interface EncounterDeps {
  /** undefined: nobody can say how far a copy is. */
  readonly copies: CopyWatch | undefined;
  readonly probes: Pick<ProbeCache, "askAnew">;
  /** Told of each creative that was waited for, whatever then becomes of its ad, for metrics. */
  readonly onWaited?: (outcome: WaitOutcome, ms: number) => void;
}

/** CRS has taken the request, and may publish any time. */
const IN_THE_MAKING: ReadonlySet<SkipReason> = new Set<SkipReason>(["new-creative", "repackage-in-progress"]);

const REASON_OF_END = { failed: "repackage-failed", blocked: "creative-blocked" } as const;

/** `encounter`: what was tried, and here came to this; absent: nothing was. */
export type Met<Media> = (Media | EncounterSkip) & { readonly encounter?: "wait" };

/**
 * Takes the steps of the policy. Never rejects for what upstreams do.
 *
 * @param first why the creative is not inserted at once
 * @param load of a master playlist
 */
export async function meetFirst<Media extends object>(
  request: RepackageRequest,
  first: EncounterSkip,
  job: EncounterJob,
  deps: EncounterDeps,
  load: (playlistUrl: URL) => Promise<Media>,
): Promise<Met<Media>> {
  const { encounter } = job;
  const { copies } = deps;
  if (!encounter || !copies || !IN_THE_MAKING.has(first.skipped)) return first;
  const { duration } = request.creative;
  const steps = selectSteps(encounter.policy, { ...NOTHING_KNOWN, duration, reason: first.skipped });
  let taken: { readonly encounter?: "wait" } = {};
  const wait = async (): Promise<StepOutcome<Media>> => {
    taken = { encounter: "wait" };
    const startedAt = performance.now();
    const outcome = await waitForCopy(request, first.skipped, { ...job, encounter }, deps, load);
    deps.onWaited?.("media" in outcome ? "played" : "skipped", performance.now() - startedAt);
    return outcome;
  };
  const outcome = await followFirstEncounter(steps, first, { wait });
  return { ...("media" in outcome ? outcome.media : outcome), ...taken };
}

/** Of the viewer's player a server knows nothing. */
const NOTHING_KNOWN = {
  position: "mid",
  timeToBreak: 0,
  container: "mp4",
  savesData: false,
  isBatteryLow: false,
  canRemux: false,
  canWait: true,
} as const;

async function waitForCopy<Media>(
  { zone, key }: RepackageRequest,
  first: SkipReason,
  { context, rewrite, encounter }: EncounterJob & { readonly encounter: FirstEncounter },
  { copies, probes }: EncounterDeps,
  load: (playlistUrl: URL) => Promise<Media>,
): Promise<StepOutcome<Media>> {
  const { cdn, over } = encounter;
  const packages = selectPackages(context.needs, context.zone);
  const outcome = await copies?.wait({ zone, key, cdn, packages }, over);
  if (outcome === undefined) return skip(first, "its copy was not there in time");
  if (typeof outcome === "string") return skip(REASON_OF_END[outcome], `CRS calls it ${outcome}`);

  const playlistUrl = new URL(masterPath(zone, key, outcome), context.cdnBase);
  probes.askAnew(new URL(rewrite(playlistUrl.href)));
  const loaded = load(playlistUrl).then(
    (media) => ({ media }),
    (cause: unknown) => skip("cdn-error", `CRS has published its copy, but ${String(cause)}`),
  );
  return Promise.race([loaded, over.then(() => skip(first, "its copy could not be loaded in time"))]);
}

function skip(skipped: SkipReason, message: string): EncounterSkip {
  return { skipped, message };
}
