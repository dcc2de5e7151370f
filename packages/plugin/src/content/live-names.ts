/**
 * The ids of live avails, as long as they tell its breaks apart. Some encoders use one event id for every break; without another name
 * the second would get the first one's ads, and no beacon of its own.
 */
import type { Avail } from "@interlude/core";
import { PRE_ROLL_ID } from "../ads/ad-requests.ts";
import type { ContentFacts } from "./content.ts";
import type { LivePlace } from "./live-places.ts";

/** Seconds beyond an avail's length within which the same id is the same break: clocks of renditions differ. */
const SAME_BREAK_SECONDS = 30;
/** Windows beyond which numbers alone make it another break: renditions may number differently. */
const SAME_BREAK_WINDOWS = 10;

/** @param find the place of a known break */
export function nameAvails(
  avails: readonly Avail[],
  find: (id: string) => LivePlace | undefined,
  facts: ContentFacts,
): readonly Avail[] {
  return avails.map((avail) => {
    const base = avail.id === PRE_ROLL_ID ? `avail-${avail.id}` : avail.id;
    let id = base;
    for (let time = 2; isElsewhere(find(id), avail, facts); time++) id = `${base}@${time}`;
    return id === avail.id ? avail : { ...avail, id };
  });
}

function isElsewhere(known: LivePlace | undefined, avail: Avail, { playlist }: ContentFacts): boolean {
  if (!known) return false;
  const [there, here] = [Date.parse(known.at.programDateTime ?? ""), Date.parse(avail.programDateTime ?? "")];
  if (Number.isFinite(there) && Number.isFinite(here)) {
    const length = Math.max(avail.duration, known.duration);
    return Math.abs(there - here) / 1000 > length + SAME_BREAK_SECONDS;
  }
  const distance = Math.abs(known.at.mediaSequence - avail.mediaSequence);
  return distance > playlist.segments.length * SAME_BREAK_WINDOWS;
}
