/**
 * The publisher's own resolvers: the first that says it can finds the ads of a break, else the break keeps its own source.
 *
 * Whatever they throw, and however long they take, costs the break its ads and the content nothing.
 *
 * @see primetime.md §4.9 (`canResolve`: first true wins; none: skipped)
 */
import { AdError, type VastResult } from "@interlude/core";
import type { Emit } from "../events.ts";
import { parseAds } from "../opportunity-options.ts";
import { breakTag } from "./ad-requests.ts";
import type { AdsOption, Opportunity, OpportunityResolver } from "./opportunity.ts";
import type { BreakSource, PlannedBreak } from "./planned-break.ts";

export interface ResolverDeps {
  readonly resolvers: readonly OpportunityResolver[];
  readonly timeoutMs: number;
  readonly baseUrl: string;
  readonly emit: Emit;
  /** Aborted when the insertion is destroyed. */
  readonly ended: AbortSignal;
}

/** Never rejects. */
export async function resolveSource(planned: PlannedBreak, deps: ResolverDeps): Promise<BreakSource> {
  const opportunity = describeOpportunity(planned);
  const { breakId } = planned;
  try {
    const resolver = deps.resolvers.find((one) => one.canResolve(opportunity));
    if (!resolver) return planned.source;
    const ads = parseAds(`resolver of ${breakId}`, (await askWithin(resolver, opportunity, deps)) ?? {}, deps.baseUrl);
    if (!ads) return failWith("no-ads", 303, `break ${breakId}: its resolver has no ads`);
    if (ads.kind === "vast") return { ...ads, base: new URL(deps.baseUrl) };
    return ads.kind === "tag" ? { kind: "tag", tag: breakTag(ads.url, breakId) } : ads;
  } catch (cause) {
    if (cause instanceof AdError && cause.code === "upstream-timeout")
      return failWith("ads-timeout", 301, cause.message);
    const message = `break ${breakId}: its resolver failed: ${String(cause)}`;
    deps.emit("error", { fatal: false, code: "resolver-failed", message, cause });
    return failWith("no-ads", 303, message);
  }
}

function describeOpportunity({ breakId, position, contentTime, maxDuration, cue }: PlannedBreak): Opportunity {
  const { attributes = {}, signal } = cue ?? {};
  return { id: breakId, position, contentTime, duration: maxDuration, attributes, signal };
}

async function askWithin(
  resolver: OpportunityResolver,
  opportunity: Opportunity,
  { timeoutMs, ended }: ResolverDeps,
): Promise<AdsOption | undefined> {
  const waiting = new AbortController();
  const stop = (): void => waiting.abort();
  const message = `break ${opportunity.id}: expected its resolver's answer within ${timeoutMs} ms, got none`;
  ended.addEventListener("abort", stop);
  const timer = setTimeout(stop, timeoutMs);
  const isOver = new Promise<never>((_resolve, reject) => {
    waiting.signal.addEventListener("abort", () => reject(new AdError("upstream-timeout", message)));
  });
  try {
    return await Promise.race([resolver.resolve(opportunity, { signal: waiting.signal }), isOver]);
  } finally {
    clearTimeout(timer);
    ended.removeEventListener("abort", stop);
  }
}

function failWith(reason: "no-ads" | "ads-timeout", vastError: number, message: string): BreakSource {
  const failure = { reason, vastError, message, errorUrls: [], adId: undefined } as const;
  const result: VastResult = { ads: [], failures: [failure] };
  return { kind: "result", result };
}
