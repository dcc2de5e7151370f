/**
 * The ids of a session's breaks: those that the content signals, as long as they tell its breaks apart. Some encoders use one event
 * id for every break; without another name the second would get the first one's ads, and no beacon of its own.
 */
import type { Avail, MediaPlaylist } from "@interlude/core";
import type { BreakRow } from "./decision.ts";

/** The id of the break before the live point. */
export const PRE_ROLL_ID = "preroll";
/** The row that says which breaks a VOD session has. */
export const PLAN_ID = "(plan)";
/** Stands for all breaks of a VOD session where nobody said which there are. */
export const ALL_ID = "(all)";

const RESERVED: ReadonlySet<string> = new Set([PRE_ROLL_ID, PLAN_ID, ALL_ID]);

/** Seconds beyond an avail's length within which the same id is the same break: clocks of renditions differ. */
const SAME_BREAK_SECONDS = 30;
/** Windows beyond which numbers alone make it another break: renditions may number differently. */
const SAME_BREAK_WINDOWS = 10;

/** The avails of a live window by their breaks' ids; the very list that was given where none has to be renamed. */
export function nameAvails(
  avails: readonly Avail[],
  rows: ReadonlyMap<string, BreakRow>,
  playlist: MediaPlaylist,
): readonly Avail[] {
  let isRenamed = false;
  const named = avails.map((avail) => {
    const base = RESERVED.has(avail.id) ? `avail-${avail.id}` : avail.id;
    let id = base;
    for (let time = 2; isElsewhere(rows.get(id), avail, playlist); time++) id = `${base}@${time}`;
    isRenamed ||= id !== avail.id;
    return id === avail.id ? avail : { ...avail, id };
  });
  return isRenamed ? named : avails;
}

function isElsewhere(row: BreakRow | undefined, avail: Avail, { segments }: MediaPlaylist): boolean {
  const place = row?.decision?.place;
  if (place?.kind !== "live") return false;
  const [known, here] = [Date.parse(place.programDateTime ?? ""), Date.parse(avail.programDateTime ?? "")];
  if (Number.isFinite(known) && Number.isFinite(here)) {
    const length = Math.max(avail.duration, row?.decision?.availDuration ?? 0);
    return Math.abs(known - here) / 1000 > length + SAME_BREAK_SECONDS;
  }
  return Math.abs(place.mediaSequence - avail.mediaSequence) > segments.length * SAME_BREAK_WINDOWS;
}

/** VOD, of the content or of the ad server's map: ids that this server keeps for itself get another name. */
export function nameVodAvail(id: string): string {
  return RESERVED.has(id) ? `avail-${id}` : id;
}
