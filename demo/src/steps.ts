/**
 * The numbered list of JIT repackaging initiated by the client, and how far one viewing has come in it. Pure.
 *
 * @see Detailed Workflows for JIT Repackaging, "initiated by the client"
 */
import type { WorkflowStepEvent } from "@interlude/plugin/hls";

/** `unneeded`: the workflow ended before this step. */
export type StepState = "idle" | "active" | "done" | "failed" | "unneeded";

export interface StepView {
  readonly step: WorkflowStepEvent["step"];
  readonly state: StepState;
  /** The branch that was taken. */
  readonly part: "a" | "b" | undefined;
  /** The latest real request of this step. */
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly status: number | undefined;
  readonly ms: number | undefined;
  /** Ad breaks that went through this step. */
  readonly breaks: readonly string[];
}

export interface StepText {
  readonly step: WorkflowStepEvent["step"];
  readonly title: string;
  readonly parts: readonly { readonly part: "a" | "b"; readonly text: string }[];
}

/** The six steps in short. */
export const STEPS: readonly StepText[] = [
  { step: 1, title: "The player asks for an ad", parts: [] },
  { step: 2, title: "The ad server returns the ad", parts: [] },
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
  { step: 5, title: "The ad server asks CRS", parts: [] },
  { step: 6, title: "CRS puts a copy on the CDN", parts: [] },
];

/** Nothing has happened. */
export const NO_STEPS: readonly StepView[] = STEPS.map(({ step }) => ({
  step,
  state: "idle",
  part: undefined,
  method: undefined,
  url: undefined,
  status: undefined,
  ms: undefined,
  breaks: [],
}));

/** The list after one more event. A step that ends the workflow leaves those behind it unneeded. */
export function applyStep(views: readonly StepView[], event: WorkflowStepEvent): readonly StepView[] {
  const state = selectState(event);
  const isEnd = (event.step === 3 || event.step === 4) && event.part === "a";
  return views.map((view) => {
    if (view.step < event.step && view.state === "active") return { ...view, state: "done" };
    if (view.step > event.step && isEnd && view.state === "idle") return { ...view, state: "unneeded" };
    if (view.step !== event.step) return view;
    return {
      step: view.step,
      state,
      part: event.part ?? view.part,
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
