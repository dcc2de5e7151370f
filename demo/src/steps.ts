/**
 * The numbered list of JIT repackaging initiated by the client, and how far one viewing has come in it. Pure.
 *
 * @see Detailed Workflows for JIT Repackaging, "initiated by the client"
 */
import type { WorkflowStepEvent } from "@interlude/plugin/hls";
import { idleStep, type StepState, type StepText, type StepView } from "./step.ts";

/** The six steps in short. */
export const STEPS: readonly StepText[] = [
  { step: 1, title: "The player asks for an ad" },
  { step: 2, title: "The ad server returns the ad", isAnswer: true },
  {
    step: 3,
    title: "The player checks the format",
    parts: [
      { part: "a", text: "HLS: insert it, done" },
      { part: "b", text: "not HLS: ask the CDN for a copy" },
    ],
  },
  {
    step: 4,
    title: "The player checks the answer",
    parts: [
      { part: "a", text: "there: insert it, done" },
      { part: "b", text: "not there: ask for one, skip the ad" },
    ],
  },
  { step: 5, title: "The ad server asks CRS", isAnswer: true },
  { step: 6, title: "CRS puts a copy on the CDN" },
];

/** Nothing has happened. */
export const NO_STEPS: readonly StepView[] = STEPS.map(idleStep);

/** The list after one more event. A step that ends the workflow leaves those behind it unneeded. */
export function applyStep(views: readonly StepView[], event: WorkflowStepEvent): readonly StepView[] {
  const state = selectState(event);
  const isEnd = (event.step === 3 || event.step === 4) && event.part === "a";
  return views.map((view) => {
    if (view.step < event.step && view.state === "active") return { ...view, state: "done" };
    if (view.step > event.step && isEnd && view.state === "idle") return { ...view, state: "unneeded" };
    if (view.step !== event.step) return view;
    return {
      ...view,
      state,
      parts: event.part ? [event.part] : view.parts,
      method: event.method ?? view.method,
      url: event.url ?? view.url,
      status: event.status ?? view.status,
      ms: event.ms ?? view.ms,
      breaks: event.breakId === "" ? view.breaks : [...new Set([...view.breaks, event.breakId])],
    };
  });
}

function selectState(event: WorkflowStepEvent): StepState {
  if (event.step === 6) return event.state === "ready" ? "done" : isLost(event.state) ? "failed" : "active";
  if (event.step === 3) return event.part === "b" ? "active" : "done";
  if (event.status === undefined) return event.step === 1 ? "active" : "failed";
  const isMiss = event.step === 4 && event.part !== "b" && (event.status === 404 || event.status === 410);
  return event.status < 400 || isMiss ? "done" : "failed";
}

function isLost(state: WorkflowStepEvent["state"]): boolean {
  return state === "failed" || state === "blocked";
}
