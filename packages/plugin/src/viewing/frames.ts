/**
 * When frames reach the screen, and what to do when they stop coming although the media is there.
 */

/** Whoever follows the frames of an element. */
export interface FrameWatcher {
  /**
   * Given the presentation time of each frame shown while frames are needed, and else the playhead a few times a second, with `isShown`
   * false, as in a page in the background, but for picture in picture. Without requestVideoFrameCallback and for sound alone the playhead
   * is what is shown.
   */
  readonly onFrame: (time: number, isShown: boolean) => void;
  readonly onEnded: () => void;
  readonly isNeeded: () => boolean;
}

/** After these a frame may be needed that was not before. */
const WAKING = ["seeking", "seeked", "loadeddata", "playing"] as const;

/** @returns what ends it */
export function watchFrames(media: HTMLMediaElement, { onFrame, onEnded, isNeeded }: FrameWatcher): () => void {
  const video = media instanceof HTMLVideoElement && "requestVideoFrameCallback" in media ? media : undefined;
  /** Undefined: none is asked for. */
  let asked: number | undefined;
  let isStopped = false;
  const ask = (): void => {
    if (!video || isStopped || asked !== undefined || !isNeeded()) return;
    asked = video.requestVideoFrameCallback((_now, { mediaTime }) => {
      asked = undefined;
      if (isStopped) return;
      // where frames go on in the background, as in Firefox, they are told behind the playhead, and now and then
      if (!document.hidden) onFrame(mediaTime, true);
      ask();
    });
  };
  const onTime = (): void => {
    ask();
    if (!video || video.videoWidth === 0) onFrame(media.currentTime, true);
    else if (document.hidden) onFrame(media.currentTime, document.pictureInPictureElement === video);
    else if (asked === undefined) onFrame(media.currentTime, false);
  };
  ask();
  for (const name of WAKING) media.addEventListener(name, ask);
  media.addEventListener("timeupdate", onTime);
  media.addEventListener("ended", onEnded);
  return () => {
    isStopped = true;
    if (asked !== undefined) video?.cancelVideoFrameCallback(asked);
    for (const name of WAKING) media.removeEventListener(name, ask);
    media.removeEventListener("timeupdate", onTime);
    media.removeEventListener("ended", onEnded);
  };
}

const CHECK_MS = 250;
const STALL_MS = 500;
/** Seconds. */
const REACH = 1;
const MAX_NUDGES = 3;

/** What the watchdog reads of a media element. */
export type WatchedMedia = Pick<
  HTMLMediaElement,
  "paused" | "ended" | "seeking" | "currentTime" | "buffered" | "playbackRate"
>;

export interface Stall {
  /** Where to seek to; undefined: nothing is in reach, or nudging has not helped. */
  readonly target: number | undefined;
  /** Times that this place has been nudged already. */
  readonly nudges: number;
}

/**
 * Looks at a playhead in equal steps; a stall is 500 ms at one place although media is buffered there or begins within a second.
 *
 * @returns a step function: undefined while all is well
 */
export function createStallDetector(now: () => number): (media: WatchedMedia) => Stall | undefined {
  let place = Number.NaN;
  let since = 0;
  let nudges = 0;
  let nudgedAt = Number.NaN;
  return (media) => {
    const { currentTime } = media;
    const isMeant = media.paused || media.ended || media.seeking || media.playbackRate === 0;
    if (isMeant || currentTime !== place) {
      place = currentTime;
      since = now();
      if (Math.abs(currentTime - nudgedAt) > REACH) nudges = 0;
      return undefined;
    }
    if (now() - since < STALL_MS) return undefined;
    const next = findBuffered(media.buffered, currentTime);
    if (next === undefined) return undefined;
    since = now();
    nudges += 1;
    nudgedAt = currentTime;
    return { target: nudges <= MAX_NUDGES ? next : undefined, nudges };
  };
}

/** A little into the range that the playhead is in or that begins within reach; undefined where there is none. */
function findBuffered(buffered: TimeRanges, time: number): number | undefined {
  for (let index = 0; index < buffered.length; index++) {
    const start = buffered.start(index);
    const end = buffered.end(index);
    if (time < start && start - time <= REACH) return start + 0.01;
    if (time >= start && time + 0.2 < end) return time + 0.1;
  }
  return undefined;
}

const STARTS = ["play", "playing"] as const;
const STOPS = ["pause", "ended", "emptied"] as const;

/**
 * While it plays.
 *
 * @returns what ends it
 */
export function watchStalls(media: HTMLMediaElement, now: () => number, onStall: (stall: Stall) => void): () => void {
  const detect = createStallDetector(now);
  let timer: ReturnType<typeof setInterval> | undefined;
  const look = (): void => {
    // a page in the background may be throttled or paused by the browser
    if (document.hidden) return;
    const stall = detect(media);
    if (stall) onStall(stall);
  };
  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
  };
  const start = (): void => {
    if (!media.paused) timer ??= setInterval(look, CHECK_MS);
  };
  start();
  for (const name of STARTS) media.addEventListener(name, start);
  for (const name of STOPS) media.addEventListener(name, stop);
  return () => {
    stop();
    for (const name of STARTS) media.removeEventListener(name, start);
    for (const name of STOPS) media.removeEventListener(name, stop);
  };
}

/**
 * Seconds without media that players get over. Firefox lists even the few milliseconds between the end of an ad's sound and what follows.
 *
 * @see hls.js 1.7 API.md `maxBufferHole`
 */
const HOLE = 0.1;

/** Where the media around a time ends; the time itself where there is none. */
export function findBufferedEnd(buffered: TimeRanges, time: number): number {
  let end = time;
  for (let index = 0; index < buffered.length; index++)
    if (buffered.start(index) <= end + HOLE && buffered.end(index) >= end) end = buffered.end(index);
  return end;
}

/** What {@link measureAhead} reads of a media element. */
export type BufferedMedia = Pick<HTMLMediaElement, "readyState" | "HAVE_CURRENT_DATA" | "buffered" | "currentTime">;

/** Seconds of media ahead of the playhead; undefined without an element, and while nothing is there to be shown. */
export function measureAhead(media: BufferedMedia | null | undefined): number | undefined {
  if (!media || media.readyState < media.HAVE_CURRENT_DATA) return undefined;
  return findBufferedEnd(media.buffered, media.currentTime) - media.currentTime;
}
