/**
 * The page of one asset: the choices, one player, and what happens behind its picture.
 */
import type { BeaconEvent, WorkflowStepEvent } from "@interlude/plugin/hls";
import { createBeaconsView } from "./beacons-view.ts";
import { CONTENTS, CREATIVES } from "./catalog.ts";
import { type Choice, formatAdTag, formatChoice, readShared, readWorkflow, type Workflow } from "./choice.ts";
import { renderChoices } from "./choices-view.ts";
import { toContentTime } from "./content-time.ts";
import { find } from "./elements.ts";
import { isLost } from "./job-view.ts";
import { createViewingId, formatBootstrapUrl } from "./manifest/bootstrap.ts";
import { startServerViewing } from "./manifest/viewing.ts";
import { createPageView } from "./page-view.ts";
import { createPlayerView } from "./player-view.ts";
import { DEFAULT_POLICY } from "./policy.ts";
import { createPositions, findStorage } from "./positions.ts";
import {
  countReceived,
  type DemoSession,
  fetchDemoSession,
  fetchReason,
  followCopy,
  forgetCreative,
} from "./server.ts";
import { createShareView } from "./share-view.ts";
import { FRESH, type State } from "./state.ts";
import { applyStep, NO_STEPS } from "./steps.ts";
import { createTabsView } from "./tabs-view.ts";
import { startViewing, type Viewing } from "./viewing.ts";

const shared = readShared(new URLSearchParams(location.search));
let { choice, workflow } = shared;
/** Where the link wants to begin; 0 as soon as somebody has begun anywhere. */
let askedPosition = shared.position;
let states: Readonly<Record<Workflow, State>> = { player: FRESH, server: FRESH };
let demo: DemoSession | undefined;
let viewing: Viewing | undefined;
let following = new AbortController();
let isRenderDue = false;
/** The player's own id of the server's next viewing, or of the one that is under way. */
let viewingId = createViewingId();

const positions = createPositions(findStorage());
const video = find("video", HTMLVideoElement);
const watch = find("watch", HTMLButtonElement);
const forget = find("forget", HTMLButtonElement);
const renderPage = createPageView(createPlayerView(video, () => start(offerPosition())));
const beaconsView = createBeaconsView();
const shareView = createShareView(() => ({ choice, workflow, position: readPosition() }));
const tabsView = createTabsView(workflow, (next) => {
  openTab(next);
  history.pushState(undefined, "", `?${formatChoice(choice, workflow)}`);
});

/** Changes what the chosen tab shows. */
function update(patch: Partial<State>): void {
  states = { ...states, [workflow]: { ...states[workflow], ...patch } };
  if (isRenderDue) return;
  isRenderDue = true;
  queueMicrotask(() => {
    isRenderDue = false;
    const date = viewing?.playingDate() ?? Date.now();
    const isLoaded = viewing !== undefined;
    const bootstrap = formatBootstrapUrl(choice, document.baseURI, viewingId);
    const offer = { position: offerPosition(), isShared: askedPosition > 0 };
    renderPage(states[workflow], { workflow, choice, demo, isLoaded, date, bootstrap, ...offer });
    shareView.render();
  });
}

/** Seconds of content of the frame on screen, or at which Play begins. */
function readPosition(): number {
  return viewing ? toContentTime(video.currentTime, states[workflow].breaks) : offerPosition();
}

/** Where Play can go on, seconds of content; 0: nowhere but at the start. */
function offerPosition(): number {
  return viewing ? 0 : askedPosition || positions.read(choice.content);
}

/** An ad is no place in the film to come back to. */
function keepPosition(): void {
  if (!viewing || video.readyState === 0) return;
  if (video.ended) positions.keep(choice.content, 0);
  else if (states[workflow].phase === "content") positions.keep(choice.content, readPosition());
}

function stop(): void {
  keepPosition();
  following.abort();
  viewing?.destroy();
  viewing = undefined;
  video.removeAttribute("src");
  video.load();
}

/** @param position seconds of content, where this viewer was before; 0 for a new one */
function start(position: number): void {
  stop();
  askedPosition = 0;
  following = new AbortController();
  beaconsView.show([]);
  if (states.server.viewers > 0) viewingId = createViewingId();
  update({ ...FRESH, phase: "starting", viewers: states[workflow].viewers + 1 });
  viewing = workflow === "player" ? startInPlayer(position) : startOnServer(position);
}

function keepBeacon(beacon: BeaconEvent): void {
  beaconsView.add(beacon);
  update({ beacons: [...states[workflow].beacons, beacon] });
}

function keepSession(session: string): void {
  document.documentElement.dataset["session"] = session;
  update({ session });
}

function startInPlayer(position: number): Viewing {
  update({ steps: NO_STEPS });
  const terms = { adTagUrl: formatAdTag(choice), firstEncounter: ["skip"], position } as const;
  return startViewing(video, choice, terms, {
    session: keepSession,
    workflowstep: (event) => {
      update({ steps: applyStep(states[workflow].steps, event) });
      if (event.step === 5 || event.step === 6) followJob(event);
    },
    adskip: ({ reason }) => update({ skipped: reason }),
    adstart: (ad) => update({ ad: { ...ad, time: 0 }, phase: "ad", skipped: undefined }),
    adprogress: (ad) => update({ ad }),
    adbreakcomplete: () => update({ ad: undefined, phase: video.ended ? "ended" : "content" }),
    timeline: ({ breaks }) => update({ breaks }),
    beacon: keepBeacon,
    error: ({ fatal, message }) => fatal && update({ error: message }),
    contentfailed: (message) => update({ error: message, phase: "error" }),
  });
}

function startOnServer(position: number): Viewing {
  const bootstrapUrl = formatBootstrapUrl(choice, document.baseURI, viewingId);
  return startServerViewing(
    video,
    choice,
    { bootstrapUrl, position },
    {
      session: keepSession,
      steps: (steps) => update({ steps }),
      timeline: (breaks) => update({ breaks }),
      written: (written) => update({ written }),
      adskip: (reason, creativeUrl) => {
        update({ skipped: reason });
        if (creativeUrl !== undefined) followOrder(creativeUrl);
      },
      ad: (ad) => {
        if (ad) update({ ad, phase: "ad", skipped: undefined });
        else update({ ad, phase: video.ended ? "ended" : "content" });
      },
      beacon: keepBeacon,
      contentfailed: (message) => update({ error: message, phase: "error" }),
    },
  );
}

/** The server has asked CRS: the page looks how far it is. */
function followOrder(creativeUrl: string): void {
  following.abort();
  following = new AbortController();
  const of = { creativeUrl, cdn: choice.cdn, token: demo?.token };
  followCopy(of, (job) => update({ job }), following.signal).catch(() => undefined);
}

function followJob({ state: now, progress, url, step }: WorkflowStepEvent): void {
  if (now === undefined) return;
  const isWaiting = now === "absent" || now === "queued";
  update({
    job: {
      state: now,
      progress: progress ?? (isWaiting ? 0 : (states[workflow].job?.progress ?? 0)),
      reason: undefined,
    },
  });
  if (!isLost(now) || step !== 6 || url === undefined) return;
  fetchReason(url)
    .then((reason) => {
      const { job } = states[workflow];
      if (job?.state === now) update({ job: { ...job, reason } });
    })
    .catch(() => undefined);
}

function choose(next: Choice): void {
  stop();
  if (next.content !== choice.content) askedPosition = 0;
  choice = next;
  video.poster = choice.content.poster;
  history.replaceState(undefined, "", `?${formatChoice(choice, workflow)}`);
  reset({});
}

/** Nothing has happened in either tab. */
function reset(patch: Partial<State>): void {
  stop();
  viewingId = createViewingId();
  beaconsView.show([]);
  states = { player: FRESH, server: FRESH };
  update(patch);
}

/** Each tab keeps what it showed; there is one picture, so what plays in the other one stops. */
function openTab(next: Workflow): void {
  const { phase } = states[workflow];
  stop();
  if (phase === "starting" || phase === "content" || phase === "ad") update({ phase: "left", ad: undefined });
  workflow = next;
  tabsView.render(workflow);
  beaconsView.show(states[workflow].beacons);
  update({});
}

async function forgetChosen(): Promise<void> {
  const { token } = demo ?? {};
  if (token === undefined) return;
  forget.disabled = true;
  try {
    stop();
    await forgetCreative(new URL(choice.creative.url, document.baseURI).href, token);
    reset({ isForgotten: true });
  } catch (error) {
    update({ error: String(error) });
  } finally {
    forget.disabled = false;
  }
}

/** Once a second: the countdown to the next avail, and what the receiver has. */
function tick(): void {
  const { phase, session, beacons } = states[workflow];
  keepPosition();
  shareView.render();
  if (choice.content.isLive && phase === "content") update({});
  const { token } = demo ?? {};
  if (!viewing || token === undefined || session === undefined || beacons.length === 0 || document.hidden) return;
  // The manifest server itself reports why it left ads out.
  const isSent = (event: string): boolean => workflow === "player" || event !== "error";
  countReceived(session, token, isSent)
    .then(beaconsView.setReceived)
    .catch(() => undefined);
}

renderChoices(find("choices", HTMLFormElement), { contents: CONTENTS, creatives: CREATIVES }, choice, choose);
find("playlist", HTMLDetailsElement).open = matchMedia("(min-width: 981px)").matches;
find("more", HTMLDetailsElement).open = choice.cdn !== "a" || choice.policy !== DEFAULT_POLICY;
tabsView.render(workflow);
addEventListener("popstate", () => {
  const asked = new URLSearchParams(location.search);
  if (readWorkflow(asked) !== workflow) openTab(readWorkflow(asked));
  // The choice is kept, whatever it was when the other tab was left.
  history.replaceState(undefined, "", `?${formatChoice(choice, workflow)}`);
});
watch.addEventListener("click", () => start(0));
for (const id of ["start", "resume"]) {
  find(id, HTMLButtonElement).addEventListener("click", () => start(offerPosition()));
}
addEventListener("pagehide", keepPosition);
forget.addEventListener("click", () => void forgetChosen());
video.addEventListener("playing", () => states[workflow].phase === "starting" && update({ phase: "content" }));
video.addEventListener("ended", () => update({ phase: "ended", ad: undefined }));
setInterval(tick, 1000);
video.poster = choice.content.poster;
update({});
find("watch-page", HTMLDivElement).hidden = false;
fetchDemoSession()
  .then((session) => {
    demo = session;
    update({});
  })
  .catch(() => undefined);
