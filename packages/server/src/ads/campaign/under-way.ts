/** Ads that an answer named and no impression has come for yet. */

export interface UnderWay {
  add(viewer: string, offer: { readonly lineItem: string; readonly happening: string }): void;
  remove(happening: string): void;
  countOf(lineItem: string): number;
  /** @param known happenings that are counted elsewhere already */
  timesOf(lineItem: string, viewer: string, known: ReadonlySet<string>): readonly Date[];
}

/** After this, an ad that was not shown counts as one that will not be. */
const PATIENCE_MS = 300_000;

/** The oldest make room: what is forgotten here can be over-delivered by one. */
const MAX_OFFERS = 200_000;

interface OfferedAd {
  readonly lineItem: string;
  readonly viewer: string;
  readonly at: number;
}

/** @param now ms since the epoch */
export function createUnderWay(now: () => number): UnderWay {
  /** By happening, oldest first. */
  const offers = new Map<string, OfferedAd>();
  const counts = new Map<string, number>();
  const byViewer = new Map<string, Set<string>>();

  const remove = (happening: string): void => {
    const offer = offers.get(happening);
    if (!offer) return;
    offers.delete(happening);
    counts.set(offer.lineItem, (counts.get(offer.lineItem) ?? 1) - 1);
    const own = byViewer.get(offer.viewer);
    own?.delete(happening);
    if (own?.size === 0) byViewer.delete(offer.viewer);
  };

  const expire = (): void => {
    const since = now() - PATIENCE_MS;
    for (const [happening, { at }] of offers) {
      if (at > since && offers.size <= MAX_OFFERS) return;
      remove(happening);
    }
  };

  return {
    add: (viewer, { lineItem, happening }) => {
      // Asked again for the same place, the same ad is the same impression, later
      remove(happening);
      offers.set(happening, { lineItem, viewer, at: now() });
      counts.set(lineItem, (counts.get(lineItem) ?? 0) + 1);
      const own = byViewer.get(viewer) ?? new Set();
      byViewer.set(viewer, own.add(happening));
      expire();
    },
    remove,
    countOf: (lineItem) => {
      expire();
      return counts.get(lineItem) ?? 0;
    },
    timesOf: (lineItem, viewer, known) => {
      expire();
      return [...(byViewer.get(viewer) ?? [])].flatMap((happening) => {
        const offer = offers.get(happening);
        return offer?.lineItem === lineItem && !known.has(happening) ? [new Date(offer.at)] : [];
      });
    },
  };
}
