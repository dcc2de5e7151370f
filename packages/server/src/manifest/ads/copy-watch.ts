/**
 * Waits for copies that CRS is making: one look at CRS and one listener per creative, however many viewers wait for it, and nothing
 * where nobody does.
 *
 * @see DESIGN §4 step 4 (`wait`)
 */
import type { CreativeState, Package } from "@interlude/core";

/** What CRS says of a creative. */
export interface CreativeNews {
  readonly zone: string;
  readonly key: string;
  readonly state: CreativeState;
  readonly packages: readonly (Package & { readonly cdns: readonly string[] })[];
}

/** What must be known of CRS to wait for it. */
export interface CopyEvents {
  /** undefined: CRS does not know the creative. */
  readonly status: (zone: string, key: string) => Promise<CreativeNews | undefined>;
  /** Tells every change of a creative; returns the end of it. */
  readonly subscribe: (listener: (news: CreativeNews) => void) => () => void;
}

/** A creative on one CDN; any of the packages will do, the first that is there in their order. */
export interface WantedCopy {
  readonly zone: string;
  readonly key: string;
  readonly cdn: string;
  readonly packages: readonly Package[];
}

/** The package that can be played now, or why none will be. */
export type CopyOutcome = Package | "failed" | "blocked";

export interface CopyWatch {
  /** undefined: there was none when it was over, CRS could not be asked, or too many wait already. Never rejects. */
  wait(wanted: WantedCopy, over: Promise<void>): Promise<CopyOutcome | undefined>;
}

/** More than these do not wait at all. */
const MAX_WAITING = 2_000;

interface Watched {
  readonly waiting: Set<(news: CreativeNews) => void>;
  /** What was heard last: who comes after it is told by nobody else. */
  latest: CreativeNews | undefined;
  readonly end: () => void;
}

export function createCopyWatch(crs: CopyEvents): CopyWatch {
  const creatives = new Map<string, Watched>();
  let count = 0;

  const watch = (name: string, { zone, key }: WantedCopy): Watched => {
    const known = creatives.get(name);
    if (known) return known;
    const waiting = new Set<(news: CreativeNews) => void>();
    const hear = (news: CreativeNews): void => {
      watched.latest = news;
      for (const tell of waiting) tell(news);
    };
    // listening begins before the look, so that no change between the two is lost
    const end = crs.subscribe((news) => {
      if (news.zone === zone && news.key === key) hear(news);
    });
    const watched: Watched = { waiting, latest: undefined, end };
    void crs.status(zone, key).then(
      (news) => news && watched.latest === undefined && hear(news),
      () => undefined,
    );
    creatives.set(name, watched);
    return watched;
  };

  return {
    wait: async (wanted, over) => {
      if (count >= MAX_WAITING) return undefined;
      count++;
      const name = JSON.stringify([wanted.zone, wanted.key]);
      const watched = watch(name, wanted);
      let tell: ((news: CreativeNews) => void) | undefined;
      try {
        const found = new Promise<CopyOutcome>((resolve) => {
          tell = (news) => {
            const outcome = judge(news, wanted);
            if (outcome !== undefined) resolve(outcome);
          };
          watched.waiting.add(tell);
          if (watched.latest) tell(watched.latest);
        });
        return await Promise.race([found, over.then(() => undefined)]);
      } finally {
        count--;
        if (tell) watched.waiting.delete(tell);
        if (watched.waiting.size === 0) {
          creatives.delete(name);
          watched.end();
        }
      }
    },
  };
}

function judge({ state, packages }: CreativeNews, { cdn, packages: wanted }: WantedCopy): CopyOutcome | undefined {
  const found = wanted.find(({ packaging, targetDuration }) =>
    packages.some(
      (made) => made.packaging === packaging && made.targetDuration === targetDuration && made.cdns.includes(cdn),
    ),
  );
  return found ?? (state === "failed" || state === "blocked" ? state : undefined);
}
