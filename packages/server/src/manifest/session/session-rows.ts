/** The breaks of a session as PostgreSQL tells them. */
import type { BreakDecision, BreakRow, EarlyReturn, Resumption } from "../breaks/decision.ts";
import { SESSION_LIMITS } from "./session-limits.ts";

/** null: none. */
export type BreaksOfSession =
  | readonly {
      readonly break_id: string;
      /** ms since 1970 */
      readonly first_listed_at: number;
      readonly decision: BreakDecision | null;
      readonly early_return: EarlyReturn | null;
      readonly resumption: Resumption | null;
    }[]
  | null;

/** A column of a statement over `session`: {@link BreaksOfSession}, in the order in which they were first listed. */
export const NEWEST_BREAKS: string = `
    (select json_agg(json_build_object('break_id', break_id,
        'first_listed_at', extract(epoch from first_listed_at) * 1000,
        'decision', decision, 'early_return', early_return,
        'resumption', resumption) order by first_listed_at, key) from (
      select * from session_break where session_break.session = session.id
      order by first_listed_at desc, key limit ${SESSION_LIMITS.breaks}) as newest)`;

/** As the program has them. */
export function readBreaks(breaks: BreaksOfSession): readonly BreakRow[] {
  return (breaks ?? []).map(
    ({ break_id: breakId, first_listed_at: firstListedAt, decision, early_return, resumption }) => ({
      breakId,
      firstListedAt,
      decision: decision ?? undefined,
      earlyReturn: early_return ?? undefined,
      resumption: resumption ?? undefined,
    }),
  );
}
