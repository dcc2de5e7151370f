/**
 * One viewer's viewing of what the manifest server writes: plain hls.js, and beside it the page, which reads headers and sidecar.
 *
 * @see Overview of Manifest Server interactions, steps 2 to 9
 */
import type { SkipReason } from "@interlude/core";
import type { BeaconEvent, BreakSnapshot } from "@interlude/plugin/hls";
import Hls, { type ErrorData, type LevelDetails, type LevelLoadedData } from "hls.js";
import type { Choice } from "../choice.ts";
import { textOf } from "../json.ts";
import type { StepView } from "../step.ts";
import type { Viewing } from "../viewing.ts";
import { type AnsweredText, ask, describeFailure, parseJson, readRequest } from "./answers.ts";
import { readAdInformation } from "./bootstrap.ts";
import { listResolutions } from "./debug-headers.ts";
import { createPlayback, type Playback, type PlayingAd } from "./playback.ts";
import { describePlaylist } from "./playlist-lines.ts";
import { createResume, type Resume } from "./resume.ts";
import { listBreaks, locateSidecar, movePods, parseReason, readSidecar, type SidecarPod } from "./sidecar.ts";
import { readServerSteps, type ServerFacts } from "./steps.ts";
import type { WrittenPlaylist } from "./views.ts";

export interface ServerListeners {
  readonly steps: (steps: readonly StepView[]) => void;
  readonly session: (id: string) => void;
  readonly timeline: (breaks: readonly BreakSnapshot[]) => void;
  readonly written: (playlist: WrittenPlaylist) => void;
  /** An ad was left out; a copy of the creative at this address is being made, undefined: none is to come. */
  readonly adskip: (reason: SkipReason, creativeUrl: string | undefined) => void;
  readonly ad: (ad: PlayingAd | undefined) => void;
  readonly beacon: (beacon: BeaconEvent) => void;
  readonly contentfailed: (message: string) => void;
}

/** Reasons with which CRS has been asked, and tells what becomes of it. */
const FOLLOWED: ReadonlySet<SkipReason> = new Set([
  "new-creative",
  "repackage-in-progress",
  "repackage-failed",
  "creative-blocked",
]);

export interface ServerStart {
  readonly bootstrapUrl: URL;
  /** Seconds of content, where the viewer goes on after a pre-roll; 0: from the start. */
  readonly position: number;
}

/** Asks for a session at once and plays it. */
export function startServerViewing(
  video: HTMLVideoElement,
  choice: Choice,
  { bootstrapUrl, position }: ServerStart,
  listeners: ServerListeners,
): Viewing {
  const controller = new AbortController();
  const teller = createTeller(choice, bootstrapUrl, listeners.steps);
  const hls = new Hls({ testBandwidth: false, abrEwmaDefaultEstimate: 5_000_000 });
  let playback: Playback | undefined;
  let resume: Resume | undefined;
  const fail = (failure: string): void => {
    teller.tell({ failure });
    listeners.contentfailed(failure);
  };
  const onPlaying = (): void => teller.tell({ isPlaying: true });
  video.addEventListener("playing", onPlaying);
  teller.tell({});
  followPlaylists(hls, teller, fail, (loaded, text) => {
    tellSkipped(loaded.answer.records, listeners);
    void followSidecar({ hls, choice, controller, teller, listeners }, loaded, text, (pods, breaks) => {
      playback?.setPods(pods);
      resume?.begin(breaks);
    });
  });

  void ask(bootstrapUrl.href, controller.signal).then((bootstrap) => {
    if (controller.signal.aborted) return;
    const masterUrl = textOf(parseJson(bootstrap.text), "Master-M3U8");
    teller.tell({ bootstrap: bootstrap.answer, masterUrl });
    if (masterUrl === undefined) return fail(describeFailure(bootstrap));
    const session = bootstrap.answer.x1?.session ?? "";
    listeners.session(session);
    const beacon = (sent: BeaconEvent): void => {
      const isTracked = teller.facts().isTracked || sent.event === "breakEnd" || sent.event === "complete";
      teller.tell({ beacons: teller.facts().beacons + 1, isTracked });
      listeners.beacon(sent);
    };
    playback = createPlayback(video, session, { ad: listeners.ad, beacon });
    if (!Hls.isSupported()) listeners.contentfailed("This browser has no Media Source Extensions, which hls.js needs");
    hls.loadSource(masterUrl);
    hls.attachMedia(video);
    resume = createResume(video, position, () => playback?.look());
  });
  return {
    playingDate: () => hls.playingDate?.getTime(),
    destroy: () => {
      controller.abort();
      video.removeEventListener("playing", onPlaying);
      resume?.destroy();
      playback?.destroy();
      hls.destroy();
    },
  };
}

interface Teller {
  readonly facts: () => ServerFacts;
  readonly tell: (patch: Partial<ServerFacts>) => void;
}

function createTeller(choice: Choice, url: URL, onSteps: (steps: readonly StepView[]) => void): Teller {
  let facts: ServerFacts = {
    contentUrl: new URL(choice.content.url, document.baseURI).href,
    adInformation: readAdInformation(choice),
    cdn: choice.cdn,
    bootstrapUrl: url.href,
    bootstrap: undefined,
    failure: undefined,
    masterUrl: undefined,
    master: undefined,
    media: undefined,
    stream: undefined,
    records: [],
    breaks: undefined,
    past: [],
    beacons: 0,
    isTracked: false,
    isPlaying: false,
    origin: location.origin,
  };
  return {
    facts: () => facts,
    tell: (patch) => {
      facts = { ...facts, ...patch };
      onSteps(readServerSteps(facts));
    },
  };
}

/** What hls.js loaded. */
interface Loaded extends Pick<AnsweredText, "answer"> {
  readonly details: LevelDetails;
  readonly level: number;
}

function followPlaylists(
  hls: Hls,
  teller: Teller,
  fail: (sentence: string) => void,
  onMedia: (loaded: Loaded, text: string) => void,
): void {
  hls.on(Hls.Events.MANIFEST_LOADED, (_event, { url, stats, networkDetails }) => {
    const { answer } = readRequest(url, stats.loading.end - stats.loading.start, networkDetails);
    teller.tell({ master: answer });
  });
  hls.on(Hls.Events.LEVEL_LOADED, (_event, { details, level, stats, networkDetails }: LevelLoadedData) => {
    const { answer, text } = readRequest(details.url, stats.loading.end - stats.loading.start, networkDetails);
    const records = [...teller.facts().records, ...answer.records.filter(({ type }) => !type.includes("REQUEST_INFO"))];
    teller.tell({ media: answer, stream: describeStream(hls, level), records });
    onMedia({ answer, details, level }, details.m3u8 || text);
  });
  hls.on(Hls.Events.ERROR, (_event, error: ErrorData) => {
    if (!error.fatal) return;
    if (error.type !== Hls.ErrorTypes.NETWORK_ERROR) return fail(`The content could not be played (${error.details})`);
    const answered = readRequest(error.url ?? "", 0, error.networkDetails);
    if (error.details.startsWith("manifest")) teller.tell({ master: answered.answer });
    if (error.details.startsWith("level")) teller.tell({ media: answered.answer });
    fail(describeFailure(answered));
  });
}

function describeStream(hls: Hls, level: number): string | undefined {
  const stream = hls.levels[level];
  if (!stream) return undefined;
  const all = hls.levels.length > 1 ? `, ${level + 1} of ${hls.levels.length}` : "";
  return `${stream.width} × ${stream.height}, ${Math.round(stream.bitrate / 1000)} kbit/s${all}`;
}

function tellSkipped(records: AnsweredText["answer"]["records"], listeners: ServerListeners): void {
  const resolutions = listResolutions(records);
  const skipped = resolutions.find(({ playlistUrl }) => playlistUrl === undefined);
  const reason = parseReason(skipped?.reason);
  if (!skipped || !reason || resolutions.some(({ playlistUrl }) => playlistUrl !== undefined)) return;
  listeners.adskip(reason, FOLLOWED.has(reason) ? skipped.creativeUrl : undefined);
}

interface SidecarPorts {
  readonly hls: Hls;
  readonly choice: Choice;
  readonly controller: AbortController;
  readonly teller: Teller;
  readonly listeners: ServerListeners;
}

/** Asks for the sidecar of a playlist that has just come; one that another has overtaken is dropped. */
async function followSidecar(
  { hls, choice, controller, teller, listeners }: SidecarPorts,
  { answer, details, level }: Loaded,
  text: string,
  onPods: (pods: readonly SidecarPod[], breaks: readonly BreakSnapshot[]) => void,
): Promise<void> {
  const url = new URL(answer.url);
  url.searchParams.set("pttrackingposition", "1");
  const sidecar = await ask(url.href, controller.signal);
  if (controller.signal.aborted || teller.facts().media !== answer) return;
  const segments = hls.levels[level]?.details?.fragments ?? details.fragments;
  const listed = readSidecar(parseJson(sidecar.text));
  const start = choice.content.isLive ? locateSidecar(listed, segments) : 0;
  const pods = movePods(listed, start);
  const breaks = listBreaks(pods, choice.content.isLive ? undefined : details.totalduration);
  onPods(pods, breaks);
  listeners.timeline(keepPast(teller, breaks));
  const first = breaks[0];
  if (first?.reason && breaks.every(({ state }) => state === "skipped") && listResolutions(answer.records).length === 0)
    listeners.adskip(first.reason, undefined);
  const ads = pods.reduce((total, pod) => total + pod.ads.length, 0);
  const title = `${teller.facts().stream ?? "media playlist"}: ${ads === 0 ? "no ad" : ads === 1 ? "1 ad" : `${ads} ads`}`;
  const lines = describePlaylist(text, pods.map(nameRange), segments[0]?.start ?? 0, location.origin);
  listeners.written({ title, lines });
}

/** What has left a live window is still on the player's timeline. */
function keepPast(teller: Teller, breaks: readonly BreakSnapshot[]): readonly BreakSnapshot[] {
  const { past } = teller.facts();
  const gone = past.filter((one) => one.state === "placed" && breaks.every(({ breakId }) => breakId !== one.breakId));
  const all = [...gone, ...breaks];
  teller.tell({ breaks, past: all });
  return all;
}

function nameRange({ id, startTime, duration }: SidecarPod) {
  return { breakId: id, startTime, duration };
}
