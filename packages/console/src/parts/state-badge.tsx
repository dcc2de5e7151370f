/** Where a creative stands: a word, its colour, and how far it is. */
import type { JSX } from "preact";
import { type Creative, isWorking } from "../api/creatives.ts";

type Tone = "good" | "warn" | "bad" | "busy" | undefined;

export function StateBadge({ creative }: { readonly creative: Creative }): JSX.Element {
  const { state, progress, reason } = creative;
  const isBusy = isWorking(creative);
  const percent = Math.round(progress * 100);
  return (
    <span class="badge" data-tone={toneOf(state)} data-state={state}>
      {state}
      {isBusy && ` ${percent} %`}
      {reason !== undefined && `: ${reason}`}
      {isBusy && <progress max={100} value={percent} aria-label={`Progress, ${percent} %`} />}
    </span>
  );
}

function toneOf(state: Creative["state"]): Tone {
  if (state === "ready") return "good";
  if (state === "failed" || state === "blocked") return "bad";
  return state === "absent" ? undefined : "busy";
}
