/**
 * The first-encounter policy: what becomes of a creative that is not HLS and has no repackaged copy yet.
 *
 *   remux   the page repackages it itself, at once
 *   wait    for the first playable layer of its copy, as long as its break has time
 *   skip    content plays without it; always the last
 *
 * Which come in which order depends on what is known of the break, of the file and of the viewer's connection. Player and manifest server
 * share the order and the reasons; a manifest server cannot remux.
 *
 * @see DESIGN §4 step 4
 */
import type { SkipReason } from "./skip-reason.ts";

/** All that can be tried. */
export const ENCOUNTER_STEPS = ["remux", "wait", "skip"] as const;

/** What can be tried. */
export type EncounterStep = (typeof ENCOUNTER_STEPS)[number];

/** What is known of a cold creative and its break; absent: it is not known. */
export interface EncounterFacts {
  readonly position: "pre" | "mid" | "post" | "live";
  /** Seconds until its first frame is due; 0 for a pre-roll. */
  readonly timeToBreak: number;
  /** Of the file that would be remuxed, as what follows. */
  readonly container: "mp4" | "webm" | "flv" | "other";
  readonly bitrateKbps?: number | undefined;
  /** Bytes. */
  readonly fileSize?: number | undefined;
  /** Seconds, as VAST declares it; 0 where it does not. */
  readonly duration: number;
  /** As VAST names it: RFC 6381, or any other word. */
  readonly codec?: string | undefined;
  readonly bandwidthBps?: number | undefined;
  /** What the browser makes of it: `slow` is 3g or less. */
  readonly connection?: "slow" | "fast" | undefined;
  /** The viewer has asked for less traffic. */
  readonly savesData: boolean;
  /** Less than 15 % and not charging. */
  readonly isBatteryLow: boolean;
  /** Why there is no copy, by what CRS or the CDN said. */
  readonly reason: SkipReason;
  readonly canRemux: boolean;
  /** Whether somebody makes the copy, and says how far it is. */
  readonly canWait: boolean;
}

/** A fixed order, or a function of what is known. */
export type EncounterPolicy =
  readonly EncounterStep[] | ((facts: EncounterFacts) => readonly EncounterStep[] | undefined);

/** Seconds to the break from which a copy is likely to be there in time. */
const SOON = 15;
/** How much of the bandwidth a file may take that is played while it comes. */
const COMFORTABLE = 0.7;
/** Of a connection that nothing is known of. */
export const USUAL_BANDWIDTH_BPS = 4_000_000;

/**
 * What to try, in order.
 *
 * @param policy undefined, or a function that answers undefined: what is best by what is known
 * @returns each step once and none that cannot be taken; `skip` closes it, and is all where nothing else can be done
 * @throws whatever a policy throws
 */
export function selectSteps(policy: EncounterPolicy | undefined, facts: EncounterFacts): readonly EncounterStep[] {
  const wanted = (typeof policy === "function" ? policy(facts) : policy) ?? selectUsual(facts);
  const { canRemux, canWait } = facts;
  const can: Readonly<Record<EncounterStep, boolean>> = { remux: canRemux, wait: canWait, skip: false };
  const end = wanted.indexOf("skip");
  const steps = new Set(wanted.slice(0, end < 0 ? wanted.length : end));
  // a page without types may name anything
  return [...[...steps].filter((step) => Object.hasOwn(can, step) && can[step]), "skip"];
}

function selectUsual(facts: EncounterFacts): readonly EncounterStep[] {
  const { container, codec = "", timeToBreak, savesData, connection, isBatteryLow, canWait } = facts;
  if (container === "flv" || container === "other" || isForeignCodec(codec)) return ["wait"];
  if (savesData || connection === "slow") return ["wait", "remux"];
  if (timeToBreak >= SOON) return canWait || isBatteryLow ? ["wait", "remux"] : ["remux"];
  const share = measureShare(facts);
  if (share <= COMFORTABLE) return ["remux", "wait"];
  return share <= 1 || share * facts.duration <= timeToBreak ? ["wait", "remux"] : ["wait"];
}

/** Whether it names something else than H.264, whatever an ad server calls that; "" does not. */
export function isForeignCodec(codec: string): boolean {
  return FOREIGN_CODEC.test(codec);
}

const FOREIGN_CODEC = /\b(?:hev1|hvc1|hevc|h\.?265|av0?1|vp0?[89]|dvh[1e]|mp4v|theora)\b/i;

/** Of the bandwidth, or of {@link USUAL_BANDWIDTH_BPS}; 0 where nothing is known of the file. */
function measureShare({ bitrateKbps, fileSize, duration, bandwidthBps }: EncounterFacts): number {
  const bySize = fileSize === undefined || duration <= 0 ? 0 : (fileSize * 8) / duration;
  const bitrateBps = bitrateKbps === undefined ? bySize : bitrateKbps * 1000;
  return bitrateBps / (bandwidthBps || USUAL_BANDWIDTH_BPS);
}

const COLD: ReadonlySet<SkipReason> = new Set<SkipReason>([
  "new-creative",
  "repackage-in-progress",
  "repackage-unavailable",
  "repackage-refused",
  "repackage-failed",
  "cdn-error",
]);

/** Whether an ad that was skipped for this reason may still be played at its first encounter; one that is blocked never is. */
export function isCold(reason: SkipReason): boolean {
  return COLD.has(reason);
}

/** Why an ad is not played, with a sentence. */
export interface EncounterSkip {
  readonly skipped: SkipReason;
  readonly message: string;
}

/** What a step came to: something to play, or why not. */
export type StepOutcome<Media> = { readonly media: Media } | EncounterSkip;

/** A step without a port is passed over. */
export interface EncounterPorts<Media> {
  readonly remux?: (() => Promise<StepOutcome<Media>>) | undefined;
  readonly wait?: (() => Promise<StepOutcome<Media>>) | undefined;
}

/**
 * Tries the steps in turn; a wait that would follow a remux begins beside it, since it costs the viewer nothing, and the first media wins.
 * Never throws: a port that does has failed. What CRS calls blocked while it is waited for is played by no step.
 *
 * @param first why the creative was not inserted at once
 * @returns of a skip the reason by {@link selectEncounterReason}, and what each step said
 */
export async function followFirstEncounter<Media>(
  steps: readonly EncounterStep[],
  first: EncounterSkip,
  ports: EncounterPorts<Media>,
): Promise<{ readonly media: Media; readonly encounter: "remux" | "wait" } | EncounterSkip> {
  const told: { remux?: SkipReason; wait?: SkipReason } = {};
  const messages = [first.message];
  for (const group of groupSteps(steps, ports)) {
    for (const { step, outcome } of await takeTogether(group)) {
      if ("media" in outcome) return { media: outcome.media, encounter: step };
      told[step] = outcome.skipped;
      messages.push(`${step}: ${outcome.message}`);
    }
    if (told.wait === "creative-blocked") break;
  }
  const skipped = selectEncounterReason(first.skipped, told, ports.wait !== undefined);
  return { skipped, message: messages.join("; ") };
}

interface TakeableStep<Media> {
  readonly step: "remux" | "wait";
  readonly take: () => Promise<StepOutcome<Media>>;
}

/** Those up to `skip` that have a port, in turn; each group is taken at once. */
function groupSteps<Media>(
  steps: readonly EncounterStep[],
  ports: EncounterPorts<Media>,
): readonly (readonly TakeableStep<Media>[])[] {
  const end = steps.indexOf("skip");
  const wanted = new Set(steps.slice(0, end < 0 ? steps.length : end));
  const taken = [...wanted].flatMap((step) => {
    const take = step === "skip" ? undefined : ports[step];
    return step === "skip" || !take ? [] : [{ step, take }];
  });
  return taken[0]?.step === "remux" ? [taken] : taken.map((one) => [one]);
}

interface TakenStep<Media> {
  readonly step: "remux" | "wait";
  readonly outcome: StepOutcome<Media>;
}

/** @returns what has ended, in that order: up to the first that brings media or is blocked, else all */
function takeTogether<Media>(group: readonly TakeableStep<Media>[]): Promise<readonly TakenStep<Media>[]> {
  const ended: TakenStep<Media>[] = [];
  return new Promise((resolve) => {
    for (const { step, take } of group)
      void attempt(take).then((outcome) => {
        ended.push({ step, outcome });
        const isLast = "media" in outcome || outcome.skipped === "creative-blocked";
        if (isLast || ended.length === group.length) resolve([...ended]);
      });
  });
}

async function attempt<Media>(take: () => Promise<StepOutcome<Media>>): Promise<StepOutcome<Media>> {
  try {
    return await take();
  } catch (cause) {
    return { skipped: "media-unavailable", message: String(cause) };
  }
}

/**
 * Which of the reasons is told: CRS's own last word, else what became of the wait, else of the remux where nobody makes a copy, else the
 * first.
 */
export function selectEncounterReason(
  first: SkipReason,
  told: { readonly remux?: SkipReason; readonly wait?: SkipReason },
  canWait: boolean,
): SkipReason {
  const last = [told.wait, first].find((reason) => reason === "creative-blocked" || reason === "repackage-failed");
  return last ?? told.wait ?? (canWait ? undefined : told.remux) ?? first;
}
