/** hls.js as a literal: what it loads is told by hand, what it is told to do is kept. */
import {
  type Engine,
  ENGINE_EVENT,
  type EngineDetails,
  type EngineFragment,
  type EngineListener,
} from "../src/hosts/hls-engine.ts";

export interface FakeEngine extends Engine {
  /** Calls in order, as `stopLoad`, `startLoad 4`, `recoverMediaError`, `pauseBuffering`, `resumeBuffering`. */
  readonly calls: readonly string[];
  readonly tell: (event: keyof typeof ENGINE_EVENT, data: Parameters<EngineListener>[1]) => void;
}

/** A fragment of the main playlist, as hls.js lists it. */
export function createFragment(sn: number, start: number, duration: number, level = 0): EngineFragment {
  let [at, length] = [start, duration];
  return {
    sn,
    level,
    type: "main",
    cc: 0,
    get start() {
      return at;
    },
    get end() {
      return at + length;
    },
    get duration() {
      return length;
    },
    setStart: (value) => {
      at = value;
    },
    setDuration: (value) => {
      length = value;
    },
  };
}

/** Details of a playlist of fragments with these durations, before anything is loaded. */
export function listFragments(url: string, durations: readonly number[], startSN = 0): EngineDetails {
  let end = 0;
  const fragments = durations.map((duration, index) => {
    end += duration;
    return createFragment(startSN + index, end - duration, duration);
  });
  return { url, live: false, startSN, fragments };
}

export function createFakeEngine(
  details: EngineDetails | undefined,
  media: HTMLMediaElement | null = null,
): FakeEngine {
  const calls: string[] = [];
  const listeners = new Map<string, EngineListener>();
  let bufferingEnabled = true;
  return {
    media,
    levels: [{ details }],
    allAudioTracks: [{ details }],
    allSubtitleTracks: [],
    get bufferingEnabled() {
      return bufferingEnabled;
    },
    on: (event, listener) => {
      listeners.set(event, listener);
    },
    off: (event) => {
      listeners.delete(event);
    },
    trigger: (event, data) => calls.push(`${event} ${JSON.stringify(data)}`),
    stopLoad: () => calls.push("stopLoad"),
    startLoad: (time) => calls.push(`startLoad ${time}`),
    recoverMediaError: () => calls.push("recoverMediaError"),
    pauseBuffering: () => {
      bufferingEnabled = false;
      calls.push("pauseBuffering");
    },
    resumeBuffering: () => {
      bufferingEnabled = true;
      calls.push("resumeBuffering");
    },
    calls,
    tell: (event, data) => listeners.get(ENGINE_EVENT[event])?.(ENGINE_EVENT[event], data),
  };
}
