/** What a page of e2e/plugin/page.ts is told to play, and what it tells. */
import type { AdInsertion, AdInsertionEvents, AdInsertionOptions } from "@interlude/plugin/hls";
import type Hls from "hls.js";
import type { HlsConfig } from "hls.js";

export const HOSTS = ["hls.js", "hls.light", "vhs", "videojs-hls.js"] as const;
export type HostName = (typeof HOSTS)[number];

/** One player to start. */
export interface PlayerRun {
  readonly host: HostName;
  readonly contentUrl: string;
  /** Absent: no plugin at all. */
  readonly options?: AdInsertionOptions;
  /** VHS knows `startPosition` alone. */
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
  /** Undefined in VHS. */
  readonly hls: Hls | undefined;
  readonly events: PageEvent[];
  /** Of the player: fatal ones end in `(fatal)`. */
  readonly errors: string[];
  /** Media playlists as hls.js was given them. */
  readonly playlists: string[];
  /** The player first, or the insertion. */
  readonly destroy: (first?: "player" | "insertion") => void;
}

export const EVENT_NAMES = [
  "adbreakstart",
  "adstart",
  "adprogress",
  "adclick",
  "adcomplete",
  "adbreakcomplete",
  "adskip",
  "adencounter",
  "error",
  "workflowstep",
  "beacon",
  "seekadjusted",
  "rangestart",
  "rangeend",
  "timeline",
] as const satisfies readonly (keyof AdInsertionEvents)[];

/** What cannot be text is told as text. */
export function formatEvent(name: PageEvent["name"], event: object, video: HTMLVideoElement): PageEvent {
  const text = JSON.stringify(event, (key, value: unknown) => (key === "cause" ? String(value) : value));
  return { name, at: performance.now(), streamTime: video.currentTime, event: JSON.parse(text) };
}
