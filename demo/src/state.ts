/** What the page knows of one workflow's latest viewing. */
import type { AdEvent, BeaconEvent, BreakSnapshot, SkipEvent } from "@interlude/plugin/hls";
import type { WrittenPlaylist } from "./manifest/views.ts";
import type { StepView } from "./step.ts";
import type { Facts, Phase } from "./story.ts";

/** One tab's. */
export interface State {
  readonly phase: Phase;
  readonly steps: readonly StepView[];
  readonly breaks: readonly BreakSnapshot[];
  readonly beacons: readonly BeaconEvent[];
  readonly ad: (AdEvent & { readonly time: number }) | undefined;
  readonly skipped: SkipEvent["reason"] | undefined;
  readonly job: Facts["job"];
  readonly error: string | undefined;
  readonly isForgotten: boolean;
  /** Viewers of this choice so far, the current one included. */
  readonly viewers: number;
  /** The id that the beacons have. */
  readonly session: string | undefined;
  readonly written: WrittenPlaylist | undefined;
}

/** Nobody has watched. */
export const FRESH: State = {
  phase: "idle",
  steps: [],
  breaks: [],
  beacons: [],
  ad: undefined,
  skipped: undefined,
  job: undefined,
  error: undefined,
  isForgotten: false,
  viewers: 0,
  session: undefined,
  written: undefined,
};
