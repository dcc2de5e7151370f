/**
 * Where a consent platform answers: a function of this page, or a frame above, marked by a child frame of an agreed name, that takes
 * messages. Both are called in one way.
 *
 * @see TCF v2 CMP API "in iframes"; the same scheme in GPP (`__gppLocator`) and US Privacy (`__uspapiLocator`)
 */
import { parseJson, readMember } from "../json.ts";

/**
 * Calls a command; never throws, and neither does what the platform does with `callback`.
 *
 * @returns what ends it: `callback` is not called any more
 */
export type ConsentCall = (
  command: string,
  version: number | string,
  parameter: unknown,
  callback: (answer: unknown, success: unknown) => void,
) => () => void;

/** @returns undefined where nobody answers, as on a server */
export function findApi(name: "__tcfapi" | "__gpp" | "__uspapi"): ConsentCall | undefined {
  const api = readGlobal(name);
  if (typeof api === "function") return callFunction(name, (parameters) => Reflect.apply(api, globalThis, parameters));
  const frame = findFrame(`${name}Locator`);
  return frame && callFrame(name, frame);
}

function readGlobal(name: string): unknown {
  try {
    return Reflect.get(globalThis, name);
  } catch {
    // what cannot be looked at is as good as none
    return undefined;
  }
}

function callFunction(name: string, api: (parameters: readonly unknown[]) => unknown): ConsentCall {
  return (command, version, parameter, callback) => {
    const { guarded, end } = guard(callback);
    try {
      api(name === "__gpp" ? [command, guarded, parameter, version] : [command, version, guarded, parameter]);
    } catch {
      // a broken platform is one that does not answer
    }
    return end;
  };
}

function findFrame(locator: string): Window | undefined {
  let frame: Window | undefined = globalThis.window;
  while (frame) {
    try {
      if (Reflect.get(frame.frames, locator)) return frame;
    } catch {
      // of another origin, and without such a child
    }
    frame = frame === frame.parent ? undefined : frame.parent;
  }
  return undefined;
}

function callFrame(name: string, frame: Window): ConsentCall {
  return (command, version, parameter, callback) => {
    const callId = crypto.getRandomValues(new Uint32Array(2)).join("-");
    const { guarded, end } = guard(callback);
    const onMessage = ({ source, data }: MessageEvent): void => {
      if (source !== frame) return;
      const answer = readMember(parse(data), `${name}Return`);
      if (readMember(answer, "callId") === callId)
        guarded(readMember(answer, "returnValue"), readMember(answer, "success"));
    };
    window.addEventListener("message", onMessage);
    try {
      frame.postMessage({ [`${name}Call`]: { command, version, parameter, callId } }, "*");
    } catch {
      // what cannot be sent is not answered
    }
    return () => {
      window.removeEventListener("message", onMessage);
      end();
    };
  };
}

/** A platform may answer late, again, or with objects whose members throw. */
function guard(callback: (answer: unknown, success: unknown) => void): {
  readonly guarded: (answer: unknown, success: unknown) => void;
  readonly end: () => void;
} {
  let isOver = false;
  return {
    guarded: (answer, success) => {
      if (isOver) return;
      try {
        callback(answer, success);
      } catch {
        // as good as no answer
      }
    },
    end: () => {
      isOver = true;
    },
  };
}

/** Platforms that were asked with text answer with text. */
function parse(data: unknown): unknown {
  return typeof data === "string" ? parseJson(data) : data;
}
