/**
 * What media requests need to know of the content's master. It is remembered: a master is for the start, and may be refused once the
 * stream plays (its token ends), while the variants go on.
 */
import type { ContentLoader, ContentRequest, MasterContent } from "./content.ts";
import type { ManifestLog } from "../manifest-fetch.ts";
import type { RequestTrace } from "../trace.ts";
import { createWeightedLru } from "../weighted-lru.ts";

export interface MasterFacts {
  /** Whether there is sound that is not in the variants' own segments. */
  readonly hasSoundApart: boolean;
  /** The first variant's playlist, whose segments tell the time of the media; undefined: there is none. */
  readonly picturesUrl: URL | undefined;
}

/** @param request.url the master's; undefined: it cannot be had, and never could. Never rejects. */
export type ReadMasterFacts = (request: ContentRequest, trace: RequestTrace) => Promise<MasterFacts | undefined>;

export interface MasterFactsDeps {
  readonly content: Pick<ContentLoader, "loadMaster">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: ManifestLog;
}

const MAX_MASTERS = 10_000;
const FRESH_MS = 60_000;

/** Also asks no more than once a minute. */
export function createMasterFacts({ content, now, log }: MasterFactsDeps): ReadMasterFacts {
  const known = createWeightedLru<{ readonly facts: MasterFacts; readonly at: number }>(MAX_MASTERS);
  return async (request, trace) => {
    const key = request.url.href;
    const before = known.get(key);
    if (before && now() - before.at < FRESH_MS) return before.facts;
    const loaded = await content.loadMaster(request, trace).then(readFacts, (err: unknown) => {
      log.warn({ err, session: request.session.id }, "content master: could not be had again");
      return undefined;
    });
    const facts = loaded ?? before?.facts;
    if (facts) known.set(key, { facts, at: now() }, 1);
    return facts;
  };
}

function readFacts({ playlist, url }: MasterContent): MasterFacts {
  const { variants = [], renditions = [] } = playlist ?? {};
  const [variant] = variants;
  return {
    hasSoundApart: renditions.some(({ type, uri }) => type === "AUDIO" && uri !== undefined),
    picturesUrl: variant && URL.canParse(variant.uri, url.href) ? new URL(variant.uri, url) : undefined,
  };
}
