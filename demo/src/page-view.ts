/** Draws everything but the choices and the beacons, which draw themselves. */
import type { Choice, Workflow } from "./choice.ts";
import { find, setText } from "./elements.ts";
import { renderJob } from "./job-view.ts";
import { SERVER_STEPS } from "./manifest/steps.ts";
import { createBootstrapView, createPlaylistView } from "./manifest/views.ts";
import { formatBadge, formatTime } from "./format.ts";
import type { PlayerState, PlayerView } from "./player-view.ts";
import { type DemoSession, secondsToAvail } from "./server.ts";
import type { State } from "./state.ts";
import { idleStep, type StepText, type StepView } from "./step.ts";
import { createStepsView } from "./steps-view.ts";
import { STEPS } from "./steps.ts";
import { tellStory } from "./story.ts";

/** What a tab's state is seen in. */
export interface Scene {
  readonly workflow: Workflow;
  readonly choice: Choice;
  readonly demo: DemoSession | undefined;
  /** Whether the element has something to play. */
  readonly isLoaded: boolean;
  /** Milliseconds since 1970 of the frame on screen, or now. */
  readonly date: number;
  /** What the player asks the manifest server next, or has asked. */
  readonly bootstrap: URL;
  /** Seconds of content where Play goes on; 0: nowhere but at the start. */
  readonly position: number;
  /** Whether the link said that position, and not an earlier viewing. */
  readonly isShared: boolean;
}

export type RenderPage = (state: State, scene: Scene) => void;

const STEPS_OF: Readonly<Record<Workflow, readonly StepText[]>> = { player: STEPS, server: SERVER_STEPS };

export function createPageView(player: PlayerView): RenderPage {
  const renderSteps = createStepsRenderer();
  return (state, scene) => {
    const { phase, breaks, ad, viewers, job, steps } = state;
    const { isLive, duration } = scene.choice.content;
    const shown = scene.isLoaded && phase !== "left" ? phase : "idle";
    const { position } = scene;
    player.render({ state: shown, isLive, duration, position, breaks, badge: ad && formatBadge(ad) });
    renderSteps(state, scene);
    renderJob(job, isUnneeded(steps, scene.workflow));
    renderStory(state, scene);
    renderActions(viewers, isOver(shown) || job?.state === "ready", scene);
    setText(find("viewer", HTMLSpanElement), viewers > 0 ? `viewer ${viewers}` : "");
    renderForget(scene);
  };
}

function isOver(shown: PlayerState["state"]): boolean {
  return shown === "idle" || shown === "ended" || shown === "error";
}

/** Who was here before goes on there, or begins anew. */
function renderActions(viewers: number, isNext: boolean, { position, isShared }: Scene): void {
  const watch = find("watch", HTMLButtonElement);
  const resume = find("resume", HTMLButtonElement);
  resume.hidden = position === 0;
  setText(resume, `${isShared ? "Play from" : "Resume at"} ${formatTime(position)}`);
  watch.classList.toggle("primary", isNext && position === 0);
  const first = position === 0 ? "Play" : "Play from the start";
  setText(watch, viewers > 0 ? "Watch as the next viewer" : first);
}

/** Whether CRS has nothing to do in this viewing. */
function isUnneeded(steps: readonly StepView[], workflow: Workflow): boolean {
  if (workflow === "player") return steps.some(({ step, state }) => step === 5 && state === "unneeded");
  return steps.some(
    ({ step, parts }) => step === 7 && (parts.includes("b") || parts.includes("c")) && !parts.includes("d"),
  );
}

function createStepsRenderer(): (state: State, scene: Scene) => void {
  const stepsView = createStepsView();
  const bootstrapView = createBootstrapView();
  const playlistView = createPlaylistView();
  return ({ steps, written }, { workflow, choice, bootstrap }) => {
    const texts = STEPS_OF[workflow];
    stepsView.render(texts, steps.length > 0 ? steps : texts.map(idleStep));
    bootstrapView.render(bootstrap, choice);
    if (workflow === "server") stepsView.append(2, bootstrapView.element);
    find("playlist", HTMLElement).hidden = workflow !== "server";
    playlistView.render(written);
  };
}

function renderStory(state: State, { workflow, choice, demo, date }: Scene): void {
  const story = tellStory({
    ...state,
    workflow,
    isLive: choice.content.isLive,
    cdn: choice.cdn,
    format: choice.creative.format,
    isHls: choice.creative.id === "hls",
    adTitle: state.ad?.title,
    placed: state.breaks.filter((item) => item.state === "placed").length,
    nextAvail: demo && secondsToAvail(demo, date),
  });
  find("story", HTMLDivElement).dataset["tone"] = story.tone;
  setText(find("story-now", HTMLElement), story.now);
  setText(find("story-next", HTMLSpanElement), story.next);
  find("story-encounter", HTMLAnchorElement).hidden = state.phase === "ad" || state.skipped !== "new-creative";
}

function renderForget({ choice, demo }: Scene): void {
  const forget = find("forget", HTMLButtonElement);
  const hint = find("forget-hint", HTMLParagraphElement);
  const isHls = choice.creative.id === "hls";
  forget.hidden = !demo?.token || isHls;
  hint.hidden = !demo || !forget.hidden;
  const text = isHls
    ? "Nothing to forget: HLS is spliced as it is."
    : "Creatives can be made cold again where the server runs on 127.0.0.1.";
  setText(hint, text);
}
