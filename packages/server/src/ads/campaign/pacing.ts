/**
 * Whether a line item with a goal is due, and how urgently.
 *
 *   asap → until the goal is reached
 *   even → never more than one impression ahead of the straight line through its flight; the further behind, the likelier
 */
import type { LineItem } from "./campaign.ts";

/** Behind or ahead, no line item is more than ten times as likely, or less, than its weight says. */
const MAX_URGENCY = 10;

/**
 * By how much more often than planned it must be shown from now on to reach its goal: 1 on the line, up to 10 behind it. 0: not
 * due. Always 1 without a goal.
 *
 * @param delivered impressions so far, those under way included
 */
export function urgencyOf(item: LineItem, delivered: number, now: Date): number {
  const { goal } = item;
  if (goal === undefined) return 1;
  const left = goal.impressions - delivered;
  if (left <= 0) return 0;
  const { start, end } = item.flight;
  if (goal.pacing === "asap" || start === undefined || end === undefined) return 1;
  const share = Math.min(1, Math.max(0, (now.getTime() - start.getTime()) / (end.getTime() - start.getTime())));
  if (delivered > goal.impressions * share) return 0;
  return share === 1 ? MAX_URGENCY : Math.min(MAX_URGENCY, left / goal.impressions / (1 - share));
}

/** How many more impressions of it this viewer may get now; Infinity without caps. */
export function leftForViewer(item: LineItem, seen: readonly Date[], now: Date): number {
  const left = item.frequency.map(({ impressions, hours }) => {
    const since = now.getTime() - hours * 3_600_000;
    return impressions - seen.filter((time) => time.getTime() > since).length;
  });
  return Math.max(0, Math.min(Infinity, ...left));
}
