/** One step of a numbered list, as the page shows it. Both workflows are told in these terms. */

/** `unneeded`: the workflow ended before this step. */
export type StepState = "idle" | "active" | "done" | "failed" | "unneeded";

export interface StepView {
  readonly step: number;
  readonly state: StepState;
  /** Letters of the branches that were taken. */
  readonly parts: readonly string[];
  /** The latest real request of this step. */
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly status: number | undefined;
  readonly ms: number | undefined;
  /** Ad breaks that went through this step. */
  readonly breaks: readonly string[];
  /** What else is known of it, a line each. */
  readonly facts: readonly string[];
}

export interface StepText {
  readonly step: number;
  readonly title: string;
  readonly parts?: readonly { readonly part: string; readonly text: string }[];
  /** Told by the answer to the request of the step before, whose address is there. */
  readonly isAnswer?: boolean;
}

/** Nothing has happened in it. */
export function idleStep({ step }: Pick<StepText, "step">): StepView {
  return {
    step,
    state: "idle",
    parts: [],
    method: undefined,
    url: undefined,
    status: undefined,
    ms: undefined,
    breaks: [],
    facts: [],
  };
}
