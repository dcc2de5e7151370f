/** Ads that were offered, in the order in which they were. */

export interface OfferedAd {
  readonly lineItem: string;
  readonly happening: string;
  readonly isForRobot: boolean;
  readonly viewer: string;
  readonly offeredAtMs: number;
}

export interface OfferQueue {
  add(offer: OfferedAd): void;
  find(happening: string): OfferedAd | undefined;
  remove(happening: string): void;
  size(): number;
  oldest(): OfferedAd | undefined;
  /** Those that were offered then, or before. */
  listUntil(timeMs: number): readonly OfferedAd[];
  /** Each time the happenings that come next, from the start again behind the end: none is passed over because others were removed. */
  takeTurn(): readonly string[];
}

/** @param maxTurn how many come at a turn */
export function createOfferQueue(maxTurn: number): OfferQueue {
  const offers = new Map<string, OfferedAd>();
  // Where it is stays true when others come and go.
  let turn = offers.keys();
  const takeOn = (taken: string[]): readonly string[] => {
    while (taken.length < maxTurn) {
      const { value, done } = turn.next();
      if (done) break;
      taken.push(value);
    }
    return taken;
  };
  return {
    add: (offer) => void offers.set(offer.happening, offer),
    find: (happening) => offers.get(happening),
    remove: (happening) => void offers.delete(happening),
    size: () => offers.size,
    oldest: () => offers.values().next().value,
    listUntil: (timeMs) => {
      const found: OfferedAd[] = [];
      for (const offer of offers.values()) {
        if (offer.offeredAtMs > timeMs) break;
        found.push(offer);
      }
      return found;
    },
    takeTurn: () => {
      const taken = takeOn([]);
      if (taken.length > 0) return taken;
      turn = offers.keys();
      return takeOn([]);
    },
  };
}
