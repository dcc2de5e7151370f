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

/** Ids that are remembered as used: more than breaks whose beacons are. */
const MAX_RETIRED = 1000;

/** Names avails: an id that is used again for another break gets `@2`, `@3` and so on. */
export interface LiveNames {
  readonly name: (avails: readonly Avail[], facts: ContentFacts) => readonly Avail[];
  /** A break is forgotten; its name is never given again. */
  readonly retire: (id: string) => void;
}

/** @param find the place of a known break */
export function createLiveNames(find: (id: string) => LivePlace | undefined): LiveNames {
  const next = new Map<string, number>();
  const nameOne = (avail: Avail, facts: ContentFacts): Avail => {
    const base = avail.id === PRE_ROLL_ID ? `avail-${avail.id}` : avail.id;
    let time = next.get(base) ?? 1;
    while (isElsewhere(find(formatName(base, time)), avail, facts)) time++;
    const id = formatName(base, time);
    return id === avail.id ? avail : { ...avail, id };
  };
  return {
    name: (avails, facts) => avails.map((avail) => nameOne(avail, facts)),
    retire: (id) => {
      const [, base = id, time = "1"] = /^(.*)@(\d+)$/.exec(id) ?? [];
      next.delete(base);
      next.set(base, Number(time) + 1);
      const [oldest] = next.size > MAX_RETIRED ? next.keys() : [];
      if (oldest !== undefined) next.delete(oldest);
    },
  };
}

function formatName(base: string, time: number): string {
  return time === 1 ? base : `${base}@${time}`;
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
