/** What this server wants to be told of a film, whoever names it. @see VAST 4.3 §3.14.1 */
const LINEAR_EVENTS = [
  "creativeView",
  "start",
  "firstQuartile",
  "midpoint",
  "thirdQuartile",
  "complete",
  "mute",
  "unmute",
  "pause",
  "resume",
] as const;

/** `skip` only where the viewer may. */
export function listLinearEvents(isSkippable: boolean): readonly string[] {
  return isSkippable ? [...LINEAR_EVENTS, "skip"] : LINEAR_EVENTS;
}
