/**
 * The page of first encounters: each press of a button is the first viewer of a creative under an address of its own, and shows what
 * becomes of its ad when it is skipped, waited for, or made in the page.
 */
import type { EncounterStep } from "@interlude/core";
import type { AdInsertionOptions, BreakSnapshot } from "@interlude/plugin/hls";
import { CONTENTS, CREATIVES, ENCOUNTER } from "../catalog.ts";
import type { Choice } from "../choice.ts";
import { copyText } from "../copy.ts";
import { find, setText } from "../elements.ts";
import { formatBadge } from "../format.ts";
import { createViewingId } from "../manifest/bootstrap.ts";
import { createPlayerView, type PlayerState } from "../player-view.ts";
import { DEFAULT_POLICY } from "../policy.ts";
import { fetchDemoSession, removeCreative } from "../server.ts";
import { startViewing, type Viewing } from "../viewing.ts";
import { formatStep, readStep } from "./address.ts";
import { beginEncounter, type Encounter } from "./encounter.ts";
import { createChoiceView, createOutcomeView } from "./encounter-view.ts";

/** What the plugin is told for each button. */
const POLICY: Readonly<Record<EncounterStep, NonNullable<AdInsertionOptions["firstEncounter"]>>> = {
  skip: ["skip"],
  wait: ["wait", "skip"],
  remux: ["remux", "skip"],
};

interface Picture {
  readonly state: PlayerState["state"];
  readonly breaks: readonly BreakSnapshot[];
  readonly badge: string | undefined;
}

const IDLE: Picture = { state: "idle", breaks: [], badge: undefined };

const choice = selectChoice();
let step = readStep(new URLSearchParams(location.search));
let encounters: readonly Encounter[] = [];
let picture = IDLE;
let viewing: Viewing | undefined;
let frameCallback: number | undefined;
/** Of the encounter before. */
let metCreative: string | undefined;
let token: string | undefined;

// there is one player, which stands where it is needed
find("encounter-stage", HTMLElement).append(find("player", HTMLDivElement));
const video = find("video", HTMLVideoElement);
const playerView = createPlayerView(video, start);
const outcomeView = createOutcomeView();
const choiceView = createChoiceView((next) => {
  step = next;
  history.replaceState(undefined, "", `?${formatStep(step)}`);
  renderChoice();
  start();
});

function selectChoice(): Choice {
  const content = CONTENTS.find(({ id }) => id === ENCOUNTER.content);
  const creative = CREATIVES.find(({ id }) => id === ENCOUNTER.creative);
  if (!content || !creative)
    throw new Error("catalog.json: expected the content and creative of `encounter`, got none");
  return { content, creative, cdn: "a", policy: DEFAULT_POLICY };
}

function renderChoice(): void {
  choiceView.render(step);
  find("encounter-link", HTMLInputElement).value = new URL(`?${formatStep(step)}`, document.baseURI).href;
  setText(find("encounter-said", HTMLSpanElement), "");
}

function show(patch: Partial<Picture>): void {
  picture = { ...picture, ...patch };
  const { isLive, duration } = choice.content;
  playerView.render({ ...picture, isLive, duration, position: 0 });
}

/** Of the latest encounter. */
function note(patch: Partial<Encounter>): void {
  const latest = encounters.at(-1);
  if (!latest) return;
  encounters = [...encounters.slice(0, -1), { ...latest, ...patch }];
  outcomeView.render(encounters);
}

function stop(): void {
  if (frameCallback !== undefined) video.cancelVideoFrameCallback(frameCallback);
  frameCallback = undefined;
  viewing?.destroy();
  viewing = undefined;
  video.removeAttribute("src");
  video.load();
}

/** CRS need not go on with what no viewer will see again. */
function removeBefore(): void {
  if (metCreative !== undefined && token !== undefined) removeCreative(metCreative, token).catch(() => undefined);
  metCreative = undefined;
}

function start(): void {
  stop();
  removeBefore();
  encounters = [...encounters, beginEncounter(step)];
  outcomeView.render(encounters);
  show({ ...IDLE, state: "starting" });
  watchFirstFrame();
  const adTagUrl = `${ENCOUNTER.adTag}&name=${createViewingId()}`;
  viewing = startViewing(video, choice, { adTagUrl, firstEncounter: POLICY[step], position: 0 }, listen());
}

function watchFirstFrame(): void {
  if (!("requestVideoFrameCallback" in video)) return;
  frameCallback = video.requestVideoFrameCallback((_now, { expectedDisplayTime }) => {
    note({ shownAt: expectedDisplayTime });
  });
}

function listen(): Parameters<typeof startViewing>[3] {
  const shownAt = (): number => encounters.at(-1)?.shownAt ?? performance.now();
  return {
    workflowstep: (event) => {
      if (event.step !== 2 || encounters.at(-1)?.answeredAt !== undefined) return;
      if (event.status === 200) note({ answeredAt: performance.now() });
      else note({ error: `The ad server answered ${event.status ?? "nothing"}` });
    },
    adencounter: ({ creativeUrl, outcome }) => {
      metCreative = creativeUrl;
      note({ isOffered: true, isMade: outcome === "ready" });
    },
    adskip: ({ adId, creativeUrl, reason }) => {
      metCreative = creativeUrl ?? metCreative;
      // an ad that breaks off has been seen
      if (encounters.at(-1)?.end !== "played") note({ isOffered: adId !== undefined, end: reason });
    },
    adstart: (ad) => {
      show({ state: "ad", badge: formatBadge({ ...ad, time: 0 }) });
      note({ isOffered: true, end: "played", shownAt: shownAt() });
    },
    adprogress: (ad) => show({ badge: formatBadge(ad) }),
    adbreakcomplete: () => show({ state: video.ended ? "ended" : "content", badge: undefined }),
    timeline: ({ breaks }) => show({ breaks }),
    error: ({ message }) => note({ error: message }),
    contentfailed: (message) => {
      note({ error: message, isFilmLost: true });
      show({ state: "error" });
    },
  };
}

video.poster = choice.content.poster;
document.title = "First encounter · Interlude";
video.addEventListener("playing", () => picture.state === "starting" && show({ state: "content" }));
video.addEventListener("ended", () => show({ state: "ended", badge: undefined }));
find("start", HTMLButtonElement).addEventListener("click", start);
find("encounter-copy", HTMLButtonElement).addEventListener("click", () => {
  const link = find("encounter-link", HTMLInputElement);
  void copyText(link.value, find("encounter-said", HTMLSpanElement), () => link.select());
});
renderChoice();
outcomeView.render(encounters);
show({});
find("encounter-page", HTMLDivElement).hidden = false;
fetchDemoSession()
  .then((session) => {
    token = session.token;
  })
  .catch(() => undefined);
