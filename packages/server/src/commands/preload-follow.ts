/** Asks for creatives and follows each until it is ready or has failed. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Display } from "./preload-display.ts";
import {
  type ItemAnswer,
  type PreloadClient,
  type PreloadOrder,
  type PreloadStatus,
  ServerError,
} from "./preload-client.ts";
import type { PreloadCreative } from "./preload-creatives.ts";

/** One cut that is wanted of every creative. */
export interface WantedCut {
  readonly packaging: string;
  /** Seconds: 6, 4 or 2. */
  readonly targetDuration: number;
}

/** How it ended for one creative; `failure` is a sentence, or undefined. */
export interface PreloadResult {
  readonly name: string;
  readonly state: string;
  readonly failure: string | undefined;
  /** From the first asking; 0 where it was there already. */
  readonly seconds: number;
}

export interface FollowOptions {
  readonly cuts: readonly WantedCut[];
  /** False: asked once, not followed. */
  readonly isWaiting: boolean;
  /** Seconds after which what is not ready has failed; infinite: no end to it. */
  readonly patience: number;
}

interface Tracked {
  readonly creative: PreloadCreative;
  readonly name: string;
  /** What the queue had no room for. */
  pending: readonly PreloadOrder[];
  state: string;
  progress: number;
  failure: string | undefined;
  isEnded: boolean;
  seconds: number;
  lookedAt: number;
}

const BATCH = 300;
const ROUND_MS = 500;
/** Creatives that are looked at in one round: those in work first, then the one that was not looked at for longest. */
const LOOKS = 10;
/** After which a full queue is asked again. */
const ASK_AGAIN_MS = 3000;
/** For so long a server may be away, to be started anew for instance, before it is given up. */
const SILENCE_MS = 30_000;

/** @throws ServerError */
export async function followCreatives(
  creatives: readonly PreloadCreative[],
  client: PreloadClient,
  display: Display,
  { cuts, isWaiting, patience }: FollowOptions,
): Promise<readonly PreloadResult[]> {
  const startedAt = performance.now();
  const all = trackCreatives(creatives, cuts);
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  const show = (): void => display.show(all);
  let askedAt = startedAt;
  let heardAt = startedAt;
  const look = async (): Promise<void> => {
    if (performance.now() - askedAt > ASK_AGAIN_MS && all.some(({ pending }) => pending.length > 0)) {
      askedAt = performance.now();
      await ask(all, client, cuts, seconds);
    }
    for (const one of selectNext(all)) {
      one.lookedAt = performance.now();
      settle(one, await client.look(one.creative.key), cuts, seconds);
    }
    heardAt = performance.now();
  };
  await ask(all, client, cuts, () => 0);
  show();
  if (!isWaiting) return all.map(toResult);
  while (all.some(({ isEnded }) => !isEnded)) {
    if (seconds() > patience) giveUp(all, patience);
    await sleep(ROUND_MS);
    await look().catch((error: unknown) => {
      const isBearable = error instanceof ServerError && error.isTransient && performance.now() - heardAt < SILENCE_MS;
      if (!isBearable) throw error;
    });
    show();
  }
  return all.map(toResult);
}

function giveUp(all: readonly Tracked[], patience: number): void {
  for (const one of all.filter(({ isEnded }) => !isEnded)) {
    one.failure = `not ready within ${patience} s`;
    one.isEnded = true;
  }
}

function toResult({ name, state, failure, seconds }: Tracked): PreloadResult {
  return { name, state, failure, seconds };
}

function trackCreatives(creatives: readonly PreloadCreative[], cuts: readonly WantedCut[]): readonly Tracked[] {
  const taken = new Set<string>();
  return creatives.map((creative) => {
    const { creativeUrl, adSystem, adId, creativeId, key } = creative;
    const short = nameCreative(creativeUrl);
    const name = taken.has(short) ? `${short} (${key.slice(0, 8)})` : short;
    taken.add(short);
    const pending = cuts.map((cut) => ({ creativeUrl, adSystem, adId, creativeId, ...cut }));
    const rest = { state: "", progress: 0, failure: undefined, isEnded: false, seconds: 0, lookedAt: 0 };
    return { creative, name, pending, ...rest };
  });
}

/** Host and file: what tells creatives apart on one line. */
function nameCreative(creativeUrl: string): string {
  const { host, pathname } = new URL(creativeUrl);
  const file = pathname.split("/").findLast(Boolean) ?? "";
  return `${host}/${pathname.split("/").filter(Boolean).length > 1 ? "…/" : ""}${file.slice(-60)}`;
}

async function ask(
  all: readonly Tracked[],
  client: PreloadClient,
  cuts: readonly WantedCut[],
  seconds: () => number,
): Promise<void> {
  const asked = all.flatMap((one) => (one.isEnded ? [] : one.pending.map((order) => ({ one, order }))));
  const last = new Map<Tracked, PreloadStatus>();
  for (let i = 0; i < asked.length; i += BATCH) {
    const batch = asked.slice(i, i + BATCH);
    const answers = await client.ask(batch.map(({ order }) => order));
    for (const [j, { one, order }] of batch.entries()) takeAnswer(one, order, answers[j] ?? {}, last);
  }
  // Only now: what is asked for later in the list puts a creative that was ready back to work.
  for (const [one, status] of last) settle(one, status, cuts, seconds);
}

function takeAnswer(one: Tracked, order: PreloadOrder, answer: ItemAnswer, last: Map<Tracked, PreloadStatus>): void {
  if (answer.error?.code === "queue-full") {
    one.state = "queue full";
    return;
  }
  one.pending = one.pending.filter((other) => other !== order);
  if (answer.status !== undefined) {
    last.set(one, answer.status);
  } else {
    one.state = "refused";
    one.failure = answer.error?.message ?? "expected a status, got none";
    one.isEnded = true;
  }
}

function settle(
  one: Tracked,
  status: PreloadStatus | undefined,
  cuts: readonly WantedCut[],
  seconds: () => number,
): void {
  if (one.isEnded || (one.pending.length > 0 && one.pending.length === cuts.length)) return;
  one.state = status?.state ?? "absent";
  one.progress = status?.progress ?? 0;
  if (one.state === "ready" && one.pending.length > 0) return;
  const failure = findFailure(status, cuts);
  one.isEnded = one.state === "ready" || failure !== undefined;
  if (!one.isEnded) return;
  one.failure = failure;
  one.seconds = seconds();
}

/** Why a creative will not become ready by itself; undefined: it is, or it may. */
function findFailure(status: PreloadStatus | undefined, cuts: readonly WantedCut[]): string | undefined {
  if (status === undefined) return "forgotten by the server meanwhile";
  const { state, reason = "no reason", message, retryAt } = status;
  if (state === "failed" || state === "blocked") {
    const again = retryAt === undefined ? "" : ` (again from ${retryAt})`;
    return `${reason}${message === undefined ? "" : `: ${message.replace(/[\p{Cc}\s]+/gu, " ")}`}${again}`;
  }
  if (state !== "ready") return undefined;
  const missing = cuts.filter(
    (cut) =>
      !status.packages.some(
        (one) => one.packaging === cut.packaging && one.targetDuration === cut.targetDuration && one.cdns.length > 0,
      ),
  );
  return missing.length === 0
    ? undefined
    : `${missing.map(formatCut).join(", ")}: expected it on a CDN, found it on none`;
}

function selectNext(all: readonly Tracked[]): readonly Tracked[] {
  const isWorked = ({ state }: Tracked): boolean => !["queued", "queue full"].includes(state);
  return all
    .filter((one) => !one.isEnded && one.state !== "queue full")
    .toSorted((a, b) => Number(isWorked(b)) - Number(isWorked(a)) || a.lookedAt - b.lookedAt)
    .slice(0, LOOKS);
}

/** `hls 6 s` */
export function formatCut({ packaging, targetDuration }: WantedCut): string {
  return `${packaging} ${targetDuration} s`;
}
