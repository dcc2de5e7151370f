/**
 * A media element as the rest of the plugin knows one, with the ads in its timeline, where the player takes it away from the content for
 * each ad and its own time starts anew.
 */

export interface StreamMediaDeps {
  /** Stream time for a time of the element. */
  readonly toStreamTime: (time: number) => number;
  /** A seek to a stream time. */
  readonly seek: (streamTime: number) => void;
  /** Seconds of stream time. */
  readonly duration: () => number;
  /** Whether what has ended is all there is, not one ad of several or before content. */
  readonly isOver: () => boolean;
}

/** The same element, its events included: only times differ. */
export function createStreamMedia(media: HTMLMediaElement, deps: StreamMediaDeps): HTMLMediaElement {
  const { toStreamTime } = deps;
  const ended = new WeakMap<EventListenerOrEventListenerObject, EventListener>();
  const own: Readonly<Record<string, () => unknown>> = {
    currentTime: () => toStreamTime(media.currentTime),
    duration: deps.duration,
    buffered: () => shiftRanges(media.buffered, toStreamTime(media.currentTime) - media.currentTime),
    requestVideoFrameCallback: () => (onFrame: VideoFrameRequestCallback) =>
      media instanceof HTMLVideoElement
        ? media.requestVideoFrameCallback((now, metadata) =>
            onFrame(now, { ...metadata, mediaTime: toStreamTime(metadata.mediaTime) }),
          )
        : 0,
    addEventListener: () => (name: string, listener: EventListenerOrEventListenerObject) => {
      if (name !== "ended") return media.addEventListener(name, listener);
      const onEnded = ended.get(listener) ?? createEndListener(listener, deps.isOver);
      ended.set(listener, onEnded);
      media.addEventListener(name, onEnded);
    },
    removeEventListener: () => (name: string, listener: EventListenerOrEventListenerObject) =>
      media.removeEventListener(name, (name === "ended" && ended.get(listener)) || listener),
  };
  return new Proxy(media, {
    get: (target, key) => {
      const read = typeof key === "string" && Object.hasOwn(own, key) ? own[key] : undefined;
      if (read) return read();
      // the element's accessors and methods take nothing but the element itself
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, key, value: unknown) => {
      if (key !== "currentTime") return Reflect.set(target, key, value, target);
      deps.seek(Number(value));
      return true;
    },
  });
}

function createEndListener(listener: EventListenerOrEventListenerObject, isOver: () => boolean): EventListener {
  return (event) => {
    if (!isOver()) return;
    if (typeof listener === "function") listener(event);
    else listener.handleEvent(event);
  };
}

function shiftRanges(ranges: TimeRanges, shift: number): TimeRanges {
  return {
    length: ranges.length,
    start: (index) => ranges.start(index) + shift,
    end: (index) => ranges.end(index) + shift,
  };
}
