/** Runs in the page of e2e/plugin-page.ts: players with the plugin, and what they say. */
import {
  type AdInsertion,
  type AdInsertionEvents,
  type AdInsertionOptions,
  createAdInsertion,
} from "@interlude/plugin/hls";
import type Hls from "hls.js";
import type { HlsConfig } from "hls.js";

export type HostName = "hls.js" | "hls.light";

/** One player to start. */
export interface PlayerRun {
  readonly host: HostName;
  readonly contentUrl: string;
  /** Absent: no plugin at all. */
  readonly options?: AdInsertionOptions;
  readonly hlsConfig?: Partial<HlsConfig>;
  readonly muted: boolean;
  /** False: everything is loaded, and playback waits for `video.play()`. */
  readonly autoplay: boolean;
}

/** An event of the plugin, as text can carry it. */
export interface PageEvent {
  readonly name: keyof AdInsertionEvents;
  /** Of the page's clock, milliseconds. */
  readonly at: number;
  /** `currentTime` at that moment. */
  readonly streamTime: number;
  readonly event: Readonly<Record<string, unknown>>;
}

export interface PagePlayer {
  readonly video: HTMLVideoElement;
  readonly insertion: AdInsertion | undefined;
  readonly hls: Hls | undefined;
  readonly events: PageEvent[];
  /** Of the player: fatal ones end in `(fatal)`. */
  readonly errors: string[];
  /** The player first, or the insertion. */
  readonly destroy: (first?: "player" | "insertion") => void;
}

declare global {
  interface Window {
    interludePlayers?: PagePlayer[];
    startInterludePlayer?: (run: PlayerRun, more?: Partial<AdInsertionOptions>) => Promise<void>;
  }
}

const EVENTS = [
  "adbreakstart",
  "adstart",
  "adprogress",
  "adcomplete",
  "adbreakcomplete",
  "adskip",
  "error",
  "workflowstep",
  "beacon",
  "timeline",
] as const satisfies readonly (keyof AdInsertionEvents)[];

window.interludePlayers = [];
window.startInterludePlayer = async (run, more) => {
  const video = document.createElement("video");
  video.muted = run.muted;
  video.playsInline = true;
  document.body.append(video);
  const player = await START[run.host](video, run, more);
  window.interludePlayers?.push(player);
  // it is not waited for: what keeps playback from beginning is what a spec may want to see
  if (run.autoplay) void video.play().catch((cause: unknown) => player.errors.push(String(cause)));
};

type Start = (
  video: HTMLVideoElement,
  run: PlayerRun,
  more: Partial<AdInsertionOptions> | undefined,
) => Promise<PagePlayer>;

const START: Readonly<Record<HostName, Start>> = {
  "hls.js": async (video, run, more) => startHls((await import("hls.js")).default, video, run, more),
  "hls.light": async (video, run, more) => startHls((await import("hls.js/light")).default, video, run, more),
};

function startHls(
  HlsClass: typeof Hls,
  video: HTMLVideoElement,
  run: PlayerRun,
  more: Partial<AdInsertionOptions> | undefined,
): PagePlayer {
  const errors: string[] = [];
  const insertion = run.options && createAdInsertion({ ...run.options, ...more });
  const events = insertion ? recordEvents(insertion, video) : [];
  const hls = new HlsClass({ testBandwidth: false, ...run.hlsConfig, ...insertion?.hlsConfig });
  insertion?.attach(hls);
  hls.on(HlsClass.Events.ERROR, (_event, { details, fatal }) => errors.push(`${details}${fatal ? " (fatal)" : ""}`));
  hls.loadSource(run.contentUrl);
  hls.attachMedia(video);
  const destroy: PagePlayer["destroy"] = (first = "player") => {
    if (first === "insertion") insertion?.destroy();
    hls.destroy();
    insertion?.destroy();
    video.remove();
  };
  return { video, insertion, hls, events, errors, destroy };
}

/** From now on; what cannot be text is told as text. */
function recordEvents(insertion: AdInsertion, video: HTMLVideoElement): PageEvent[] {
  const events: PageEvent[] = [];
  for (const name of EVENTS) {
    insertion.on(name, (event) => {
      const text = JSON.stringify(event, (key, value: unknown) => (key === "cause" ? String(value) : value));
      events.push({ name, at: performance.now(), streamTime: video.currentTime, event: JSON.parse(text) });
    });
  }
  return events;
}
