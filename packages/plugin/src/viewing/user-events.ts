/**
 * What the viewer does to the player while an ad may be on screen: sound, pause, full screen.
 *
 * @see VAST 4.3 §3.14.1, player operation metrics
 */
import { isFullscreen, isMuted, readStartCause, type StartCause } from "./media-state.ts";

/** By the first name that VAST has for it. */
export type UserAction = "mute" | "unmute" | "pause" | "resume" | "fullscreen" | "exitFullscreen" | "rewind";

/** Document and element tell of full screen, each browser in its own way. */
const DOCUMENT_EVENTS = ["fullscreenchange", "webkitfullscreenchange"] as const;
const ELEMENT_EVENTS = ["webkitbeginfullscreen", "webkitendfullscreen"] as const;

export interface UserActions {
  /** @returns what ends it */
  readonly watch: (media: HTMLMediaElement) => () => void;
  /** How the content began to play. */
  readonly start: () => StartCause;
}

export function createUserActions(onAction: (action: UserAction) => void): UserActions {
  let start: StartCause;
  return {
    start: () => start,
    watch: (media) =>
      watchMedia(media, onAction, () => {
        start ??= readStartCause(media);
      }),
  };
}

function watchMedia(media: HTMLMediaElement, onAction: (action: UserAction) => void, onStart: () => void): () => void {
  let wasMuted = isMuted(media);
  let wasFullscreen = isFullscreen(media);
  const onVolume = (): void => {
    const now = isMuted(media);
    if (now !== wasMuted) onAction(now ? "mute" : "unmute");
    wasMuted = now;
  };
  const onScreen = (): void => {
    const now = isFullscreen(media);
    if (now !== wasFullscreen) onAction(now ? "fullscreen" : "exitFullscreen");
    wasFullscreen = now;
  };
  const onPause = (): void => {
    // at its end media pauses of itself
    if (!media.ended) onAction("pause");
  };
  const onPlay = (): void => {
    onStart();
    onAction("resume");
  };
  const document = media.ownerDocument;

  if (!media.paused) onPlay();
  media.addEventListener("volumechange", onVolume);
  media.addEventListener("pause", onPause);
  media.addEventListener("play", onPlay);
  for (const name of ELEMENT_EVENTS) media.addEventListener(name, onScreen);
  for (const name of DOCUMENT_EVENTS) document.addEventListener(name, onScreen);
  return () => {
    media.removeEventListener("volumechange", onVolume);
    media.removeEventListener("pause", onPause);
    media.removeEventListener("play", onPlay);
    for (const name of ELEMENT_EVENTS) media.removeEventListener(name, onScreen);
    for (const name of DOCUMENT_EVENTS) document.removeEventListener(name, onScreen);
  };
}
