/** Lists the sessions of one process: only those of the page are looked into. */
import type { HeldSession, SessionShelf, SurveyedSession } from "./session-shelf.ts";
import { formatPosition, kindOfTracks, parsePosition, summariseRows } from "./session-list.ts";
import type { ListedSession, SessionList, SessionListFilter, ShownSession } from "./session.ts";

/** The page that the filter wants. */
export function listHeld(shelf: SessionShelf, { zone, limit, before }: SessionListFilter): SessionList {
  const position = before === undefined ? undefined : parsePosition(before);
  const last = position && { id: position.id, createdAt: Number(position.startedAt) };
  let total = 0;
  // One more than is shown: whether there is a next page.
  const page: SurveyedSession[] = [];
  for (const one of shelf.survey()) {
    if (zone !== undefined && one.zone !== zone) continue;
    total += 1;
    if (last === undefined || isNewer(last, one)) insert(page, one, limit + 1);
  }
  const shown = page.slice(0, limit);
  const end = shown.at(-1);
  const sessions = shown.flatMap(({ id }) => {
    const found = shelf.peek(id);
    return found ? [describeListed(found.facts, found.usedAt)] : [];
  });
  const hasMore = page.length > limit && end !== undefined;
  return {
    sessions,
    total,
    next: hasMore ? formatPosition({ startedAt: BigInt(end.createdAt), id: end.id }) : undefined,
  };
}

/** One session; undefined: not there. */
export function showHeld(shelf: SessionShelf, id: string): ShownSession | undefined {
  const found = shelf.peek(id);
  return found && { ...describeListed(found.facts, found.usedAt), rows: found.facts.breaks };
}

function describeListed({ session, tracks, breaks }: HeldSession, usedAt: number): ListedSession {
  const kind = kindOfTracks(tracks.map(({ timeline }) => ({ isLive: timeline !== undefined })));
  return { session, usedAt, kind, breaks: summariseRows(breaks) };
}

type Started = Pick<SurveyedSession, "createdAt" | "id">;

function isNewer(a: Started, b: Started): boolean {
  return a.createdAt === b.createdAt ? a.id > b.id : a.createdAt > b.createdAt;
}

/** Keeps the newest `size`, newest first: there may be a hundred thousand, of which a page is wanted. */
function insert(page: SurveyedSession[], one: SurveyedSession, size: number): void {
  const oldest = page.at(-1);
  if (page.length === size && oldest && !isNewer(one, oldest)) return;
  const index = page.findIndex((other) => isNewer(one, other));
  page.splice(index < 0 ? page.length : index, 0, one);
  if (page.length > size) page.pop();
}
