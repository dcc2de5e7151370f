/** One viewer's viewing: hls.js with Interlude in it. */
import {
  type AdInsertion,
  type AdInsertionEvents,
  type AdInsertionOptions,
  createAdInsertion,
} from "@interlude/plugin/hls";
import Hls from "hls.js";
import { ZONE } from "./catalog.ts";
import type { Choice } from "./choice.ts";

export type ViewingListeners = {
  readonly [K in keyof AdInsertionEvents]?: (event: AdInsertionEvents[K]) => void;
} & {
  /** The id that its beacons have. */
  readonly session?: (id: string) => void;
  readonly contentfailed?: (message: string) => void;
};

/** How one viewer sees what is chosen. */
export interface ViewingTerms {
  readonly adTagUrl: string;
  /** What is tried where the creative has no copy yet. */
  readonly firstEncounter: NonNullable<AdInsertionOptions["firstEncounter"]>;
  /** Seconds of content, where the viewer goes on after a pre-roll; 0: from the start. */
  readonly position: number;
}

export interface Viewing {
  /** The date of the frame on screen, milliseconds since 1970; undefined where the content tells none. */
  readonly playingDate: () => number | undefined;
  readonly destroy: () => void;
}

/** Starts to load and to play at once. */
export function startViewing(
  video: HTMLVideoElement,
  choice: Choice,
  { adTagUrl, firstEncounter, position }: ViewingTerms,
  listeners: ViewingListeners,
): Viewing {
  const ads = createAdInsertion({
    zoneUrl: `v1/zones/${ZONE}.json`,
    adTagUrl,
    repackageUrl: "ads/repackage",
    firstEncounter,
    ptcdn: choice.cdn,
    live: choice.content.isLive,
    startContentTime: position,
    ...choice.policy.options,
    followRepackaging: true,
    // the page shows the steps of all breaks from the start
    lookAhead: false,
  });
  const hls = new Hls({ ...ads.hlsConfig, testBandwidth: false, abrEwmaDefaultEstimate: 5_000_000 });
  ads.attach(hls);
  subscribe(ads, listeners);
  listeners.session?.(ads.session);
  hls.on(Hls.Events.ERROR, (_event, { fatal, details }) => {
    if (fatal) listeners.contentfailed?.(`The content could not be played (${details})`);
  });
  if (!Hls.isSupported()) listeners.contentfailed?.("This browser has no Media Source Extensions, which hls.js needs");
  hls.loadSource(choice.content.url);
  hls.attachMedia(video);
  video.play().catch(() => undefined);
  return {
    playingDate: () => hls.playingDate?.getTime(),
    destroy: () => {
      ads.destroy();
      hls.destroy();
    },
  };
}

function subscribe(ads: AdInsertion, listeners: ViewingListeners): void {
  if (listeners.adstart) ads.on("adstart", listeners.adstart);
  if (listeners.adprogress) ads.on("adprogress", listeners.adprogress);
  if (listeners.adbreakcomplete) ads.on("adbreakcomplete", listeners.adbreakcomplete);
  if (listeners.adskip) ads.on("adskip", listeners.adskip);
  if (listeners.adencounter) ads.on("adencounter", listeners.adencounter);
  if (listeners.error) ads.on("error", listeners.error);
  if (listeners.workflowstep) ads.on("workflowstep", listeners.workflowstep);
  if (listeners.beacon) ads.on("beacon", listeners.beacon);
  if (listeners.timeline) ads.on("timeline", listeners.timeline);
}
