/**
 * The manifest server's request to CRS. What CRS says is a value, whatever it is, and is good for two seconds for everyone who
 * asks for the same: a new creative in a live break is missed by all viewers at once.
 *
 * @see Primetime JIT workflow initiated by the manifest server, step 4 (primetime.md §3.2)
 */
import type { Ad, CreativeState, Packaging, RepackageAnswer, RepackageRequest } from "@interlude/core";
import type { ManifestLog } from "../manifest-fetch.ts";
import { createWeightedLru } from "../weighted-lru.ts";

/** One package of one creative; `creativeUrl` is the original, never the normalised one. */
export interface RepackageOrder {
  readonly zone: string;
  readonly creativeUrl: string;
  readonly packaging: Packaging;
  /** Seconds: 6, 4 or 2. */
  readonly targetDuration: number;
  /** As VAST names them. */
  readonly adSystem?: string;
  readonly adId?: string;
  readonly creativeId?: string;
  readonly id3?: boolean;
}

/**
 * CRS: its key, and the state that the creative was in before (`absent`: this order started the work). Throws an error with
 * `code` `queue-full` where there is no room, `creative-blocked` where the block list is against it.
 */
export type Repackage = (order: RepackageOrder) => Promise<{ readonly key: string; readonly before: CreativeState }>;

export interface RepackageAskerDeps {
  /** undefined: repackaging is off. */
  readonly repackage: Repackage | undefined;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly log: ManifestLog;
}

/** Never rejects. */
export type AskForRepackage = (request: RepackageRequest, ad: Ad, id3: boolean) => Promise<RepackageAnswer>;

const FRESH_MS = 2000;
const MAX_ANSWERS = 2000;

export function createRepackageAsker(deps: RepackageAskerDeps): AskForRepackage {
  const answers = createWeightedLru<{ at: number; readonly answer: Promise<RepackageAnswer> }>(MAX_ANSWERS);
  return (request, ad, id3) => {
    const order = formatOrder(request, ad, id3);
    const key = JSON.stringify(order);
    const known = answers.get(key);
    if (known && deps.now() - known.at < FRESH_MS) return known.answer;
    const answer = ask(order, request.key, deps);
    const entry = { at: Number.POSITIVE_INFINITY, answer };
    answers.set(key, entry, 1);
    // It ages from the time that it is there, so that one order is under way.
    void answer.then(() => (entry.at = deps.now()));
    return answer;
  };
}

function formatOrder({ zone, creativeUrl, cut, creative }: RepackageRequest, ad: Ad, id3: boolean): RepackageOrder {
  return {
    zone,
    creativeUrl,
    packaging: cut.packaging,
    targetDuration: cut.targetDuration,
    ...(ad.adSystem && { adSystem: ad.adSystem }),
    ...(ad.id !== undefined && { adId: ad.id }),
    ...(creative.id !== undefined && { creativeId: creative.id }),
    ...(id3 && { id3 }),
  };
}

async function ask(
  order: RepackageOrder,
  key: string,
  { repackage, log }: RepackageAskerDeps,
): Promise<RepackageAnswer> {
  if (!repackage) {
    log.info({ ...order, reason: "repackage-unavailable" }, "a creative is not on the CDN, and repackaging is off");
    return { outcome: "unavailable" };
  }
  try {
    const { key: answered, before: state } = await repackage(order);
    const reason = state === "absent" ? "new-creative" : undefined;
    log.info({ ...order, reason, state }, "CRS was asked for a creative");
    return { outcome: "accepted", state, key: answered };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    log.warn({ ...order, err: error }, "CRS did not take the request for a creative");
    if (code === "creative-blocked") return { outcome: "accepted", state: "blocked", key };
    return { outcome: code === "url-malformed" || code === "option-invalid" ? "refused" : "unavailable" };
  }
}
