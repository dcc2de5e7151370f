/**
 * The publisher's page: the choices, one player, and what happens behind its picture.
 */
import type { AdEvent, BreakSnapshot, SkipEvent, WorkflowStepEvent } from "@interlude/plugin/hls";
import { createBeaconsView } from "./beacons-view.ts";
import { CONTENTS, CREATIVES } from "./catalog.ts";
import { type Choice, formatChoice, readChoice } from "./choice.ts";
import { renderChoices } from "./choices-view.ts";
import { find, setText } from "./elements.ts";
import { createPlayerView } from "./player-view.ts";
import {
  countReceived,
  type DemoSession,
  fetchDemoSession,
  fetchReason,
  forgetCreative,
  secondsToAvail,
} from "./server.ts";
import { createStepsView } from "./steps-view.ts";
import { applyStep, NO_STEPS, type StepView } from "./steps.ts";
import { type Facts, type Phase, tellStory } from "./story.ts";
import { startViewing, type Viewing } from "./viewing.ts";

/** Everything that the page shows. */
interface State {
  readonly choice: Choice;
  readonly phase: Phase;
  readonly steps: readonly StepView[];
  readonly breaks: readonly BreakSnapshot[];
  readonly ad: (AdEvent & { readonly time: number }) | undefined;
  readonly skipped: SkipEvent["reason"] | undefined;
  readonly job: Facts["job"];
  readonly error: string | undefined;
  readonly isForgotten: boolean;
  /** Viewers of this choice so far, the current one included. */
  readonly viewers: number;
}

const video = find("video", HTMLVideoElement);
const watch = find("watch", HTMLButtonElement);
const forget = find("forget", HTMLButtonElement);
const playerView = createPlayerView(video, start);
const stepsView = createStepsView();
const beaconsView = createBeaconsView();

const FRESH = {
  phase: "idle",
  steps: NO_STEPS,
  breaks: [],
  ad: undefined,
  skipped: undefined,
  job: undefined,
  error: undefined,
  isForgotten: false,
} as const;
let state: State = { ...FRESH, choice: readChoice(new URLSearchParams(location.search)), viewers: 0 };
let demo: DemoSession | undefined;
let viewing: Viewing | undefined;
let isRenderDue = false;

function update(patch: Partial<State>): void {
  state = { ...state, ...patch };
  if (isRenderDue) return;
  isRenderDue = true;
  queueMicrotask(() => {
    isRenderDue = false;
    render();
  });
}

function render(): void {
  const { choice, phase, breaks, ad, steps } = state;
  const { isLive, duration } = choice.content;
  playerView.render({ state: phase, isLive, duration, breaks, badge: ad && formatBadge(ad) });
  stepsView.render(steps);
  renderJob();
  const story = tellStory({
    ...state,
    isLive,
    cdn: choice.cdn,
    format: choice.creative.title,
    isHls: choice.creative.id === "hls",
    adTitle: ad?.title,
    placed: breaks.filter((item) => item.state === "placed").length,
    nextAvail: demo && secondsToAvail(demo, viewing?.playingDate() ?? Date.now()),
  });
  find("story", HTMLDivElement).dataset["tone"] = story.tone;
  setText(find("story-now", HTMLElement), story.now);
  setText(find("story-next", HTMLSpanElement), story.next);
  const isOver = phase === "idle" || phase === "ended" || phase === "error";
  watch.classList.toggle("primary", isOver || state.job?.state === "ready");
  setText(find("viewer", HTMLSpanElement), state.viewers > 0 ? `viewer ${state.viewers}` : "");
  setText(watch, state.viewers > 0 ? "Watch as the next viewer" : "Play");
  renderForget();
}

function formatBadge({ index, adCount, duration, time }: AdEvent & { readonly time: number }): string {
  const which = adCount > 1 ? `Ad ${index + 1} of ${adCount}` : "Ad";
  return `${which} · ${Math.max(0, Math.ceil(duration - time))} s`;
}

const JOB_TEXT: Readonly<Record<NonNullable<Facts["job"]>["state"], string>> = {
  absent: "asked for",
  queued: "waiting",
  fetching: "fetching the creative",
  transcoding: "making the ladder",
  publishing: "uploading to the CDN",
  ready: "ready on the CDN",
  failed: "failed",
  blocked: "failed too often",
};

function renderJob(): void {
  const { job } = state;
  const progress = find("job-progress", HTMLProgressElement);
  find("job", HTMLElement).dataset["state"] = job?.state ?? "idle";
  const percent = Math.round((job?.state === "ready" ? 1 : (job?.progress ?? 0)) * 100);
  progress.value = percent;
  const reason = job?.reason ? `: ${job.reason}` : "";
  const isUnneeded = state.steps.some((step) => step.step === 5 && step.state === "unneeded");
  const nothing = isUnneeded ? "not needed" : "none yet";
  const isLost = job?.state === "failed" || job?.state === "blocked";
  const share = percent > 0 && percent < 100 && !isLost ? `${percent} %, ` : "";
  setText(find("job-state", HTMLSpanElement), job ? `${share}${JOB_TEXT[job.state]}${reason}` : nothing);
}

function renderForget(): void {
  const { choice } = state;
  const hint = find("forget-hint", HTMLParagraphElement);
  const isHls = choice.creative.id === "hls";
  forget.hidden = !demo?.token || isHls;
  hint.hidden = !demo || !forget.hidden;
  const text = isHls
    ? "Nothing to forget: HLS is spliced as it is."
    : "Creatives can be made cold again where the server runs on 127.0.0.1.";
  setText(hint, text);
}

function stop(): void {
  viewing?.destroy();
  viewing = undefined;
  video.removeAttribute("src");
  video.load();
}

function start(): void {
  stop();
  beaconsView.clear();
  update({ ...FRESH, phase: "starting", viewers: state.viewers + 1 });
  viewing = startViewing(video, state.choice, {
    workflowstep: (event) => {
      update({ steps: applyStep(state.steps, event) });
      if (event.step === 5 || event.step === 6) followJob(event);
    },
    adskip: ({ reason }) => update({ skipped: reason }),
    adstart: (ad) => update({ ad: { ...ad, time: 0 }, phase: "ad", skipped: undefined }),
    adprogress: (ad) => update({ ad }),
    adbreakcomplete: () => update({ ad: undefined, phase: video.ended ? "ended" : "content" }),
    timeline: ({ breaks }) => update({ breaks }),
    beacon: beaconsView.add,
    error: ({ fatal, message }) => fatal && update({ error: message }),
    contentfailed: (message) => update({ error: message, phase: "error" }),
  });
  document.documentElement.dataset["session"] = viewing.ads.session;
}

function followJob({ state: now, progress, url, step }: WorkflowStepEvent): void {
  if (now === undefined) return;
  const isWaiting = now === "absent" || now === "queued";
  update({
    job: { state: now, progress: progress ?? (isWaiting ? 0 : (state.job?.progress ?? 0)), reason: undefined },
  });
  if ((now !== "failed" && now !== "blocked") || step !== 6 || url === undefined) return;
  fetchReason(url)
    .then((reason) => state.job?.state === now && update({ job: { ...state.job, reason } }))
    .catch(() => undefined);
}

function choose(choice: Choice): void {
  history.replaceState(undefined, "", `?${formatChoice(choice)}`);
  stop();
  beaconsView.clear();
  update({ ...FRESH, choice, viewers: 0 });
}

async function forgetChosen(): Promise<void> {
  const { token } = demo ?? {};
  if (token === undefined) return;
  forget.disabled = true;
  try {
    stop();
    await forgetCreative(new URL(state.choice.creative.url, document.baseURI).href, token);
    beaconsView.clear();
    update({ ...FRESH, isForgotten: true, viewers: 0 });
  } catch (error) {
    update({ error: String(error) });
  } finally {
    forget.disabled = false;
  }
}

/** Once a second: the countdown to the next avail, and what the receiver has. */
function tick(): void {
  if (state.choice.content.isLive && state.phase === "content") update({});
  const { token } = demo ?? {};
  if (!viewing || token === undefined || beaconsView.count() === 0 || document.hidden) return;
  countReceived(viewing.ads.session, token)
    .then(beaconsView.setReceived)
    .catch(() => undefined);
}

renderChoices(find("choices", HTMLFormElement), { contents: CONTENTS, creatives: CREATIVES }, state.choice, choose);
watch.addEventListener("click", start);
find("start", HTMLButtonElement).addEventListener("click", start);
forget.addEventListener("click", () => void forgetChosen());
video.addEventListener("playing", () => state.phase === "starting" && update({ phase: "content" }));
video.addEventListener("ended", () => update({ phase: "ended", ad: undefined }));
setInterval(tick, 1000);
update({});
fetchDemoSession()
  .then((session) => {
    demo = session;
    update({});
  })
  .catch(() => undefined);
